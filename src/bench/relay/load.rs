//! The people of a scenario and what they do: as much as they can, or at a steady rate. Everything that arrives is
//! written into one book.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ear::{Ear, Heard};
use super::line::Line;
use super::site::Site;
use super::{AGENTS, SLOTS, Scenario};
use crate::bench::measure::{Latency, number};
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::parcel::{Book, Epoch, Parcel};

/// What has not arrived after this time is lost.
const PATIENCE: Duration = Duration::from_secs(15);
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 32;
/// Lines of a slot at most; the sender's number names slot and line.
const LINES: usize = 1_000;

/// What the receivers share.
#[derive(Debug)]
struct Seen {
    taken: usize,
    book: Book,
    /// Of the run that is going on.
    epoch: Epoch,
    /// What is intended, or arrives at saturation, between these moments of the run counts.
    counts: (Duration, Duration),
    arrived: Latency,
    /// How many arrived while it counted.
    counted: usize,
    /// Whoever waits for an arrival, by slot.
    signals: Vec<UnboundedSender<u64>>,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<Seen>>);

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, parcel: Parcel) {
        let mut seen = self.seen();
        let now = seen.epoch.elapsed();
        let (from, to) = seen.counts;
        if parcel.intended >= from && parcel.intended < to {
            seen.arrived.note(now.saturating_sub(parcel.intended));
        }
        if now >= from && now < to {
            seen.counted += 1;
        }
        seen.book.arrived(parcel.sender, parcel.n);
        let slot = usize::try_from(parcel.sender).unwrap_or(usize::MAX) / LINES;
        if let Some(signal) = seen.signals.get(slot) {
            // Nobody waits at a steady rate.
            let _ = signal.send(parcel.n);
        }
    }
}

/// One sender at a time, with the lines it uses in turn.
#[derive(Debug)]
struct Slot {
    /// Which one it is: arrivals are told under this number.
    at: usize,
    lines: Vec<Line>,
    turn: usize,
}

impl Slot {
    /// The next line that may send, once it may.
    fn line(&mut self) -> anyhow::Result<&mut Line> {
        let now = Instant::now();
        let count = self.lines.len();
        let first = (0..count).map(|offset| (self.turn + offset) % count);
        let mut best: Option<(usize, Instant)> = None;
        for at in first {
            let free = self.lines.get_mut(at).map_or(now, |line| line.free_at(now));
            if best.is_none_or(|(_, soonest)| free < soonest) {
                best = Some((at, free));
            }
            if free <= now {
                break;
            }
        }
        let (at, free) = best.context("a slot without lines")?;
        ensure!(free <= now, "all visitors of a sender have reached their limit: more --visitors, or a lower rate");
        self.turn = at;
        self.lines.get_mut(at).context("a slot without lines")
    }
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Crowd {
    slots: Vec<Slot>,
    sent: u64,
    shared: Shared,
    ears: JoinSet<anyhow::Result<()>>,
}

/// What a run at saturation did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saturation {
    pub(super) per_second: f64,
    /// CPU seconds of all that carries messages, for 1,000 of them.
    pub(super) cpu: f64,
}

/// What a run at a steady rate saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    pub(super) accepted: Latency,
    pub(super) arrived: Latency,
}

/// What was wrong, over all runs of a crowd.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) late: u64,
}

impl Crowd {
    /// Opens all sockets. Of the gateway, every visitor has an agent when this returns.
    pub(super) async fn open(scenario: Scenario, site: &Site, visitors: usize) -> anyhow::Result<Self> {
        let gateway = scenario != Scenario::SocketIo;
        let now = Epoch::now();
        let seen = Seen {
            taken: 0,
            book: Book::default(),
            epoch: now,
            counts: (Duration::ZERO, Duration::ZERO),
            arrived: Latency::default(),
            counted: 0,
            signals: Vec::new(),
        };
        let shared = Shared(Arc::new(Mutex::new(seen)));
        let mut ears = JoinSet::new();
        for n in 0..AGENTS {
            let ear = if gateway { Ear::agent(site, n).await } else { Ear::socket_io(site, n).await };
            let ear = ear.with_context(|| format!("receiver {n}"))?;
            ears.spawn(listen(ear, shared.clone()));
        }
        let count = if gateway { visitors } else { SLOTS };
        let mut slots: Vec<Slot> = (0..SLOTS).map(|at| Slot { at, lines: Vec::new(), turn: 0 }).collect();
        for first in (0..count).step_by(AT_ONCE) {
            let opening = (first..count.min(first + AT_ONCE)).map(|n| open(gateway, site, n));
            for (n, line) in (first..).zip(futures_util::future::try_join_all(opening).await?) {
                slots.get_mut(n % SLOTS).context("no slot")?.lines.push(line);
            }
        }
        let mut crowd = Self { slots, sent: 0, shared, ears };
        if gateway {
            crowd.until("every visitor has an agent", |seen| seen.taken >= count).await?;
        }
        Ok(crowd)
    }

    /// Waits for a condition; a receiver that ends is an error.
    async fn until(&mut self, what: &str, holds: impl Fn(&Seen) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.shared.seen()) {
            if let Some(ended) = self.ears.try_join_next() {
                ended??;
                bail!("a receiver ended");
            }
            ensure!(Instant::now() < end, "waited in vain: {what}");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn begin(&mut self, epoch: Epoch, counts: (Duration, Duration)) -> Vec<UnboundedReceiver<u64>> {
        // They came back from the last run in the order in which they were done.
        self.slots.sort_by_key(|slot| slot.at);
        let (signals, waiting) = (0..SLOTS).map(|_| unbounded_channel()).unzip();
        let mut seen = self.shared.seen();
        seen.epoch = epoch;
        seen.counts = counts;
        seen.arrived = Latency::default();
        seen.counted = 0;
        seen.signals = signals;
        waiting
    }

    /// The reason behind what a sender saw: a receiver that ended hears nothing any more.
    fn deeper(&mut self, error: anyhow::Error) -> anyhow::Error {
        match self.ears.try_join_next() {
            Some(Ok(Err(ended))) => ended.context(format!("a receiver ended ({error:#})")),
            _ => error,
        }
    }

    /// Waits until everything that was sent has arrived.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let sent = self.sent;
        self.until("everything has arrived", move |seen| seen.book.distinct() >= sent).await
    }

    /// Every slot sends its next message when the last has arrived.
    pub(super) async fn saturate(
        &mut self,
        site: &Site,
        warm_up: Duration,
        time: Duration,
    ) -> anyhow::Result<Saturation> {
        let epoch = Epoch::after(Duration::from_millis(20));
        let waiting = self.begin(epoch, (warm_up, warm_up + time));
        let mut tasks = JoinSet::new();
        for (mut slot, mut arrived) in self.slots.drain(..).zip(waiting) {
            tasks.spawn(async move {
                sleep_until(epoch.at(Duration::ZERO)).await;
                let mut sent = 0;
                while epoch.elapsed() < warm_up + time {
                    let n = slot.line()?.send(epoch.elapsed()).await?;
                    sent += 1;
                    timeout(PATIENCE, arrival(&mut arrived, n)).await.context("a message did not arrive")?;
                }
                anyhow::Ok((slot, sent))
            });
        }
        sleep_until(epoch.at(warm_up)).await;
        let before = site.cpu()?;
        sleep_until(epoch.at(warm_up + time)).await;
        let cpu = site.cpu()? - before;
        while let Some(task) = tasks.join_next().await {
            let (slot, sent) = task?.map_err(|error| self.deeper(error))?;
            self.slots.push(slot);
            self.sent += sent;
        }
        self.settle().await?;
        let counted = number(self.shared.seen().counted);
        Ok(Saturation { per_second: counted / time.as_secs_f64(), cpu: cpu / counted * 1_000.0 })
    }

    /// Messages leave at moments that were fixed before.
    pub(super) async fn steady(&mut self, rate: f64, warm_up: Duration, time: Duration) -> anyhow::Result<Delays> {
        let epoch = Epoch::after(Duration::from_millis(20));
        drop(self.begin(epoch, (warm_up, Duration::MAX)));
        let schedule = Schedule::new(rate, warm_up + time, SLOTS);
        let (pacer, due) = Pacer::start(schedule, epoch)?;
        let mut tasks = JoinSet::new();
        for (at, (slot, due)) in self.slots.drain(..).zip(due).enumerate() {
            tasks.spawn(keep(slot, due, Plan { at, schedule, epoch, warm_up }));
        }
        let mut delays = Delays::default();
        while let Some(task) = tasks.join_next().await {
            let (slot, accepted) = task?.map_err(|error| self.deeper(error))?;
            self.slots.push(slot);
            delays.accepted.join(&accepted);
        }
        pacer.end()?;
        self.sent += u64::try_from(schedule.count)?;
        self.settle().await?;
        delays.arrived = self.shared.seen().arrived.clone();
        Ok(delays)
    }

    /// What was wrong up to now.
    pub(super) fn faults(&self) -> Faults {
        let seen = self.shared.seen();
        let lost = self.sent.saturating_sub(seen.book.distinct());
        Faults { sent: self.sent, lost, doubled: seen.book.doubled(), late: seen.book.late() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    at: usize,
    schedule: Schedule,
    epoch: Epoch,
    warm_up: Duration,
}

/// Waits until a message has arrived.
async fn arrival(arrived: &mut UnboundedReceiver<u64>, n: u64) {
    while arrived.recv().await.is_some_and(|one| one != n) {}
}

/// A slot sends what is due, one after another.
async fn keep(mut slot: Slot, mut due: UnboundedReceiver<usize>, plan: Plan) -> anyhow::Result<(Slot, Latency)> {
    let (mut accepted, mut n) = (Latency::default(), 0);
    while n < plan.schedule.each() {
        for _ in 0..due.recv().await.context("the pacer is gone")? {
            let intended = plan.schedule.moment_of(plan.at, n);
            slot.line()?.send(intended).await?;
            n += 1;
            if intended >= plan.warm_up {
                accepted.note(plan.epoch.elapsed().saturating_sub(intended));
            }
        }
    }
    Ok((slot, accepted))
}

async fn open(gateway: bool, site: &Site, n: usize) -> anyhow::Result<Line> {
    let sender = u32::try_from((n % SLOTS) * LINES + n / SLOTS)?;
    let line = if gateway { Line::visitor(site, sender, n).await } else { Line::socket_io(site, sender, n).await };
    line.with_context(|| format!("sender {n}"))
}

async fn listen(mut ear: Ear, shared: Shared) -> anyhow::Result<()> {
    loop {
        match ear.hear().await? {
            Heard::Parcel(parcel) => shared.heard(parcel),
            Heard::Taken => shared.seen().taken += 1,
            Heard::Other => {}
        }
    }
}
