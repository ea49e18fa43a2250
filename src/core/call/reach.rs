//! Which agents calls can come to: those whom the tenant lets take calls, at a console that is open. Decides nothing else.

use std::collections::HashSet;

use super::Error;
use crate::core::{Client, Scene};
use crate::model::code::Code;
use crate::model::id::{AgentId, DeviceId};
use crate::store::call::console;
use crate::store::{Tx, agent, lease};

/// The device of an agent's XMPP clients, which have no calls.
const NO_CONSOLE: &str = "xmpp";

/// Whether the tenant lets this agent be called. Agents whom nobody has declared otherwise are.
pub(super) fn is_called(scene: &Scene, agent: &AgentId) -> bool {
    let declared = scene.tenant.agents.iter().find(|declared| declared.id == *agent);
    declared.is_none_or(|declared| declared.video_capacity > 0)
}

/// The console of an agent that was opened last.
///
/// # Errors
/// `no_agent` when none is open.
pub(super) fn console(tx: &mut Tx<'_>, agent: &AgentId) -> Result<DeviceId, Error> {
    let open = lease::devices(tx, &format!("agent:{agent}"))?;
    let Some(device) = open.into_iter().find(|device| device != NO_CONSOLE) else {
        return Err(Error::new(Code::NoAgent, "坐席没有打开工作台 / the agent has no console open"));
    };
    Ok(DeviceId::parse(&device)?)
}

/// Those agents who have a console open.
pub(super) fn consoles(tx: &mut Tx<'_>) -> Result<HashSet<AgentId>, Error> {
    let there: Vec<AgentId> =
        agent::all(tx)?.into_iter().filter(|agent| agent.presence.online).map(|agent| agent.agent).collect();
    Ok(console::open(tx, &there, NO_CONSOLE)?)
}

/// Whether a call can come to an agent: else it would ring for nobody.
///
/// # Errors
/// `no_agent`.
pub(super) fn reachable(tx: &mut Tx<'_>, scene: &Scene, agent: &AgentId) -> Result<(), Error> {
    if !is_called(scene, agent) {
        return Err(Error::new(Code::NoAgent, "坐席不接听通话 / the agent takes no calls"));
    }
    console(tx, agent).map(drop)
}

/// Whether the device with which an agent takes a session can take its call.
///
/// # Errors
/// `no_agent`.
pub(super) fn takes(scene: &Scene, client: &Client, agent: &AgentId) -> Result<(), Error> {
    if is_called(scene, agent) && client.device.as_str() != NO_CONSOLE {
        return Ok(());
    }
    let words = "客户在等待通话，此处不能接听 / the customer waits for a call, which cannot be taken here";
    Err(Error::new(Code::NoAgent, words))
}
