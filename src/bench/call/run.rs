//! The course of the experiment: each scenario is set up afresh for each repeat, in random order.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::load::{Delays, Office, Saturation};
use super::{Options, report};
use crate::bench::crowd::AGENTS;
use crate::bench::measure::Series;
use crate::bench::process::Folder;
use crate::bench::relay::Scenario;
use crate::bench::site::{Site, Wish};
use crate::bench::{Progress, Report, take_all};

/// What a scenario did, over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) per_second: Series,
    pub(super) cpu: Series,
    pub(super) rates: Vec<(u32, AtRate)>,
}

/// What a scenario did at a rate: p50, p99 and p99.9 in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct AtRate {
    /// Until both were told to begin.
    pub(super) started: [Series; 3],
    /// Until both were connected.
    pub(super) connected: [Series; 3],
}

impl Figures {
    fn saturated(&mut self, saturation: Saturation) {
        self.per_second.push(saturation.per_second);
        self.cpu.push(saturation.cpu);
    }

    fn delayed(&mut self, rate: u32, delays: &Delays) {
        let Some((_, found)) = self.rates.iter_mut().find(|(known, _)| *known == rate) else { return };
        let of = |latency: &crate::bench::measure::Latency| -> [f64; 3] { latency.percentiles([50.0, 99.0, 99.9]) };
        found.started.iter_mut().zip(of(&delays.started)).for_each(|(series, ms)| series.push(ms));
        found.connected.iter_mut().zip(of(&delays.connected)).for_each(|(series, ms)| series.push(ms));
    }
}

/// Measures everything that was asked for.
///
/// # Errors
/// The machine is busy. What goes wrong in single runs is in the report.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let scenarios = options.scenarios();
    ensure!(!scenarios.is_empty(), "--only chooses nothing");
    ensure!(options.visitors >= AGENTS, "--visitors: there are {AGENTS} agents");
    let (folder, machine) = options.setting.ground("call")?;
    let rates = || options.rates.iter().map(|rate| (*rate, AtRate::default())).collect();
    let mut figures: Vec<(Scenario, Figures)> =
        scenarios.iter().map(|one| (*one, Figures { rates: rates(), ..Figures::default() })).collect();
    let word = |scenario: &Scenario| scenario.word().to_owned();
    let failures =
        take_all(&scenarios, word, (options.setting.repeats, options.setting.seed), async |scenario, progress| {
            let Some((_, found)) = figures.iter_mut().find(|(one, _)| one == scenario) else { return Ok(()) };
            take(*scenario, options, (&folder, progress), found).await
        });
    let failures = failures.await;
    Ok(report::render(options, &machine, &figures, failures))
}

/// One repeat of one scenario.
async fn take(
    scenario: Scenario,
    options: &Options,
    (folder, progress): (&Folder, &Progress),
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let folder = Folder::new(folder.path(), scenario.word())?;
    let wish = Wish {
        service: &options.setting.service,
        program: &options.setting.program,
        nodes: scenario.nodes().context("calls need a gateway")?,
        tenants: 1,
        workers: options.workers,
        agents_at: None,
        tls: None,
        extra: "[call]\nchats_in_call = 200\n",
    };
    let site = Site::gateway(&wish, Vec::new(), &folder).await.context("setting up")?;
    let mut office = Office::open(&site, options.visitors).await.context("coming in")?;
    let (warm_up, time): (Duration, Duration) = options.times();
    for rate in &options.rates {
        progress.say(&format!("{} at {rate}/s", scenario.word()));
        let delays = office.steady(f64::from(*rate), warm_up, time).await;
        figures.delayed(*rate, &delays.with_context(|| format!("at {rate}/s"))?);
    }
    progress.say(&format!("{} at saturation", scenario.word()));
    figures.saturated(office.saturate(&site, warm_up, time).await.context("at saturation")?);
    Ok(())
}
