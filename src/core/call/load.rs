//! What calls mean to routing: who is in a call is offered less, and a call only to who takes calls and is in none.

use std::collections::HashSet;

use super::reach;
use crate::core::{Error, Scene};
use crate::model::id::{AgentId, SessionId};
use crate::store::Tx;
use crate::store::agent::Agent;
use crate::store::call::{self as store, wish};

/// Who is in a call, and who takes calls. Empty, and without a look at any row, where nobody calls.
#[derive(Debug, Default)]
pub(in crate::core) struct Load {
    engaged: HashSet<AgentId>,
    takes_none: HashSet<AgentId>,
    /// Those who have a console open; read only where somebody may wait for a call.
    consoles: Option<HashSet<AgentId>>,
    /// Sessions whose customers wait for a call, in whichever queue.
    wishes: HashSet<SessionId>,
    chats: i32,
}

impl Load {
    /// Reads it for a tenant.
    pub(in crate::core) fn read(tx: &mut Tx<'_>, scene: &Scene) -> Result<Self, Error> {
        let Some(policy) = &scene.tenant.call else { return Ok(Self::default()) };
        let none = scene.tenant.agents.iter().filter(|agent| !reach::is_called(scene, &agent.id));
        let wishes = wish::all(tx)?;
        let awaited = !wishes.is_empty() || scene.tenant.queues.iter().any(|queue| queue.video);
        Ok(Self {
            engaged: store::engaged(tx)?,
            takes_none: none.map(|agent| agent.id.clone()).collect(),
            consoles: awaited.then(|| reach::consoles(tx)).transpose()?,
            wishes,
            chats: i32::try_from(policy.chats_in_call).unwrap_or(i32::MAX),
        })
    }

    /// Whether a session may be offered to an agent; `video` in queues that are meant for calls.
    pub(in crate::core) fn fits(&self, agent: &Agent, session: SessionId, video: bool) -> bool {
        let engaged = self.engaged.contains(&agent.agent);
        if video || self.wishes.contains(&session) {
            let console = self.consoles.as_ref().is_none_or(|open| open.contains(&agent.agent));
            return !engaged && console && !self.takes_none.contains(&agent.agent);
        }
        !engaged || agent.presence.load < self.chats
    }
}
