//! The course of the experiment: which runs, in which order, on which server. What fails is noted, and the rest goes on.

use anyhow::Context as _;

use super::closed::{Cell, saturate};
use super::crash::Scene;
use super::figures::{Figures, entry};
use super::hub::{self, Way};
use super::open::{self, Run};
use super::server::Servers;
use super::structure::{Class, Contender, Structure};
use super::{Options, Part, Times, churn, crash, outage, report};
use crate::bench::measure::Chance;
use crate::bench::process::Folder;
use crate::bench::{Progress, Report};

/// Measures everything that was asked for.
///
/// # Errors
/// The machine is busy, or the servers do not come up. What goes wrong in single runs is in the report.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let (folder, machine) = options.setting.ground("queue")?;
    let mut course = Course::new(options, &folder);
    course.progress.say("启动服务 starting the servers");
    let mut servers = Servers::open(options, folder.path()).await?;
    let versions = servers.versions().await?;
    if options.wants(Part::Hub) {
        course.hub(&servers).await;
    }
    if options.wants(Part::Throughput) || options.wants(Part::Latency) {
        course.throughput(&servers).await;
    }
    if options.wants(Part::Latency) {
        course.latency(&servers).await;
    }
    if options.wants(Part::Churn) {
        course.churn(&servers).await;
    }
    if options.wants(Part::Consumer) {
        course.consumers(&servers).await;
    }
    if options.wants(Part::Broker) {
        course.brokers(&mut servers).await;
    }
    Ok(report::render(options, &machine, &versions, course.figures))
}

struct Course<'a> {
    options: &'a Options,
    folder: &'a Folder,
    times: Times,
    chance: Chance,
    progress: Progress,
    figures: Figures,
}

impl<'a> Course<'a> {
    fn new(options: &'a Options, folder: &'a Folder) -> Self {
        let contenders = options.contenders();
        let mut course = Self {
            options,
            folder,
            times: options.times(),
            chance: Chance::new(options.setting.seed),
            progress: Progress::new(0),
            figures: Figures::default(),
        };
        let mut all = if options.wants(Part::Hub) { 3 * Way::ALL.len() } else { 0 };
        if options.wants(Part::Throughput) || options.wants(Part::Latency) {
            all += course.cells().len();
        }
        all += if options.wants(Part::Latency) { 2 * contenders.len() } else { 0 };
        all += if options.wants(Part::Churn) { churn::contenders().len() } else { 0 };
        all += if options.wants(Part::Consumer) { frail(&contenders).len() } else { 0 };
        all += if options.wants(Part::Broker) { Class::ALL.len() + 1 } else { 0 };
        course.progress = Progress::new(all * options.setting.repeats);
        course
    }

    /// Every repeat of every item, each round in random order.
    fn shuffled<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        (0..self.options.setting.repeats).flat_map(|_| self.chance.shuffle(items.to_vec())).collect()
    }

    fn note<T>(&mut self, what: &str, outcome: anyhow::Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.progress.say(&format!("失败 FAILED {what}: {error:#}"));
                self.figures.failures.push(format!("{what}: {error:#}"));
                None
            }
        }
    }

    /// Everybody at the base; then more and fewer clients, deeper queues, other sizes, one at a time.
    fn cells(&self) -> Vec<Cell> {
        let options = self.options;
        let (clients, size) = (options.base_clients(), options.base_size());
        let mut cells = Vec::new();
        for contender in options.contenders() {
            let base = Cell { contender, clients, depth: 0, size, time: self.times.phase };
            cells.push(base);
            if !options.wants(Part::Throughput) {
                continue;
            }
            cells.extend(options.clients.iter().filter(|n| **n != clients).map(|n| Cell { clients: *n, ..base }));
            if contender.queues() {
                cells.extend(options.depths.iter().filter(|n| **n > 0).map(|depth| Cell { depth: *depth, ..base }));
            }
            cells.extend(options.sizes.iter().filter(|n| **n != size).map(|size| Cell { size: *size, ..base }));
        }
        cells
    }

    async fn hub(&mut self, servers: &Servers) {
        let ways: Vec<Way> = Way::ALL.into_iter().filter(|way| servers.of_hub(way.broker()).is_some()).collect();
        let (size, times) = (self.options.base_size(), self.times);
        for way in self.shuffled(&ways) {
            let Some(server) = servers.of_hub(way.broker()) else { continue };
            self.progress.step(&format!("hub: {} at saturation", way.label()));
            let outcome = hub::saturate(way, server, size, times.phase).await;
            if let Some(saturation) = self.note(way.label(), outcome) {
                entry(&mut self.figures.hub, way).saturated(&saturation);
            }
        }
        let can = |way: Way| self.figures.hub.iter().find(|(known, _)| *known == way).map(|(_, hub)| hub.rate.median());
        let known: Vec<(Way, f64)> = ways.iter().filter_map(|way| Some((*way, round_down(can(*way)? / 2.0)))).collect();
        let slowest = known.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
        let runs: Vec<_> = known.iter().flat_map(|(way, own)| [(*way, slowest, true), (*way, *own, false)]).collect();
        for (way, rate, common) in self.shuffled(&runs) {
            let Some(server) = servers.of_hub(way.broker()) else { continue };
            let what = format!("hub: {} at {rate:.0}/s", way.label());
            self.progress.step(&what);
            let outcome = hub::steady(way, server, size, rate, (times.warm_up, times.steady)).await;
            if let Some(latency) = self.note(&what, outcome) {
                entry(&mut self.figures.hub, way).delayed(rate, common, &latency);
            }
        }
    }

    async fn throughput(&mut self, servers: &Servers) {
        let cells = self.cells();
        for cell in &cells {
            entry(&mut self.figures.cells, *cell);
        }
        for cell in self.shuffled(&cells) {
            let Some(server) = servers.of(cell.contender) else { continue };
            let (clients, depth, size) = (cell.clients, cell.depth, cell.size);
            let what = format!("{} × {clients}, {depth} deep, {size} B", cell.contender.word());
            self.progress.step(&what);
            let outcome = saturate(cell, server).await;
            if let Some(saturation) = self.note(&what, outcome) {
                entry(&mut self.figures.cells, cell).push(&saturation);
            }
        }
    }

    /// Half of the round trips per second that a contender can do.
    fn half(&self, contender: Contender) -> Option<f64> {
        let cycle = self.figures.cycle(contender, self.options.base_clients(), self.options.base_size())?;
        Some(round_down(cycle / 2.0))
    }

    async fn latency(&mut self, servers: &Servers) {
        let contenders: Vec<(Contender, f64)> =
            self.options.contenders().into_iter().filter_map(|one| Some((one, self.half(one)?))).collect();
        let slowest = contenders.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
        let mut runs = Vec::new();
        for (contender, own) in contenders {
            for (rate, common) in [(slowest, true), (own, false)] {
                let (list, run) = (common, self.run_at(contender, rate));
                let figures = if list { &mut self.figures.common } else { &mut self.figures.half };
                entry(figures, contender).rate = rate;
                runs.push((run, common));
            }
        }
        for (run, common) in self.shuffled(&runs) {
            let Some(server) = servers.of(run.contender) else { continue };
            let what = format!("{} at {:.0}/s", run.contender.word(), run.rate);
            self.progress.step(&what);
            let outcome = open::run(run, &server.url).await;
            if let Some(times) = self.note(&what, outcome) {
                let figures = if common { &mut self.figures.common } else { &mut self.figures.half };
                entry(figures, run.contender).push(&times);
            }
        }
    }

    fn run_at(&self, contender: Contender, rate: f64) -> Run {
        let (clients, size) = (self.options.base_clients(), self.options.base_size());
        Run { contender, clients, rate, size, warm_up: self.times.warm_up, time: self.times.steady }
    }

    async fn churn(&mut self, servers: &Servers) {
        let (most, time) = self.times.queues;
        for contender in self.shuffled(&churn::contenders()) {
            let Some(server) = servers.of(contender) else { continue };
            let what = format!("{} queues come and go", contender.word());
            self.progress.step(&what);
            let outcome = churn::run(contender, server, most, time).await;
            if let Some(churn) = self.note(&what, outcome) {
                self.figures.churned(contender, &churn);
            }
        }
    }

    async fn consumers(&mut self, servers: &Servers) {
        let contenders = frail(&self.options.contenders());
        for (round, contender) in self.shuffled(&contenders).into_iter().enumerate() {
            let Some(server) = servers.of(contender) else { continue };
            let what = format!("{} consumers die", contender.word());
            self.progress.step(&what);
            let seed = self.options.setting.seed.wrapping_add(u64::try_from(round).unwrap_or(0).wrapping_mul(1_000));
            let (program, folder) = (self.options.setting.program.as_path(), self.folder.path());
            let (count, size) = (self.times.messages, self.options.base_size());
            let outcome = crash::run(contender, &server.url, Scene { program, folder, count, size, seed }).await;
            if let Some(crash) = self.note(&what, outcome) {
                self.figures.crashed(contender, crash);
            }
        }
    }

    async fn brokers(&mut self, servers: &mut Servers) {
        let contenders = self.options.contenders();
        for _ in 0..self.options.setting.repeats {
            for server in servers.ours() {
                let own: Vec<Contender> = contenders.iter().copied().filter(|one| server.serves(*one)).collect();
                let what = format!("{} is killed under {} structures", server.url, own.len());
                self.progress.step(&what);
                let outcome = outage::run(server, &own, self.options.base_size()).await;
                for outage in self.note(&what, outcome.context("outage")).into_iter().flatten() {
                    self.figures.went_down(&outage);
                }
            }
        }
    }
}

/// With consumers that die the class does not matter: the weakest of each structure is looked at.
fn frail(contenders: &[Contender]) -> Vec<Contender> {
    let mut seen: Vec<Structure> = Vec::new();
    let mut first = |one: &Contender| {
        let new = !seen.contains(&one.structure);
        seen.push(one.structure);
        new
    };
    contenders.iter().copied().filter(|one| first(one)).collect()
}

/// Two digits are enough for a rate.
fn round_down(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.max(10.0).log10().floor() - 1.0);
    ((rate / unit).floor() * unit).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_digits_and_are_never_above() {
        assert_eq!([3.0, 47.9, 1_234.0, 56_789.0].map(round_down), [3.0, 47.0, 1_200.0, 56_000.0]);
    }

    #[test]
    fn each_structure_dies_once() {
        let frail = frail(&Contender::all());
        assert_eq!(frail.len(), 11);
        assert!(frail.iter().filter(|one| one.structure == Structure::List).all(|one| one.class == Class::Memory));
    }
}
