//! Where a run takes place: cores, kernel, what the disk does, and whether anybody else is at work. Linux only.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::clock::Clock;

/// The machine before a run.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// The load averages of 1, 5 and 15 minutes.
    pub load: String,
    /// Syncs of small appends in the folder of the run.
    pub disk: Disk,
}

/// How long syncs of one small append take.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// The median.
    pub median: Duration,
    /// 99 of 100 take no longer.
    pub p99: Duration,
}

impl std::fmt::Display for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        write!(f, "append of 4 KB + fsync takes {:.2} ms (median), {:.2} ms (p99)", ms(self.median), ms(self.p99))
    }
}

impl Machine {
    /// Looks at the machine; data of the run will be in `folder`.
    ///
    /// # Errors
    /// `/proc` cannot be read, or the folder not be written.
    pub fn look(folder: &Path) -> anyhow::Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").context("no /proc/cpuinfo")?;
        let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("no /proc/sys/kernel/osrelease")?;
        let load = fs::read_to_string("/proc/loadavg").context("no /proc/loadavg")?;
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: name.map_or("unknown", |(_, name)| name).trim().to_owned(),
            kernel: kernel.trim().to_owned(),
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
            disk: sync_speed(folder)?,
        })
    }

    /// The first line of a report: when and where it was measured, and how to read it.
    #[must_use]
    pub fn headline(&self, versions: &[String], repeats: usize, seed: u64, quick: bool) -> String {
        let now = Clock::system().now().rfc3339();
        let day = now.split('T').next().unwrap_or_default();
        let build = if cfg!(debug_assertions) { " **debug build**" } else { "" };
        let quick = if quick { " **`--quick`：不可引用 not to be quoted.**" } else { "" };
        let yizhan = env!("CARGO_PKG_VERSION");
        let versions = if versions.is_empty() { String::new() } else { format!(" · {}", versions.join(", ")) };
        let Self { cores, cpu, kernel, load, disk } = self;
        format!(
            "{day} · yizhan {yizhan}{build}{versions} · {cores} × {cpu} · Linux {kernel} · {disk} · load average before \
             the start {load} · {repeats} repeats, seed {seed}: 中位数（最小–最大） median (least–most).{quick}\n"
        )
    }

    /// Refuses to measure beside others' work, unless told to.
    ///
    /// # Errors
    /// The load average of the last minute is above half the cores.
    pub fn must_be_quiet(&self, busy: bool) -> anyhow::Result<()> {
        let now: f64 = self.load.split(' ').next().unwrap_or_default().parse().context("an odd /proc/loadavg")?;
        let limit = super::measure::number(self.cores) * 0.5;
        if now > limit && !busy {
            bail!("机器正忙 the machine is busy (load {now} > {limit}): wait, or say --busy");
        }
        Ok(())
    }
}

/// Times syncs of small appends.
///
/// # Errors
/// The folder cannot be written.
pub fn sync_speed(folder: &Path) -> anyhow::Result<Disk> {
    let path = folder.join(format!("disk-{}", std::process::id()));
    let mut file = fs::File::create(&path).with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begin = Instant::now();
        file.sync_all()?;
        times.push(begin.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort();
    let at = |n: usize| times.get(n).copied().unwrap_or_default();
    Ok(Disk { median: at(100), p99: at(198) })
}
