//! What happens while two talk: mute, hold, the screen, video more or less, hanging up, another agent.

use super::request::{Request, Trouble};
use super::{bad, participant, reach, side};
use crate::core::asker::{agent, sender};
use crate::core::request::Target;
use crate::core::session::conflict;
use crate::core::transfer::{self, Wish, held};
use crate::core::{Client, Core, Error};
use crate::model::call::{Media, Move, Reason, Side};
use crate::model::code::Code;
use crate::model::id::CallId;

/// The call and what is to happen to it; the side is the asker's.
fn wished(request: &Request, side: Side) -> Option<(CallId, Move)> {
    Some(match request {
        Request::Hold(of) => (of.call_id, Move::Hold),
        Request::Resume(of) => (of.call_id, Move::Resume),
        Request::Screen(switch) => (switch.call_id, Move::Screen(switch.on)),
        Request::Upgrade(of) => (of.call_id, Move::Upgrade(side)),
        Request::Agree(of) => (of.call_id, Move::Agree(side)),
        Request::Deny(of) => (of.call_id, Move::Deny(side)),
        Request::Downgrade(of) => (of.call_id, Move::Downgrade),
        Request::Hangup { call_id, reason } => {
            let reason = reason.map(|trouble| match trouble {
                Trouble::MediaDenied => Reason::MediaDenied,
                Trouble::IceFailed => Reason::IceFailed,
            });
            (*call_id, Move::Hangup(side, reason))
        }
        _ => return None,
    })
}

impl Core {
    /// Does to a call what a device that takes part asks for.
    ///
    /// # Errors
    /// `not_found`, `call_gone`; `bad_request` when the state does not allow it; `forbidden` for what only agents do, or
    /// what the tenant does not allow.
    pub(super) async fn talk(&self, client: &Client, request: Request) -> Result<(), Error> {
        if let Request::Mute { call_id, audio, video } = request {
            return self.mute(client, call_id, audio, video).await;
        }
        if matches!(request, Request::Hold(_) | Request::Resume(_) | Request::Screen(_)) {
            agent(client)?;
        }
        let video = self.scene(&client.tenant)?.tenant.call.as_ref().is_some_and(|policy| policy.video);
        if matches!(request, Request::Upgrade(_) | Request::Agree(_)) && !video {
            return Err(Error::new(Code::Forbidden, "未开通视频 / there is no video here"));
        }
        let Some((call, what)) = wished(&request, side(client)) else {
            return Err(Error::new(Code::UnsupportedOp, "不支持的操作 / unsupported op"));
        };
        if let Move::Hangup(..) = what {
            return self.hang_up(client, call, what).await;
        }
        self.move_call(client, call, move |_| what).await
    }

    /// Hangs up; while it rings any device of the callee may.
    async fn hang_up(&self, client: &Client, id: CallId, what: Move) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = super::party(tx, &owned, id)?;
            let takes_part = call.life.takes_part(side, &owned.device);
            if !takes_part && !super::push::rings_for(&call, side) {
                return Err(super::gone_error());
            }
            super::step(tx, scene, &mut call, what, fx).map(drop)
        })
        .await
    }

    async fn mute(&self, client: &Client, id: CallId, audio: Option<bool>, video: Option<bool>) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = participant(tx, &owned, id)?;
            let now = *call.life.muted.of(side);
            let muted = Media { audio: audio.unwrap_or(now.audio), video: video.unwrap_or(now.video) };
            super::step(tx, scene, &mut call, Move::Mute(side, muted), fx).map(drop)
        })
        .await
    }

    /// Gives the session of a call to a queue or a colleague; the call goes on here until somebody takes it.
    ///
    /// # Errors
    /// As for `transfer`; `call_busy` when the colleague is in another call, `no_agent` when calls cannot come there.
    pub(super) async fn transfer_call(
        &self,
        client: &Client,
        id: CallId,
        to: Target,
        note: Option<String>,
    ) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let from = agent(&owned)?;
            let (call, _) = participant(tx, &owned, id)?;
            if call.life.rings() {
                return Err(bad("尚未接听 / not accepted yet"));
            }
            if let Target::Agent(to) = &to {
                if crate::store::call::of_agent(tx, to)?.is_some() {
                    return Err(super::busy());
                }
                reach::reachable(tx, scene, to)?;
            }
            let session = held(tx, from, call.session)?;
            if session.transfer.is_some() {
                return Err(conflict());
            }
            transfer::request(tx, scene, session, from, Wish { to, by: sender(&owned), note }, fx)
        })
        .await
    }
}
