//! Offers: shown, taken, declined, run out, taken back. The rows decide who was first; this tells everybody.

use super::effect::{ConversationView, Effect, Effects, Push};
use super::event::emit;
use super::session::{conflict, home, millis, record, save, say, step, tell};
use super::timer::{self, Kind};
use super::view::{Viewer, conversation_view, offer_view};
use super::{Client, Core, Error, Scene, asker, call, handoff, presence, transfer};
use crate::model::assignment::{Move as Turn, State as Share};
use crate::model::code::Code;
use crate::model::event::agent::NoAnswer;
use crate::model::event::assignment::{Accepted, Expired, OfferOver, Offered, Rejected, Revoked};
use crate::model::event::session::{AgentChanged, Connected, Left};
use crate::model::event::transfer::Completed;
use crate::model::id::{AgentId, AssignmentId, QueueId};
use crate::model::label::label;
use crate::model::presence::Status;
use crate::model::session::Move;
use crate::store::assignment::{self, Assignment, Terms};
use crate::store::session::{self as store, Session, Transfer};
use crate::store::{Tx, agent, queue};
use crate::template::Prompt;

/// Why offers to an agent who stopped being ready are taken back.
const NOT_READY: &str = "not_ready";
/// Longest reason of a rejection, characters.
const REASON_CHARS: usize = 200;

fn gone() -> Error {
    Error::new(Code::OfferGone, "邀请已失效 / the offer no longer stands")
}

/// Shows an offer that has been made to its agent, and sets its end.
pub(super) fn show(tx: &mut Tx<'_>, scene: &Scene, offer: &Assignment, fx: &mut Effects) -> Result<(), Error> {
    timer::set(tx, Kind::Offer, offer.assignment, offer.deadline, fx)?;
    let view = offer_view(tx, scene, offer)?;
    fx.push(Effect::Agent(offer.agent.clone(), Push::Offer(Box::new(view))));
    let offered = Offered {
        assignment: offer.assignment,
        session: offer.session,
        conv: offer.conv,
        agent: offer.agent.clone(),
        queue: offer.queue.clone(),
        deadline: offer.deadline,
        transfer_from: offer.transfer_from.clone(),
    };
    emit(tx, scene, &offered)?;
    presence::show(tx, &offer.agent, fx)
}

/// Ends an offer that was not taken and gives the agent's place back. What becomes of the session is up to the caller.
pub(super) fn withdraw(
    tx: &mut Tx<'_>,
    scene: &Scene,
    offer: &Assignment,
    how: Turn,
    why: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !assignment::step(tx, offer, how, Some(why), scene.now)? {
        return Err(conflict());
    }
    agent::give_slot(tx, &offer.agent)?;
    timer::cancel(tx, &[Kind::Offer], offer.assignment)?;
    let reason = match how {
        Turn::Expire => "expired",
        Turn::Revoke if why == NOT_READY => NOT_READY,
        _ => "cancelled",
    };
    fx.push(Effect::Agent(offer.agent.clone(), Push::OfferRevoke { assignment: offer.assignment, reason }));
    let over = OfferOver {
        assignment: offer.assignment,
        session: offer.session,
        conv: offer.conv,
        agent: offer.agent.clone(),
        reason: why.to_owned(),
    };
    match how {
        Turn::Reject => emit(tx, scene, &Rejected(over))?,
        Turn::Expire => emit(tx, scene, &Expired(over))?,
        _ => emit(tx, scene, &Revoked(over))?,
    }
    presence::show(tx, &offer.agent, fx)
}

/// Lets the session of an offer that was not taken go on: it waits again, or stays with the agent who passed it on.
fn go_on(tx: &mut Tx<'_>, scene: &Scene, offer: &Assignment, why: &str, fx: &mut Effects) -> Result<(), Error> {
    fx.push(Effect::Route);
    if queue::put_back(tx, offer.session)? {
        return Ok(());
    }
    match store::find(tx, offer.session)? {
        Some(mut session) if session.transfer.is_some() => transfer::fail(tx, scene, &mut session, why, fx),
        _ => Ok(()),
    }
}

/// Takes back everything that is offered to an agent.
pub(super) fn revoke_all(tx: &mut Tx<'_>, scene: &Scene, agent: &AgentId, fx: &mut Effects) -> Result<(), Error> {
    for offer in assignment::of_agent(tx, agent)?.into_iter().filter(|share| share.state == Share::Offered) {
        withdraw(tx, scene, &offer, Turn::Revoke, NOT_READY, fx)?;
        go_on(tx, scene, &offer, NOT_READY, fx)?;
    }
    Ok(())
}

/// The deadline of an offer has passed.
pub(super) fn expired(tx: &mut Tx<'_>, scene: &Scene, id: AssignmentId, fx: &mut Effects) -> Result<(), Error> {
    let Some(offer) = assignment::find(tx, id)?.filter(|offer| offer.state == Share::Offered) else { return Ok(()) };
    withdraw(tx, scene, &offer, Turn::Expire, "expired", fx)?;
    rest(tx, scene, &offer, scene.tenant.policy.no_answer_delay, fx)?;
    agent::missed(tx, &offer.agent)?;
    let missed = agent::find(tx, &offer.agent)?.map_or(0, |agent| agent.misses);
    if u32::try_from(missed).is_ok_and(|missed| missed >= scene.tenant.policy.max_no_answer) {
        agent::set_status(tx, &offer.agent, Status::Busy, Some("no_answer"))?;
        emit(tx, scene, &NoAnswer { agent: offer.agent.clone(), misses: missed })?;
        revoke_all(tx, scene, &offer.agent, fx)?;
        presence::show(tx, &offer.agent, fx)?;
    }
    go_on(tx, scene, &offer, "no_answer", fx)
}

/// Keeps the session away from the agent for a while, and sees to it that routing is tried again then.
fn rest(
    tx: &mut Tx<'_>,
    scene: &Scene,
    offer: &Assignment,
    pause: std::time::Duration,
    fx: &mut Effects,
) -> Result<(), Error> {
    let until = scene.now.plus(pause);
    queue::exclude(tx, offer.session, &offer.agent, until)?;
    timer::set(tx, Kind::Cooldown, offer.assignment, until, fx)
}

/// Takes an offer for its agent. The first one who shows the token in time has it.
fn accept(
    tx: &mut Tx<'_>,
    scene: &Scene,
    who: &AgentId,
    id: AssignmentId,
    token: &str,
    fx: &mut Effects,
) -> Result<Session, Error> {
    let offer = assignment::find(tx, id)?.filter(|offer| offer.agent == *who).ok_or_else(gone)?;
    if offer.state != Share::Offered {
        return Err(gone());
    }
    let mut session = store::find(tx, offer.session)?.ok_or_else(gone)?;
    // The colleague's share must be over before this one may be active; if it turns out that the offer no longer
    // stands, all of this is undone.
    transfer::hand_over(tx, scene, &session, fx)?;
    if !assignment::accept(tx, id, who, token, scene.now)? {
        return Err(gone());
    }
    connect(tx, scene, &mut session, &offer, fx)?;
    Ok(session)
}

/// The agent has the session: control, log, customer, colleagues.
pub(super) fn connect(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    share: &Assignment,
    fx: &mut Effects,
) -> Result<(), Error> {
    let handed = session.transfer.take();
    handoff::left(tx, scene, session, Left::Connected)?;
    queue::remove(tx, session.session)?;
    queue::forgive(tx, session.session)?;
    timer::cancel(tx, &[Kind::Offer], share.assignment)?;
    timer::cancel(tx, &[Kind::MaxWait, Kind::QueueGrace, Kind::IdleWarn, Kind::IdleClose], session.session)?;
    step(session, Move::Connect(share.agent.clone()))?;
    session.last_agent = Some(share.agent.clone());
    session.connected_at.get_or_insert(scene.now);
    save(tx, session)?;
    agent::answered(tx, &share.agent)?;
    let name = agent::find(tx, &share.agent)?.map(|agent| agent.name).unwrap_or_default();
    taken(tx, scene, session, (share, &name), handed.as_ref(), fx)?;
    let text = match &handed {
        Some(_) => Prompt::Transferred { to: &name },
        None => Prompt::Connected { agent: &name },
    };
    say(tx, scene, session, &text, fx)?;
    let conversation = home(tx, session)?;
    let view = conversation_view(tx, &conversation, Some(session), Viewer::Agent(&share.agent), None)?;
    fx.push(Effect::Agent(share.agent.clone(), Push::Conversation(Box::new(view))));
    tell(tx, session, fx)?;
    presence::show(tx, &share.agent, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// Tells that the agent has the session: from a queue, or from a colleague.
fn taken(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    (share, name): (&Assignment, &str),
    handed: Option<&Transfer>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let (id, conv, assignment) = (session.session, session.conv, share.assignment);
    let (agent, agent_name) = (share.agent.clone(), name.to_owned());
    let offer_ms = millis(scene.now.since(share.offered_at));
    emit(tx, scene, &Accepted { assignment, session: id, conv, agent: agent.clone(), offer_ms })?;
    let Some(handed) = handed else {
        let waited_ms = session.queued_at.map(|since| millis(scene.now.since(since)));
        let connected = Connected { session: id, conv, agent, agent_name, assignment, waited_ms };
        return record(tx, scene, session, &connected, fx);
    };
    let (from, queue) = (handed.from.clone(), handed.queue.clone());
    let completed = Completed { session: id, conv, from: from.clone(), agent: agent.clone(), queue, assignment };
    emit(tx, scene, &completed)?;
    record(tx, scene, session, &AgentChanged { session: id, conv, agent, agent_name, assignment, from }, fx)
}

pub(super) fn entered(tx: &mut Tx<'_>, client: &Client, session: &Session) -> Result<ConversationView, Error> {
    let conversation = home(tx, session)?;
    conversation_view(tx, &conversation, Some(session), Viewer::of(client), Some(client.device.as_str()))
}

fn pull(tx: &mut Tx<'_>, scene: &Scene, client: &Client, id: &QueueId, fx: &mut Effects) -> Result<Session, Error> {
    let who = asker::agent(client)?;
    let terms = Terms { now: scene.now, deadline: scene.now.plus(super::router::offer_time(scene, Some(id))) };
    let serves = agent::queues_of(tx, who)?.contains(id);
    if scene.tenant.queue(id).is_none() || !(serves || asker::supervises(client)) {
        return Err(Error::not_found());
    }
    // The entry before the place, as every claim does; without a place the entry is given back with everything else.
    let picked = assignment::claim_by(tx, id, who, terms)?;
    let offer = picked.ok_or_else(|| Error::new(Code::NotFound, "队列中没有等待的会话 / nobody waits"))?;
    if !agent::pick_slot(tx, who, scene.now)? {
        return Err(Error::new(Code::AgentCapacity, "接待数已满 / your capacity is used up"));
    }
    accept(tx, scene, who, offer.assignment, &offer.token, fx)
}

impl Core {
    /// Takes an offered session. The first device wins; the agent's other devices are told that it is taken.
    ///
    /// # Errors
    /// `offer_gone` when it was taken, taken back, has run out, or was never offered to this agent.
    pub(crate) async fn offer_accept(
        &self,
        client: &Client,
        id: AssignmentId,
        token: String,
    ) -> Result<ConversationView, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let who = asker::agent(&owned)?;
            let session = accept(tx, scene, who, id, &token, fx)?;
            call::taken(tx, scene, &owned, &session, fx)?;
            fx.push(Effect::Agent(who.clone(), Push::OfferRevoke { assignment: id, reason: "taken_elsewhere" }));
            entered(tx, &owned, &session)
        })
        .await
    }

    /// Leaves an offered session to others; it is not offered to this agent again for a while.
    ///
    /// # Errors
    /// `offer_gone`.
    pub(crate) async fn offer_reject(
        &self,
        client: &Client,
        id: AssignmentId,
        token: String,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let who = asker::agent(&owned)?;
            let offer = assignment::find(tx, id)?
                .filter(|offer| offer.agent == *who && offer.token == token && offer.state == Share::Offered)
                .ok_or_else(gone)?;
            let why = label(reason.as_deref().unwrap_or("rejected"), REASON_CHARS);
            withdraw(tx, scene, &offer, Turn::Reject, &why, fx)?;
            rest(tx, scene, &offer, scene.tenant.policy.reject_cooldown, fx)?;
            go_on(tx, scene, &offer, "rejected", fx)
        })
        .await
    }

    /// Takes the first waiting session of a queue by hand. The capacity counts, the status does not.
    ///
    /// # Errors
    /// `not_found` when nobody waits or the queue is not this agent's; `agent_capacity`.
    pub(crate) async fn pull(&self, client: &Client, id: QueueId) -> Result<ConversationView, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let session = pull(tx, scene, &owned, &id, fx)?;
            call::taken(tx, scene, &owned, &session, fx)?;
            entered(tx, &owned, &session)
        })
        .await
    }
}
