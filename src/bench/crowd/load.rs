//! The crowd itself: who is there, what was sent, and the book of what has arrived.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Delays, Faults, Heard, LINES, Receiver, Run, SLOTS, Saturation, Sender, open_all};
use crate::bench::measure::{Latency, number};
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::parcel::{Book, Epoch, Parcel};
use crate::bench::site::Site;

/// What has not arrived after this time is lost.
const PATIENCE: Duration = Duration::from_secs(15);
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
struct Slot<S> {
    /// Which one it is: arrivals are told under this number.
    at: usize,
    lines: Vec<S>,
    turn: usize,
}

impl<S: Sender> Slot<S> {
    /// The next line that may send, once it may.
    fn line(&mut self) -> anyhow::Result<&mut S> {
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

    /// One sender is served while it waits; several in turn are not, and nobody expects them to answer.
    async fn serve(&mut self) -> anyhow::Result<Infallible> {
        match self.lines.as_mut_slice() {
            [line] => line.serve().await,
            _ => pending().await,
        }
    }
}

/// Everybody.
#[derive(Debug)]
pub struct Crowd<S> {
    slots: Vec<Slot<S>>,
    sent: u64,
    shared: Shared,
    ears: JoinSet<anyhow::Result<()>>,
}

impl<S: Sender> Default for Crowd<S> {
    fn default() -> Self {
        let seen = Seen {
            taken: 0,
            book: Book::default(),
            epoch: Epoch::now(),
            counts: (Duration::ZERO, Duration::ZERO),
            arrived: Latency::default(),
            counted: 0,
            signals: Vec::new(),
        };
        let slots = (0..SLOTS).map(|at| Slot { at, lines: Vec::new(), turn: 0 }).collect();
        Self { slots, sent: 0, shared: Shared(Arc::new(Mutex::new(seen))), ears: JoinSet::new() }
    }
}

impl<S: Sender> Crowd<S> {
    /// A receiver begins to listen.
    pub fn receives<R: Receiver>(&mut self, receiver: R) {
        self.ears.spawn(listen(receiver, self.shared.clone()));
    }

    /// Senders come in; every slot has to get one.
    ///
    /// # Errors
    /// One cannot come in.
    pub async fn sends<F>(&mut self, count: usize, open: impl Fn(usize) -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<S>>,
    {
        for (n, line) in open_all(count, open).await?.into_iter().enumerate() {
            self.slots.get_mut(n % SLOTS).context("no slot")?.lines.push(line);
        }
        Ok(())
    }

    /// Waits until so many sessions were taken.
    ///
    /// # Errors
    /// They are not, or a receiver ended.
    pub async fn taken(&mut self, count: usize) -> anyhow::Result<()> {
        self.until("every visitor has an agent", |seen| seen.taken >= count).await
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
        self.until("everything has arrived", move |seen| seen.book.distinct() >= sent).await?;
        let lines = self.slots.iter_mut().flat_map(|slot| &mut slot.lines);
        let finish = futures_util::future::try_join_all(lines.map(Sender::finish));
        timeout(PATIENCE, finish).await.context("what has arrived was not confirmed")??;
        Ok(())
    }

    /// Every slot sends its next message when the last has arrived.
    ///
    /// # Errors
    /// A message was refused or did not arrive, or somebody's connection is gone.
    pub async fn saturate(&mut self, site: &Site, run: Run) -> anyhow::Result<Saturation> {
        let Run { warm_up, time } = run;
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
    ///
    /// # Errors
    /// As [`Crowd::saturate`].
    pub async fn steady(&mut self, site: &Site, rate: f64, run: Run) -> anyhow::Result<Delays> {
        let Run { warm_up, time } = run;
        let epoch = Epoch::after(Duration::from_millis(20));
        drop(self.begin(epoch, (warm_up, Duration::MAX)));
        let schedule = Schedule::new(rate, warm_up + time, SLOTS);
        let (pacer, due) = Pacer::start(schedule, epoch)?;
        let mut tasks = JoinSet::new();
        for (at, (slot, due)) in self.slots.drain(..).zip(due).enumerate() {
            tasks.spawn(keep(slot, due, Plan { at, schedule, epoch, warm_up }));
        }
        sleep_until(epoch.at(warm_up)).await;
        let (cpu, counted) = (site.cpu()?, self.shared.seen().counted);
        sleep_until(epoch.at(warm_up + time)).await;
        let (cpu, counted) = (site.cpu()? - cpu, self.shared.seen().counted - counted);
        let mut delays = Delays { cpu: cpu / number(counted) * 1_000.0, ..Delays::default() };
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
    #[must_use]
    pub fn faults(&self) -> Faults {
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
async fn keep<S: Sender>(
    mut slot: Slot<S>,
    mut due: UnboundedReceiver<usize>,
    plan: Plan,
) -> anyhow::Result<(Slot<S>, Latency)> {
    let (mut accepted, mut n) = (Latency::default(), 0);
    while n < plan.schedule.each() {
        let count = tokio::select! {
            count = due.recv() => count.context("the pacer is gone")?,
            never = slot.serve() => match never? {},
        };
        for _ in 0..count {
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

async fn listen<R: Receiver>(mut receiver: R, shared: Shared) -> anyhow::Result<()> {
    loop {
        match receiver.hear().await? {
            Heard::Parcel(parcel) => shared.heard(parcel),
            Heard::Taken => shared.seen().taken += 1,
            Heard::Other => {}
        }
    }
}
