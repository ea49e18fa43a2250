//! Saturation: every client does the next thing as soon as the last is done. Enqueue alone, dequeue alone, round trips.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::place::{Consumer, Letter, Lines, Place, Producer, remove};
use super::server::Server;
use super::structure::Contender;
use crate::bench::measure::{Latency, number};
use crate::bench::parcel::{Book, Parcel};
use crate::bench::process::cpu_of;

/// The sender of what lies in a queue before anything is measured.
const FILLER: u32 = u32::MAX;
/// Messages that are filled in at a time.
const FILLED: usize = 500;
/// No phase lasts longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A cell of the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) contender: Contender,
    pub(super) clients: usize,
    /// Messages that lie in the queues before, all together.
    pub(super) depth: usize,
    /// Bytes of a message.
    pub(super) size: usize,
    /// How long producers, and then both ends, are at work.
    pub(super) time: Duration,
}

/// What a cell did.
#[derive(Debug, Clone)]
pub(super) struct Saturation {
    /// Accepted per second; `None` where nothing is kept for absent consumers.
    pub(super) enqueue: Option<f64>,
    /// Taken and finished per second.
    pub(super) dequeue: Option<f64>,
    /// In and out again, per second.
    pub(super) cycle: f64,
    /// One client's round trip in milliseconds, median; of structures with one message under way.
    pub(super) cycle_ms: f64,
    /// CPU seconds for 1,000 round trips: of the server, if it is ours, and of this program.
    pub(super) cpu: (Option<f64>, f64),
}

/// One client with both ends of its queue.
struct Client {
    producer: Producer,
    consumer: Option<Consumer>,
    sender: u32,
    next: u64,
    size: usize,
    /// How many it has put in and not taken out again.
    waiting: usize,
    book: Book,
    cycles: Latency,
}

impl Client {
    fn letters(&mut self, count: usize) -> Vec<Letter> {
        let first = self.next;
        self.next += u64::try_from(count).unwrap_or(0);
        let parcel = |n| Parcel { sender: self.sender, n, intended: Duration::ZERO };
        (first..self.next).map(|n| Letter::of(parcel(n), self.size)).collect()
    }

    /// Sends as fast as messages are accepted.
    async fn enqueue(&mut self, end: Instant) -> anyhow::Result<usize> {
        let mut count = 0;
        while Instant::now() < end {
            let letters = self.letters(self.producer.room());
            self.producer.send(&letters).await?;
            count += self.producer.accepted().await.context("nothing is under way")??.len();
        }
        self.waiting = count + self.producer.settle().await?;
        Ok(self.waiting)
    }

    /// Takes out what was put in.
    async fn drain(&mut self) -> anyhow::Result<usize> {
        let taken = self.dequeue(self.waiting).await?;
        self.waiting = 0;
        Ok(taken)
    }

    /// Takes and finishes so many messages, or some more that came together with the last.
    async fn dequeue(&mut self, count: usize) -> anyhow::Result<usize> {
        let consumer = self.consumer.as_mut().context("no consumer")?;
        let mut taken = 0;
        while taken < count {
            let bodies = consumer.take().await?;
            for body in &bodies {
                let parcel = Parcel::read(body).context("a message that nobody has sent")?;
                if parcel.sender != FILLER {
                    self.book.arrived(parcel.sender, parcel.n);
                }
            }
            taken += bodies.len();
            consumer.finish().await?;
        }
        Ok(taken)
    }

    /// Sends a window full and takes as many, again and again.
    async fn cycle(&mut self, end: Instant) -> anyhow::Result<usize> {
        let (mut sent, mut taken) = (0, 0);
        while Instant::now() < end {
            let begin = Instant::now();
            let letters = self.letters(self.producer.room());
            self.producer.send(&letters).await?;
            sent += letters.len();
            while self.producer.out() > 0 {
                self.producer.accepted().await.context("nothing is under way")??;
            }
            taken += self.dequeue(sent.saturating_sub(taken)).await?;
            if letters.len() == 1 {
                self.cycles.note(begin.elapsed());
            }
        }
        Ok(taken)
    }
}

/// Measures a cell on a server.
pub(super) async fn saturate(cell: Cell, server: &Server) -> anyhow::Result<Saturation> {
    let places: Vec<Place> = (0..cell.clients).map(|n| Place::new(cell.contender, &server.url, n)).collect();
    remove(&places).await?;
    let result = timeout(PATIENCE, phases(cell, &places, server)).await;
    remove(&places).await?;
    result.with_context(|| format!("{} is not done after {PATIENCE:?}", cell.contender.word()))?
}

async fn phases(cell: Cell, places: &[Place], server: &Server) -> anyhow::Result<Saturation> {
    let (mut sending, mut taking) = (Lines::default(), Lines::default());
    let mut clients = Vec::new();
    for (n, place) in places.iter().enumerate() {
        let producer = Producer::open(place, &mut sending, n).await?;
        let (book, cycles) = (Book::default(), Latency::default());
        let sender = u32::try_from(n)?;
        let mut client =
            Client { producer, consumer: None, sender, next: 0, size: cell.size, waiting: 0, book, cycles };
        fill(&mut client, cell.depth / cell.clients).await?;
        clients.push(client);
    }
    let mut rates = (None, None);
    if cell.contender.queues() {
        rates.0 = Some(
            all(&mut clients, |mut client| async move {
                let end = Instant::now() + cell.time;
                let count = client.enqueue(end).await?;
                Ok((client, count))
            })
            .await?
            .per_second,
        );
        consumers(&mut clients, places, &mut taking).await?;
        rates.1 = Some(
            all(&mut clients, |mut client| async move {
                let count = client.drain().await?;
                Ok((client, count))
            })
            .await?
            .per_second,
        );
    } else {
        consumers(&mut clients, places, &mut taking).await?;
    }
    let (before, own) = (server.cpu()?, cpu_of("self")?);
    let done = all(&mut clients, |mut client| async move {
        let end = Instant::now() + cell.time;
        let count = client.cycle(end).await?;
        Ok((client, count))
    })
    .await?;
    let thousands = number(done.count) / 1_000.0;
    let cpu = (
        server.cpu()?.zip(before).map(|(after, before)| (after - before) / thousands),
        (cpu_of("self")? - own) / thousands,
    );
    check(cell, &clients)?;
    let mut cycles = Latency::default();
    clients.iter().for_each(|client| cycles.join(&client.cycles));
    Ok(Saturation { enqueue: rates.0, dequeue: rates.1, cycle: done.per_second, cycle_ms: cycles.ms(50.0), cpu })
}

async fn fill(client: &mut Client, count: usize) -> anyhow::Result<()> {
    for first in (0..count).step_by(FILLED) {
        let numbers = first..count.min(first + FILLED);
        let parcel = |n| Parcel { sender: FILLER, n, intended: Duration::ZERO };
        let letters: Vec<Letter> =
            numbers.map(|n| Letter::of(parcel(u64::try_from(n).unwrap_or(0)), client.size)).collect();
        client.producer.send(&letters).await?;
        client.producer.settle().await?;
    }
    Ok(())
}

async fn consumers(clients: &mut [Client], places: &[Place], lines: &mut Lines) -> anyhow::Result<()> {
    for (n, (client, place)) in clients.iter_mut().zip(places).enumerate() {
        client.consumer = Some(Consumer::open(place, lines, n).await?);
    }
    Ok(())
}

/// What all clients did together.
struct Done {
    count: usize,
    per_second: f64,
}

/// Lets all clients do something at the same time.
async fn all<F>(clients: &mut Vec<Client>, work: impl Fn(Client) -> F) -> anyhow::Result<Done>
where
    F: Future<Output = anyhow::Result<(Client, usize)>> + Send + 'static,
{
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for client in clients.drain(..) {
        tasks.spawn(work(client));
    }
    let mut count = 0;
    while let Some(task) = tasks.join_next().await {
        let (client, done) = task??;
        clients.push(client);
        count += done;
    }
    let per_second = number(count) / begin.elapsed().as_secs_f64();
    clients.sort_by_key(|client| client.sender);
    Ok(Done { count, per_second })
}

/// Nothing may be doubled or out of order, and nothing lost; what lay in the queue first makes the rest of it stay behind.
fn check(cell: Cell, clients: &[Client]) -> anyhow::Result<()> {
    let (mut sent, mut book) = (0, Book::default());
    for client in clients {
        sent += client.next;
        book.join(client.book.clone());
    }
    let word = cell.contender.word();
    ensure!(book.doubled() == 0, "{word}: {} messages came twice", book.doubled());
    ensure!(book.late() == 0, "{word}: {} messages came out of order", book.late());
    let missing = sent - book.distinct();
    ensure!(missing <= u64::try_from(cell.depth)?, "{word}: {missing} of {sent} messages are lost");
    Ok(())
}
