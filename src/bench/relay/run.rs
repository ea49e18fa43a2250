//! The course of the experiment: each scenario is set up afresh for each repeat, in random order.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::load::{Crowd, Delays, Faults, Saturation};
use super::peer::Peer;
use super::site::Site;
use super::{AGENTS, Options, SLOTS, Scenario, report};
use crate::bench::machine::Machine;
use crate::bench::measure::{Chance, Series};
use crate::bench::process::Folder;
use crate::bench::{Progress, Report};

/// What a scenario did, over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) per_second: Series,
    pub(super) cpu: Series,
    pub(super) rates: Vec<(u32, AtRate)>,
    pub(super) faults: [u64; 4],
}

/// What a scenario did at a rate.
#[derive(Debug, Clone, Default)]
pub(super) struct AtRate {
    /// p50 and p99 until the sender heard that it was accepted, in milliseconds.
    pub(super) accepted: [Series; 2],
    /// p50, p99, p99.9 until the receiver had it.
    pub(super) arrived: [Series; 3],
}

impl Figures {
    fn saturated(&mut self, saturation: Saturation) {
        self.per_second.push(saturation.per_second);
        self.cpu.push(saturation.cpu);
    }

    fn delayed(&mut self, rate: u32, delays: &Delays) {
        let Some((_, found)) = self.rates.iter_mut().find(|(known, _)| *known == rate) else { return };
        let accepted: [f64; 2] = delays.accepted.percentiles([50.0, 99.0]);
        let arrived: [f64; 3] = delays.arrived.percentiles([50.0, 99.0, 99.9]);
        found.accepted.iter_mut().zip(accepted).for_each(|(series, ms)| series.push(ms));
        found.arrived.iter_mut().zip(arrived).for_each(|(series, ms)| series.push(ms));
    }

    fn add(&mut self, faults: Faults) {
        let all = [faults.sent, faults.lost, faults.doubled, faults.late];
        self.faults.iter_mut().zip(all).for_each(|(sum, one)| *sum += one);
    }
}

/// Measures everything that was asked for.
///
/// # Errors
/// The machine is busy, or socket.io cannot be installed. What goes wrong in single runs is in the report.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let scenarios = options.scenarios();
    ensure!(!scenarios.is_empty(), "--only chooses nothing");
    ensure!(options.visitors >= SLOTS, "--visitors: there are {SLOTS} senders at a time");
    ensure!((1..=AGENTS).contains(&options.tenants), "--tenants: each needs an agent, and there are {AGENTS}");
    enough_files(options.visitors)?;
    let folder = Folder::new(&options.cache, "relay")?;
    let machine = Machine::look(folder.path())?;
    machine.must_be_quiet(options.busy)?;
    let peer = scenarios.contains(&Scenario::SocketIo).then(|| Peer::prepare(&options.cache)).transpose()?;
    let mut chance = Chance::new(options.seed);
    let mut progress = Progress::new(scenarios.len() * options.repeats);
    let rates = || options.rates.iter().map(|rate| (*rate, AtRate::default())).collect();
    let mut figures: Vec<(Scenario, Figures)> =
        scenarios.iter().map(|one| (*one, Figures { rates: rates(), ..Figures::default() })).collect();
    let mut failures = Vec::new();
    for _ in 0..options.repeats {
        for scenario in chance.shuffle(scenarios.clone()) {
            progress.step(scenario.word());
            let Some((_, found)) = figures.iter_mut().find(|(one, _)| *one == scenario) else { continue };
            let turn = Turn { scenario, options, peer: peer.as_ref(), progress: &progress };
            if let Err(error) = turn.take(found, &folder).await {
                progress.say(&format!("失败 FAILED {}: {error:#}", scenario.word()));
                failures.push(format!("{}: {error:#}", scenario.word()));
            }
        }
    }
    Ok(report::render(options, &machine, &figures, failures))
}

/// One repeat of one scenario.
struct Turn<'a> {
    scenario: Scenario,
    options: &'a Options,
    peer: Option<&'a Peer>,
    progress: &'a Progress,
}

impl Turn<'_> {
    async fn take(&self, figures: &mut Figures, folder: &Folder) -> anyhow::Result<()> {
        let word = self.scenario.word();
        let folder = Folder::new(folder.path(), word)?;
        let site = Site::start(self.scenario, self.options, self.peer, &folder).await.context("setting up")?;
        let mut crowd = Crowd::open(self.scenario, &site, self.options.visitors).await.context("coming in")?;
        let outcome = self.measure(&mut crowd, &site, figures).await;
        let faults = crowd.faults();
        figures.add(faults);
        outcome?;
        ensure!(faults.lost + faults.doubled + faults.late == 0, "messages went wrong: {faults:?}");
        Ok(())
    }

    async fn measure(&self, crowd: &mut Crowd, site: &Site, figures: &mut Figures) -> anyhow::Result<()> {
        let (warm_up, time): (Duration, Duration) = self.options.times();
        for rate in &self.options.rates {
            self.progress.say(&format!("{} at {rate}/s", self.scenario.word()));
            let delays = crowd.steady(f64::from(*rate), warm_up, time).await;
            figures.delayed(*rate, &delays.with_context(|| format!("at {rate}/s"))?);
        }
        self.progress.say(&format!("{} at saturation", self.scenario.word()));
        figures.saturated(crowd.saturate(site, warm_up, time).await.context("at saturation")?);
        Ok(())
    }
}

/// Every visitor is a socket of this process and one of a node.
fn enough_files(visitors: usize) -> anyhow::Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("no /proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let soft: usize = line.split_whitespace().nth(3).and_then(|word| word.parse().ok()).unwrap_or(usize::MAX);
    ensure!(soft > visitors + 500, "打开文件数上限太低 too few files may be open: ulimit -n {}", visitors * 2);
    Ok(())
}
