//! Orders about calls: who may give them. What they mean is the calls' own business.

use super::Author;
use super::answer::Done;
use super::steer::{open, oversees};
use crate::core::effect::Effects;
use crate::core::{Error, Scene, asker, call};
use crate::model::call::Media;
use crate::model::code::Code;
use crate::model::id::{AgentId, CallId, SessionId};
use crate::store::Tx;

/// Whether it is the agent of a call who orders something of it; otherwise it has to be a module, or an agent with oversight.
fn by_its_agent(author: &Author, agent: &AgentId) -> Result<bool, Error> {
    match author {
        Author::Agent(client) if asker::agent(client)? == agent => Ok(true),
        _ => oversees(author).map(|()| false),
    }
}

/// Lets the console of a session's agent call the customer.
pub(super) fn start(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (session, media): (SessionId, Media),
    fx: &mut Effects,
) -> Result<Done, Error> {
    let session = open(tx, session)?;
    let Some(agent) = session.holder.agent() else {
        return Err(Error::new(Code::NoAgent, "没有客服在接待 / no agent answers"));
    };
    by_its_agent(author, agent)?;
    let call = call::order::start(tx, scene, (session.session, agent), media, fx)?;
    Ok(Done::Called { call })
}

/// Ends a call.
pub(super) fn end(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    id: CallId,
    fx: &mut Effects,
) -> Result<Done, Error> {
    let call = call::find(tx, id)?;
    let by_its_agent = by_its_agent(author, &call.agent)?;
    call::order::end(tx, scene, call, by_its_agent, fx).map(|()| Done::Plain {})
}

/// Has a call recorded if its customer agrees, or no more.
pub(super) fn record(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    (id, on): (CallId, bool),
    fx: &mut Effects,
) -> Result<Done, Error> {
    let mut call = call::find(tx, id)?;
    by_its_agent(author, &call.agent)?;
    call::switched(tx, scene, &mut call, on, fx).map(|()| Done::Plain {})
}
