//! What is said between nodes, and to whom. Knows no transport.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ConnectionId, ContactId, ConversationId, DeviceId, TenantId};

/// Whom a hint is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// One agent, on every device.
    Agent(TenantId, AgentId),
    /// Every agent of a tenant.
    Agents(TenantId),
    /// One customer, on every device.
    Contact(TenantId, ContactId),
}

impl Recipient {
    /// The enterprise that it belongs to.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Agent(tenant, _) | Self::Agents(tenant) | Self::Contact(tenant, _) => tenant,
        }
    }
}

/// What a hint says. Small, because every connection has room for many.
#[derive(Debug, Clone)]
pub enum Hint {
    /// A message was accepted. The receiver compares `seq` with what it has and reads the log if it does not follow.
    Message(Arc<Envelope>),
    /// A ready frame that is worth nothing later: typing, presence, an offer, a session snapshot.
    Frame(Arc<Frame>),
    /// A ready frame that a sweep made: worth nothing to whoever was told the same by a hint.
    Swept(Arc<Frame>),
    /// A log is that long. The receiver reads what it does not have.
    Head(Arc<Head>),
    /// The connection was replaced by a newer one of the same device: close with 4003.
    Replaced(ConnectionId),
    /// A sign-in of the agent ended, or a lease: every connection checks whether its own still holds.
    SignedOut,
}

impl Hint {
    /// Whether both are the same hint, told to several recipients.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(one), Self::Message(two)) => Arc::ptr_eq(one, two),
            (Self::Frame(one), Self::Frame(two)) | (Self::Swept(one), Self::Swept(two)) => Arc::ptr_eq(one, two),
            (Self::Head(one), Self::Head(two)) => Arc::ptr_eq(one, two),
            (Self::Replaced(one), Self::Replaced(two)) => one == two,
            (Self::SignedOut, Self::SignedOut) => true,
            _ => false,
        }
    }
}

/// A ready frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The JSON.
    pub text: Box<str>,
    /// Which state it tells. A frame without one is always pushed.
    pub mark: Option<Mark>,
    /// The conversation that it shows, and how long its log is.
    pub place: Option<(ConversationId, i64)>,
    /// Which of the recipient's devices it is for.
    pub audience: Audience,
}

/// Which devices of a recipient are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Audience {
    /// All.
    #[default]
    All,
    /// One.
    Only(DeviceId),
    /// All but one.
    But(DeviceId),
}

impl Audience {
    /// Whether a device is meant.
    #[must_use]
    pub fn includes(&self, device: &DeviceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(meant) => meant == device,
            Self::But(other) => other != device,
        }
    }
}

impl Frame {
    /// A frame that tells no state.
    #[must_use]
    pub fn plain(text: impl Into<Box<str>>) -> Arc<Self> {
        Arc::new(Self { text: text.into(), mark: None, place: None, audience: Audience::All })
    }
}

/// Which state a frame tells, in a form that can be compared: a connection that was told this value of this thing
/// last need not be told again. Two nodes of one version make the same mark of the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Of what: an agent's presence, a session, an offer.
    pub thing: u64,
    /// Which state it is in.
    pub value: u64,
}

impl Mark {
    /// The mark of a thing in a state.
    #[must_use]
    pub fn of(thing: impl Hash, value: impl Hash) -> Self {
        Self { thing: digest(thing), value: digest(value) }
    }
}

/// The same number for the same value in every process of one version.
#[must_use]
pub fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How long a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub conv: ConversationId,
    /// Its newest message.
    pub seq: i64,
    /// How long it was when the recipient was first told of the conversation: who does not know the conversation has
    /// everything up to here.
    pub base: i64,
}
