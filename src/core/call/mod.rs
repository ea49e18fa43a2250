//! Audio and video calls: who may call whom, what each request does to a call, and what both sides are told. The rules
//! are in `model::call`; media is the browsers' business, and what they tell each other is passed on unread.

mod answer;
mod hook;
pub mod ice;
mod invite;
mod link;
mod load;
pub(super) mod order;
pub mod push;
mod quality;
mod reach;
mod record;
pub mod recording;
pub mod request;
mod settle;
mod swept;
mod talk;
mod upkeep;
pub mod view;
mod wait;
mod way;

use serde_json::{Value, json};

pub(super) use hook::{attached, ended, gone, moved_on, standing, taken, talks};
pub use link::Invitation;
pub(super) use load::Load;
pub use quality::record;
pub(super) use record::switched;
pub(super) use swept::{CallsSeen, look};
pub(super) use upkeep::overdue;
pub(super) use wait::wants;
pub(super) use way::FRESH_PER_MINUTE;

use self::ice::Servers;
use self::request::Request;
use self::settle::settle;
use super::effect::Effects;
use super::{Client, Core, Error, Party, Scene};
use crate::model::call::{Limits, Move, Refused, Side};
use crate::model::code::Code;
use crate::model::id::CallId;
use crate::model::time::Millis;
use crate::store::Tx;
use crate::store::call::{self as store, Call};
use crate::tenant::CallPolicy;

fn gone_error() -> Error {
    Error::new(Code::CallGone, "通话已结束或已在别处接听 / the call is over or was taken elsewhere")
}

fn busy() -> Error {
    Error::new(Code::CallBusy, "正在另一通话中 / in another call")
}

fn bad(what: &str) -> Error {
    Error::new(Code::BadRequest, what)
}

/// How the tenant holds calls.
fn policy(scene: &Scene) -> Result<&CallPolicy, Error> {
    scene.tenant.call.as_ref().ok_or_else(|| Error::new(Code::Forbidden, "未开通通话 / there are no calls here"))
}

/// How long each state may last. A call that is under way when calls are switched off goes on.
fn limits(scene: &Scene) -> Limits {
    scene.tenant.call.as_ref().map_or(Limits::USUAL, |policy| policy.limits)
}

/// The servers for one side of a call.
fn servers(scene: &Scene, policy: &CallPolicy, call: CallId, side: Side) -> Servers {
    ice::servers(policy, &format!("{call}.{}", side.as_str()), scene.now, std::time::Duration::MAX)
}

/// The side of a client, whatever the call.
fn side(client: &Client) -> Side {
    match client.party {
        Party::Agent { .. } => Side::Agent,
        Party::Contact { .. } => Side::Contact,
    }
}

/// The call, whoever it belongs to.
pub(super) fn find(tx: &mut Tx<'_>, id: CallId) -> Result<Call, Error> {
    store::find(tx, id)?.ok_or_else(Error::not_found)
}

/// The call, if the client's party is one of its two. On whichever device.
fn party(tx: &mut Tx<'_>, client: &Client, id: CallId) -> Result<(Call, Side), Error> {
    let call = find(tx, id)?;
    let own = match &client.party {
        Party::Agent { agent, .. } => call.agent == *agent,
        Party::Contact { contact, .. } => call.contact == *contact,
    };
    if own { Ok((call, side(client))) } else { Err(Error::not_found()) }
}

/// The call, if it is live and the client's device takes part in it.
fn participant(tx: &mut Tx<'_>, client: &Client, id: CallId) -> Result<(Call, Side), Error> {
    let (call, side) = party(tx, client, id)?;
    if call.life.is_live() && call.life.takes_part(side, &client.device) { Ok((call, side)) } else { Err(gone_error()) }
}

/// Lets something happen to a call and tells what that means.
fn step(tx: &mut Tx<'_>, scene: &Scene, call: &mut Call, step: Move, fx: &mut Effects) -> Result<bool, Error> {
    step_at(tx, scene, call, (step, scene.now), fx)
}

/// The same for something that has happened a while ago.
fn step_at(
    tx: &mut Tx<'_>,
    scene: &Scene,
    call: &mut Call,
    (step, at): (Move, Millis),
    fx: &mut Effects,
) -> Result<bool, Error> {
    let before = call.life.clone();
    let changed = call.life.step(step, at, &limits(scene)).map_err(|refused| match refused {
        Refused::Gone => gone_error(),
        Refused::NotNow(state) => bad(&format!("此时不可 / not while the call is {}", state.as_str())),
    })?;
    if changed {
        settle(tx, scene, &before, call, fx)?;
    }
    Ok(changed)
}

/// What a device that takes part is answered.
fn joined(scene: &Scene, call: &Call, side: Side) -> Result<Value, Error> {
    let servers = servers(scene, policy(scene)?, call.call, side);
    let mut reply = serde_json::to_value(servers).map_err(Error::internal)?;
    if let Some(reply) = reply.as_object_mut() {
        let view = view::CallView::here(scene, call, side);
        reply.insert("call".into(), serde_json::to_value(view).map_err(Error::internal)?);
        reply.insert("side".into(), json!(side));
    }
    Ok(reply)
}

impl Core {
    /// Does what a client asks of calls.
    ///
    /// # Errors
    /// As the requests' own rules say.
    pub(super) async fn perform_call(&self, client: &Client, request: Request) -> Result<Value, Error> {
        let done = |()| json!({});
        match request {
            Request::Describe(describe) => self.describe(client, describe).await.map(done),
            Request::Candidates(candidates) => self.pass_candidates(client, candidates).await.map(done),
            Request::Invite { session, media } => self.invite(client, session, media).await,
            Request::Wait { media, queue } => self.wait_for_call(client, media, queue).await,
            Request::Accept { call_id, media } => self.accept_call(client, call_id, media).await,
            Request::Reject { call_id, reason } => self.reject_call(client, call_id, reason).await.map(done),
            Request::Ringing(of) => self.ring(client, of.call_id).await.map(done),
            Request::Cancel(of) => self.move_call(client, of.call_id, |_| Move::Cancel).await.map(done),
            Request::Connected(way) => self.linked(client, way).await.map(done),
            Request::Reconnecting(way) => self.unlinked(client, way).await,
            Request::Servers(of) => self.fresh_servers(client, of.call_id).await,
            Request::State(of) => self.call_state(client, of.call_id).await,
            Request::Test {} => self.test_servers(client),
            Request::Link { session, media } => self.send_link(client, session, media).await,
            Request::Sample(sample) => self.sample(client, sample).await.map(done),
            Request::Quality { call_id, score, problems } => {
                self.rate_call(client, call_id, score, problems).await.map(done)
            }
            Request::Record(switch) => self.record(client, switch).await.map(done),
            Request::Consent { call_id, ok } => self.consent(client, call_id, ok).await.map(done),
            Request::Transfer { call_id, to, note } => self.transfer_call(client, call_id, to, note).await.map(done),
            other => self.talk(client, other).await.map(done),
        }
    }

    /// Lets a device that takes part do something to its call.
    async fn move_call(
        &self,
        client: &Client,
        id: CallId,
        what: impl FnOnce(Side) -> Move + Send + 'static,
    ) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = participant(tx, &owned, id)?;
            step(tx, scene, &mut call, what(side), fx).map(drop)
        })
        .await
    }
}
