//! The details of events of agents: at work, away, lost.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::AgentId;
use crate::model::presence::Status;
use crate::model::time::Millis;

/// An agent came to work.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentLogin")]
pub struct Login {
    /// The agent.
    pub agent: AgentId,
    /// The status to begin with.
    pub status: Status,
}

/// An agent left work.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentLogout")]
pub struct Logout {
    /// The agent.
    pub agent: AgentId,
    /// Why, if a reason was given.
    pub reason: Option<String>,
}

/// An agent, or an order, chose a status.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentStatusChanged")]
pub struct StatusChanged {
    /// The agent.
    pub agent: AgentId,
    /// The status now.
    pub status: Status,
    /// Why, if a reason was given.
    pub reason: Option<String>,
    /// The status before.
    pub previous: Status,
    /// Chats at the moment.
    pub load: i32,
    /// Chats at most.
    pub capacity: i32,
}

/// How many chats an agent takes at a time has changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentCapacityChanged")]
pub struct CapacityChanged {
    /// The agent.
    pub agent: AgentId,
    /// Chats at most, now.
    pub capacity: i32,
    /// Chats at most, before.
    pub previous: i32,
    /// Chats at the moment.
    pub load: i32,
}

/// An agent's last connection was lost; the sessions wait for the agent for a while.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentGrace")]
pub struct Grace {
    /// The agent.
    pub agent: AgentId,
    /// The sessions go to others then.
    pub until: Millis,
}

/// An agent whose connection was lost did not come back in time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentLost")]
pub struct Lost {
    /// The agent.
    pub agent: AgentId,
}

/// An agent let too many offers run out and is offered nothing more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentNoAnswer")]
pub struct NoAnswer {
    /// The agent.
    pub agent: AgentId,
    /// Offers in a row that ran out.
    pub misses: i32,
}
