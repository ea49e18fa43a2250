//! What has to be told after a commit, collected during it. Knows the frames' shapes, not the sockets.

mod collected;
mod view;

use std::sync::Arc;

use serde::Serialize;

pub use super::call::push::Told;
pub use super::robot::{Suggestion, Suggestions};
pub use collected::Effects;
pub use view::{
    AgentView, AssignmentView, ContactView, ControlView, ConversationView, EndView, OfferView, PlaceView, QueueView,
    Receipt, SessionView, WindowView,
};

use crate::model::envelope::Envelope;
use crate::model::id::{AccountId, AgentId, AssignmentId, ContactId, ConversationId, MediaId};
use crate::model::inbound::Answer;

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
    /// What a robot is about to say, as far as it has come. The message itself says it as a whole.
    #[serde(rename = "robot.delta")]
    Growing {
        /// Where.
        conv: ConversationId,
        /// The customer's message that it answers.
        turn: i64,
        /// The text so far.
        text: String,
    },
    /// Answers that an agent may use.
    #[serde(rename = "suggest")]
    Suggest(Suggestions),
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
    /// An agent who serves may be shown answers to what a customer said.
    Suggest(AgentId, Arc<Envelope>),
    /// A robot's turn waits.
    Turn,
    /// A form waits for another system.
    Asked,
    /// A delivery has its answer.
    Answered(Slot, Answer),
    /// A push about a call.
    Call(Box<Told>),
}

/// A delivery that may be answered after it was committed: its account and key.
pub type Slot = (AccountId, String);
