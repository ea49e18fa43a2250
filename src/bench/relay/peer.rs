//! socket.io with its Redis adapter: installed from the npm registry into the cache when it is wanted, run with Node.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpStream;

use crate::bench::port;
use crate::bench::process::{Folder, Process};
use crate::bench::service::{Kind, Service};
use crate::bench::site::Site;

/// What is installed.
const PACKAGES: [&str; 3] = ["socket.io@4.8.4", "@socket.io/redis-adapter@8.3.0", "ioredis@5"];
/// The server, as socket.io's documentation shows it.
const SCRIPT: &str = include_str!("socket-io.mjs");
const PATIENCE: Duration = Duration::from_secs(30);

/// An installed socket.io.
#[derive(Debug)]
pub(super) struct Peer {
    modules: PathBuf,
}

impl Peer {
    /// Installs it if it is not there.
    pub(super) fn prepare(cache: &Path) -> anyhow::Result<Self> {
        let modules = std::path::absolute(cache)?.join("socket.io");
        std::fs::create_dir_all(&modules)?;
        let installed = PACKAGES.iter().all(|package| {
            let name = package.rsplit_once('@').map_or(*package, |(name, _)| name);
            modules.join("node_modules").join(name).is_dir()
        });
        if !installed {
            let install = ["install", "--no-audit", "--no-fund", "--silent"];
            let mut command = Command::new("npm");
            command.args(install).args(PACKAGES).current_dir(&modules).stdin(Stdio::null()).stdout(Stdio::null());
            let status =
                command.status().context("npm is not there: install Node, or leave socket.io out with --only")?;
            ensure!(status.success(), "npm cannot install socket.io: leave it out with --only");
        }
        Ok(Self { modules })
    }

    /// What is compared with.
    pub(super) fn version() -> &'static str {
        "socket.io 4.8.4 + redis-adapter 8.3.0"
    }

    /// Two processes of it over a Redis: senders come to one, receivers to the other.
    pub(super) async fn site(&self, service: &Path, folder: &Folder) -> anyhow::Result<Site> {
        let redis = Service::start(service, Kind::Redis, &[], folder.path()).await?;
        let [here, there] = [port::free(1)?, port::free(1)?].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let url = redis.url();
        let first = self.start(here, &url, folder, 0).await?;
        let second = self.start(there, &url, folder, 1).await?;
        Ok(Site::new([here, there], vec![first, second], vec![redis]))
    }

    /// Starts a process of it, and waits until it listens.
    async fn start(&self, address: SocketAddr, redis: &str, folder: &Folder, n: usize) -> anyhow::Result<Process> {
        let script = folder.path().join("socket-io.mjs");
        std::fs::write(&script, SCRIPT)?;
        let mut command = Command::new("node");
        command.arg(script).arg(&self.modules).arg(address.port().to_string()).arg(redis);
        let mut process = Process::start(command, &folder.path().join(format!("socket-io-{n}.log")))?;
        process.wait(PATIENCE, async || TcpStream::connect(address).await.is_ok()).await?;
        Ok(process)
    }
}
