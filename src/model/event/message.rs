//! The details of events of messages besides the message itself, which is told as it stands in the log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::{ConversationId, MessageId, SessionId};

/// Who received a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// The channel's platform took it.
    Channel,
    /// The customer's own device.
    Contact,
}

/// Messages to the customer arrived: exactly `message` if it is named, else everything up to `seq`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MessageDelivered")]
pub struct Delivered {
    /// The conversation.
    pub conv: ConversationId,
    /// Where they arrived.
    pub receiver: Receiver,
    /// The place in the log.
    pub seq: i64,
    /// The one message that this is about.
    pub message: Option<MessageId>,
}

/// The customer has seen everything up to `seq`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MessageRead")]
pub struct Read {
    /// The conversation.
    pub conv: ConversationId,
    /// The place in the log.
    pub seq: i64,
}

/// How a delivery ended that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It certainly did not arrive.
    Failed,
    /// Nobody knows whether it arrived. It is not repeated.
    Uncertain,
}

/// A message did not reach the customer, or nobody knows whether it did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MessageFailed")]
pub struct Failed {
    /// The conversation.
    pub conv: ConversationId,
    /// The message.
    pub message: Option<MessageId>,
    /// Its place in the log.
    pub seq: i64,
    /// What is known.
    pub state: Failure,
    /// Why, as the error codes of clients say it.
    pub code: Option<String>,
    /// The platform's own words.
    pub detail: Option<String>,
}

/// A message waits until the channel allows it again: until the customer does something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MessageHeld")]
pub struct Held {
    /// The conversation.
    pub conv: ConversationId,
    /// The message.
    pub message: Option<MessageId>,
    /// Its place in the log.
    pub seq: i64,
    /// Why, as the error codes of clients say it.
    pub code: Option<String>,
}

/// A message was withdrawn by its author.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MessageRecalled")]
pub struct Recalled {
    /// The conversation.
    pub conv: ConversationId,
    /// The session, if one was open.
    pub session: Option<SessionId>,
    /// The withdrawn message.
    pub message: MessageId,
    /// The place in the log of the message that withdraws it.
    pub seq: i64,
}
