//! A gateway as a process of its own: started, looked at, harmed. Knows no protocol but "it is ready".

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a node may take to become ready on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node is started from.
#[derive(Debug)]
pub struct Files {
    /// The program.
    pub binary: PathBuf,
    /// Its settings.
    pub config: PathBuf,
    /// Where it says what it does.
    pub log: PathBuf,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    /// `node-1`.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    pid: Arc<AtomicU32>,
    http: reqwest::Client,
    env: Vec<(String, String)>,
}

impl Node {
    /// A node that is not started yet.
    pub fn new(name: &str, address: SocketAddr, files: Files) -> anyhow::Result<Self> {
        let Files { binary, config, log } = files;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        Ok(Self {
            name: name.to_owned(),
            address,
            binary,
            config,
            log,
            child: None,
            pid: Arc::default(),
            http,
            env: Vec::new(),
        })
    }

    /// With a variable in its environment from the next start on.
    pub fn with_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Another program from the next start on.
    pub fn is_from_now_on(&mut self, binary: PathBuf) {
        self.binary = binary;
    }

    /// Starts the process, without waiting.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).arg("serve").envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("cannot start the gateway")?;
        self.pid.store(child.id(), Ordering::Relaxed);
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it is ready; how long that took.
    pub async fn ready(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            if self.is_ready().await {
                return Ok(begun.elapsed());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{} ended ({status}); see {}", self.name, self.log.display());
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} is not ready after {PATIENCE:?}; see {}", self.name, self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it says so itself.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("http://{}/readyz", self.address)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.as_ref().map(Child::id).context("it does not run")?;
        signal(name, &pid.to_string())
    }

    /// Kills it at once and waits for its end.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            ended(&mut child, PATIENCE).await?.context("it does not die")?;
        }
        Ok(())
    }

    /// Asks it to stop in order; how it ended, and how long that took.
    pub async fn stop(&mut self, within: Duration) -> anyhow::Result<(ExitStatus, Duration)> {
        self.signal("TERM")?;
        let begun = Instant::now();
        let mut child = self.child.take().context("it does not run")?;
        let Some(status) = ended(&mut child, within).await? else {
            child.kill()?;
            bail!("{} did not stop within {within:?}", self.name);
        };
        Ok((status, begun.elapsed()))
    }

    /// A look at its size from elsewhere, also after it was started again.
    pub fn probe(&self) -> Probe {
        Probe { name: self.name.clone(), pid: Arc::clone(&self.pid) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Waits for the end of a process, if it comes in time.
async fn ended(child: &mut Child, within: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > within {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Looks at the size of a node.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The node's name.
    pub name: String,
    pid: Arc<AtomicU32>,
}

impl Probe {
    /// Resident memory in KB and open descriptors, while it runs.
    pub fn size(&self) -> Option<(i64, usize)> {
        let pid = self.pid.load(Ordering::Relaxed);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some((rss.split_whitespace().next()?.parse().ok()?, fds))
    }
}

/// Sends a signal to a process, or to a group with a minus sign in front.
pub fn signal(name: &str, to: &str) -> anyhow::Result<()> {
    let sent = Command::new("kill").args([&format!("-{name}"), "--", to]).status()?;
    anyhow::ensure!(sent.success(), "kill -{name} {to}");
    Ok(())
}

/// A copy of the gateway that was built beside this program: a build while a campaign runs changes nothing in it.
pub fn gateway(folder: &Path) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let built = own.parent().and_then(Path::parent).context("an odd place for this program")?.join("yizhan");
    let copy = folder.join("gateway");
    std::fs::copy(&built, &copy).with_context(|| format!("{} is not built", built.display()))?;
    Ok(copy)
}
