//! What the core tells its sockets, as far as somebody on XMPP needs it. Reads frames; knows no stanza.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::id::{AgentId, AssignmentId, ConversationId, QueueId, SessionId};
use crate::model::time::Millis;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Contact {
    pub(super) name: String,
    pub(super) channel: String,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Control {
    pub(super) agent: Option<AgentId>,
}

/// An agent's share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Share {
    pub(super) assignment: AssignmentId,
    pub(super) agent: AgentId,
    pub(super) since: Millis,
}

/// A place in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Place {
    pub(super) queue: QueueId,
    pub(super) pos: i64,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct End {
    pub(super) reason: String,
}

/// A session's snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Session {
    pub(super) v: i64,
    pub(super) session: SessionId,
    pub(super) conv: ConversationId,
    pub(super) state: String,
    pub(super) control: Control,
    pub(super) queue: Option<Place>,
    pub(super) assignment: Option<Share>,
    pub(super) ended: Option<End>,
}

/// A conversation in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Conversation {
    pub(super) conv: ConversationId,
    pub(super) last_seq: i64,
    pub(super) delivered: i64,
    pub(super) contact: Contact,
    pub(super) session: Option<Session>,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Offer {
    pub(super) assignment: AssignmentId,
    pub(super) session: SessionId,
    pub(super) conv: ConversationId,
    pub(super) queue: Option<QueueId>,
    pub(super) contact: Contact,
    pub(super) summary: String,
    pub(super) expires_at: Millis,
    pub(super) token: String,
}

/// An agent's state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Agent {
    pub(super) agent: AgentId,
    pub(super) status: String,
    pub(super) reason: Option<String>,
}

/// A queue's length.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Queue {
    pub(super) queue: QueueId,
    pub(super) name: String,
    pub(super) waiting: i64,
    pub(super) longest_ms: u64,
}

/// How far the customer is, or what became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Receipt {
    pub(super) conv: ConversationId,
    pub(super) who: String,
    pub(super) delivered: Option<i64>,
    pub(super) read: Option<i64>,
    pub(super) seq: Option<i64>,
    pub(super) state: Option<String>,
    pub(super) code: Option<String>,
}

/// What an agent finds on arrival.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Welcome {
    pub(super) convs: Vec<Conversation>,
    pub(super) agent: Option<Agent>,
    pub(super) offers: Vec<Offer>,
    pub(super) queues: Vec<Queue>,
}

/// A push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Conversation(Box<Conversation>),
    Gone(ConversationId),
    Session(Box<Session>),
    Offer(Box<Offer>),
    Revoked {
        assignment: AssignmentId,
        reason: String,
    },
    Agent(Agent),
    Queue(Queue),
    Receipt(Receipt),
    Typing {
        conv: ConversationId,
        who: String,
        on: bool,
    },
    /// Nothing that concerns XMPP.
    Other,
}

#[derive(Deserialize)]
struct Frame<'a> {
    op: &'a str,
    #[serde(borrow)]
    d: &'a RawValue,
}

#[derive(Deserialize)]
struct Revoked {
    assignment: AssignmentId,
    reason: String,
}

#[derive(Deserialize)]
struct Gone {
    conv: ConversationId,
}

#[derive(Deserialize)]
struct Typing {
    conv: ConversationId,
    who: String,
    on: bool,
}

impl Told {
    /// Reads a push. Frames of other operations are not looked into.
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        let Frame { op, d } = serde_json::from_str(text)?;
        let d = d.get();
        Ok(match op {
            "conv" => Self::Conversation(serde_json::from_str(d)?),
            "conv.gone" => Self::Gone(serde_json::from_str::<Gone>(d)?.conv),
            "session" => Self::Session(serde_json::from_str(d)?),
            "offer" => Self::Offer(serde_json::from_str(d)?),
            "offer.revoke" => {
                let Revoked { assignment, reason } = serde_json::from_str(d)?;
                Self::Revoked { assignment, reason }
            }
            "presence" => Self::Agent(serde_json::from_str(d)?),
            "queue" => Self::Queue(serde_json::from_str(d)?),
            "receipt" => Self::Receipt(serde_json::from_str(d)?),
            "typing" => {
                let Typing { conv, who, on } = serde_json::from_str(d)?;
                Self::Typing { conv, who, on }
            }
            _ => Self::Other,
        })
    }
}
