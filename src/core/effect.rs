//! What has to be told after a commit, collected during it. Knows the frames' shapes, not the sockets.

use std::sync::Arc;

use serde::Serialize;

use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, AssignmentId, ContactId, ConversationId, MediaId, MessageId, QueueId, SessionId};
use crate::model::time::Millis;
use crate::model::window::Window;

/// A push to sockets that is not a message; in JSON `{"op": …, "d": {…}}`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "op", content = "d")]
pub enum Push {
    /// How far somebody is in a conversation.
    #[serde(rename = "receipt")]
    Receipt(Receipt),
    /// A session's whole snapshot; older versions are ignored.
    #[serde(rename = "session")]
    Session(Box<SessionView>),
    /// A conversation that entered the agent's list, or changed in it.
    #[serde(rename = "conv")]
    Conversation(Box<ConversationView>),
    /// A conversation that left the agent's list.
    #[serde(rename = "conv.gone")]
    ConversationGone {
        /// Which.
        conv: ConversationId,
    },
    /// A session is offered.
    #[serde(rename = "offer")]
    Offer(Box<OfferView>),
    /// The offer no longer stands.
    #[serde(rename = "offer.revoke")]
    OfferRevoke {
        /// Which.
        assignment: AssignmentId,
        /// Why: `taken_elsewhere`, `expired`, `cancelled`, `not_ready`.
        reason: &'static str,
    },
    /// An agent's state.
    #[serde(rename = "presence")]
    Presence(AgentView),
    /// A queue's length.
    #[serde(rename = "queue")]
    Queue(QueueView),
    /// Somebody types.
    #[serde(rename = "typing")]
    Typing {
        /// Where.
        conv: ConversationId,
        /// Who: `contact` or an agent's id.
        who: String,
        /// Whether.
        on: bool,
    },
    /// What the channel still lets us send.
    #[serde(rename = "window")]
    Window(WindowView),
    /// A blob has arrived, or will not.
    #[serde(rename = "media")]
    Media {
        /// Where it is shown.
        conv: ConversationId,
        /// The blob.
        id: MediaId,
        /// Its type.
        mime: String,
        /// Bytes.
        size: Option<u64>,
        /// A signed address.
        url: Option<String>,
        /// `ready` or `failed`.
        state: &'static str,
    },
}

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

/// One thing to tell after the commit.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A message was accepted: tell the customer's sockets (if they may see it) and these agents.
    Message {
        /// The message.
        envelope: Arc<Envelope>,
        /// The customer, if the channel is a socket.
        contact: Option<ContactId>,
        /// The agents who follow the conversation.
        agents: Vec<AgentId>,
    },
    /// A push to one agent.
    Agent(AgentId, Push),
    /// A push to every agent of the tenant.
    Agents(Push),
    /// A push to one customer.
    Contact(ContactId, Push),
    /// A queue or an agent changed: look for a match.
    Route,
    /// A message waits for a channel's sender.
    Deliver(ConversationId),
    /// A timer was set.
    Timer,
}

/// What one transaction has to tell, and the passive slot of the delivery that it handles.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    list: Vec<Effect>,
    passive: Option<Passive>,
}

/// The free answer to a channel's delivery: texts that are ready in time ride in it.
#[derive(Debug, Clone)]
struct Passive {
    conv: ConversationId,
    room: usize,
    text: String,
}

impl Effects {
    /// Adds one.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Opens the passive slot for texts of one conversation, with room for so many bytes.
    pub(crate) fn open_passive(&mut self, conv: ConversationId, room: usize) {
        self.passive = Some(Passive { conv, room, text: String::new() });
    }

    /// Puts a text into the passive slot; `false` when there is none or it does not fit.
    pub(crate) fn ride(&mut self, conv: ConversationId, text: &str) -> bool {
        let Some(slot) = self.passive.as_mut().filter(|slot| slot.conv == conv) else { return false };
        let gap = if slot.text.is_empty() { "" } else { "\n" };
        if slot.text.len() + gap.len() + text.len() > slot.room {
            return false;
        }
        slot.text.push_str(gap);
        slot.text.push_str(text);
        true
    }

    /// The text that rides in the passive slot, if any does.
    pub(crate) fn take_passive(&mut self) -> Option<String> {
        self.passive.take().map(|slot| slot.text).filter(|text| !text.is_empty())
    }

    /// What to tell, in order.
    #[must_use]
    pub fn into_list(self) -> Vec<Effect> {
        self.list
    }

    /// What to tell so far.
    #[must_use]
    pub fn list(&self) -> &[Effect] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_share_the_passive_slot_until_it_is_full() {
        let (mine, other) = (ConversationId::generate(Millis(1)), ConversationId::generate(Millis(2)));
        let mut effects = Effects::default();
        assert!(!effects.ride(mine, "early"));
        effects.open_passive(mine, 10);
        assert!(effects.ride(mine, "您好"));
        assert!(!effects.ride(other, "x"));
        assert!(effects.ride(mine, "ab"));
        assert!(!effects.ride(mine, "c"));
        assert_eq!(effects.take_passive().as_deref(), Some("您好\nab"));
        assert_eq!(effects.take_passive(), None);
    }
}
