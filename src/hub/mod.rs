//! Hints between nodes. A hint may be lost, doubled or reordered; the log in the store decides.
//!
//! A connection attaches a bounded outlet under each recipient it stands for. Publishing never waits: an outlet that
//! is full is marked as overrun, and its connection closes itself and resumes from the log. What sockets of other
//! nodes have to hear goes through a bounded queue to the task of the back end; what does not fit is dropped.
//!
//! Lifecycle: [`Hub::open`], then [`Hub::run`] for as long as the node lives. Before and after, and while the back end
//! is away, the sockets of this node hear each other all the same.

mod count;
mod hint;
mod local;
mod outage;
mod probe;
mod rabbitmq;
mod redis;
mod registry;
mod remote;
mod wire;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use self::count::Counts;
pub use self::hint::{Audience, Frame, Head, Hint, Mark, Recipient, digest};
use self::local::Local;
pub use self::probe::{Probe, probe};
use self::remote::Remote;
use crate::config;
use crate::model::id::{ConnectionId, NodeId};
use crate::runtime::Stop;

/// Why a hub could not be opened: the settings are wrong. A server that is away is no reason.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none that the back end understands.
    #[error("hub.url is not usable: {0}")]
    Address(String),
    /// The certificate of the authority cannot be used.
    #[error("hub.ca_file {path} is not usable: {reason}")]
    Authority {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
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
pub struct Hub {
    local: Local,
    others: Option<Arc<Others>>,
}

/// The way to other nodes.
#[derive(Debug)]
struct Others {
    remote: Remote,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Redis(Box<redis::Settings>),
    Rabbitmq(Box<rabbitmq::Settings>),
}

impl Hub {
    /// A hub for a single process.
    #[must_use]
    pub fn local() -> Self {
        Self { local: Local::default(), others: None }
    }

    /// The hub of the settings, under the name of this node. Connects to nobody yet: see [`Hub::run`].
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn open(settings: &config::Hub, node: NodeId) -> Result<Self, Error> {
        let backend = match settings {
            config::Hub::Local => return Ok(Self::local()),
            config::Hub::Redis(settings) => Backend::Redis(Box::new(redis::Settings::of(settings)?)),
            config::Hub::Rabbitmq(settings) => Backend::Rabbitmq(Box::new(rabbitmq::Settings::of(settings)?)),
        };
        // TLS needs it; whoever was first has set the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let local = Local::default();
        let remote = Remote::new(node, local.clone());
        Ok(Self { local, others: Some(Arc::new(Others { remote, backend })) })
    }

    /// Whether there may be other nodes: then hints can get lost, and a sweep has to find what they said.
    #[must_use]
    pub fn spans_nodes(&self) -> bool {
        self.others.is_some()
    }

    /// Attaches a connection under its recipients with room for `capacity` hints.
    #[must_use]
    pub fn attach(&self, connection: ConnectionId, recipients: Vec<Recipient>, capacity: usize) -> (Attachment, Inlet) {
        let (inlet, new) = self.local.attach(connection, &recipients, capacity);
        if let Some(others) = &self.others {
            others.remote.changed(new);
            others.remote.attached(&recipients);
        }
        (Attachment { hub: self.clone(), connection, recipients }, inlet)
    }

    /// Sends a hint to whoever is attached under `to`, on whatever node. Never waits.
    pub fn publish(&self, to: &Recipient, hint: &Hint) {
        self.local.publish(to, hint);
        if let Some(others) = &self.others {
            others.remote.publish(to, hint);
        }
    }

    /// Sends a hint to whoever is attached under `to` on this node.
    pub fn publish_here(&self, to: &Recipient, hint: &Hint) {
        self.local.publish(to, hint);
    }

    /// Everybody who is attached on this node.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient> {
        self.local.recipients()
    }

    /// Every connection that is attached on this node, with the party it stands for.
    #[must_use]
    pub fn connections(&self) -> Vec<(Recipient, ConnectionId)> {
        self.local.connections()
    }

    /// The recipients under which connections were attached since the last call. Empty for a single process.
    #[must_use]
    pub fn take_fresh(&self) -> Vec<Recipient> {
        self.others.as_ref().map(|others| others.remote.take_fresh()).unwrap_or_default()
    }

    /// Whether somebody is attached under `to` on another node, as far as this node knows.
    #[must_use]
    pub fn hears_elsewhere(&self, to: &Recipient) -> bool {
        self.others.as_ref().is_some_and(|others| !others.remote.registry().nodes_of(to).is_empty())
    }

    /// What operators want to know; `None` for a single process.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        self.others.as_ref().map(|others| others.remote.counts())
    }

    /// Keeps the way to other nodes open until `stop`, then takes leave of them. Never fails: a back end that is away
    /// is tried again and again. Only one call at a time does anything.
    pub async fn run(&self, stop: Stop) {
        match &self.others {
            None => stop.cancelled().await,
            Some(others) => match &others.backend {
                Backend::Redis(settings) => redis::run(&others.remote, settings, &stop).await,
                Backend::Rabbitmq(settings) => rabbitmq::run(&others.remote, settings, &stop).await,
            },
        }
    }
}

/// Keeps a connection attached; dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    hub: Hub,
    connection: ConnectionId,
    recipients: Vec<Recipient>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let gone = self.hub.local.detach(self.connection, &self.recipients);
        if let Some(others) = &self.hub.others {
            others.remote.changed(gone);
        }
    }
}
