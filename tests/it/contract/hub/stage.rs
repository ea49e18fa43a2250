//! A back end and the nodes on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use yizhan::config::{self, Sources};
use yizhan::hub::{Attachment, Frame, Hint, Hub, Inlet, Recipient};
use yizhan::model::content::Content;
use yizhan::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use yizhan::model::id::{AccountId, AgentId, ConnectionId, ConversationId, MessageId, NodeId, TenantId};
use yizhan::model::time::Millis;
use yizhan::runtime::Stop;

use crate::support::PATIENCE;
use crate::support::service::{Kind, RedisCluster, Service};

/// Ids that differ.
static NEXT: AtomicI64 = AtomicI64::new(1);

fn next() -> Millis {
    Millis(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What is behind the hub.
pub enum Server {
    Redis(Box<Service>),
    Cluster {
        _servers: RedisCluster,
    },
    Rabbitmq(Box<Service>),
    /// Somebody else keeps it.
    Elsewhere,
}

/// A back end.
pub struct Stage {
    pub server: Server,
    settings: String,
    /// Nodes that were started together have the server for themselves, as far as they can see.
    scene: AtomicI64,
}

impl Stage {
    pub fn redis() -> Self {
        let service = Service::start(Kind::Redis, &[]);
        let settings = format!("kind = \"redis\"\nurl = \"{}\"", service.redis_url());
        Self { server: Server::Redis(Box::new(service)), settings, scene: AtomicI64::new(next().0) }
    }

    pub fn redis_cluster() -> Self {
        let cluster = RedisCluster::start();
        let settings = format!("kind = \"redis\"\nurl = \"{}\"", cluster.url());
        Self { server: Server::Cluster { _servers: cluster }, settings, scene: AtomicI64::new(next().0) }
    }

    pub fn rabbitmq() -> Self {
        let service = Service::start(Kind::Rabbitmq, &[]);
        let mut stage = Self {
            server: Server::Rabbitmq(Box::new(service)),
            settings: String::new(),
            scene: AtomicI64::new(next().0),
        };
        stage.durability("transient");
        stage
    }

    /// Nodes that start from now on use this class of durability, and exchanges of their own.
    pub fn durability(&mut self, class: &str) {
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.service().port());
        self.settings = format!("kind = \"rabbitmq\"\nurl = \"{url}\"\ndurability = \"{class}\"");
    }

    /// On a Redis that was set up in its own way.
    pub fn on(service: Service, settings: String) -> Self {
        Self { server: Server::Redis(Box::new(service)), settings, scene: AtomicI64::new(next().0) }
    }

    /// On a server of another stage, reached in another way.
    pub fn at(settings: &str) -> Self {
        Self { server: Server::Elsewhere, settings: settings.to_owned(), scene: AtomicI64::new(next().0) }
    }

    /// The one server.
    pub fn service(&mut self) -> &mut Service {
        match &mut self.server {
            Server::Redis(service) | Server::Rabbitmq(service) => service,
            Server::Cluster { .. } | Server::Elsewhere => panic!("no server of its own"),
        }
    }

    /// How often streams were written to, if the server can say.
    pub fn commands(&self) -> Option<u64> {
        let Server::Redis(service) = &self.server else { return None };
        let stats = service.redis_cli(&["INFO", "commandstats"]);
        let xadd = stats.lines().find(|line| line.starts_with("cmdstat_xadd:"))?;
        xadd.split(['=', ',']).nth(1)?.parse().ok()
    }

    /// Starts a node and waits until it is linked.
    pub async fn node(&self) -> Node {
        let node = self.starting();
        node.eventually("the node is linked", |hub| hub.counts().is_some_and(|counts| counts.up)).await;
        node
    }

    /// Starts a node.
    pub fn starting(&self) -> Node {
        drop(rustls::crypto::ring::default_provider().install_default());
        let scene = self.scene.load(Ordering::Relaxed);
        let preset = Some(format!("[hub]\n{}\nprefix = \"yizhan:{scene}\"\n", self.settings));
        let config = config::load(&Sources { file: None, preset, env: BTreeMap::new() }).expect("valid settings");
        let hub = Hub::open(&config.hub, NodeId::generate(next())).expect("usable settings");
        let (stop, its_hub) = (Stop::new(), hub.clone());
        let its_stop = stop.clone();
        let running = tokio::spawn(async move { its_hub.run(its_stop).await });
        Node { hub, stop, running }
    }

    /// Several nodes that know each other.
    pub async fn nodes<const N: usize>(&self) -> [Node; N] {
        self.scene.store(next().0, Ordering::Relaxed);
        let mut nodes = Vec::new();
        for _ in 0..N {
            nodes.push(self.node().await);
        }
        let others = u64::try_from(N - 1).unwrap();
        for node in &nodes {
            node.eventually("the nodes know each other", |hub| hub.counts().is_some_and(|c| c.peers == others)).await;
        }
        nodes.try_into().ok().expect("so many were started")
    }
}

/// A node that runs until it is dropped or stopped.
pub struct Node {
    pub hub: Hub,
    stop: Stop,
    running: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Node {
    /// Waits for a condition.
    pub async fn eventually(&self, what: &str, condition: impl Fn(&Hub) -> bool) {
        eventually(what, async || condition(&self.hub).then_some(())).await;
    }

    /// Whether the back end takes the node, given a second.
    pub async fn links_within_a_second(&self) -> bool {
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end && !self.hub.counts().is_some_and(|counts| counts.up) {
            tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await.unwrap_err();
        }
        self.hub.counts().is_some_and(|counts| counts.up)
    }

    /// Attaches a socket and waits until `others` know.
    pub async fn attach(&self, recipients: &[Recipient], others: &[&Self]) -> (Attachment, Inlet) {
        let attached = self.attach_with(recipients, 20_000);
        for other in others {
            for recipient in recipients {
                other.eventually("others know who is attached", |hub| hub.hears_elsewhere(recipient)).await;
            }
        }
        attached
    }

    /// Attaches a socket with so much room.
    pub fn attach_with(&self, recipients: &[Recipient], room: usize) -> (Attachment, Inlet) {
        self.hub.attach(ConnectionId::generate(next()), recipients.to_vec(), room)
    }

    /// Stops in order.
    pub async fn stop(mut self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, &mut self.running).await.expect("the hub stops").expect("without a panic");
    }
}

/// Waits until `check` gives something.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < end, "{what} within {PATIENCE:?}");
        tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
    }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub fn agent(tenant_name: &str, name: &str) -> Recipient {
    Recipient::Agent(tenant(tenant_name), AgentId::parse(name).unwrap())
}

pub fn frame(text: &str) -> Hint {
    Hint::Frame(Frame::plain(text))
}

pub fn message(conv: ConversationId, seq: i64) -> Hint {
    Hint::Message(Arc::new(Envelope {
        v: 1,
        id: MessageId::generate(next()),
        tenant: tenant("bank"),
        conv,
        session: None,
        seq,
        cid: None,
        ts: Millis(seq),
        from: Sender { role: Role::Contact, id: "p".into(), name: None },
        visibility: Visibility::All,
        fallback: format!("您好 {seq}"),
        content: Content::text(format!("您好 {seq}")),
        reply_to: None,
        replaces: None,
        channel: ChannelRef {
            kind: ChannelKind::Web,
            account: AccountId::parse("site").unwrap(),
            ext_id: None,
            raw_type: None,
        },
        control_epoch: 0,
    }))
}

pub fn conversation() -> ConversationId {
    ConversationId::generate(next())
}

/// The next hint.
pub async fn heard(inlet: &mut Inlet) -> Hint {
    tokio::time::timeout(PATIENCE, inlet.hints.recv()).await.expect("a hint in time").expect("attached")
}

/// The text of the next frame.
pub async fn heard_text(inlet: &mut Inlet) -> String {
    match heard(inlet).await {
        Hint::Frame(frame) => frame.text.to_string(),
        other => panic!("a frame was expected, not {other:?}"),
    }
}
