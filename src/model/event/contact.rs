//! The details of events of customers: following, leaving, known by another name, leaving a message for later.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::envelope::ChannelKind;
use crate::model::id::{AccountId, ContactId, ConversationId, MessageId, SessionId};

/// A customer on a channel account.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Follower {
    /// The customer.
    pub contact: ContactId,
    /// The conversation with them on this account.
    pub conv: ConversationId,
    /// Kind of channel.
    pub channel: ChannelKind,
    /// Channel account.
    pub account: AccountId,
}

/// The customer followed the account.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContactSubscribed")]
pub struct Subscribed(pub Follower);

/// The customer left the account: nothing can be sent any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContactUnsubscribed")]
pub struct Unsubscribed(pub Follower);

/// The customer of an open session can no longer be reached.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContactGone")]
pub struct Gone {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// Why, in a word.
    pub why: String,
}

/// An order made a customer known, or changed what is known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContactUpdated")]
pub struct Updated {
    /// The customer.
    pub contact: ContactId,
    /// Whether the customer was not known before.
    pub created: bool,
}

/// A customer left a message for later. Its text is the message of that id.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TicketCreated")]
pub struct Ticket {
    /// The session in which it was left.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The message.
    pub message: MessageId,
    /// Its place in the log.
    pub seq: i64,
    /// Where to call back, if the customer said so.
    pub phone: Option<String>,
    /// The number that the customer was told, if a form took it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no: Option<String>,
    /// What the form asked for, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<serde_json::Value>,
    /// The form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}
