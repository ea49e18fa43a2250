//! The details of events of transfers: a session passed on to a colleague or a queue.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::{AgentId, AssignmentId, ConversationId, QueueId, SessionId};

/// An agent wants to pass a session on, and keeps it until somebody takes it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TransferRequested")]
pub struct Requested {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Who passes it on.
    pub from: AgentId,
    /// To this colleague, or
    pub agent: Option<AgentId>,
    /// to this queue.
    pub queue: Option<QueueId>,
}

/// Somebody took a session that was passed on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TransferCompleted")]
pub struct Completed {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Who passed it on.
    pub from: AgentId,
    /// Who has it now.
    pub agent: AgentId,
    /// The queue that it was passed on to, if it was one.
    pub queue: Option<QueueId>,
    /// The new share of the session.
    pub assignment: AssignmentId,
}

/// Nobody took a session that was to be passed on: it stays with its agent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TransferFailed")]
pub struct Failed {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Who wanted to pass it on.
    pub from: AgentId,
    /// The colleague who was asked, if it was one.
    pub agent: Option<AgentId>,
    /// The queue that it waited in, if it was one.
    pub queue: Option<QueueId>,
    /// Why, in a word.
    pub why: String,
}
