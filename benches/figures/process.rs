//! Servers as processes of their own: started, looked at through /proc, stopped. Knows no protocol but "it listens".

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use yizhan::bench::process::cpu_of;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A folder for a run's data on the disk of the build, removed when dropped.
pub(crate) fn folder() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// The release binary of the gateway.
pub(crate) fn gateway_binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_yizhan"))
}

impl Server {
    /// Starts a command that will listen on `address`, and waits until it does.
    pub(crate) fn start(mut command: Command, address: SocketAddr, log: &Path) -> anyhow::Result<Self> {
        let log = std::fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self { child, address };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended: {status}");
            }
            if begin.elapsed() > PATIENCE {
                bail!("{command:?} does not listen");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// This program as one of its own baseline servers.
    pub(crate) fn baseline(kind: &str, workers: usize, dir: &Path) -> anyhow::Result<Self> {
        let address = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", kind, &address.to_string(), &workers.to_string()]);
        Self::start(command, address, &dir.join(format!("{kind}.log")))
    }

    /// CPU seconds used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        cpu_of(&self.child.id().to_string())
    }

    /// CPU seconds used so far by the process and its children, as far as they still run.
    pub(crate) fn cpu_of_family(&self) -> anyhow::Result<f64> {
        let own = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        children.split_whitespace().try_fold(self.cpu()?, |sum, child| Ok(sum + cpu_of(child)?))
    }

    /// Resident and proportional memory in KB.
    pub(crate) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = |name: &str| -> anyhow::Result<f64> {
            let line = text.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
            Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
        };
        Ok((line("Rss:")?, line("Pss:")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
