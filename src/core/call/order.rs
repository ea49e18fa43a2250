//! Calls that somebody else begins or ends. Knows what that means to them, not who may order it.

use super::invite::{Outcome, invite};
use super::{busy, push, reach, step};
use crate::core::effect::{Effect, Effects};
use crate::core::{Client, Error, Party, Scene};
use crate::model::call::{Author, Media, Move, Reason, Side};
use crate::model::id::{AgentId, CallId, ConnectionId, SessionId};
use crate::store::Tx;
use crate::store::call::Call;

/// Lets an agent call the customer of a session from the console that was opened last, as if the agent had pressed the
/// button there.
pub(in crate::core) fn start(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (session, agent): (SessionId, &AgentId),
    media: Media,
    fx: &mut Effects,
) -> Result<CallId, Error> {
    let client = Client {
        tenant: tx.tenant().clone(),
        party: Party::Agent { agent: agent.clone(), name: String::new(), supervisor: false },
        device: reach::console(tx, agent)?,
        connection: ConnectionId::generate(scene.now),
        calls_only: false,
    };
    let Outcome::Rings(call) = invite(tx, scene, &client, (Some(session), media), fx)? else {
        return Err(busy());
    };
    // That console has asked for nothing: it hears of its call by this.
    let shown = push::state(scene, &call, Side::Agent);
    fx.push(Effect::Call(Box::new(push::to_device(&call, Side::Agent, shown))));
    Ok(call.call)
}

/// Ends a call: its agent hangs up, or somebody else ends it.
pub(in crate::core) fn end(
    tx: &mut Tx<'_>,
    scene: &Scene,
    mut call: Call,
    by_its_agent: bool,
    fx: &mut Effects,
) -> Result<(), Error> {
    let how = if by_its_agent { Move::Hangup(Side::Agent, None) } else { Move::Over(Reason::Admin, Author::Admin) };
    step(tx, scene, &mut call, how, fx).map(drop)
}
