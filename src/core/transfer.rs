//! Blind transfers: the agent who passes a session on keeps it until somebody takes it.

use super::effect::{Effect, Effects};
use super::request::Target;
use super::session::{conflict, record, save, tell};
use super::switchboard::{Draft, append};
use super::timer::{self, Kind};
use super::{Client, Core, Error, Scene, asker, ending, handoff, offer, router};
use crate::model::assignment::{Move as Turn, State as Share};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{Sender, Visibility};
use crate::model::event::transfer::{Failed, Requested};
use crate::model::id::{AgentId, QueueId, SessionId};
use crate::model::presence::PRIORITY_TRANSFER;
use crate::model::session::State;
use crate::model::time::Millis;
use crate::store::assignment::{self, Assignment, Terms};
use crate::store::session::{self as store, Session, Transfer};
use crate::store::{Tx, agent, queue};

/// Longest note for whoever takes the session, characters.
const NOTE_MAX: usize = 1000;
/// The end of an exclusion that lasts as long as the transfer.
const NEVER: Millis = Millis(i64::MAX);

fn nobody() -> Error {
    Error::new(Code::NoAgent, "没有可接的客服 / no agent can take it")
}

/// The session, if this agent may pass it on now.
pub(super) fn held(tx: &mut Tx<'_>, who: &AgentId, id: SessionId) -> Result<Session, Error> {
    let session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
    if !assignment::ever_held(tx, who, session.conv)? {
        return Err(Error::not_found());
    }
    if session.state == State::Ended {
        return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended"));
    }
    if session.holder.agent() != Some(who) {
        return Err(Error::new(Code::NotInControl, "会话不由您接待 / another party answers this session"));
    }
    Ok(session)
}

/// Offers the session to a colleague who has a place free.
fn to_agent(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    from: &AgentId,
    to: AgentId,
) -> Result<Assignment, Error> {
    if to == *from {
        return Err(Error::new(Code::BadRequest, "不能转给自己 / not to yourself"));
    }
    if agent::find(tx, &to)?.is_none_or(|agent| !agent.enabled) {
        return Err(Error::not_found());
    }
    if !agent::take_slot(tx, &to, scene.now)? {
        return Err(nobody());
    }
    let deadline = scene.now.plus(router::offer_time(scene, session.queue.as_ref()));
    let terms = Terms { now: scene.now, deadline };
    let made = terms.offer(session.session, session.conv, to.clone());
    let made = Assignment { transfer_from: Some(from.clone()), ..made };
    assignment::insert(tx, &made)?;
    session.transfer =
        Some(Transfer { from: from.clone(), queue: None, agent: Some(to), assignment: Some(made.assignment) });
    Ok(made)
}

/// Lets the session wait in a queue, for everybody but the agent who passes it on.
fn to_queue(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    from: &AgentId,
    to: QueueId,
    fx: &mut Effects,
) -> Result<(), Error> {
    let target = scene.tenant.queue(&to).ok_or_else(Error::not_found)?;
    if !scene.tenant.is_open(target, scene.now) {
        return Err(Error::new(Code::QueueClosed, "非服务时间 / outside business hours"));
    }
    let others = agent::of_queue(tx, &to)?;
    if !others.iter().any(|agent| agent.agent != *from && agent.presence.signed_in()) {
        return Err(nobody());
    }
    handoff::wait(tx, session, &to, PRIORITY_TRANSFER, scene.now)?;
    queue::exclude(tx, session.session, from, NEVER)?;
    timer::set(tx, Kind::MaxWait, session.session, scene.now.plus(target.max_wait), fx)?;
    session.transfer = Some(Transfer { from: from.clone(), queue: Some(to), agent: None, assignment: None });
    fx.push(Effect::Route);
    Ok(())
}

/// To whom a session is to be passed on, who says so, and with what note.
pub(super) struct Wish {
    pub(super) to: Target,
    pub(super) by: Sender,
    pub(super) note: Option<String>,
}

/// Passes a session on; its agent, who keeps it until somebody takes it, is `from`.
pub(super) fn request(
    tx: &mut Tx<'_>,
    scene: &Scene,
    mut session: Session,
    from: &AgentId,
    wish: Wish,
    fx: &mut Effects,
) -> Result<(), Error> {
    if session.transfer.is_some() {
        return Err(Error::new(Code::Conflict, "正在转接 / a transfer is under way"));
    }
    let offered = match wish.to {
        Target::Agent(to) => Some(to_agent(tx, scene, &mut session, from, to)?),
        Target::Queue(to) => {
            to_queue(tx, scene, &mut session, from, to, fx)?;
            None
        }
    };
    save(tx, &mut session)?;
    if let Some(text) = wish.note.filter(|note| !note.trim().is_empty()) {
        leave_note(tx, scene, wish.by, &session, &text, fx)?;
    }
    let (agent, queue) = session.transfer.clone().map_or((None, None), |transfer| (transfer.agent, transfer.queue));
    let requested = Requested { session: session.session, conv: session.conv, from: from.clone(), agent, queue };
    record(tx, scene, &session, &requested, fx)?;
    if let Some(made) = offered {
        offer::show(tx, scene, &made, fx)?;
    }
    tell(tx, &session, fx)
}

/// Writes a note into the log, for agents' eyes.
pub(super) fn leave_note(
    tx: &mut Tx<'_>,
    scene: &Scene,
    from: Sender,
    session: &Session,
    text: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    let text: String = text.chars().filter(|c| *c != '\0').take(NOTE_MAX).collect();
    let mut draft = Draft::system(session.conv, Some(session.session), Content::Note { text });
    draft.from = from;
    draft.visibility = Visibility::Agents;
    draft.control_epoch = session.control_epoch;
    append(tx, scene, draft, fx).map(drop)
}

/// Somebody takes a session that is passed on: the share of the agent who had it is over.
pub(super) fn hand_over(tx: &mut Tx<'_>, scene: &Scene, session: &Session, fx: &mut Effects) -> Result<(), Error> {
    if session.transfer.is_none() {
        return Ok(());
    }
    for share in assignment::of_sessions(tx, &[session.session])? {
        if share.state == Share::Active {
            ending::wrap_up(tx, scene, &share, "transferred", fx)?;
        }
    }
    Ok(())
}

/// Nobody takes it: the session stays with the agent who has it, who is told why.
pub(super) fn fail(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    why: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(transfer) = session.transfer.take() else { return Ok(()) };
    for share in assignment::of_sessions(tx, &[session.session])? {
        if share.state == Share::Offered {
            offer::withdraw(tx, scene, &share, Turn::Revoke, "cancelled", fx)?;
        }
    }
    queue::remove(tx, session.session)?;
    queue::forgive(tx, session.session)?;
    timer::cancel(tx, &[Kind::MaxWait], session.session)?;
    save(tx, session)?;
    let Transfer { from, agent, queue, .. } = transfer;
    let failed = Failed { session: session.session, conv: session.conv, from, agent, queue, why: why.to_owned() };
    record(tx, scene, session, &failed, fx)?;
    fx.push(Effect::Route);
    tell(tx, session, fx)
}

impl Core {
    /// Passes a session on to a colleague or a queue. Until somebody takes it, this agent keeps it.
    ///
    /// # Errors
    /// `not_in_control`, `session_ended`, `conflict` (a transfer is under way), `bad_request` (to oneself),
    /// `not_found`, `no_agent`, `queue_closed`.
    pub(crate) async fn transfer(
        &self,
        client: &Client,
        id: SessionId,
        to: Target,
        note: Option<String>,
    ) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let from = asker::agent(&owned)?;
            let session = held(tx, from, id)?;
            request(tx, scene, session, from, Wish { to, by: asker::sender(&owned), note }, fx)
        })
        .await
    }

    /// Takes a transfer back. After the return nobody can accept it any more.
    ///
    /// # Errors
    /// `conflict` when there is none; `not_in_control`, `session_ended`, `not_found`.
    pub(crate) async fn transfer_cancel(&self, client: &Client, id: SessionId) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let mut session = held(tx, asker::agent(&owned)?, id)?;
            if session.transfer.is_none() {
                return Err(conflict());
            }
            fail(tx, scene, &mut session, "cancelled", fx)
        })
        .await
    }
}
