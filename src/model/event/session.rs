//! The details of events of sessions: opened, waiting, answered, over.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::envelope::ChannelKind;
use crate::model::id::{AccountId, AgentId, AssignmentId, ContactId, ConversationId, QueueId, SessionId};
use crate::model::session::EndedBy;
use crate::model::time::Millis;

/// A service episode began.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionCreated")]
pub struct Created {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// Kind of channel.
    pub channel: ChannelKind,
    /// Channel account.
    pub account: AccountId,
    /// The session that this one continues: the customer came back soon.
    pub reopened_from: Option<SessionId>,
}

/// The session waits in a queue, for the first time or again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionQueued")]
pub struct Queued {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue.
    pub queue: QueueId,
    /// Its place, from 1.
    pub position: i64,
    /// A higher one is served first.
    pub priority: i32,
    /// Since when it has waited in all.
    pub since: Millis,
}

/// Why a session does not wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// An agent took it.
    Connected,
    /// The customer, or whoever may, no longer wanted to wait, or the session ended for another reason.
    Ended,
    /// Nobody took it in time: the customer may leave a message.
    Timeout,
    /// It went on to the next queue.
    Overflow,
    /// It was moved to another queue by an order.
    Moved,
}

/// The session left its queue.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionQueueLeft")]
pub struct QueueLeft {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue.
    pub queue: Option<QueueId>,
    /// Why.
    pub why: Left,
    /// How long it has waited in all, milliseconds.
    pub waited_ms: Option<u64>,
}

/// Why nobody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Outside business hours.
    Closed,
    /// Nobody is signed in.
    NoAgent,
    /// The queue is at its maximum length.
    QueueFull,
    /// Nobody could take it in time.
    Timeout,
}

/// The customer asked for a person, and nobody can come: a message may be left.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionHandoffRefused")]
pub struct HandoffRefused {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue that was asked for, if one was chosen already.
    pub queue: Option<QueueId>,
    /// Why.
    pub why: Refusal,
}

/// An agent answers now, after the session has waited.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionConnected")]
pub struct Connected {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's name.
    pub agent_name: String,
    /// The agent's share of the session.
    pub assignment: AssignmentId,
    /// How long it has waited in all, milliseconds.
    pub waited_ms: Option<u64>,
}

/// Another agent answers now: the session was passed on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionAgentChanged")]
pub struct AgentChanged {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent who answers now.
    pub agent: AgentId,
    /// The agent's name.
    pub agent_name: String,
    /// The agent's share of the session.
    pub assignment: AssignmentId,
    /// The agent who passed it on.
    pub from: AgentId,
}

/// The session is over, for good.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionEnded")]
pub struct Ended {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Who ended it.
    pub by: EndedBy,
    /// Why, in a word.
    pub reason: String,
    /// From its beginning, milliseconds.
    pub total_ms: u64,
    /// From when it first waited, milliseconds.
    pub since_queued_ms: Option<u64>,
    /// From when an agent first answered, milliseconds.
    pub since_connected_ms: Option<u64>,
    /// From when an agent first answered to the agent's first words, milliseconds.
    pub first_reply_ms: Option<u64>,
    /// Whether a robot settled it: it answered, and nobody asked for a person.
    pub contained: bool,
}

/// The customer said what they thought of the session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionRated")]
pub struct Rated {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// From 1 to 5, the best.
    pub score: i32,
    /// Whether the session was over already.
    pub late: bool,
}
