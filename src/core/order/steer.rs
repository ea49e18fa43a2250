//! Orders about sessions and agents: who answers, who waits where, who is there.

use super::Author;
use super::answer::Done;
use crate::core::effect::{AgentView, Effects};
use crate::core::handoff::Back;
use crate::core::presence::Choice;
use crate::core::request::Target;
use crate::core::session::conflict;
use crate::core::transfer::{Wish, held};
use crate::core::{Error, Scene, asker, ending, handoff, offer, presence, router, transfer};
use crate::model::assignment::{Move as Turn, State as Share};
use crate::model::code::Code;
use crate::model::envelope::{Role, Sender};
use crate::model::id::{AgentId, QueueId, SessionId};
use crate::model::presence::Status;
use crate::model::session::{EndedBy, State};
use crate::store::assignment::{self, Terms};
use crate::store::session::{self as store, Session};
use crate::store::{Tx, agent, queue};

/// Only a module, or an agent with oversight, steers others.
pub(super) fn oversees(author: &Author) -> Result<(), Error> {
    match author {
        Author::Agent(client) if !asker::supervises(client) => {
            Err(Error::new(Code::Forbidden, "仅限班长 / for supervisors only"))
        }
        Author::Agent(_) | Author::Module(_) => Ok(()),
    }
}

fn sender(author: &Author) -> Sender {
    match author {
        Author::Agent(client) => asker::sender(client),
        Author::Module(name) => Sender { role: Role::System, id: name.clone(), name: None },
    }
}

pub(super) fn open(tx: &mut Tx<'_>, id: SessionId) -> Result<Session, Error> {
    let session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
    if session.state == State::Ended {
        return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended"));
    }
    Ok(session)
}

/// Offers a waiting session to an agent, or passes an answered one on.
pub(super) fn assign(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (id, to): (SessionId, AgentId),
    fx: &mut Effects,
) -> Result<Done, Error> {
    oversees(author)?;
    let session = open(tx, id)?;
    match session.state {
        State::Queued => {}
        State::Active => {
            return pass_on(tx, scene, author, session, (Target::Agent(to), None), fx)
                .map(|()| Done::Offered { assignment: None });
        }
        State::New | State::Bot | State::Ended => {
            return Err(Error::new(Code::Conflict, "会话不在排队 / the session does not wait"));
        }
    }
    if agent::find(tx, &to)?.is_none_or(|agent| !agent.enabled) {
        return Err(Error::not_found());
    }
    for offered in assignment::of_sessions(tx, &[id])?.into_iter().filter(|share| share.state == Share::Offered) {
        if offered.agent == to {
            return Ok(Done::Offered { assignment: Some(offered.assignment) });
        }
        offer::withdraw(tx, scene, &offered, Turn::Revoke, "reassigned", fx)?;
        queue::put_back(tx, id)?;
    }
    let entry = queue::find(tx, id)?.ok_or_else(conflict)?;
    let terms = Terms { now: scene.now, deadline: scene.now.plus(router::offer_time(scene, Some(&entry.queue))) };
    let made = assignment::claim_for(tx, &entry, &to, terms)?;
    let made = made.ok_or_else(|| Error::new(Code::NoAgent, "该客服现在不能接待 / the agent takes nothing now"))?;
    offer::show(tx, scene, &made, fx)?;
    Ok(Done::Offered { assignment: Some(made.assignment) })
}

/// Lets a session wait: again, elsewhere, or for the first time.
pub(super) fn requeue(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (id, to): (SessionId, Option<&QueueId>),
    fx: &mut Effects,
) -> Result<Done, Error> {
    oversees(author)?;
    let mut session = open(tx, id)?;
    let target = match to {
        Some(to) => Some(scene.tenant.queue(to).ok_or_else(Error::not_found)?),
        None => None,
    };
    match session.state {
        State::Active => {
            let shares = assignment::of_sessions(tx, &[id])?;
            let share = shares.into_iter().find(|share| share.state == Share::Active).ok_or_else(conflict)?;
            handoff::requeue(tx, scene, &share, Back::Ordered(to), fx)?;
        }
        State::Queued => match target {
            Some(target) => handoff::move_to(tx, scene, &mut session, target, fx)?,
            None => return Err(Error::new(Code::AlreadyQueued, "已在排队 / waits already")),
        },
        State::New | State::Bot | State::Ended => handoff::enqueue(tx, scene, &mut session, to, fx)?,
    }
    Ok(Done::Plain {})
}

/// Passes an answered session on.
pub(super) fn transfer(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (id, to, note): (SessionId, Target, Option<String>),
    fx: &mut Effects,
) -> Result<Done, Error> {
    let session = match author {
        Author::Agent(client) if !asker::supervises(client) => held(tx, asker::agent(client)?, id)?,
        Author::Agent(_) | Author::Module(_) => open(tx, id)?,
    };
    pass_on(tx, scene, author, session, (to, note), fx).map(|()| Done::Plain {})
}

fn pass_on(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    session: Session,
    (to, note): (Target, Option<String>),
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(from) = session.holder.agent().cloned() else {
        return Err(Error::new(Code::Conflict, "没有客服在接待 / no agent answers"));
    };
    transfer::request(tx, scene, session, &from, Wish { to, by: sender(author), note }, fx)
}

/// Ends a session.
pub(super) fn end(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (id, reason): (SessionId, Option<&str>),
    fx: &mut Effects,
) -> Result<Done, Error> {
    match author {
        Author::Agent(client) => ending::end_by_agent(tx, scene, client, id, reason, fx)?,
        Author::Module(_) => {
            let mut session = open(tx, id)?;
            ending::close(tx, scene, &mut session, EndedBy::System, reason, fx)?;
        }
    }
    Ok(Done::Plain {})
}

/// Writes an agent's status or capacity. An agent who is not connected can only be sent home.
pub(super) fn choose(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    who: &AgentId,
    choice: (Option<Status>, Option<String>, Option<i32>),
    fx: &mut Effects,
) -> Result<Done, Error> {
    match author {
        Author::Agent(client) if asker::agent(client)? == who => {}
        _ => oversees(author)?,
    }
    let (status, reason, capacity) = choice;
    let found = agent::find(tx, who)?.filter(|agent| agent.enabled).ok_or_else(Error::not_found)?;
    if !found.presence.online && status.is_some_and(|status| status != Status::Offline) {
        return Err(Error::new(Code::Conflict, "坐席未连接 / the agent is not connected"));
    }
    let choice = Choice::parse(status.map(Status::as_str), reason, capacity)?;
    let AgentView { .. } = presence::choose(tx, scene, who, &choice, fx)?;
    Ok(Done::Plain {})
}
