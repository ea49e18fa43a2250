//! Processes of a run, each in a group of its own that ends with its value, and the folders they work in. Looks at them
//! through /proc. Knows no protocol.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::time::Instant;

/// How long what was killed may take to be gone.
const LAST: Duration = Duration::from_secs(5);

/// A folder that is removed with its value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder of this name below another.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(below: &Path, name: &str) -> anyhow::Result<Self> {
        let path = std::path::absolute(below)?.join(format!("{name}-{}", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot clear {}", path.display()))?;
        }
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is a folder in a cache.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running process with all that it has started. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    name: String,
}

impl Process {
    /// Starts a command; what it prints goes to `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, log: log.to_owned(), name })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// The process ended, or was not ready in time; the end of its log is in the error.
    pub async fn wait(&mut self, patience: Duration, ready: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}): {}", self.name, self.last_words());
            }
            if Instant::now() > end {
                bail!("{} is not ready after {patience:?}: {}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Kills it with everything it has started, and waits for its end.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let left = self.members()?.into_iter().filter(|stat| stat.group != self.child.id());
        let mut all = vec![format!("-{}", self.child.id())];
        all.extend(left.map(|stat| stat.process.to_string()));
        let status = Command::new("kill").args(["-KILL", "--"]).args(all).stderr(Stdio::null()).status();
        status.context("cannot run kill")?;
        self.child.wait().context("cannot wait for a process")?;
        // Its children are not ours to wait for.
        let began = Instant::now();
        while !self.members()?.is_empty() {
            ensure!(began.elapsed() < LAST, "{} does not end", self.name);
            std::thread::yield_now();
        }
        Ok(())
    }

    /// CPU seconds so far of all that it has started.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        Ok(self.members()?.iter().map(|stat| stat.cpu).sum())
    }

    /// Resident memory in KB of all that it has started.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn memory(&self) -> anyhow::Result<f64> {
        Ok(self.members()?.iter().map(|stat| stat.memory).sum())
    }

    /// Those of the group, and their children: what PostgreSQL starts leaves its group.
    fn members(&self) -> anyhow::Result<Vec<Stat>> {
        let all = fs::read_dir("/proc").context("no /proc")?.flatten();
        let stats: Vec<Stat> = all.filter_map(|entry| Stat::of(entry.file_name().to_str()?).ok()).collect();
        let group: Vec<u32> =
            stats.iter().filter(|stat| stat.group == self.child.id()).map(|stat| stat.process).collect();
        let ours = |stat: &Stat| group.contains(&stat.process) || group.contains(&stat.parent);
        Ok(stats.into_iter().filter(ours).collect())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        drop(self.kill());
    }
}

/// What /proc says of one process.
#[derive(Debug, Clone, Copy)]
struct Stat {
    process: u32,
    parent: u32,
    group: u32,
    cpu: f64,
    memory: f64,
}

impl Stat {
    fn of(process: &str) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let rest = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?.1;
        let field =
            |n: usize| rest.split(' ').nth(n).and_then(|word| word.parse::<f64>().ok()).context("a field is missing");
        let number =
            |n: usize| rest.split(' ').nth(n).and_then(|word| word.parse::<u32>().ok()).context("a number is missing");
        let process = stat.split(' ').next().and_then(|word| word.parse().ok()).context("no process number")?;
        // Fields 14 and 15 of the manual; a tick is 10 ms on Linux. Field 24 counts pages.
        let (cpu, memory) = ((field(11)? + field(12)?) / 100.0, field(21)? * 4.0);
        Ok(Self { process, parent: number(1)?, group: number(2)?, cpu, memory })
    }
}

/// CPU seconds of a process, `self` for this one.
///
/// # Errors
/// There is no such process.
pub fn cpu_of(process: &str) -> anyhow::Result<f64> {
    Ok(Stat::of(process)?.cpu)
}

/// Makes sure that so many files can be open at a time. This process and an XMPP server have one for each socket; the
/// gateway has two, as has haproxy.
///
/// # Errors
/// Fewer files may be open, or `/proc` cannot be read.
pub fn enough_files(files: usize) -> anyhow::Result<()> {
    let limits = fs::read_to_string("/proc/self/limits").context("no /proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let soft: usize = line.split_whitespace().nth(3).and_then(|word| word.parse().ok()).unwrap_or(usize::MAX);
    ensure!(soft > files + 500, "打开文件数上限太低 too few files may be open: ulimit -n {}", files + 1_000);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_ends_with_what_it_has_started() {
        let folder = Folder::new(&std::env::temp_dir(), "yizhan-bench-test").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & setsid sleep 600 & echo here; wait"]);
        let log = folder.path().join("log");
        let mut process = Process::start(command, &log).unwrap();
        let said = async || fs::read_to_string(&log).unwrap().contains("here");
        process.wait(Duration::from_secs(10), said).await.unwrap();
        assert_eq!(process.members().unwrap().len(), 3, "the shell and its children, also one that has left the group");
        assert!(process.memory().unwrap() > 0.0);
        process.kill().unwrap();
        assert!(process.members().unwrap().is_empty());
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_last_words_of_a_process_that_ends_are_told() {
        let folder = Folder::new(&std::env::temp_dir(), "yizhan-bench-words").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let mut process = Process::start(command, &folder.path().join("log")).unwrap();
        let error = process.wait(Duration::from_secs(10), async || false).await.unwrap_err();
        assert!(error.to_string().contains("no such thing"), "{error}");
    }

    #[test]
    fn this_process_has_used_some_time() {
        assert!(cpu_of("self").unwrap() >= 0.0);
    }
}
