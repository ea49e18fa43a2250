//! The system under test and everything around it: nodes, services, the balancer, the WeChat platform. Knows no load.

pub mod declare;
pub mod dump;
pub mod process;
pub mod proxy;
pub mod wechat;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use self::declare::{FIRMS, Shape, settings};
use self::dump::Database;
use self::process::Node;
use self::proxy::Proxy;
use self::wechat::Wechat;

/// How the system is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One process with everything built in.
    Single,
}

impl Topology {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "S",
        }
    }
}

/// Everything that runs.
#[derive(Debug)]
pub struct System {
    /// Heartbeat of sockets.
    pub heartbeat: Duration,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Between clients, WeChat's deliveries and the nodes.
    pub front: Proxy,
    /// Between the nodes and WeChat's API.
    pub api: Proxy,
    /// The platform.
    pub wechat: Wechat,
    /// The store.
    pub database: Database,
}

/// A port that is free now.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl System {
    /// Starts everything and waits until it is ready.
    pub async fn start(folder: &Path, topology: Topology, heartbeat: u32) -> anyhow::Result<Self> {
        let shared = folder.join("data");
        std::fs::create_dir_all(shared.join("tenants"))?;
        std::fs::create_dir_all(folder.join("log"))?;
        for firm in FIRMS {
            std::fs::write(shared.join("tenants").join(format!("{}.toml", firm.id)), firm.declaration())?;
        }
        let count = match topology {
            Topology::Single => 1,
        };
        let addresses = (0..count).map(|_| free_port()).collect::<anyhow::Result<Vec<_>>>()?;
        let front = Proxy::start(addresses.clone()).await?;
        let wechat = Wechat::start(front.address())?;
        let api = Proxy::start(vec![wechat.address]).await?;
        let mut nodes = Vec::new();
        for (n, address) in addresses.into_iter().enumerate() {
            let name = format!("node-{}", n + 1);
            let (home, config) = (shared.join(&name), folder.join(format!("{name}.toml")));
            let shape = Shape {
                bind: address,
                public: front.address(),
                api: api.address(),
                heartbeat,
                back_ends: String::new(),
            };
            std::fs::write(&config, settings(&home, &shared, &shape))?;
            let log = folder.join("log").join(format!("{name}.log"));
            let mut node = Node::new(&name, address, config, log)?;
            node.start()?;
            node.ready().await?;
            nodes.push(node);
        }
        let database = Database::Sqlite(shared.join("node-1/yizhan.db"));
        let heartbeat = Duration::from_secs(heartbeat.into());
        Ok(Self { heartbeat, nodes, front, api, wechat, database })
    }

    /// Ends everything.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        self.front.stop();
        self.api.stop();
        self.wechat.stop().await;
        Ok(())
    }
}
