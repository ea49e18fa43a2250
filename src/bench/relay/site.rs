//! What carries the messages of a scenario: nodes of the gateway with their servers, or processes of socket.io. Sets them
//! up and takes them down; knows no client.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::peer::Peer;
use super::{AGENTS, Options, Scenario};
use crate::bench::call;
use crate::bench::http::Client;
use crate::bench::process::{Folder, Process, free_port};
use crate::bench::service::{Kind, Service};

/// How long a node may take to be ready: it hashes the passwords of all agents first.
const PATIENCE: Duration = Duration::from_secs(90);
/// The page that visitors come from.
pub(super) const PAGE: &str = "http://site.example";
pub(super) const PASSWORD: &str = "correct horse battery";

/// A running scenario.
#[derive(Debug)]
pub(in crate::bench) struct Site {
    /// Where senders connect.
    pub(super) here: SocketAddr,
    /// Where receivers connect.
    pub(super) there: SocketAddr,
    /// Of the gateway; whoever comes as the `n`th belongs to the tenant `n` modulo this.
    pub(super) tenants: usize,
    processes: Vec<Process>,
    services: Vec<Service>,
}

/// The servers of a gateway, and where they are.
#[derive(Debug, Default)]
struct Servers {
    services: Vec<Service>,
    postgres: Option<String>,
    redis: Option<String>,
}

impl Servers {
    async fn add(&mut self, options: &Options, kind: Kind, folder: &Folder) -> anyhow::Result<String> {
        let service = Service::start(&options.service, kind, &[], folder.path()).await?;
        let url = service.url();
        self.services.push(service);
        Ok(url)
    }
}

impl Site {
    /// Starts everything that a scenario needs, empty.
    pub(super) async fn start(
        scenario: Scenario,
        options: &Options,
        peer: Option<&Peer>,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let mut servers = Servers::default();
        if matches!(scenario, Scenario::OneNode | Scenario::TwoNodes) {
            servers.postgres = Some(servers.add(options, Kind::Postgres, folder).await?);
        }
        if scenario != Scenario::Embedded {
            servers.redis = Some(servers.add(options, Kind::Redis, folder).await?);
        }
        let nodes = if matches!(scenario, Scenario::TwoNodes | Scenario::SocketIo) { 2 } else { 1 };
        let mut addresses = Vec::new();
        let mut processes = Vec::new();
        for n in 0..nodes {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port(1)?));
            let process = match (peer, scenario) {
                (Some(peer), Scenario::SocketIo) => peer.start(address, servers.redis.as_deref(), folder, n).await?,
                _ => node(options, &servers, folder.path(), n, address).await?,
            };
            addresses.push(address);
            processes.push(process);
        }
        let first = SocketAddr::from(([127, 0, 0, 1], 0));
        let here = addresses.first().copied().unwrap_or(first);
        let there = addresses.last().copied().unwrap_or(first);
        Ok(Self { here, there, tenants: options.tenants, processes, services: servers.services })
    }

    /// Starts what calls need, empty.
    pub(in crate::bench) async fn for_calls(
        scenario: Scenario,
        asked: &call::Options,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let options = Options {
            service: asked.service.clone(),
            cache: asked.cache.clone(),
            program: asked.program.clone(),
            only: None,
            rates: Vec::new(),
            visitors: asked.visitors,
            tenants: 1,
            workers: asked.workers,
            repeats: asked.repeats,
            seed: asked.seed,
            extra: "[call]\nchats_in_call = 200\n",
            quick: asked.quick,
            busy: asked.busy,
        };
        Self::start(scenario, &options, None, folder).await
    }

    /// CPU seconds of everything that carries messages, servers included.
    pub(in crate::bench) fn cpu(&self) -> anyhow::Result<f64> {
        let mut cpu = 0.0;
        for process in &self.processes {
            cpu += process.cpu()?;
        }
        for service in &self.services {
            cpu += service.cpu()?.unwrap_or(0.0);
        }
        Ok(cpu)
    }
}

/// Starts a node with a written configuration and declaration, and waits until it is ready.
async fn node(
    options: &Options,
    servers: &Servers,
    folder: &Path,
    n: usize,
    address: SocketAddr,
) -> anyhow::Result<Process> {
    let tenants = folder.join("tenants");
    std::fs::create_dir_all(&tenants)?;
    for tenant in 0..options.tenants {
        std::fs::write(tenants.join(format!("t{tenant}.toml")), declaration(tenant, options.tenants, options.extra))?;
    }
    let file = folder.join(format!("node-{n}.toml"));
    std::fs::write(&file, config(options, servers, folder, n, address))?;
    // The settings of a cluster hold addresses with passwords: nobody else may read them.
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let mut command = Command::new(&options.program);
    command.arg("--config").arg(file).arg("serve");
    let mut process = Process::start(command, &folder.join(format!("node-{n}.log")))?;
    process.wait(PATIENCE, async || ready(address).await.is_ok()).await?;
    Ok(process)
}

async fn ready(address: SocketAddr) -> anyhow::Result<()> {
    let mut client = Client::open(address, None).await?;
    client.call(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\n\r\n").await.map(drop)
}

fn config(options: &Options, servers: &Servers, folder: &Path, n: usize, address: SocketAddr) -> String {
    let path = |name: &str| toml::Value::String(folder.join(name).display().to_string());
    let (data, tenants, media) = (path(&format!("node-{n}")), path("tenants"), path("media"));
    let mut config = format!(
        "[data]\ndir = {data}\n[secret]\ngenerate = true\nmaster_key = {}\n[tenants]\ndir = {tenants}\n\
         [media]\npath = {media}\n[http]\nbind = \"{address}\"\nworkers = {}\nlogins_per_minute = 10000\n\
         [socket]\nhandshakes_per_minute = 1000000\nheartbeat_s = 300\nresume_s = 600\n\
         [log]\nlevel = \"warn\"\nformat = \"text\"\n[drain]\nspread_s = 0\n",
        toml::Value::String(format!("file:{}", folder.join("master.key").display())),
        options.workers,
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
fn declaration(tenant: usize, tenants: usize, extra: &str) -> String {
    let mut text = format!(
        "id = \"t{tenant}\"\nname = \"驿站示例银行\"\nlang = \"zh\"\ntimezone = \"Asia/Shanghai\"\n\
         [[account]]\nid = \"site\"\nkind = \"web\"\nname = \"官网\"\norigins = [\"{PAGE}\"]\n\
         [[queue]]\nid = \"service\"\nname = \"人工客服\"\nmax_len = 100000\nmax_wait_s = 3600\noffer_s = 300\n\
         strategy = \"least_loaded\"\n"
    );
    for n in (tenant..AGENTS).step_by(tenants) {
        let _ = write!(
            text,
            "[[agent]]\nid = \"agent{n}\"\nlogin = \"agent{n}\"\nname = \"坐席{n}\"\npassword = \"{PASSWORD}\"\n\
             role = \"agent\"\ncapacity = 200\nqueues = [\"service\"]\n"
        );
    }
    text.push_str(extra);
    text
}
