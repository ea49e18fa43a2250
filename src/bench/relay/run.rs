//! The course of the experiment: each scenario is set up afresh for each repeat, in random order.

use anyhow::{Context as _, ensure};

use super::ear::Ear;
use super::line::{Line, Member};
use super::peer::Peer;
use super::{Options, SIZE, Scenario, report};
use crate::bench::agent::Agent;
use crate::bench::crowd::{self, AGENTS, Crowd, Delays, Faults, Run, SLOTS, Saturation};
use crate::bench::measure::Series;
use crate::bench::process::{Folder, enough_files};
use crate::bench::site::{Site, Wish};
use crate::bench::visitor::{Manner, Visitor};
use crate::bench::{Progress, Report, take_all};

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
    enough_files(options.visitors * 2)?;
    let (folder, machine) = options.setting.ground("relay")?;
    let peer = scenarios.contains(&Scenario::SocketIo).then(|| Peer::prepare(&options.setting.cache)).transpose()?;
    let rates = || options.rates.iter().map(|rate| (*rate, AtRate::default())).collect();
    let mut figures: Vec<(Scenario, Figures)> =
        scenarios.iter().map(|one| (*one, Figures { rates: rates(), ..Figures::default() })).collect();
    let word = |scenario: &Scenario| scenario.word().to_owned();
    let failures =
        take_all(&scenarios, word, (options.setting.repeats, options.setting.seed), async |scenario, progress| {
            let Some((_, found)) = figures.iter_mut().find(|(one, _)| one == scenario) else { return Ok(()) };
            Turn { scenario: *scenario, options, peer: peer.as_ref(), progress }.take(found, &folder).await
        });
    let failures = failures.await;
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
        let site = self.start(&folder).await.context("setting up")?;
        let mut crowd = self.come_in(&site).await.context("coming in")?;
        let outcome = self.measure(&mut crowd, &site, figures).await;
        let faults = crowd.faults();
        figures.add(faults);
        outcome?;
        ensure!(faults.lost + faults.doubled + faults.late == 0, "messages went wrong: {faults:?}");
        Ok(())
    }

    /// Starts everything that the scenario needs, empty.
    async fn start(&self, folder: &Folder) -> anyhow::Result<Site> {
        let options = self.options;
        let Some(nodes) = self.scenario.nodes() else {
            return self.peer.context("socket.io is not installed")?.site(&options.setting.service, folder).await;
        };
        let wish = Wish {
            service: &options.setting.service,
            program: &options.setting.program,
            nodes,
            tenants: options.tenants,
            workers: options.workers,
            agents_at: None,
            tls: None,
            extra: "",
        };
        Site::gateway(&wish, Vec::new(), folder).await
    }

    /// Opens all sockets. Of the gateway, every visitor has an agent when this returns.
    async fn come_in(&self, site: &Site) -> anyhow::Result<Crowd<Line>> {
        let mut crowd = Crowd::default();
        let gateway = self.scenario.nodes().is_some();
        for n in 0..AGENTS {
            let receiver = || format!("receiver {n}");
            if gateway {
                crowd.receives(Agent::open(site, n).await.with_context(receiver)?);
            } else {
                crowd.receives(Ear::open(site, n).await.with_context(receiver)?);
            }
        }
        let manner = Manner { size: SIZE, waits: true };
        let count = if gateway { self.options.visitors } else { SLOTS };
        let open = async |n| {
            let name = crowd::name(n)?;
            let line = if gateway {
                Visitor::open(site, n, name, manner).await.map(Line::Visitor)
            } else {
                Member::open(site, n, name).await.map(Line::Member)
            };
            line.with_context(|| format!("sender {n}"))
        };
        crowd.sends(count, open).await?;
        if gateway {
            crowd.taken(count).await?;
        }
        Ok(crowd)
    }

    async fn measure(&self, crowd: &mut Crowd<Line>, site: &Site, figures: &mut Figures) -> anyhow::Result<()> {
        let run: Run = self.options.times();
        for rate in &self.options.rates {
            self.progress.say(&format!("{} at {rate}/s", self.scenario.word()));
            let delays = crowd.steady(site, f64::from(*rate), run).await;
            figures.delayed(*rate, &delays.with_context(|| format!("at {rate}/s"))?);
        }
        self.progress.say(&format!("{} at saturation", self.scenario.word()));
        figures.saturated(crowd.saturate(site, run).await.context("at saturation")?);
        Ok(())
    }
}
