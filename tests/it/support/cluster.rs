//! Two gateways in this process that are one system: one PostgreSQL, one Redis, one media folder, one master key, one
//! turnable clock, one WeChat platform. Nodes have the numbers 1 and 2.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use tempfile::TempDir;
use yizhan::clock::Clock;
use yizhan::simulator::Actor;
use yizhan::store::faq::Entry;

use super::app::TestApp;
use super::platform::TestPlatform;
use super::service::{Kind, Service};

/// How a cluster is started.
pub struct Builder {
    settings: String,
    declaration: String,
    rabbitmq: bool,
    knows: Vec<Entry>,
}

/// A running cluster. Fields are dropped in this order: nodes before what they need.
pub struct Cluster {
    nodes: [Option<TestApp>; 2],
    builder: Builder,
    platform: TestPlatform,
    clock: Clock,
    pub postgres: Service,
    pub redis: Service,
    rabbitmq: Option<Service>,
    folder: TempDir,
}

impl Cluster {
    /// Starts two nodes with the fixture's tenant.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// A cluster to be set up.
    pub fn with() -> Builder {
        let declaration = include_str!("../../fixture/demo.toml").to_owned();
        Builder { settings: String::new(), declaration, rabbitmq: false, knows: Vec::new() }
    }

    /// A node, by its number.
    pub fn node(&self, number: usize) -> &TestApp {
        self.nodes[number - 1].as_ref().expect("the node runs")
    }

    /// The broker.
    pub fn rabbitmq(&mut self) -> &mut Service {
        self.rabbitmq.as_mut().expect("a cluster with RabbitMQ")
    }

    /// The platform.
    pub fn platform(&self) -> &TestPlatform {
        &self.platform
    }

    /// A person with a phone.
    pub fn phone(&self, openid: &str) -> Actor {
        self.node(1).phone(openid)
    }

    /// Lets time pass on all nodes and on the platform.
    pub fn let_pass(&self, time: Duration) {
        self.clock.turn(time);
    }

    /// WeChat pushes to this node from now on.
    pub fn pushes_to(&self, number: usize) {
        self.platform.pushes_to(self.node(number));
    }

    /// Ends a node without a word to anybody.
    pub async fn kill(&mut self, number: usize) {
        self.nodes[number - 1].take().expect("the node runs").dies().await;
    }

    /// Takes a node away to be stopped in order.
    pub fn take(&mut self, number: usize) -> TestApp {
        self.nodes[number - 1].take().expect("the node runs")
    }

    /// Starts a node that was killed or stopped, on a new port.
    pub async fn revive(&mut self, number: usize) {
        assert!(self.nodes[number - 1].is_none(), "it runs already");
        self.nodes[number - 1] = Some(self.launch().await);
    }

    async fn launch(&self) -> TestApp {
        let mut app = TestApp::with().postgres(&self.postgres).redis(&self.redis);
        if let Some(rabbitmq) = &self.rabbitmq {
            app = app.rabbitmq(rabbitmq);
        }
        app.declared(|_| self.builder.declaration.clone())
            .knowing(self.builder.knows.clone())
            .settings(&self.builder.settings)
            .on(&self.clock, &self.platform, self.folder.path())
            .start()
            .await
    }
}

impl Builder {
    /// With other settings, as TOML.
    pub fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self
    }

    /// With a changed declaration.
    pub fn declared(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.declaration = change(self.declaration);
        self
    }

    /// With these entries in the robot's base from the start.
    pub fn knowing(mut self, entries: Vec<Entry>) -> Self {
        self.knows.extend(entries);
        self
    }

    /// With a broker, which takes its time to start.
    pub fn rabbitmq(mut self) -> Self {
        self.rabbitmq = true;
        self
    }

    /// Starts the services, the platform, and both nodes at the same time, as a deploy may.
    pub async fn start(self) -> Cluster {
        let wants_broker = self.rabbitmq;
        let services = tokio::task::spawn_blocking(move || {
            let rabbitmq = std::thread::spawn(move || wants_broker.then(|| Service::start(Kind::Rabbitmq, &[])));
            let redis = Service::start(Kind::Redis, &[]);
            let postgres = Service::start(Kind::Postgres, &[]);
            (postgres, redis, rabbitmq.join().expect("RabbitMQ starts"))
        });
        let clock = Clock::system();
        let platform = TestPlatform::start(clock.clone(), &self.declaration).await;
        let (postgres, redis, rabbitmq) = services.await.expect("the services start");
        let folder = TempDir::new().expect("a folder");
        write_master_key(folder.path());
        let nodes = [None, None];
        let mut cluster = Cluster { nodes, builder: self, platform, clock, postgres, redis, rabbitmq, folder };
        let (first, second) = tokio::join!(cluster.launch(), cluster.launch());
        cluster.platform.pushes_to(&first);
        cluster.nodes = [Some(first), Some(second)];
        cluster
    }
}

/// The one master key of all nodes.
fn write_master_key(folder: &Path) {
    use std::os::unix::fs::OpenOptionsExt;

    let path = folder.join("master.key");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let key = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());
    std::io::Write::write_all(&mut file.expect("a key file"), key.as_bytes()).expect("a key file");
}
