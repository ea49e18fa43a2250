//! The details of events of assignments: an agent's share of a session, from the offer to the end of the paperwork.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::{AgentId, AssignmentId, ConversationId, QueueId, SessionId};
use crate::model::time::Millis;

/// A session is offered to an agent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentOffered")]
pub struct Offered {
    /// The assignment that it would be.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// The queue that it waits in, if any.
    pub queue: Option<QueueId>,
    /// The offer ends then.
    pub deadline: Millis,
    /// Who passes it on, if it is a transfer.
    pub transfer_from: Option<AgentId>,
}

/// The agent took the offer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentAccepted")]
pub struct Accepted {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// How long the offer stood, milliseconds.
    pub offer_ms: u64,
}

/// An offer that was not taken.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OfferOver {
    /// The assignment that it would have been.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// Why, in a word, or in the agent's words.
    pub reason: String,
}

/// The agent declined the offer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentRejected")]
pub struct Rejected(pub OfferOver);

/// The agent did not answer the offer in time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentExpired")]
pub struct Expired(pub OfferOver);

/// The offer was taken back before the agent answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentRevoked")]
pub struct Revoked(pub OfferOver);

/// The session was taken from its agent, who is gone, or by an order; it waits again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentLost")]
pub struct Lost {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// The queue that it waits in now.
    pub queue: QueueId,
    /// Why, in a word.
    pub reason: String,
}

/// The conversation is over for this agent, or passed on: the paperwork begins.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentWrapupStarted")]
pub struct WrapupStarted {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// Why, in a word.
    pub reason: String,
    /// The paperwork ends then at the latest.
    pub until: Millis,
}

/// The paperwork is done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AssignmentCompleted")]
pub struct Completed {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// Why the agent's share ended.
    pub reason: Option<String>,
    /// How it ended, in the tenant's own words.
    pub disposition: Option<String>,
}
