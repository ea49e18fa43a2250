//! What calls mean to routing: who is in a call is offered less, and a call only to who takes calls and is in none.

use std::collections::HashSet;

use crate::core::{Error, Scene};
use crate::model::id::AgentId;
use crate::store::Tx;
use crate::store::agent::Agent;
use crate::store::call as store;

/// Who is in a call, and who takes calls. Empty, and without a look at any row, where nobody calls.
#[derive(Debug, Default)]
pub(in crate::core) struct Load {
    engaged: HashSet<AgentId>,
    takes_none: HashSet<AgentId>,
    chats: i32,
}

impl Load {
    /// Reads it for a tenant.
    pub(in crate::core) fn read(tx: &mut Tx<'_>, scene: &Scene) -> Result<Self, Error> {
        let Some(policy) = &scene.tenant.call else { return Ok(Self::default()) };
        let none = scene.tenant.agents.iter().filter(|agent| agent.video_capacity == 0);
        Ok(Self {
            engaged: store::engaged(tx)?,
            takes_none: none.map(|agent| agent.id.clone()).collect(),
            chats: i32::try_from(policy.chats_in_call).unwrap_or(i32::MAX),
        })
    }

    /// Whether a session of a queue may be offered to an agent; `video` for queues that are meant for calls.
    pub(in crate::core) fn fits(&self, agent: &Agent, video: bool) -> bool {
        let engaged = self.engaged.contains(&agent.agent);
        if video {
            return !engaged && !self.takes_none.contains(&agent.agent);
        }
        !engaged || agent.presence.load < self.chats
    }
}
