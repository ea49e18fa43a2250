//! The routing core. It orchestrates; the rules are pure functions in `model`.
//!
//! One transaction does the work and collects [`effect::Effects`]; after its commit they are announced: hints to
//! sockets, wake-ups of the router and of the senders. Losing an announcement costs delay, never a message.

pub mod access;
mod asker;
pub mod attachment;
mod audit;
mod backlog;
mod bell;
pub mod call;
mod clean;
mod command;
mod deliver;
pub mod directory;
mod dress;
pub mod duty;
pub mod effect;
mod ending;
mod error;
mod event;
mod fetch;
mod flow;
mod handoff;
pub mod intake;
mod leases;
mod leave;
pub mod log;
mod mark;
mod offer;
mod open;
pub mod order;
mod orphans;
mod presence;
pub mod relay;
pub mod request;
pub mod robot;
mod router;
mod send;
pub(crate) mod session;
pub mod signature;
mod silence;
mod slot;
mod source;
mod standing;
mod state;
pub mod sweep;
pub(crate) mod switchboard;
#[cfg(test)]
mod tests;
mod timer;
mod transfer;
mod typing;
pub(crate) mod view;
mod watch;
pub mod xmpp;

use std::sync::Arc;
use std::time::Duration;

pub use self::error::Error;
pub use self::log::{LogPage, Synced};
pub use self::open::Holds;
pub use self::state::Ready;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

use self::bell::Bell;
use self::directory::Directory;
use self::signature::Signer;
use crate::channel::wechat::ReplayCache;
use crate::channel::wechat::api::Api;
use crate::clock::Clock;
use crate::flow::Catalogue;
use crate::hub::Hub;
use crate::media::Media;
use crate::model::id::{AccountId, AgentId, ConnectionId, ContactId, DeviceId, NodeId, TenantId};
use crate::model::time::Millis;
use crate::secret::Keyring;
use crate::store::{Scope, Store};
use crate::template::Templates;
use crate::tenant::{Registry, Tenant};

/// Who stands behind a connection or a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// A person of the enterprise.
    Agent {
        /// The person.
        agent: AgentId,
        /// The name that customers and colleagues see.
        name: String,
        /// Whether oversight is part of the role.
        supervisor: bool,
    },
    /// A customer on the web.
    Contact {
        /// The customer.
        contact: ContactId,
        /// The widget.
        account: AccountId,
    },
}

impl Party {
    /// The agent, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent { agent, .. } => Some(agent),
            Self::Contact { .. } => None,
        }
    }
}

/// An authenticated client: one connection of one device of one party.
#[derive(Debug, Clone)]
pub struct Client {
    /// The enterprise.
    pub tenant: TenantId,
    /// Who.
    pub party: Party,
    /// The stable client behind several connections.
    pub device: DeviceId,
    /// This connection.
    pub connection: ConnectionId,
    /// Whether it may do nothing but call: it came by a link.
    pub calls_only: bool,
}

impl Client {
    /// The participant's name in cursors and leases: `agent:<id>` or `contact:<id>`.
    #[must_use]
    pub fn participant(&self) -> String {
        match &self.party {
            Party::Agent { agent, .. } => format!("agent:{agent}"),
            Party::Contact { contact, .. } => format!("contact:{contact}"),
        }
    }
}

/// What a core is made of.
#[derive(Debug)]
pub struct Parts {
    /// This process.
    pub node: NodeId,
    /// The tables.
    pub store: Store,
    /// The way to sockets.
    pub hub: Hub,
    /// The time.
    pub clock: Clock,
    /// The declared tenants.
    pub tenants: Registry,
    /// The texts that customers read.
    pub templates: Arc<Templates>,
    /// What seals content at rest.
    pub keys: Arc<Keyring>,
    /// The blobs.
    pub media: Media,
    /// The WeChat platform.
    pub wechat: Api,
    /// The way to robots outside.
    pub robots: robot::Robots,
    /// How long the answer to a delivery waits for a machine; below what the channel waits.
    pub passive_wait: Duration,
    /// Scheme, host and port under which customers reach this gateway, for links in messages.
    pub public_url: String,
    /// Whether other modules may hear of what happens; if not, no event is written.
    pub is_heard: bool,
}

/// The routing core of one node. Clones share it.
#[derive(Debug, Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    signer: Signer,
    public_url: Arc<str>,
    directory: ArcSwap<Directory>,
    replay: Arc<ReplayCache>,
    /// Rung when a delivery may have become due.
    deliveries: Notify,
    /// Rung when a blob waits to be fetched.
    fetches: Notify,
    /// Rung when a timer was set that may be the next.
    timers: Notify,
    /// Rung when a queue or an agent changed.
    routes: Bell,
    /// Rung when a robot's turn waits.
    turns: Notify,
    /// Rung when a form waits for another system.
    calls: Notify,
    /// Requests that wait for a machine's answer.
    slots: slot::Slots,
    /// The question bases.
    knowledge: robot::Knowledge,
    /// Messages to agents for which the question bases may know an answer.
    copilot: robot::Copilot,
    /// What became of the orders of other modules.
    orders: order::Tally,
    /// Who types to customers on called channels; what does not fit is dropped.
    typing: typing::Typing,
    /// What the sweep has done.
    sweep: sweep::Counters,
    /// Who tries the way of calls.
    call_tests: access::Attempts<String>,
    /// Who asks for fresh servers in a call.
    call_servers: access::Attempts<(crate::model::id::CallId, crate::model::call::Side)>,
    /// The XMPP links of this node.
    lines: xmpp::Lines,
}

/// What a transaction needs besides the rows.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) node: NodeId,
    pub(crate) now: Millis,
    /// The tenant's forms.
    pub(crate) flows: Arc<Catalogue>,
    /// Signs the way back from pages that forms send customers to.
    pub(crate) signer: Signer,
    pub(crate) public_url: Arc<str>,
    /// Whether other modules may hear of what happens.
    pub(crate) is_heard: bool,
}

impl Core {
    /// A core that works on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let replay = Arc::default();
        let directory = ArcSwap::from_pointee(Directory::of(&parts.tenants.all(), &replay, &Directory::default()));
        let inner = Inner {
            public_url: parts.public_url.as_str().into(),
            signer: Signer::new(&parts.keys, parts.clock.clone(), parts.media.url_life()),
            directory,
            replay,
            parts,
            deliveries: Notify::new(),
            fetches: Notify::new(),
            timers: Notify::new(),
            routes: Bell::default(),
            turns: Notify::new(),
            calls: Notify::new(),
            slots: slot::Slots::default(),
            knowledge: robot::Knowledge::default(),
            copilot: robot::Copilot::default(),
            orders: order::Tally::default(),
            typing: typing::Typing::default(),
            sweep: sweep::Counters::default(),
            call_tests: access::Attempts::new(3, Duration::from_secs(60)),
            call_servers: access::Attempts::new(call::FRESH_PER_MINUTE, Duration::from_secs(60)),
            lines: xmpp::Lines::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Prepares the channel accounts anew, after the declarations have changed.
    pub fn tenants_changed(&self) {
        let directory = Directory::of(&self.inner.parts.tenants.all(), &self.inner.replay, &self.directory());
        self.inner.directory.store(Arc::new(directory));
    }

    /// The channel accounts by their address keys.
    #[must_use]
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.inner.directory.load()
    }

    pub(crate) fn directory_snapshot(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.parts.clock
    }

    /// The way to sockets.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.inner.parts.hub
    }

    /// This process.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.parts.node
    }

    /// What became of the orders of other modules.
    #[must_use]
    pub fn orders(&self) -> &order::Tally {
        &self.inner.orders
    }

    /// The declared tenants.
    #[must_use]
    pub fn tenants(&self) -> &Registry {
        &self.inner.parts.tenants
    }

    /// Who signs addresses and visitors' tokens.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// The tables.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    pub(crate) fn scope(&self, tenant: &TenantId) -> Scope {
        self.inner.parts.store.tenant(tenant)
    }

    pub(crate) fn scene(&self, tenant: &TenantId) -> Result<Scene, Error> {
        Ok(Scene {
            tenant: self.inner.parts.tenants.tenant(tenant).ok_or_else(Error::not_found)?,
            templates: Arc::clone(&self.inner.parts.templates),
            node: self.node(),
            now: self.clock().now(),
            flows: self.inner.knowledge.flows(tenant),
            signer: self.inner.signer.clone(),
            public_url: Arc::clone(&self.inner.public_url),
            is_heard: self.inner.parts.is_heard,
        })
    }
}
