//! The message itself, as it is stored, routed and shown. Knows no channel and no socket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::id::{AccountId, AgentId, ClientId, ConversationId, MessageId, SessionId, TenantId};
use super::time::Millis;

/// Which kind of party wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The customer.
    Contact,
    /// A person of the enterprise.
    Agent,
    /// A machine that answers.
    Robot,
    /// The gateway itself: prompts, notices.
    System,
    /// An agent with oversight.
    Supervisor,
    /// A multi-step form.
    Flow,
}

impl Role {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Agent => "agent",
            Self::Robot => "robot",
            Self::System => "system",
            Self::Supervisor => "supervisor",
            Self::Flow => "flow",
        }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// Kind of party.
    pub role: Role,
    /// The party: a contact id, an agent id, or a component's name.
    pub id: String,
    /// A name to show, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who may see a message. Enforced at fan-out and on every read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum Visibility {
    /// Everybody in the conversation.
    All,
    /// Agents only.
    Agents,
    /// One agent only.
    Private(AgentId),
}

impl From<Visibility> for String {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::All => "all".into(),
            Visibility::Agents => "agents".into(),
            Visibility::Private(agent) => format!("private:{agent}"),
        }
    }
}

impl TryFrom<String> for Visibility {
    type Error = super::id::IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "all" => Ok(Self::All),
            "agents" => Ok(Self::Agents),
            other => AgentId::parse(other.strip_prefix("private:").unwrap_or_default()).map(Self::Private),
        }
    }
}

/// The kind of channel that a conversation runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A WeChat official account.
    Wechat,
    /// The web widget.
    Web,
    /// XMPP.
    Xmpp,
}

impl ChannelKind {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Web => "web",
            Self::Xmpp => "xmpp",
        }
    }

    /// The kind with this written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wechat, Self::Web, Self::Xmpp].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a message came from or goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelRef {
    /// Kind of channel.
    pub kind: ChannelKind,
    /// The tenant's account on it.
    pub account: AccountId,
    /// The channel's own message id, as text: 64-bit numbers do not survive JavaScript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext_id: Option<String>,
    /// The channel's own type name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_type: Option<String>,
}

/// A stored message. `seq` is contiguous from 1 in its conversation and is the only order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Version of this format.
    pub v: u8,
    /// Identity; never used for order.
    pub id: MessageId,
    /// The enterprise.
    pub tenant: TenantId,
    /// The log it belongs to.
    pub conv: ConversationId,
    /// The service episode it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Place in the log, from 1.
    pub seq: i64,
    /// The sender's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<ClientId>,
    /// When it was accepted.
    pub ts: Millis,
    /// Who wrote it.
    pub from: Sender,
    /// Who may see it.
    pub visibility: Visibility,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// The content as plain text.
    pub fallback: String,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The message it replaces: an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
    /// The channel side.
    pub channel: ChannelRef,
    /// The session's control epoch when the sender produced it.
    pub control_epoch: i64,
}

impl Envelope {
    /// Whether the customer may see it.
    #[must_use]
    pub fn for_contact(&self) -> bool {
        self.visibility == Visibility::All
    }

    /// Whether `agent` may see it.
    #[must_use]
    pub fn for_agent(&self, agent: &AgentId) -> bool {
        match &self.visibility {
            Visibility::All | Visibility::Agents => true,
            Visibility::Private(only) => only == agent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_reads_what_it_writes() {
        for text in ["all", "agents", "private:li"] {
            assert_eq!(String::from(Visibility::try_from(text.to_owned()).unwrap()), text);
        }
        assert!(Visibility::try_from("everyone".to_owned()).is_err());
    }
}
