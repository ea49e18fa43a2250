//! The shapes of what clients see in pushes and replies. Data only; `core/view.rs` makes them from rows.

use std::sync::Arc;

use serde::Serialize;

use crate::model::call::Media;
use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, AssignmentId, ContactId, ConversationId, MessageId, QueueId, SessionId};
use crate::model::time::Millis;
use crate::model::window::Window;

/// How far somebody is, or what became of one message on a channel.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// Where.
    pub conv: ConversationId,
    /// Who is that far: `contact`, `channel` or an agent's id.
    pub who: String,
    /// Everything up to here has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<i64>,
    /// Everything up to here has been seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
    /// The one message this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Its state: `sending`, `delivered`, `failed`, `uncertain`, `held`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Why it failed or is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The channel's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A customer, as agents see them.
#[derive(Debug, Clone, Serialize)]
pub struct ContactView {
    /// The customer.
    pub id: ContactId,
    /// A name to show.
    pub name: String,
    /// Kind of channel.
    pub channel: &'static str,
    /// Channel account.
    pub account: String,
}

/// Who answers a session.
#[derive(Debug, Clone, Serialize)]
pub struct ControlView {
    /// `none`, `queue`, `leave_message`, `robot`, `flow`, `agent`.
    pub holder: &'static str,
    /// The agent, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

/// A place in a queue.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceView {
    /// The queue.
    pub queue: QueueId,
    /// Place from 1.
    pub pos: i64,
    /// Waiting since.
    pub since: Millis,
}

/// An agent's share of a session.
#[derive(Debug, Clone, Serialize)]
pub struct AssignmentView {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's name.
    pub agent_name: String,
    /// `offered`, `active`, `wrapup`, `done`.
    pub state: String,
    /// Since when.
    pub since: Millis,
    /// Until when, for an offer or a wrap-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// How a session ended.
#[derive(Debug, Clone, Serialize)]
pub struct EndView {
    /// `contact`, `agent`, `system`, `timer`, `supervisor`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Millis,
}

/// A session, as clients see it.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// Version: an older one is ignored.
    pub v: i64,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// `new`, `bot`, `queued`, `active`, `ended`.
    pub state: &'static str,
    /// Who answers.
    pub control: ControlView,
    /// Raised with every change of the holder.
    pub control_epoch: i64,
    /// The place in the queue, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<PlaceView>,
    /// The agent's share, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentView>,
    /// Labels.
    pub tags: Vec<String>,
    /// When it started.
    pub started_at: Millis,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndView>,
}

/// A conversation in a client's list.
#[derive(Debug, Clone, Serialize)]
pub struct ConversationView {
    /// The conversation.
    pub conv: ConversationId,
    /// The incarnation of its log.
    pub epoch: String,
    /// The newest message.
    pub last_seq: i64,
    /// This device has everything up to here.
    pub delivered: i64,
    /// This person has seen everything up to here.
    pub read: i64,
    /// The customer.
    pub contact: ContactView,
    /// The session, open or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
    /// What the channel lets us send, if it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The newest message that the client may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Arc<Envelope>>,
}

/// An offer.
#[derive(Debug, Clone, Serialize)]
pub struct OfferView {
    /// The assignment that it would be.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue it waits in, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    /// The customer.
    pub contact: ContactView,
    /// What they said last.
    pub summary: String,
    /// How long they have been waiting, milliseconds.
    pub waited_ms: u64,
    /// The offer ends then.
    pub expires_at: Millis,
    /// To be shown when accepting.
    pub token: String,
    /// What the customer waits for, if it is a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// Who transfers it, if it is a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_from: Option<AgentId>,
}

/// An agent's state, as colleagues and the agent see it.
#[derive(Debug, Clone, Serialize)]
pub struct AgentView {
    /// The agent.
    pub agent: AgentId,
    /// The name.
    pub name: String,
    /// `ready`, `busy`, `break`, `offline`.
    pub status: String,
    /// Why, if a reason was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Chats at the moment.
    pub load: i32,
    /// Chats at most.
    pub capacity: i32,
    /// One word for a badge: `offline`, `grace`, `break`, `busy`, `serving`, `ready`.
    pub display: &'static str,
}

/// A queue's length.
#[derive(Debug, Clone, Serialize)]
pub struct QueueView {
    /// The queue.
    pub queue: QueueId,
    /// Its name.
    pub name: String,
    /// Sessions that wait.
    pub waiting: i64,
    /// The longest wait, milliseconds.
    pub longest_ms: u64,
}

/// What the channel still lets us send.
#[derive(Debug, Clone, Serialize)]
pub struct WindowView {
    /// Where.
    pub conv: ConversationId,
    /// How much and until when.
    #[serde(flatten)]
    pub window: Window,
}
