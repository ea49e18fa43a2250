//! What other modules can order, as parsed from a command's `cmd` and `args`. Knows the shape, not the rules.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::request::Target;
use crate::model::call::Media;
use crate::model::content::Content;
use crate::model::id::{AccountId, AgentId, CallId, ContactId, ConversationId, QueueId, RemoteId, SessionId};
use crate::model::presence::Status;

/// An order. Unknown fields are ignored: newer modules may send more.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "cmd", content = "args")]
pub enum Order {
    /// Add a message to a conversation, and send it to the customer if the customer may see it.
    #[serde(rename = "conversation.send")]
    Send(Box<Send>),
    /// Open a session, and let it wait in a queue if one is named.
    #[serde(rename = "conversation.open")]
    Open {
        /// Which conversation.
        to: Whom,
        /// Where it is to wait.
        queue: Option<QueueId>,
    },
    /// Offer a waiting session to an agent, or pass an answered one on to the agent.
    #[serde(rename = "session.assign")]
    Assign {
        /// The session.
        session: SessionId,
        /// The agent.
        agent: AgentId,
    },
    /// Take a session from its agent and let it wait at the head of a queue, or let a waiting one wait elsewhere.
    #[serde(rename = "session.requeue")]
    Requeue {
        /// The session.
        session: SessionId,
        /// The queue; that of before if none is named.
        queue: Option<QueueId>,
    },
    /// Pass an answered session on to a colleague or a queue. Until somebody takes it, its agent keeps it.
    #[serde(rename = "session.transfer")]
    Transfer {
        /// The session.
        session: SessionId,
        /// To whom.
        to: Target,
        /// A note for whoever takes it.
        note: Option<String>,
    },
    /// End a session.
    #[serde(rename = "session.end")]
    End {
        /// The session.
        session: SessionId,
        /// Why, in a word.
        reason: Option<String>,
    },
    /// Let the console of a session's agent call the customer. While the customer calls, that call is accepted.
    #[serde(rename = "call.start")]
    StartCall {
        /// The session.
        session: SessionId,
        /// What the call shall carry.
        media: Media,
    },
    /// End a call: by another module or a supervisor with the reason `admin`; by its agent as if hanging up.
    #[serde(rename = "call.end")]
    EndCall {
        /// The call.
        call: CallId,
    },
    /// Ask the customer of a call whether it may be recorded, or record no more.
    #[serde(rename = "call.record")]
    RecordCall {
        /// The call.
        call: CallId,
        /// Whether it is to be recorded.
        on: bool,
    },
    /// Choose an agent's status.
    #[serde(rename = "agent.set_status")]
    SetStatus {
        /// The agent.
        agent: AgentId,
        /// The status.
        status: Status,
        /// Why.
        reason: Option<String>,
    },
    /// Choose how many chats an agent takes at a time.
    #[serde(rename = "agent.set_capacity")]
    SetCapacity {
        /// The agent.
        agent: AgentId,
        /// Chats at most, 0 to 200.
        capacity: i32,
    },
    /// Make a customer of a channel account known, or name one.
    #[serde(rename = "contact.upsert")]
    Upsert {
        /// Who.
        who: Person,
        /// The name that agents see.
        name: Option<String>,
    },
    /// Read the declarations of tenants again. For one node or all: routing key `all` or the node's id.
    #[serde(rename = "config.reload")]
    Reload {},
    /// End the process in order, as on SIGTERM. For one node or all: routing key `all` or the node's id.
    #[serde(rename = "node.drain")]
    Drain {},
}

/// A message to add.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Send {
    /// Which conversation.
    pub to: Whom,
    /// What.
    #[serde(flatten)]
    pub content: Content,
    /// What to do when the channel does not let us write to the customer now.
    #[serde(default)]
    pub if_window: IfClosed,
}

/// What to do when the channel does not let us write to the customer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfClosed {
    /// Keep the message until the customer does something.
    #[default]
    Send,
    /// Refuse it.
    Fail,
}

/// A conversation, by whatever the sender knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Whom {
    /// By its id.
    Conversation {
        /// The conversation.
        conv: ConversationId,
    },
    /// A customer of ours on a channel account.
    Contact {
        /// The customer.
        contact: ContactId,
        /// Channel account.
        account: AccountId,
    },
    /// A customer as the channel knows them; made known if they are new.
    External {
        /// The customer's id on the channel: openid, visitor key.
        external_id: RemoteId,
        /// Channel account.
        account: AccountId,
    },
}

/// A customer, by whatever the sender knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Person {
    /// By our id.
    Contact {
        /// The customer.
        contact: ContactId,
    },
    /// As the channel knows them; made known if they are new.
    External {
        /// The customer's id on the channel: openid, visitor key.
        external_id: RemoteId,
        /// Channel account.
        account: AccountId,
    },
}

/// Who orders it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Another module, by a name of its own. It may do what a supervisor may.
    Module(
        /// 1 to 64 letters, digits, `_` or `-`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,64}$"))]
        String,
    ),
    /// An agent, who may do what the agent may do in the console.
    Agent(AgentId),
    /// A program with a key of the admin API. Not over the bus.
    #[serde(skip)]
    Key(String),
    /// This program itself, in a word: its command line, its demo, its folders. Not over the bus.
    #[serde(skip)]
    Program(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(name) => write!(f, "module:{name}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Program(part) => f.write_str(part),
        }
    }
}

/// The names of all orders.
pub(super) const NAMES: [&str; 14] = [
    "conversation.send",
    "conversation.open",
    "session.assign",
    "session.requeue",
    "session.transfer",
    "session.end",
    "call.start",
    "call.end",
    "call.record",
    "agent.set_status",
    "agent.set_capacity",
    "contact.upsert",
    "config.reload",
    "node.drain",
];

impl Order {
    /// Whether it is for a process, not for a tenant.
    #[must_use]
    pub fn is_for_node(&self) -> bool {
        matches!(self, Self::Reload {} | Self::Drain {})
    }

    /// What it steers, if it is something that others work with: such orders are put on record.
    #[must_use]
    pub fn steers(&self) -> Option<String> {
        match self {
            Self::Assign { session, .. }
            | Self::Requeue { session, .. }
            | Self::Transfer { session, .. }
            | Self::End { session, .. }
            | Self::StartCall { session, .. } => Some(session.to_string()),
            Self::EndCall { call } | Self::RecordCall { call, .. } => Some(call.to_string()),
            Self::SetStatus { agent, .. } | Self::SetCapacity { agent, .. } => Some(agent.to_string()),
            Self::Send(_) | Self::Open { .. } | Self::Upsert { .. } | Self::Reload {} | Self::Drain {} => None,
        }
    }

    /// Its name, as in a command's `cmd`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "conversation.send",
            Self::Open { .. } => "conversation.open",
            Self::Assign { .. } => "session.assign",
            Self::Requeue { .. } => "session.requeue",
            Self::Transfer { .. } => "session.transfer",
            Self::End { .. } => "session.end",
            Self::StartCall { .. } => "call.start",
            Self::EndCall { .. } => "call.end",
            Self::RecordCall { .. } => "call.record",
            Self::SetStatus { .. } => "agent.set_status",
            Self::SetCapacity { .. } => "agent.set_capacity",
            Self::Upsert { .. } => "contact.upsert",
            Self::Reload {} => "config.reload",
            Self::Drain {} => "node.drain",
        }
    }
}
