//! The course of the experiment: each topology is set up afresh for each repeat, in random order.

use anyhow::{Context as _, ensure};

use super::idle::{self, Beside, Idle};
use super::line::{Reader, Writer};
use super::place::Place;
use super::{GOAL, Options, Promise, Topology, report};
use crate::bench::agent::Agent;
use crate::bench::certificate::Certificates;
use crate::bench::crowd::{self, AGENTS, Crowd, Delays, Faults, Run, SLOTS, Sender};
use crate::bench::measure::Series;
use crate::bench::process::{Folder, enough_files};
use crate::bench::visitor::{self, Manner, Visitor};
use crate::bench::{Progress, Report, take_all};

/// Where the search for the most begins, messages per second.
const FIRST: f64 = 200.0;
/// More is not tried, where senders have no limit of their own.
const LAST: f64 = 40_000.0;
/// Less is not tried: every sender would have less than one message.
pub(super) const LEAST: f64 = 50.0;
/// How often the gap between a rate that keeps the goal and one that does not is halved.
const HALVINGS: usize = 3;

/// What a topology did, over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    /// The highest rate that kept the goal, messages per second; 0 when it is less than [`LEAST`].
    pub(super) at_goal: Series,
    /// Whether senders could not have sent more in some repeat.
    pub(super) limited: bool,
    pub(super) rates: Vec<(u32, AtRate)>,
    /// Setting up p50 and p99 in milliseconds, KB for a connection.
    pub(super) idle: [Series; 3],
    /// 99 % back and all back, in seconds.
    pub(super) back: [Series; 2],
    /// How often somebody was turned away who came back.
    pub(super) again: usize,
    /// In how many repeats not everybody came back in time.
    pub(super) stayed_away: usize,
    /// Sent, lost, doubled, late.
    pub(super) faults: [u64; 4],
}

/// What a topology did at a rate.
#[derive(Debug, Clone, Default)]
pub(super) struct AtRate {
    /// Mean, p50 and p99 until the sender heard that it was taken, in milliseconds.
    pub(super) accepted: [Series; 3],
    /// Mean, p50, p99, p99.9 until the receiver had it.
    pub(super) arrived: [Series; 4],
    /// CPU seconds for 1,000 messages.
    pub(super) cpu: Series,
}

fn push<const N: usize>(series: &mut [Series; N], values: [f64; N]) {
    series.iter_mut().zip(values).for_each(|(series, value)| series.push(value));
}

impl Figures {
    fn delayed(&mut self, rate: u32, delays: &Delays) {
        let Some((_, found)) = self.rates.iter_mut().find(|(known, _)| *known == rate) else { return };
        let [p50, p99] = delays.accepted.percentiles([50.0, 99.0]);
        push(&mut found.accepted, [delays.accepted.mean(), p50, p99]);
        let [p50, p99, p999] = delays.arrived.percentiles([50.0, 99.0, 99.9]);
        push(&mut found.arrived, [delays.arrived.mean(), p50, p99, p999]);
        // Nothing arrived in time where everything is late.
        if delays.cpu.is_finite() {
            found.cpu.push(delays.cpu);
        }
    }

    fn idle(&mut self, Idle { set_up: [p50, p99], memory, again, back }: Idle) {
        self.again += again;
        push(&mut self.idle, [p50, p99, memory]);
        match back {
            Some(back) => push(&mut self.back, back),
            None => self.stayed_away += 1,
        }
    }

    fn add(&mut self, faults: Faults) {
        let all = [faults.sent, faults.lost, faults.doubled, faults.late];
        self.faults.iter_mut().zip(all).for_each(|(sum, one)| *sum += one);
    }
}

/// Measures everything that was asked for.
///
/// # Errors
/// The machine is busy, or too few files may be open. What goes wrong in single runs is in the report.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let topologies = options.topologies();
    ensure!(!topologies.is_empty(), "--only chooses nothing");
    ensure!(options.visitors >= SLOTS, "--visitors: there are {SLOTS} senders at a time");
    let beside = options.beside().iter().copied().max().unwrap_or(0);
    let sockets = (options.visitors + beside).max(idle::accounts(options.idle));
    let gateway = topologies.iter().any(|one| one.path.has_gateway());
    enough_files(if gateway { sockets * 2 } else { sockets })?;
    let (folder, machine) = options.setting.ground("architecture")?;
    let certificates = if options.tls { Some(Certificates::make(folder.path())?) } else { None };
    let rates = || options.rates.iter().map(|rate| (*rate, AtRate::default())).collect();
    let mut figures: Vec<(Topology, Figures)> =
        topologies.iter().map(|one| (*one, Figures { rates: rates(), ..Figures::default() })).collect();
    let word = |one: &Topology| one.word();
    let failures =
        take_all(&topologies, word, (options.setting.repeats, options.setting.seed), async |topology, progress| {
            let Some((_, found)) = figures.iter_mut().find(|(one, _)| one == topology) else { return Ok(()) };
            let tls = certificates.as_ref().filter(|_| topology.tls);
            Box::pin(Turn { topology: *topology, options, tls, progress }.take(found, &folder)).await
        });
    let failures = failures.await;
    Ok(report::render(options, &machine, &figures, failures))
}

/// One repeat of one topology.
struct Turn<'a> {
    topology: Topology,
    options: &'a Options,
    tls: Option<&'a Certificates>,
    progress: &'a Progress,
}

impl Turn<'_> {
    fn say(&self, what: &str) {
        self.progress.say(&format!("{} {what}", self.topology.word()));
    }

    async fn take(&self, figures: &mut Figures, folder: &Folder) -> anyhow::Result<()> {
        let Topology { path, beside, .. } = self.topology;
        let idle = if self.options.measures_idle(self.topology) { self.options.idle } else { 0 };
        let (has_gateway, acks) = (path.has_gateway(), self.topology.promise == Promise::Acknowledged);
        let folder = Folder::new(folder.path(), &self.topology.word())?;
        let accounts = idle::accounts(idle).max(beside);
        let place = Place::start(path, self.options, accounts, self.tls, &folder).await.context("setting up")?;
        if idle > 0 {
            self.say("idle");
            figures.idle(idle::measure(&place, idle, has_gateway, acks).await.context("idle connections")?);
        }
        self.say("coming in");
        let manner = Manner { size: self.options.size, waits: acks };
        let count = self.options.visitors;
        // Visitors have numbers of their own: whoever was idle is known there already, and so is whoever will speak.
        let first = if has_gateway { idle::accounts(idle) + count } else { 0 };
        let mut others = Beside::open(&place, first..first + beside, has_gateway, acks).await.context("beside")?;
        if has_gateway {
            let mut crowd = self.receivers(&place).await.context("coming in")?;
            let first = idle::accounts(idle);
            let open = async |n: usize| {
                // Whoever was idle is known there already.
                let visitor = Visitor::open(&place.site, first + n, crowd::name(n)?, manner).await;
                visitor.with_context(|| format!("visitor {n}"))
            };
            crowd.sends(count, open).await.context("coming in")?;
            crowd.taken(count).await.context("coming in")?;
            self.course(crowd, &place, figures, visitor::limit(count)).await?;
            return others.still_there();
        }
        let mut crowd = self.receivers(&place).await.context("coming in")?;
        let door = place.door.as_ref().context("no door")?;
        let open = async |n: usize| {
            Writer::open(door, n, crowd::name(n)?, manner).await.with_context(|| format!("sender {n}"))
        };
        crowd.sends(SLOTS, open).await.context("coming in")?;
        self.course(crowd, &place, figures, LAST).await?;
        others.still_there()
    }

    /// A crowd with all that receive.
    async fn receivers<S: Sender>(&self, place: &Place) -> anyhow::Result<Crowd<S>> {
        let mut crowd = Crowd::default();
        let acks = self.topology.promise == Promise::Acknowledged;
        for n in 0..AGENTS {
            let who = || format!("receiver {n}");
            match &place.door {
                Some(door) => crowd.receives(Reader::open(door, n, acks).await.with_context(who)?),
                None => crowd.receives(Agent::open(&place.site, n).await.with_context(who)?),
            }
        }
        Ok(crowd)
    }

    async fn course<S: Sender>(
        &self,
        mut crowd: Crowd<S>,
        place: &Place,
        figures: &mut Figures,
        limit: f64,
    ) -> anyhow::Result<()> {
        let outcome = self.measure(&mut crowd, place, figures, limit).await;
        let faults = crowd.faults();
        figures.add(faults);
        outcome?;
        ensure!(faults.lost + faults.doubled + faults.late == 0, "messages went wrong: {faults:?}");
        Ok(())
    }

    async fn measure<S: Sender>(
        &self,
        crowd: &mut Crowd<S>,
        place: &Place,
        figures: &mut Figures,
        limit: f64,
    ) -> anyhow::Result<()> {
        let run = Run::of(self.options.setting.quick);
        for rate in &self.options.rates {
            self.say(&format!("at {rate}/s"));
            let delays = crowd.steady(&place.site, f64::from(*rate), run).await;
            figures.delayed(*rate, &delays.with_context(|| format!("at {rate}/s"))?);
        }
        let (most, limited) = self.most(crowd, place, limit).await.context("looking for the most")?;
        figures.at_goal.push(most);
        figures.limited |= limited;
        Ok(())
    }

    /// The highest rate that keeps the goal, and whether it is all that the senders may send.
    async fn most<S: Sender>(&self, crowd: &mut Crowd<S>, place: &Place, limit: f64) -> anyhow::Result<(f64, bool)> {
        let run = Run::of(self.options.setting.quick);
        let mut keeps = async |rate: f64| {
            let p99 = crowd.steady(&place.site, rate, run).await?.arrived.ms(99.0);
            self.say(&format!("at {rate:.0}/s: p99 {p99:.1} ms"));
            anyhow::Ok(p99 <= GOAL)
        };
        let (mut kept, mut rate) = (0.0, FIRST.min(limit));
        while keeps(rate).await? {
            kept = rate;
            if rate >= limit {
                return Ok((kept, true));
            }
            rate = (rate * 2.0).min(limit);
        }
        let mut missed = rate;
        for _ in 0..HALVINGS {
            if missed <= LEAST {
                break;
            }
            let between = (kept.max(missed / 8.0) * missed).sqrt().max(LEAST);
            if keeps(between).await? {
                kept = between;
            } else {
                missed = between;
            }
        }
        Ok((kept, false))
    }
}
