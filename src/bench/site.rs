//! What carries the messages of a scenario: nodes of the gateway with their servers, or what others made. Sets the nodes up
//! and takes everything down; knows no client.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::certificate::Certificates;
use super::crowd::AGENTS;
use super::front::{self, Gate};
use super::http::Client;
use super::port;
use super::process::{Folder, Process};
use super::service::{Kind, Service};
use super::stream::Target;

/// How long a node may take to be ready: it hashes the passwords of all agents first.
const PATIENCE: Duration = Duration::from_secs(90);
/// The page that visitors come from.
pub const PAGE: &str = "http://site.example";
/// What every agent signs in with.
pub const PASSWORD: &str = "correct horse battery";

/// Nodes of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nodes {
    /// One on SQLite: what one starts with.
    Embedded,
    /// One on PostgreSQL and Redis: the cluster's parts, without the way between nodes.
    One,
    /// Visitors on one, agents on the other, PostgreSQL and Redis.
    Two,
}

/// A gateway that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The script that starts servers.
    pub service: &'a Path,
    /// This program.
    pub program: &'a Path,
    /// Its nodes.
    pub nodes: Nodes,
    /// Tenants that visitors and agents are spread over.
    pub tenants: usize,
    /// Worker threads of each node.
    pub workers: usize,
    /// The host of the agents' XMPP addresses, if they have any.
    pub agents_at: Option<&'a str>,
    /// What clients believe and are shown, if they come by TLS: then haproxy stands in front of every node.
    pub tls: Option<&'a Certificates>,
    /// What tenants declare besides.
    pub extra: &'a str,
}

/// A running scenario.
#[derive(Debug)]
pub struct Site {
    /// Where senders connect.
    pub here: Target,
    /// Where receivers connect.
    pub there: Target,
    /// Of the gateway; whoever comes as the `n`th belongs to the tenant `n` modulo this.
    pub tenants: usize,
    processes: Vec<Process>,
    services: Vec<Service>,
}

/// Where the servers of a gateway are.
#[derive(Debug, Default)]
struct Servers {
    postgres: Option<String>,
    redis: Option<String>,
}

impl Site {
    /// What listens at `here` and `there`.
    #[must_use]
    pub fn new(addresses: [SocketAddr; 2], processes: Vec<Process>, services: Vec<Service>) -> Self {
        let [here, there] = addresses.map(Target::from);
        Self { here, there, tenants: 1, processes, services }
    }

    /// Starts a gateway, empty. Services that run already are a part of it.
    ///
    /// # Errors
    /// A server or a node does not come up.
    pub async fn gateway(wish: &Wish<'_>, mut services: Vec<Service>, folder: &Folder) -> anyhow::Result<Self> {
        let mut servers = Servers::default();
        if wish.nodes != Nodes::Embedded {
            for (kind, url) in [(Kind::Postgres, &mut servers.postgres), (Kind::Redis, &mut servers.redis)] {
                let service = Service::start(wish.service, kind, &[], folder.path()).await?;
                *url = Some(service.url());
                services.push(service);
            }
        }
        let (mut processes, mut gates, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..if wish.nodes == Nodes::Two { 2 } else { 1 } {
            let port = port::free(2)?;
            let [bind, front] = [port, port + 1].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
            let target = wish.tls.map_or_else(|| bind.into(), |certificates| certificates.target(front));
            processes.push(node(wish, &servers, folder.path(), (n, bind, &target)).await?);
            gates.push(Gate { front, node: bind });
            targets.push(target);
        }
        if let Some(certificates) = wish.tls {
            let mut front = front::start(&gates, certificates, folder.path())?;
            for target in &targets {
                front.wait(PATIENCE, async || ready(target).await.is_ok()).await?;
            }
            processes.push(front);
        }
        let here = targets.first().context("no node")?.clone();
        let there = targets.pop().context("no node")?;
        Ok(Self { here, there, tenants: wish.tenants, processes, services })
    }

    /// CPU seconds of everything that carries messages, servers included.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let mut cpu = 0.0;
        for process in &self.processes {
            cpu += process.cpu()?;
        }
        for service in &self.services {
            cpu += service.cpu()?.unwrap_or(0.0);
        }
        Ok(cpu)
    }

    /// Resident memory in KB of what holds the senders' sockets: nodes with what stands in front of them, or the servers
    /// where there are none.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn memory(&self) -> anyhow::Result<f64> {
        let mut memory = 0.0;
        for process in &self.processes {
            memory += process.memory()?;
        }
        if self.processes.is_empty() {
            for service in &self.services {
                memory += service.memory()?.unwrap_or(0.0);
            }
        }
        Ok(memory)
    }
}

/// Starts a node with a written configuration and declaration, and waits until it is ready.
async fn node(
    wish: &Wish<'_>,
    servers: &Servers,
    folder: &Path,
    (n, bind, seen): (usize, SocketAddr, &Target),
) -> anyhow::Result<Process> {
    let tenants = folder.join("tenants");
    std::fs::create_dir_all(&tenants)?;
    for tenant in 0..wish.tenants {
        std::fs::write(tenants.join(format!("t{tenant}.toml")), declaration(tenant, wish))?;
    }
    let file = folder.join(format!("node-{n}.toml"));
    std::fs::write(&file, config(wish, servers, folder, (n, bind, seen)))?;
    // The settings of a cluster hold addresses with passwords: nobody else may read them.
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let mut command = Command::new(wish.program);
    command.arg("--config").arg(file).arg("serve");
    let mut process = Process::start(command, &folder.join(format!("node-{n}.log")))?;
    let target = Target::from(bind);
    process.wait(PATIENCE, async || ready(&target).await.is_ok()).await?;
    Ok(process)
}

async fn ready(target: &Target) -> anyhow::Result<()> {
    let mut client = Client::open(target, None).await?;
    client.call(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\n\r\n").await.map(drop)
}

fn config(wish: &Wish<'_>, servers: &Servers, folder: &Path, (n, bind, seen): (usize, SocketAddr, &Target)) -> String {
    let path = |name: &str| toml::Value::String(folder.join(name).display().to_string());
    let (data, tenants, media) = (path(&format!("node-{n}")), path("tenants"), path("media"));
    let front = match wish.tls {
        Some(_) => format!("public_url = \"{}\"\ntrusted_proxies = [\"127.0.0.1\"]\n", seen.origin()),
        None => String::new(),
    };
    let mut config = format!(
        "[data]\ndir = {data}\n[secret]\ngenerate = true\nmaster_key = {}\n[tenants]\ndir = {tenants}\n\
         [media]\npath = {media}\n[http]\nbind = \"{bind}\"\nworkers = {}\nlogins_per_minute = 10000\n{front}\
         [socket]\nhandshakes_per_minute = 1000000\nheartbeat_s = 300\nresume_s = 600\n\
         [log]\nlevel = \"warn\"\nformat = \"text\"\n[drain]\nspread_s = 0\n",
        toml::Value::String(format!("file:{}", folder.join("master.key").display())),
        wish.workers,
    );
    for (section, kind, url) in [("store", "postgres", &servers.postgres), ("hub", "redis", &servers.redis)] {
        if let Some(url) = url {
            // Writing to a text cannot fail.
            let _ = write!(config, "[{section}]\nkind = \"{kind}\"\nurl = \"{url}\"\n");
        }
    }
    config
}

/// One of the tenants, with a site and its share of the agents, who take whatever comes.
fn declaration(tenant: usize, wish: &Wish<'_>) -> String {
    let mut text = format!(
        "id = \"t{tenant}\"\nname = \"驿站示例银行\"\nlang = \"zh\"\ntimezone = \"Asia/Shanghai\"\n\
         [[account]]\nid = \"site\"\nkind = \"web\"\nname = \"官网\"\norigins = [\"{PAGE}\"]\n\
         [[queue]]\nid = \"service\"\nname = \"人工客服\"\nmax_len = 100000\nmax_wait_s = 3600\noffer_s = 300\n\
         strategy = \"least_loaded\"\n"
    );
    for n in (tenant..AGENTS).step_by(wish.tenants) {
        let _ = write!(
            text,
            "[[agent]]\nid = \"agent{n}\"\nlogin = \"agent{n}\"\nname = \"坐席{n}\"\npassword = \"{PASSWORD}\"\n\
             role = \"agent\"\ncapacity = 200\nqueues = [\"service\"]\n"
        );
        if let Some(host) = wish.agents_at {
            let _ = writeln!(text, "xmpp = \"agent{n}@{host}\"");
        }
    }
    text.push_str(wish.extra);
    text
}
