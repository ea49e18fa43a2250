//! Latency at a steady rate: the schedule is fixed before the run, and times count from the intended moment, so that a
//! server that stalls cannot hide it by slowing its clients down.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::place::{Consumer, Letter, Lines, Place, Producer, remove};
use super::structure::Contender;
use crate::bench::measure::Latency;
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::parcel::{Book, Epoch, Parcel};

/// What has not arrived so long after the last was sent is lost, or the structure cannot keep up.
const PATIENCE: Duration = Duration::from_secs(10);

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub(super) contender: Contender,
    pub(super) clients: usize,
    /// Messages per second of all clients together.
    pub(super) rate: f64,
    /// Bytes of a message.
    pub(super) size: usize,
    pub(super) warm_up: Duration,
    /// How long is measured, after the warm-up.
    pub(super) time: Duration,
}

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    /// From the intended moment until the message left this program: the generator's own share.
    pub(super) left: Latency,
    /// … until it was accepted.
    pub(super) accepted: Latency,
    /// … until the consumer had it.
    pub(super) arrived: Latency,
}

impl Times {
    fn join(&mut self, other: &Self) {
        self.left.join(&other.left);
        self.accepted.join(&other.accepted);
        self.arrived.join(&other.arrived);
    }
}

/// Runs and checks that everything arrived, once and in order.
pub(super) async fn run(run: Run, url: &str) -> anyhow::Result<Times> {
    let places: Vec<Place> = (0..run.clients).map(|n| Place::new(run.contender, url, n)).collect();
    remove(&places).await?;
    let times = measured(run, &places).await;
    remove(&places).await?;
    times.with_context(|| format!("{} at {:.0}/s", run.contender.word(), run.rate))
}

async fn measured(run: Run, places: &[Place]) -> anyhow::Result<Times> {
    let (mut sending, mut taking) = (Lines::default(), Lines::default());
    let schedule = Schedule::new(run.rate, run.warm_up + run.time, run.clients);
    let mut ends = Vec::new();
    for (n, place) in places.iter().enumerate() {
        let consumer = Consumer::open(place, &mut taking, n).await?;
        ends.push((Producer::open(place, &mut sending, n).await?, consumer));
    }
    let epoch = Epoch::after(Duration::from_millis(20));
    let (pacer, due) = Pacer::start(schedule, epoch)?;
    let mut tasks = JoinSet::new();
    for (n, ((producer, consumer), due)) in ends.into_iter().zip(due).enumerate() {
        let client = Client { n, run, schedule, epoch };
        tasks.spawn(async move { client.send(producer, due).await });
        tasks.spawn(async move { client.take(consumer).await });
    }
    let mut times = Times::default();
    while let Some(task) = tasks.join_next().await {
        times.join(&task??);
    }
    pacer.end()?;
    Ok(times)
}

#[derive(Debug, Clone, Copy)]
struct Client {
    n: usize,
    run: Run,
    schedule: Schedule,
    epoch: Epoch,
}

impl Client {
    fn intended(&self, n: u64) -> Duration {
        self.schedule.moment_of(self.n, usize::try_from(n).unwrap_or(usize::MAX))
    }

    fn note(&self, latency: &mut Latency, intended: Duration) {
        if intended >= self.run.warm_up {
            latency.note(self.epoch.elapsed().saturating_sub(intended));
        }
    }

    async fn send(&self, mut producer: Producer, mut due: UnboundedReceiver<usize>) -> anyhow::Result<Times> {
        let (mut times, mut waiting, mut sent, mut accepted) = (Times::default(), 0, 0_usize, 0);
        while accepted < self.schedule.each() {
            tokio::select! {
                more = due.recv(), if sent + waiting < self.schedule.each() => {
                    waiting += more.context("the pacer is gone")?;
                }
                Some(numbers) = producer.accepted(), if producer.out() > 0 => {
                    for n in numbers? {
                        accepted += 1;
                        self.note(&mut times.accepted, self.intended(n));
                    }
                }
            }
            let now = waiting.min(producer.room());
            if now > 0 {
                let letters = self.letters(sent, now)?;
                letters.iter().for_each(|letter| self.note(&mut times.left, self.intended(letter.n)));
                producer.send(&letters).await?;
                sent += now;
                waiting -= now;
            }
        }
        Ok(times)
    }

    fn letters(&self, first: usize, count: usize) -> anyhow::Result<Vec<Letter>> {
        let sender = u32::try_from(self.n)?;
        let letter = |n: usize| {
            let n = u64::try_from(n).unwrap_or(u64::MAX);
            Letter::of(Parcel { sender, n, intended: self.intended(n) }, self.run.size)
        };
        Ok((first..first + count).map(letter).collect())
    }

    async fn take(&self, mut consumer: Consumer) -> anyhow::Result<Times> {
        let (mut times, mut book) = (Times::default(), Book::default());
        let all = u64::try_from(self.schedule.each())?;
        let end = self.epoch.at(self.schedule.moment(self.schedule.count)) + PATIENCE;
        while book.distinct() < all && Instant::now() < end {
            for body in timeout(PATIENCE, consumer.take()).await?? {
                let parcel = Parcel::read(&body).context("a message that nobody has sent")?;
                self.note(&mut times.arrived, parcel.intended);
                book.arrived(parcel.sender, parcel.n);
            }
            consumer.finish().await?;
        }
        ensure!(book.doubled() == 0, "{} messages came twice", book.doubled());
        ensure!(book.late() == 0, "{} messages came out of order", book.late());
        ensure!(book.distinct() == all, "{} of {all} messages did not arrive", all - book.distinct());
        Ok(times)
    }
}
