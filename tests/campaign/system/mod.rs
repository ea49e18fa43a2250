//! The system under test and everything around it: nodes, services, the balancer, the WeChat platform. Knows no load.

pub mod broker;
pub mod declare;
pub mod dump;
mod hint;
pub mod process;
pub mod proxy;
pub mod services;
pub mod wechat;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use yizhan::bench::port;

use self::broker::Listener;
use self::declare::{FIRMS, Shape, settings};
use self::dump::Database;
use self::process::{Files, Node};
use self::proxy::Proxy;
use self::services::Services;
use self::wechat::Wechat;
use crate::history::Mint;
use crate::history::folder::Capture;
use crate::journal::Journal;
use crate::service::Kind;

/// Heartbeat of sockets, seconds: a dead node is noticed after two and a half.
const HEARTBEAT_S: u32 = 10;

/// How the system is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One process with everything built in.
    Single,
    /// Two nodes with PostgreSQL, Redis and RabbitMQ.
    Cluster,
}

impl Topology {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "S",
            Self::Cluster => "P2",
        }
    }

    fn nodes(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Cluster => 2,
        }
    }
}

/// The servers of a cluster, as the nodes reach them: each through a proxy.
#[derive(Debug)]
pub struct Backbone {
    /// The servers.
    pub services: Arc<Services>,
    /// In front of PostgreSQL.
    pub postgres: Proxy,
    /// In front of Redis.
    pub redis: Proxy,
    /// In front of RabbitMQ.
    pub rabbitmq: Proxy,
    /// Who hears every event.
    pub listener: Arc<Listener>,
    /// The database of this campaign.
    pub database: String,
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
    backbone: Option<Backbone>,
}

/// What a system is started with.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Where its files go.
    pub folder: &'a Path,
    /// How it is built.
    pub topology: Topology,
    /// The servers, for a cluster.
    pub services: Option<Arc<Services>>,
    /// Histories.
    pub journal: &'a Journal,
    /// Marks.
    pub mint: &'a Mint,
    /// A planted bug.
    pub bug: Option<&'a str>,
    /// The gateway that nodes are upgraded from.
    pub upgrade_from: Option<&'a Path>,
}

/// Where a node can listen.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok((Ipv4Addr::LOCALHOST, port::free(1)?).into())
}

async fn in_front(services: &Services, kind: Kind) -> anyhow::Result<Proxy> {
    Proxy::start(vec![(Ipv4Addr::LOCALHOST, services.port(kind)).into()]).await
}

impl Backbone {
    async fn start(setup: &Setup<'_>, services: Arc<Services>) -> anyhow::Result<Self> {
        let database = format!("c{}", rand::random::<u32>());
        services.database(&database).await?;
        let mut redis = services.redis().await?;
        redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
        let port = services.port(Kind::Rabbitmq);
        Ok(Self {
            postgres: in_front(&services, Kind::Postgres).await?,
            redis: in_front(&services, Kind::Redis).await?,
            rabbitmq: in_front(&services, Kind::Rabbitmq).await?,
            listener: Listener::start(port, setup.journal.clone(), setup.mint.clone()).await?,
            services,
            database,
        })
    }

    fn settings(&self) -> String {
        let postgres = self.services.postgres_url(self.postgres.address().port(), &self.database);
        format!(
            "[store]\nkind = \"postgres\"\nurl = \"{postgres}\"\n\
             [hub]\nkind = \"redis\"\nurl = \"redis://{}\"\n\
             [bus]\nkind = \"rabbitmq\"\nurl = \"amqp://guest:guest@{}/%2f\"\n",
            self.redis.address(),
            self.rabbitmq.address(),
        )
    }

    /// The words that Redis holds: those of a hint between nodes with the tenants of its recipients, others with the tenant
    /// that the envelope around them names. Words outside of both belong to nobody.
    pub async fn captures(&self) -> anyhow::Result<Vec<Capture>> {
        let mut redis = self.services.redis().await?;
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await?;
        let mut captures = Vec::new();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await?;
            let mut ask = redis::cmd(match kind.as_str() {
                "stream" => "XRANGE",
                "set" => "SMEMBERS",
                "hash" => "HGETALL",
                _ => "DUMP",
            });
            ask.arg(&key);
            if kind == "stream" {
                ask.arg("-").arg("+");
            }
            let held: redis::Value = ask.query_async(&mut redis).await?;
            let place = format!("Redis {key}");
            let mut others = Vec::new();
            each(&held, &mut |bytes| match hint::hints(bytes) {
                Some(hints) => captures.extend(hints.into_iter().flat_map(|(tenants, text)| {
                    let place = &place;
                    tenants.into_iter().map(move |ten| Capture { place: place.clone(), ten, text: text.clone() })
                })),
                None => others.extend(bytes),
            });
            let text = String::from_utf8_lossy(&others);
            for (n, part) in text.split("\"tenant\":\"").enumerate() {
                let named = if n == 0 { "" } else { part.split('"').next().unwrap_or_default() };
                captures.push(Capture { place: place.clone(), ten: named.to_owned(), text: part.to_owned() });
            }
        }
        Ok(captures)
    }

    fn stop(&self) {
        self.postgres.stop();
        self.redis.stop();
        self.rabbitmq.stop();
        self.listener.stop();
    }
}

/// Hands over every string of an answer.
fn each(value: &redis::Value, take: &mut impl FnMut(&[u8])) {
    match value {
        redis::Value::BulkString(bytes) => take(bytes),
        redis::Value::Array(items) | redis::Value::Set(items) => items.iter().for_each(|item| each(item, take)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, item)| {
            each(key, take);
            each(item, take);
        }),
        _ => {}
    }
}

impl System {
    /// Starts everything and waits until it is ready.
    pub async fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let (folder, topology) = (setup.folder, setup.topology);
        let shared = folder.join("data");
        std::fs::create_dir_all(shared.join("tenants"))?;
        std::fs::create_dir_all(folder.join("log"))?;
        for firm in FIRMS {
            std::fs::write(shared.join("tenants").join(format!("{}.toml", firm.id)), firm.declaration())?;
        }
        let backbone = match &setup.services {
            Some(services) => Some(Backbone::start(setup, Arc::clone(services)).await?),
            None => None,
        };
        let database = match &backbone {
            Some(backbone) => {
                let port = backbone.services.port(Kind::Postgres);
                Database::Postgres(backbone.services.postgres_url(port, &backbone.database))
            }
            None => Database::Sqlite(shared.join("node-1/yizhan.db")),
        };
        let addresses = (0..topology.nodes()).map(|_| free_address()).collect::<anyhow::Result<Vec<_>>>()?;
        let front = Proxy::start(addresses.clone()).await?;
        let wechat = Wechat::start(front.address())?;
        let api = Proxy::start(vec![wechat.address]).await?;
        let built = process::gateway(folder)?;
        let binary = setup.upgrade_from.map_or_else(|| built.clone(), Path::to_owned);
        let mut nodes = Vec::new();
        let back_ends = backbone.as_ref().map(Backbone::settings).unwrap_or_default();
        for (n, bind) in addresses.into_iter().enumerate() {
            let name = format!("node-{}", n + 1);
            let (home, config) = (shared.join(&name), folder.join(format!("{name}.toml")));
            let (public, api) = (front.address(), api.address());
            let shape = Shape { bind, public, api, heartbeat: HEARTBEAT_S, back_ends: back_ends.clone() };
            std::fs::write(&config, settings(&home, &shared, &shape))?;
            // Passwords of servers stand in it.
            std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600))?;
            let log = folder.join("log").join(format!("{name}.log"));
            let mut node = Node::new(&name, bind, Files { binary: binary.clone(), config, log })?;
            if let Some(bug) = setup.bug {
                node.with_env("YIZHAN_PLANTED", bug);
            }
            node.start()?;
            node.ready().await?;
            node.is_from_now_on(built.clone());
            nodes.push(node);
        }
        let heartbeat = Duration::from_secs(HEARTBEAT_S.into());
        Ok(Self { heartbeat, nodes, front, api, wechat, database, backbone })
    }

    /// The servers of a cluster.
    pub fn backbone(&self) -> anyhow::Result<&Backbone> {
        self.backbone.as_ref().context("this needs a cluster")
    }

    /// Ends everything.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        self.front.stop();
        self.api.stop();
        if let Some(backbone) = &self.backbone {
            backbone.stop();
        }
        self.wechat.stop().await;
        Ok(())
    }
}
