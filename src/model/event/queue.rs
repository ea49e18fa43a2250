//! The details of events of queues.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::{ConversationId, QueueId, SessionId};

/// A session waited too long in one queue and goes on in the next.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "QueueOverflowed")]
pub struct Overflowed {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue it has left.
    pub from: QueueId,
    /// The queue it waits in now.
    pub to: QueueId,
}

/// How a queue stands. Told every few seconds while anything in it changes; a lost one is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "QueueStats")]
pub struct Stats {
    /// The queue.
    pub queue: QueueId,
    /// Sessions that wait.
    pub waiting: i64,
    /// The longest wait, milliseconds.
    pub longest_ms: u64,
    /// Agents who take new sessions now.
    pub ready: i64,
    /// Chats that its agents have at the moment.
    pub serving: i64,
    /// Chats that its signed-in agents take at most.
    pub capacity: i64,
}
