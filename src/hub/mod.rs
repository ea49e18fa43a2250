//! Hints between nodes. A hint may be lost, doubled or reordered; the log in the store decides.
//!
//! A connection attaches a bounded outlet under each recipient it stands for. Publishing never waits: an outlet that
//! is full is marked as overrun, and its connection closes itself and resumes from the log.

mod local;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ConnectionId, ContactId, TenantId};

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

/// What a hint says.
#[derive(Debug, Clone)]
pub enum Hint {
    /// A message was accepted. The receiver compares `seq` with what it has and reads the log if it does not follow.
    Message(Arc<Envelope>),
    /// A ready frame that is worth nothing later: typing, presence, an offer, a session snapshot.
    Frame(Arc<str>),
    /// The connection was replaced by a newer one of the same device: close with 4003.
    Replaced(ConnectionId),
    /// A sign-in of the agent ended: every connection checks whether its own still holds, and closes with 4001 if not.
    SignedOut,
}

/// Where a connection takes its hints from.
#[derive(Debug)]
pub struct Inlet {
    /// The hints, oldest first.
    pub hints: mpsc::Receiver<Hint>,
    /// Set once a hint did not fit: the connection is too slow.
    pub overrun: Arc<std::sync::atomic::AtomicBool>,
}

/// The hub of this node. Clones share it.
#[derive(Debug, Clone)]
pub enum Hub {
    /// All sockets are in this process.
    Local(local::Local),
}

impl Hub {
    /// A hub for a single process.
    #[must_use]
    pub fn local() -> Self {
        Self::Local(local::Local::default())
    }

    /// Attaches a connection under its recipients with room for `capacity` hints.
    #[must_use]
    pub fn attach(&self, connection: ConnectionId, recipients: Vec<Recipient>, capacity: usize) -> (Attachment, Inlet) {
        match self {
            Self::Local(local) => local.attach(connection, recipients, capacity),
        }
    }

    /// Sends a hint to whoever is attached under `to`. Never waits.
    pub fn publish(&self, to: &Recipient, hint: &Hint) {
        match self {
            Self::Local(local) => local.publish(to, hint),
        }
    }
}

/// Keeps a connection attached; dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    hub: local::Local,
    connection: ConnectionId,
    recipients: Vec<Recipient>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.hub.detach(self.connection, &self.recipients);
    }
}
