//! Into a queue, out of it, and from one to another. Knows who may wait where; who serves is the router's business.

use std::time::Duration;

use super::effect::{Effect, Effects, Push, SessionView};
use super::event::emit;
use super::leave::{self, Why};
use super::session::{conflict, home, millis, record, save, say, step, tell};
use super::timer::{self, Kind};
use super::view::{Around, Viewer, session_view};
use super::{Client, Core, Error, Scene, asker, call, ending, flow, presence, robot, session, transfer};
use crate::flow::words::same;
use crate::model::assignment::{Move as Turn, State as Share};
use crate::model::code::Code;
use crate::model::dialogue::Reason;
use crate::model::event::assignment::Lost;
use crate::model::event::queue::Overflowed;
use crate::model::event::session::{Left, QueueLeft, Queued};
use crate::model::id::{QueueId, SessionId};
use crate::model::presence::{PRIORITY_LOST, PRIORITY_NORMAL};
use crate::model::session::{EndedBy, Holder, Move, State};
use crate::store::assignment::{self, Assignment};
use crate::store::queue::{self, Entry};
use crate::store::session::{self as store, Session};
use crate::store::{self as tables, Tx, agent};
use crate::template::Prompt;
use crate::tenant::Queue;

/// Queues that are tried one after another when each sends on to the next.
const HOPS: usize = 8;

/// Whether somebody who serves the queue is signed in.
pub(super) fn attended(tx: &mut Tx<'_>, queue: &QueueId) -> Result<bool, Error> {
    Ok(agent::of_queue(tx, queue)?.iter().any(|agent| agent.presence.signed_in()))
}

/// The queue that a customer's words name.
pub(super) fn named(scene: &Scene, words: &str) -> Option<QueueId> {
    let names = |queue: &&Queue| queue.keywords.iter().any(|keyword| same(words, keyword));
    scene.tenant.queues.iter().find(names).map(|queue| queue.id.clone())
}

/// Why nobody can join the queue now; `None` when they can.
fn barred(tx: &mut Tx<'_>, scene: &Scene, queue: &Queue) -> Result<Option<Why>, Error> {
    if !scene.tenant.is_open(queue, scene.now) {
        return Ok(Some(Why::Closed));
    }
    if !attended(tx, &queue.id)? {
        return Ok(Some(Why::NoAgent));
    }
    let (length, _) = queue::length(tx, &queue.id)?;
    Ok((length >= i64::from(queue.max_len)).then_some(Why::Full))
}

/// The queue that takes the session: the wished one, or where that one sends on to when it is full.
fn open_queue<'a>(tx: &mut Tx<'_>, scene: &'a Scene, wish: &'a Queue) -> Result<Result<&'a Queue, Why>, Error> {
    let mut queue = wish;
    let mut first = None;
    for _ in 0..HOPS {
        let Some(why) = barred(tx, scene, queue)? else { return Ok(Ok(queue)) };
        let why = *first.get_or_insert(why);
        match queue.overflow_to.as_ref().and_then(|next| scene.tenant.queue(next)) {
            Some(next) if why == Why::Full => queue = next,
            _ => return Ok(Err(why)),
        }
    }
    Ok(Err(Why::Full))
}

/// Puts a session into a queue, or asks for a message when nobody can take it.
pub(super) fn enqueue(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    wish: Option<&QueueId>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let wished = match wish {
        Some(id) => scene.tenant.queue(id),
        None => scene.tenant.default_queue(),
    };
    let queue = match open_queue(tx, scene, wished.ok_or_else(Error::not_found)?)? {
        Ok(queue) => queue,
        Err(why) => return leave::ask(tx, scene, session, why, fx),
    };
    let since = *session.queued_at.get_or_insert(scene.now);
    step(session, Move::Enqueue)?;
    session.queue = Some(queue.id.clone());
    save(tx, session)?;
    let entry = wait(tx, session, &queue.id, PRIORITY_NORMAL, since)?;
    timer::set(tx, Kind::MaxWait, session.session, scene.now.plus(queue.max_wait), fx)?;
    let position = queued(tx, scene, &entry)?;
    let position = u64::try_from(position).unwrap_or(1);
    say(tx, scene, session, &Prompt::QueueNotice { position }, fx)?;
    tell(tx, session, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// Tells that a session waits, and where in its queue.
fn queued(tx: &mut Tx<'_>, scene: &Scene, entry: &Entry) -> Result<i64, Error> {
    let position = queue::position(tx, entry)?;
    let queued = Queued {
        session: entry.session,
        conv: entry.conv,
        queue: entry.queue.clone(),
        position,
        priority: entry.priority,
        since: entry.enqueued_at,
    };
    emit(tx, scene, &queued)?;
    Ok(position)
}

/// Tells that a session no longer waits, if it does until now. To be called before it is taken out of the queue.
pub(super) fn left(tx: &mut Tx<'_>, scene: &Scene, session: &Session, why: Left) -> Result<(), Error> {
    if session.state != State::Queued {
        return Ok(());
    }
    let waited_ms = session.queued_at.map(|since| millis(scene.now.since(since)));
    let queue = session.queue.clone();
    emit(tx, scene, &QueueLeft { session: session.session, conv: session.conv, queue, why, waited_ms })
}

/// Adds the queue entry; the key refuses a second one.
pub(super) fn wait(
    tx: &mut Tx<'_>,
    session: &Session,
    queue: &QueueId,
    priority: i32,
    since: crate::model::time::Millis,
) -> Result<Entry, Error> {
    let entry = Entry {
        session: session.session,
        conv: session.conv,
        queue: queue.clone(),
        offered: false,
        priority,
        enqueued_at: since,
    };
    match queue::insert(tx, &entry) {
        Ok(()) => Ok(entry),
        Err(error) if error.is_duplicate() => Err(Error {
            source: Some(Box::new(error)),
            ..Error::new(Code::AlreadyQueued, "已在排队 / waits already")
        }),
        Err(error) => Err(tables::Error::into(error)),
    }
}

/// The customer no longer wants to wait. What is offered is taken back first, so that nobody can take it any
/// more; without a robot to go back to the session ends.
pub(super) fn cancel(tx: &mut Tx<'_>, scene: &Scene, session: &mut Session, fx: &mut Effects) -> Result<(), Error> {
    if session.state != State::Queued {
        return Err(conflict());
    }
    say(tx, scene, session, &Prompt::Ended, fx)?;
    ending::finish(tx, scene, session, EndedBy::Contact, "cancelled", fx)
}

/// Why a session goes back to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back<'a> {
    /// Its agent is gone for good.
    AgentLost,
    /// Somebody who may has ordered it, perhaps to another queue.
    Ordered(Option<&'a QueueId>),
}

impl Back<'_> {
    fn reason(self) -> &'static str {
        match self {
            Self::AgentLost => "agent_lost",
            Self::Ordered(_) => "requeued",
        }
    }
}

/// A session is taken from its agent: it goes to the head of a queue with the time it had.
pub(super) fn requeue(
    tx: &mut Tx<'_>,
    scene: &Scene,
    share: &Assignment,
    back: Back<'_>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(mut session) = store::find(tx, share.session)? else { return Ok(()) };
    if session.transfer.is_some() {
        transfer::fail(tx, scene, &mut session, back.reason(), fx)?;
    }
    if !assignment::step(tx, share, Turn::Lose, Some(back.reason()), scene.now)? {
        return Err(conflict());
    }
    agent::give_slot(tx, &share.agent)?;
    call::moved_on(tx, scene, session.session, fx)?;
    let wish = match back {
        Back::Ordered(Some(queue)) => Some(queue),
        _ => session.queue.as_ref(),
    };
    let known = wish.and_then(|id| scene.tenant.queue(id));
    let queue = known.or_else(|| scene.tenant.default_queue()).ok_or_else(Error::not_found)?;
    let since = *session.queued_at.get_or_insert(session.started_at);
    step(&mut session, Move::Requeue)?;
    session.queue = Some(queue.id.clone());
    session.last_agent = Some(share.agent.clone());
    save(tx, &mut session)?;
    let entry = wait(tx, &session, &queue.id, PRIORITY_LOST, since)?;
    timer::cancel(tx, &[Kind::IdleWarn, Kind::IdleClose], session.session)?;
    timer::set(tx, Kind::MaxWait, session.session, scene.now.plus(queue.max_wait), fx)?;
    let lost = Lost {
        assignment: share.assignment,
        session: session.session,
        conv: session.conv,
        agent: share.agent.clone(),
        queue: queue.id.clone(),
        reason: back.reason().into(),
    };
    record(tx, scene, &session, &lost, fx)?;
    let position = u64::try_from(queued(tx, scene, &entry)?).unwrap_or(1);
    let text = match back {
        Back::AgentLost => Prompt::AgentLost,
        Back::Ordered(_) => Prompt::QueueNotice { position },
    };
    say(tx, scene, &session, &text, fx)?;
    ending::leave_list(tx, share, fx)?;
    tell(tx, &session, fx)?;
    presence::show(tx, &share.agent, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// A session has waited long enough. While it is offered, the offer is waited for.
pub(super) fn waited_out(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let (Some(mut session), Some(entry)) = (store::find(tx, id)?, queue::find(tx, id)?) else { return Ok(()) };
    if entry.offered {
        let offer = assignment::of_sessions(tx, &[id])?.into_iter().find(|share| share.state == Share::Offered);
        let until = offer.map_or(scene.now, |offer| offer.deadline).plus(Duration::from_secs(1));
        return timer::set(tx, Kind::MaxWait, id, until, fx);
    }
    if session.transfer.is_some() {
        return transfer::fail(tx, scene, &mut session, "timeout", fx);
    }
    if session.state != State::Queued {
        return Ok(());
    }
    let next = scene.tenant.queue(&entry.queue).and_then(|queue| scene.tenant.queue(queue.overflow_to.as_ref()?));
    match next {
        Some(next) if barred(tx, scene, next)?.is_none() && queue::move_to(tx, id, &next.id)? => {
            left(tx, scene, &session, Left::Overflow)?;
            session.queue = Some(next.id.clone());
            save(tx, &mut session)?;
            timer::set(tx, Kind::MaxWait, id, scene.now.plus(next.max_wait), fx)?;
            let (from, to) = (entry.queue.clone(), next.id.clone());
            emit(tx, scene, &Overflowed { session: id, conv: session.conv, from, to })?;
            queued(tx, scene, &Entry { queue: next.id.clone(), ..entry })?;
            tell(tx, &session, fx)?;
            fx.push(Effect::Route);
            Ok(())
        }
        _ => {
            fx.push(Effect::Route);
            leave::ask(tx, scene, &mut session, Why::Timeout, fx)
        }
    }
}

/// Moves a session that waits to another queue. Its time is kept; what is offered stays offered.
pub(super) fn move_to(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    to: &Queue,
    fx: &mut Effects,
) -> Result<(), Error> {
    let entry = queue::find(tx, session.session)?.ok_or_else(conflict)?;
    if entry.queue == to.id {
        return Ok(());
    }
    if !queue::move_to(tx, session.session, &to.id)? {
        return Err(conflict());
    }
    left(tx, scene, session, Left::Moved)?;
    session.queue = Some(to.id.clone());
    save(tx, session)?;
    timer::set(tx, Kind::MaxWait, session.session, scene.now.plus(to.max_wait), fx)?;
    queued(tx, scene, &Entry { queue: to.id.clone(), ..entry })?;
    tell(tx, session, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// A customer asks for a person.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    wish: Option<QueueId>,
    fx: &mut Effects,
) -> Result<SessionView, Error> {
    let conversation = asker::own_conversation(tx, client)?;
    let mut session = session::ensure_open(tx, scene, &conversation, fx)?;
    match session.state {
        State::Queued => return Err(Error::new(Code::AlreadyQueued, "已在排队 / waits already")),
        State::Active => return Err(Error::new(Code::Conflict, "客服正在接待您 / an agent is answering you")),
        State::New | State::Bot | State::Ended => {}
    }
    if matches!(session.holder, Holder::Robot | Holder::Flow) {
        flow::abandon(tx, scene, &session, "handoff", fx)?;
        let wish = robot::Wish { queue: wish, ..robot::Wish::of(Reason::Asked) };
        robot::hand_over(tx, scene, &mut session, wish, fx)?;
    } else {
        enqueue(tx, scene, &mut session, wish.as_ref(), fx)?;
    }
    let around = Around::read(tx, &session)?;
    Ok(session_view(&session, &around, Viewer::of(client)))
}

impl Core {
    /// A customer asks for a person. Returns the session, which waits, or asks for a message when nobody can come.
    ///
    /// # Errors
    /// `already_queued`; `conflict` while an agent answers; `not_found` for an unknown queue.
    pub(crate) async fn handoff(&self, client: &Client, wish: Option<QueueId>) -> Result<SessionView, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| ask(tx, scene, &owned, wish, fx)).await
    }

    /// A customer no longer wants to wait. After the return no agent can accept any more.
    ///
    /// # Errors
    /// `conflict` when the customer does not wait; `session_ended`.
    pub(crate) async fn cancel_queue(&self, client: &Client) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let conversation = asker::own_conversation(tx, &owned)?;
            let mut session = store::open_of(tx, conversation.conv)?
                .ok_or_else(|| Error::new(Code::SessionEnded, "会话已结束 / the session has ended"))?;
            cancel(tx, scene, &mut session, fx)
        })
        .await
    }
}

/// Pushes its place to a web customer who waits.
pub(super) fn show_place(tx: &mut Tx<'_>, entry: &Entry, fx: &mut Effects) -> Result<(), Error> {
    let Some(session) = store::find(tx, entry.session)?.filter(|session| session.state == State::Queued) else {
        return Ok(());
    };
    let conversation = home(tx, &session)?;
    let viewer = Viewer::Contact(conversation.contact);
    let view = session_view(&session, &Around::read(tx, &session)?, viewer);
    fx.push(Effect::Contact(conversation.contact, Push::Session(Box::new(view))));
    Ok(())
}
