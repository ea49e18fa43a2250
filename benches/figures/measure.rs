//! What whoever measures has asked for, and whether the machine is quiet. Knows nothing of what is measured.

use std::path::Path;

use anyhow::{Context as _, bail};
use yizhan::bench::machine::Machine;
use yizhan::bench::measure::Chance;
pub(crate) use yizhan::bench::measure::{Latency, Series, number};

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
        let machine = Machine::look(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
        println!("# {what}");
        println!("{} cores, load average {}, {self:?}", machine.cores, machine.load);
        println!("disk: {}", machine.disk);
        machine.must_be_quiet(self.busy)
    }

    /// Whether something is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|word| name.contains(word.as_str()))
    }

    /// Every repeat of every item, in random order.
    pub(crate) fn shuffled<T: Clone>(&self, items: &[T]) -> Vec<T> {
        let mut chance = Chance::new(self.seed);
        (0..self.repeats).flat_map(|_| chance.shuffle(items.to_vec())).collect()
    }
}
