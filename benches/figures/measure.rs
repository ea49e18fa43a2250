//! Repeats, medians, percentiles, and whether the machine is quiet. Knows nothing of what is measured.

use std::time::Duration;

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;

/// What whoever measures has asked for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often everything is repeated.
    pub(crate) repeats: usize,
    /// Requests of one closed-loop run.
    pub(crate) requests: usize,
    /// Seconds of one open-loop run.
    pub(crate) seconds: u64,
    /// Idle sockets.
    pub(crate) sockets: usize,
    /// Sockets that are cut at once.
    pub(crate) cut: usize,
    /// Worker threads of every HTTP server.
    pub(crate) workers: usize,
    /// Measure although the machine is busy.
    pub(crate) busy: bool,
    /// Makes the order of runs.
    pub(crate) seed: u64,
    /// Only what has this word in its name.
    pub(crate) only: Option<String>,
}

impl Plan {
    /// Reads `--key value` pairs.
    pub(crate) fn read(words: &[String]) -> anyhow::Result<Self> {
        let mut plan = Self {
            repeats: 3,
            requests: 20_000,
            seconds: 10,
            sockets: 10_000,
            cut: 3_000,
            workers: 1,
            busy: false,
            seed: 42,
            only: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--busy" {
                plan.busy = true;
                continue;
            }
            if word == "--bench" {
                continue;
            }
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--repeats" => plan.repeats = value.parse()?,
                "--requests" => plan.requests = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--sockets" => plan.sockets = value.parse()?,
                "--cut" => plan.cut = value.parse()?,
                "--workers" => plan.workers = value.parse()?,
                "--seed" => plan.seed = value.parse()?,
                "--only" => plan.only = Some(value.clone()),
                _ => bail!("unknown option {word}"),
            }
        }
        Ok(plan)
    }

    /// Prints where this runs; refuses a busy machine unless told otherwise.
    pub(crate) fn begin(&self, what: &str) -> anyhow::Result<()> {
        let load = std::fs::read_to_string("/proc/loadavg").context("no /proc/loadavg")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("# {what}");
        println!("{cores} cores, load average {}, {self:?}", load.trim());
        let now: f64 = load.split(' ').next().unwrap_or_default().parse()?;
        let limit = f64::from(u32::try_from(cores)?) * 0.5;
        if now > limit && !self.busy {
            bail!("the machine is busy (load {now} > {limit}): wait, or say --busy");
        }
        Ok(())
    }

    /// Whether something is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|word| name.contains(word.as_str()))
    }

    /// Every repeat of every item, in random order.
    pub(crate) fn shuffled<T: Clone>(&self, items: &[T]) -> Vec<T> {
        let mut state = self.seed | 1;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap_or(1)).unwrap_or(0)
        };
        let mut order = Vec::new();
        for _ in 0..self.repeats {
            let mut round = items.to_vec();
            while !round.is_empty() {
                order.push(round.swap_remove(random(round.len())));
            }
        }
        order
    }
}

/// One figure over all repeats.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// Adds a repeat.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Median with the smallest and the largest.
    pub(crate) fn show(&self, digits: usize) -> String {
        let at = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        let (least, most) = (at(self.0.first()), at(self.0.last()));
        format!("{:.digits$} ({least:.digits$}–{most:.digits$})", self.median())
    }
}

/// Latencies in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, 60_000_000, 3)?))
    }

    /// Notes one.
    pub(crate) fn note(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    /// How many were noted.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// A percentile in milliseconds.
    pub(crate) fn ms(&self, percentile: f64) -> f64 {
        let micros = u32::try_from(self.0.value_at_percentile(percentile)).unwrap_or(u32::MAX);
        f64::from(micros) / 1_000.0
    }
}

/// A count as a number to calculate with.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
