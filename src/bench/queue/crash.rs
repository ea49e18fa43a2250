//! Consumers that die between taking a message and finishing it: processes of their own, which end without a word.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::time::{Instant, interval, timeout};

use super::place::{Consumer, Letter, Lines, Place, Producer, remove};
use super::structure::Contender;
use crate::bench::measure::Chance;
use crate::bench::parcel::{Book, Parcel};

/// Of a hundred messages, with so many the consumer dies: half of the times before the message took effect, half after.
pub(super) const DEATHS: usize = 2;
/// What a consumer that dies as planned ends with.
const DEAD: i32 = 86;
/// A consumer that has nothing to do for so long is done.
const IDLE: Duration = Duration::from_millis(800);
/// Messages that are sent together, and how often.
const BURST: (usize, Duration) = (5, Duration::from_millis(10));
/// No run lasts longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a consumer writes when it is ready, in place of a number.
const READY: &str = "ready";

/// What a run saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crash {
    pub(super) sent: u64,
    pub(super) deaths: usize,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) late: u64,
}

/// What a consumer is told.
#[derive(Debug, Clone)]
pub struct Orders {
    /// The contender's word.
    pub contender: String,
    /// The server.
    pub url: String,
    /// The number of the queue.
    pub queue: usize,
    /// Where effects are noted: the number of each message that was worked on.
    pub effects: PathBuf,
    /// Makes the deaths.
    pub seed: u64,
}

/// Takes messages until there are none, or dies.
///
/// # Errors
/// The server does not answer, or the file cannot be written.
pub async fn consume(orders: &Orders) -> anyhow::Result<()> {
    let contender = Contender::of(&orders.contender).context("no such contender")?;
    let place = Place::new(contender, &orders.url, orders.queue);
    let mut effects = OpenOptions::new().append(true).create(true).open(&orders.effects)?;
    let mut chance = Chance::new(orders.seed);
    let mut consumer = Consumer::open(&place, &mut Lines::default(), 0).await?;
    writeln!(effects, "{READY}")?;
    let mut last = Instant::now();
    while last.elapsed() < IDLE {
        for body in consumer.take().await? {
            last = Instant::now();
            let parcel = Parcel::read(&body).context("a message that nobody has sent")?;
            let fate = chance.below(200);
            if fate < DEATHS {
                std::process::exit(DEAD);
            }
            writeln!(effects, "{}", parcel.n)?;
            if fate < 2 * DEATHS {
                std::process::exit(DEAD);
            }
        }
        consumer.finish().await?;
    }
    Ok(())
}

/// Where a run's consumers live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// This program.
    pub(super) program: &'a Path,
    /// Where effects are written.
    pub(super) folder: &'a Path,
    /// Messages.
    pub(super) count: u64,
    /// Bytes of a message.
    pub(super) size: usize,
    pub(super) seed: u64,
}

/// Sends to consumers that die, and counts what took effect.
pub(super) async fn run(contender: Contender, url: &str, scene: Scene<'_>) -> anyhow::Result<Crash> {
    let place = Place::new(contender, url, 0);
    remove(std::slice::from_ref(&place)).await?;
    let outcome = timeout(PATIENCE, observed(&place, scene)).await;
    remove(std::slice::from_ref(&place)).await?;
    outcome.with_context(|| format!("{} is not done after {PATIENCE:?}", contender.word()))?
}

async fn observed(place: &Place, scene: Scene<'_>) -> anyhow::Result<Crash> {
    let effects = scene.folder.join(format!("effects-{}", place.contender.word()));
    File::create(&effects)?;
    let orders = Orders {
        contender: place.contender.word(),
        url: place.url.clone(),
        queue: 0,
        effects: effects.clone(),
        seed: scene.seed,
    };
    let mut keeper = Keeper { program: scene.program, orders, deaths: 0, child: None };
    keeper.start()?;
    while !std::fs::read_to_string(&effects)?.starts_with(READY) {
        ensure!(!keeper.look()?, "the consumer ended before it began");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (sent, ()) = tokio::try_join!(send(place, scene), async {
        while !keeper.look()? {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        anyhow::Ok(())
    })?;
    let mut book = Book::default();
    let text = std::fs::read_to_string(&effects)?;
    for n in text.lines().filter(|line| *line != READY) {
        book.arrived(0, n.parse().context("an odd effect")?);
    }
    let (lost, doubled, late) = (sent - book.distinct(), book.doubled(), book.late());
    Ok(Crash { sent, deaths: keeper.deaths, lost, doubled, late })
}

async fn send(place: &Place, scene: Scene<'_>) -> anyhow::Result<u64> {
    let mut producer = Producer::open(place, &mut Lines::default(), 0).await?;
    let mut ticks = interval(BURST.1);
    let mut n = 0;
    while n < scene.count {
        ticks.tick().await;
        for _ in 0..BURST.0 {
            let parcel = Parcel { sender: 0, n, intended: Duration::ZERO };
            producer.send(&[Letter::of(parcel, scene.size)]).await?;
            n += 1;
            while producer.room() == 0 {
                producer.accepted().await.context("nothing is under way")??;
            }
        }
    }
    producer.settle().await?;
    Ok(n)
}

/// Starts a consumer again whenever it has died.
struct Keeper<'a> {
    program: &'a Path,
    orders: Orders,
    deaths: usize,
    child: Option<Child>,
}

impl Keeper<'_> {
    fn start(&mut self) -> anyhow::Result<()> {
        let orders = &self.orders;
        let mut command = Command::new(self.program);
        command.args(["bench", "consumer", &orders.contender, &orders.url, &orders.queue.to_string()]);
        // Every life has its own chances.
        let seed = orders.seed.wrapping_add(u64::try_from(self.deaths)?);
        command.arg(&orders.effects).arg(seed.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?);
        Ok(())
    }

    /// Whether the consumer is done. One that has died is replaced.
    fn look(&mut self) -> anyhow::Result<bool> {
        let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() else { return Ok(false) };
        match status.code() {
            Some(0) => Ok(true),
            Some(DEAD) => {
                self.deaths += 1;
                self.start()?;
                Ok(false)
            }
            _ => bail!("a consumer ended with {status}"),
        }
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; then there is nothing to stop.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
