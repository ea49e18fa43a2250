//! The broker is killed with SIGKILL in the middle of a run and started again on its data. What had been accepted and does
//! not come is lost; what comes twice was doubled. Half of the queues have a consumer all the time, the others only after.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::place::{Consumer, Letter, Lines, Place, Producer, remove};
use super::server::Server;
use super::structure::{Class, Contender};
use crate::bench::parcel::{Book, Parcel};

/// Queues of a contender. Those with an even number have a consumer all the time.
const QUEUES: usize = 4;
/// One message of a queue per.
const EVERY: Duration = Duration::from_millis(5);
/// How long everything runs before the kill, and after the broker is back.
const RUN: Duration = Duration::from_millis(2_500);
/// How long it may take to open an end: a broker that was just started is slow.
const OPENING: Duration = Duration::from_secs(10);
/// A consumer that has had nothing for so long has had everything.
const IDLE: Duration = Duration::from_millis(2_000);
/// No part of a run lasts longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a sync every second may lose: Redis lets a slow sync delay the next by as much again.
const SECOND: Duration = Duration::from_secs(2);

/// What a contender went through.
#[derive(Debug, Clone)]
pub(super) struct Outage {
    pub(super) contender: Contender,
    pub(super) accepted: usize,
    pub(super) lost: usize,
    /// How long before the kill the oldest lost message had been accepted.
    pub(super) lost_age: Duration,
    pub(super) doubled: u64,
    /// From the kill until a message that was accepted after it arrived.
    pub(super) down: Option<Duration>,
}

impl Outage {
    /// What its class had promised and was not kept.
    pub(super) fn violation(&self) -> Option<String> {
        let broken = match self.contender.class {
            Class::Memory => false,
            Class::Second => self.lost > 0 && self.lost_age > SECOND,
            Class::Synced => self.lost > 0,
        };
        let (word, lost, age) = (self.contender.word(), self.lost, self.lost_age);
        broken.then(|| format!("{word}: {lost} accepted messages were lost, the oldest {age:.1?} before the kill"))
    }
}

/// When which number of a queue was accepted, or arrived for the first time.
type Moments = HashMap<u64, Instant>;

/// One queue's both ends, as they saw it.
struct Seen {
    accepted: Moments,
    arrived: Moments,
    doubled: u64,
}

/// Kills the server once under the load of all its contenders.
pub(super) async fn run(server: &mut Server, contenders: &[Contender], size: usize) -> anyhow::Result<Vec<Outage>> {
    let mut places = Vec::new();
    for contender in contenders {
        places.extend((0..QUEUES).map(|n| (n, Place::new(*contender, &server.url, n))));
    }
    let all: Vec<Place> = places.iter().map(|(_, place)| place.clone()).collect();
    remove(&all).await?;
    let (stop, back) = (CancellationToken::new(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    for (n, place) in places {
        let (stop, back) = (stop.clone(), back.clone());
        tasks.spawn(async move {
            let absent = (n % 2 == 1).then_some(back);
            let (accepted, (arrived, doubled)) =
                tokio::try_join!(send(&place, size, stop.clone()), take(&place, stop, absent))?;
            anyhow::Ok((place.contender, Seen { accepted, arrived, doubled }))
        });
    }
    sleep(RUN).await;
    let service = server.service.as_mut().context("only a throw-away server is killed")?;
    let killed = Instant::now();
    service.kill()?;
    service.resume().await?;
    back.cancel();
    sleep(RUN).await;
    stop.cancel();
    let mut seen: HashMap<Contender, Vec<Seen>> = HashMap::new();
    let finished = timeout(PATIENCE, async {
        while let Some(task) = tasks.join_next().await {
            let (contender, queue) = task??;
            seen.entry(contender).or_default().push(queue);
        }
        anyhow::Ok(())
    });
    finished.await.context("consumers are not done")??;
    remove(&all).await?;
    Ok(contenders.iter().map(|one| judge(*one, seen.remove(one).unwrap_or_default(), killed)).collect())
}

fn judge(contender: Contender, queues: Vec<Seen>, killed: Instant) -> Outage {
    let mut outage = Outage { contender, accepted: 0, lost: 0, lost_age: Duration::ZERO, doubled: 0, down: None };
    for seen in queues {
        outage.accepted += seen.accepted.len();
        outage.doubled += seen.doubled;
        for (n, at) in &seen.accepted {
            let Some(arrived) = seen.arrived.get(n) else {
                outage.lost += 1;
                outage.lost_age = outage.lost_age.max(killed.saturating_duration_since(*at));
                continue;
            };
            if *at > killed {
                let down = arrived.saturating_duration_since(killed);
                outage.down = Some(outage.down.map_or(down, |least| least.min(down)));
            }
        }
    }
    outage
}

/// Sends steadily; what was not accepted is sent again over a new connection.
async fn send(place: &Place, size: usize, stop: CancellationToken) -> anyhow::Result<Moments> {
    let mut accepted = Moments::new();
    let mut waiting: Vec<Letter> = Vec::new();
    let mut ticks = interval(EVERY);
    // What could not be sent while the broker was away is not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut producer = None;
    let mut n = 0;
    while !(stop.is_cancelled() && waiting.is_empty()) {
        ticks.tick().await;
        if !stop.is_cancelled() && waiting.len() < place.contender.window() {
            waiting.push(Letter::of(Parcel { sender: 0, n, intended: Duration::ZERO }, size));
            n += 1;
        }
        let again = producer.is_none();
        if again {
            producer =
                timeout(OPENING, Producer::open(place, &mut Lines::default(), 0)).await.ok().and_then(Result::ok);
        }
        let Some(open) = &mut producer else { continue };
        let outcome = if again { open.send(&waiting).await } else { fresh(open, &waiting).await };
        let outcome = match outcome {
            Ok(()) => collect(open, &mut waiting, &mut accepted).await,
            failed => failed,
        };
        if outcome.is_err() {
            producer = None;
        }
    }
    Ok(accepted)
}

/// Sends what is not under way yet.
async fn fresh(producer: &mut Producer, waiting: &[Letter]) -> anyhow::Result<()> {
    producer.send(waiting.get(producer.out()..).unwrap_or_default()).await
}

/// Notes what is accepted by now; with one message under way, waits for it.
async fn collect(producer: &mut Producer, waiting: &mut Vec<Letter>, accepted: &mut Moments) -> anyhow::Result<()> {
    let patience = if producer.room() == 0 { EVERY * 1_000 } else { Duration::from_micros(200) };
    while producer.out() > 0 {
        let Ok(numbers) = timeout(patience, producer.accepted()).await else { break };
        for number in numbers.context("nothing is under way")?? {
            accepted.insert(number, Instant::now());
            waiting.retain(|letter| letter.n != number);
        }
    }
    Ok(())
}

/// Takes until nothing comes any more. If `absent`, begins only when the broker is back.
async fn take(
    place: &Place,
    stop: CancellationToken,
    absent: Option<CancellationToken>,
) -> anyhow::Result<(Moments, u64)> {
    if let Some(back) = absent {
        back.cancelled().await;
    }
    let (mut arrived, mut book) = (Moments::new(), Book::default());
    let mut consumer = None;
    let mut last = Instant::now();
    while !(stop.is_cancelled() && last.elapsed() > IDLE) {
        let Some(open) = &mut consumer else {
            let opening = timeout(OPENING, Consumer::open(place, &mut Lines::default(), 0)).await;
            consumer = opening.ok().and_then(Result::ok);
            if consumer.is_none() {
                sleep(EVERY * 4).await;
            }
            continue;
        };
        let Ok(bodies) = open.take().await else {
            consumer = None;
            continue;
        };
        for body in &bodies {
            let parcel = Parcel::read(body).context("a message that nobody has sent")?;
            last = Instant::now();
            book.arrived(parcel.sender, parcel.n);
            arrived.entry(parcel.n).or_insert(last);
        }
        if open.finish().await.is_err() {
            consumer = None;
        }
    }
    Ok((arrived, book.doubled()))
}
