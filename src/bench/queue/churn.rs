//! A queue for every session: how fast queues come and go, and what one costs while it is there.

use std::time::Duration;

use anyhow::Context as _;
use lapin::Channel;
use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::place::{Lines, Place};
use super::server::Server;
use super::structure::{Broker, Class, Contender, Structure};
use super::{amqp, redis as commands};
use crate::bench::measure::number;

/// Clients that make and remove queues at the same time.
const CLIENTS: usize = 8;

/// What churn is measured of: one of each kind of queue. The class does not matter for a Redis key but for the sync.
pub(super) fn contenders() -> [Contender; 7] {
    use {Class::*, Structure::*};
    let of = |structure, class| Contender { structure, class };
    [
        of(List, Memory),
        of(Stream, Memory),
        of(List, Synced),
        of(Stream, Synced),
        of(Classic, Memory),
        of(Confirm, Synced),
        of(Quorum, Synced),
    ]
}

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Churn {
    /// How many queues were made.
    pub(super) queues: usize,
    /// Made per second.
    pub(super) made: f64,
    /// Removed per second.
    pub(super) removed: f64,
    /// KB of the server's memory for each, if the server is ours.
    pub(super) memory: Option<f64>,
}

/// Makes up to `most` queues, and removes them again; each takes no longer than about `time`.
pub(super) async fn run(contender: Contender, server: &Server, most: usize, time: Duration) -> anyhow::Result<Churn> {
    let (mut lines, mut workers) = (Lines::default(), Vec::new());
    for n in 0..CLIENTS {
        workers.push(Worker::open(contender, &server.url, &mut lines, n).await?);
    }
    let before = server.memory()?;
    let begin = Instant::now();
    let each = most / CLIENTS;
    workers = all(workers, |mut worker| async move {
        while worker.made < each && begin.elapsed() < time {
            worker.make().await?;
        }
        Ok(worker)
    })
    .await?;
    let took = begin.elapsed().as_secs_f64();
    let made = workers.iter().map(|worker| worker.made).sum::<usize>();
    let after = server.memory()?;
    let begin = Instant::now();
    all(workers, |mut worker| async move {
        while worker.made > 0 {
            worker.remove().await?;
        }
        Ok(worker)
    })
    .await?;
    let queues = number(made);
    let memory = before.zip(after).map(|(before, after)| (after - before) / queues);
    Ok(Churn { queues: made, made: queues / took, removed: queues / begin.elapsed().as_secs_f64(), memory })
}

async fn all<F>(workers: Vec<Worker>, work: impl Fn(Worker) -> F) -> anyhow::Result<Vec<Worker>>
where
    F: Future<Output = anyhow::Result<Worker>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(work(worker));
    }
    let mut back = Vec::new();
    while let Some(task) = tasks.join_next().await {
        back.push(task??);
    }
    Ok(back)
}

enum Line {
    Redis(MultiplexedConnection),
    Amqp(Channel),
}

struct Worker {
    line: Line,
    place: Place,
    name: String,
    made: usize,
}

impl Worker {
    async fn open(contender: Contender, url: &str, lines: &mut Lines, n: usize) -> anyhow::Result<Self> {
        let line = match contender.broker() {
            Broker::Redis => Line::Redis(commands::connect(url).await?),
            Broker::Rabbitmq => Line::Amqp(lines.amqp(url, n).await?.create_channel().await?),
        };
        let place = Place::new(contender, url, n);
        Ok(Self { line, name: place.queue.clone(), place, made: 0 })
    }

    fn point(&mut self) {
        self.place.queue = format!("{}.{}", self.name, self.made);
    }

    async fn make(&mut self) -> anyhow::Result<()> {
        self.point();
        match &mut self.line {
            Line::Redis(connection) => {
                let queue = &self.place.queue;
                let command = match self.place.contender.structure {
                    Structure::Stream => cmd("XGROUP").arg(&["CREATE", queue, "group", "0", "MKSTREAM"]).take(),
                    // A list is there as long as something is in it.
                    _ => cmd("LPUSH").arg(queue).arg("1").take(),
                };
                command.exec_async(connection).await?;
            }
            Line::Amqp(channel) => {
                let (options, arguments) = amqp::declaration(&self.place);
                let declared = channel.queue_declare(self.place.queue.as_str().into(), options, arguments);
                declared.await.context("cannot declare a queue")?;
            }
        }
        self.made += 1;
        Ok(())
    }

    async fn remove(&mut self) -> anyhow::Result<()> {
        self.made -= 1;
        self.point();
        match &mut self.line {
            Line::Redis(connection) => Ok(cmd("DEL").arg(&self.place.queue).exec_async(connection).await?),
            Line::Amqp(channel) => amqp::remove(&self.place, channel).await,
        }
    }
}
