//! Desks at work: calls at moments that were fixed before, or one after another as fast as they go.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::desk::{Agent, Starts, Visitor};
use crate::bench::crowd::AGENTS;
use crate::bench::measure::{Latency, number};
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::parcel::Epoch;
use crate::bench::site::Site;

/// A call that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(15);
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 32;
/// Calls of one session in a minute that the gateway lets through, and the minute with room for error.
const PER_MINUTE: usize = 10;
const MINUTE: Duration = Duration::from_millis(61_000);

/// A visitor, and when it has called lately.
#[derive(Debug)]
struct Caller {
    visitor: Visitor,
    recent: std::collections::VecDeque<Instant>,
}

/// The visitors of one agent.
#[derive(Debug, Default)]
struct Desk {
    callers: Vec<Caller>,
    turn: usize,
}

impl Desk {
    /// The next visitor who may call.
    fn next(&mut self) -> anyhow::Result<&mut Caller> {
        let now = Instant::now();
        let count = self.callers.len();
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let at = self.turn;
            let caller = self.callers.get_mut(at).context("a desk without visitors")?;
            while caller.recent.front().is_some_and(|first| *first + MINUTE <= now) {
                caller.recent.pop_front();
            }
            if caller.recent.len() < PER_MINUTE {
                caller.recent.push_back(now);
                return self.callers.get_mut(at).context("a desk without visitors");
            }
        }
        anyhow::bail!("all visitors of an agent have called ten times in this minute: more --visitors, or a lower rate")
    }
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Office {
    desks: Vec<Desk>,
    agents: JoinSet<anyhow::Result<()>>,
}

/// Delays of calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    /// Until both devices were told to begin.
    pub(super) started: Latency,
    /// Until both were told that they are connected, an offer and an answer later.
    pub(super) connected: Latency,
}

/// What was done as fast as it went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saturation {
    pub(super) per_second: f64,
    /// CPU seconds of all that carries calls, for 1,000 of them.
    pub(super) cpu: f64,
}

impl Office {
    /// Opens all sockets. Every visitor has an agent when this returns.
    pub(super) async fn open(site: &Site, visitors: usize) -> anyhow::Result<Self> {
        let (starts, mut agents) = (Starts::default(), JoinSet::new());
        for n in 0..AGENTS {
            let agent = Agent::open(site, n, starts.clone()).await.with_context(|| format!("agent {n}"))?;
            agents.spawn(agent.serve());
        }
        let mut desks: HashMap<String, Desk> = HashMap::new();
        for first in (0..visitors).step_by(AT_ONCE) {
            let opening = (first..visitors.min(first + AT_ONCE)).map(|n| Visitor::open(site, n, starts.clone()));
            let opened = timeout(PATIENCE, futures_util::future::try_join_all(opening)).await;
            for visitor in opened.context("visitors did not get an agent")?? {
                let desk = desks.entry(visitor.agent.clone()).or_default();
                desk.callers.push(Caller { visitor, recent: std::collections::VecDeque::new() });
            }
        }
        ensure!(desks.len() == AGENTS, "only {} agents have visitors", desks.len());
        Ok(Self { desks: desks.into_values().collect(), agents })
    }

    /// The reason behind what a visitor saw: an agent that ended does nothing any more.
    fn deeper(&mut self, error: anyhow::Error) -> anyhow::Error {
        match self.agents.try_join_next() {
            Some(Ok(Err(ended))) => ended.context(format!("an agent ended ({error:#})")),
            _ => error,
        }
    }

    /// Calls begin at moments that were fixed before.
    pub(super) async fn steady(&mut self, rate: f64, warm_up: Duration, time: Duration) -> anyhow::Result<Delays> {
        let epoch = Epoch::after(Duration::from_millis(20));
        let schedule = Schedule::new(rate, warm_up + time, AGENTS);
        let (pacer, due) = Pacer::start(schedule, epoch)?;
        let mut tasks = JoinSet::new();
        for (at, (desk, due)) in self.desks.drain(..).zip(due).enumerate() {
            tasks.spawn(keep(desk, due, Plan { at, schedule, epoch, warm_up }));
        }
        let mut delays = Delays::default();
        while let Some(task) = tasks.join_next().await {
            let (desk, seen) = task?.map_err(|error| self.deeper(error))?;
            self.desks.push(desk);
            delays.started.join(&seen.started);
            delays.connected.join(&seen.connected);
        }
        pacer.end()?;
        Ok(delays)
    }

    /// Every desk begins its next call when the last is over.
    pub(super) async fn saturate(
        &mut self,
        site: &Site,
        warm_up: Duration,
        time: Duration,
    ) -> anyhow::Result<Saturation> {
        let epoch = Epoch::after(Duration::from_millis(20));
        let mut tasks = JoinSet::new();
        for mut desk in self.desks.drain(..) {
            tasks.spawn(async move {
                sleep_until(epoch.at(Duration::ZERO)).await;
                let mut counted = 0_usize;
                while epoch.elapsed() < warm_up + time {
                    let caller = desk.next()?;
                    timeout(PATIENCE, caller.visitor.call()).await.context("a call was lost")??;
                    let now = epoch.elapsed();
                    counted += usize::from(now >= warm_up && now < warm_up + time);
                }
                anyhow::Ok((desk, counted))
            });
        }
        sleep_until(epoch.at(warm_up)).await;
        let before = site.cpu()?;
        sleep_until(epoch.at(warm_up + time)).await;
        let cpu = site.cpu()? - before;
        let mut counted = 0;
        while let Some(task) = tasks.join_next().await {
            let (desk, some) = task?.map_err(|error| self.deeper(error))?;
            self.desks.push(desk);
            counted += some;
        }
        let counted = number(counted);
        Ok(Saturation { per_second: counted / time.as_secs_f64(), cpu: cpu / counted * 1_000.0 })
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    at: usize,
    schedule: Schedule,
    epoch: Epoch,
    warm_up: Duration,
}

/// A desk makes the calls that are due, one after another. What is late has waited, and that counts.
async fn keep(mut desk: Desk, mut due: UnboundedReceiver<usize>, plan: Plan) -> anyhow::Result<(Desk, Delays)> {
    let (mut delays, mut n) = (Delays::default(), 0);
    while n < plan.schedule.each() {
        for _ in 0..due.recv().await.context("the pacer is gone")? {
            let intended = plan.schedule.moment_of(plan.at, n);
            let moments = timeout(PATIENCE, desk.next()?.visitor.call()).await.context("a call was lost")??;
            n += 1;
            if intended >= plan.warm_up {
                let since = plan.epoch.at(intended);
                delays.started.note(moments.started.saturating_duration_since(since));
                delays.connected.note(moments.connected.saturating_duration_since(since));
            }
        }
    }
    Ok((desk, delays))
}
