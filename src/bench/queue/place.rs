//! A queue of a contender on a server, and its two ends, whichever server it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use lapin::Connection;

use super::structure::{Broker, Contender};
use super::{amqp, redis};
use crate::bench::parcel::Parcel;

/// How long one answer of a server may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Clients that share one connection to RabbitMQ.
const SHARED: usize = 8;

/// A message on its way: its number and all of it.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) n: u64,
    pub(super) body: String,
}

impl Letter {
    pub(super) fn of(parcel: Parcel, size: usize) -> Self {
        Self { n: parcel.n, body: parcel.text(size) }
    }
}

/// A queue of a contender.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) contender: Contender,
    /// The server.
    pub(super) url: String,
    /// The queue's name.
    pub(super) queue: String,
}

impl Place {
    pub(super) fn new(contender: Contender, url: &str, n: usize) -> Self {
        Self { contender, url: url.to_owned(), queue: format!("yizhan-bench.{}.{n}", contender.word()) }
    }
}

/// Connections to a server. Redis' clients have one each; RabbitMQ's share some.
#[derive(Debug, Default)]
pub(super) struct Lines {
    shared: Vec<Arc<Connection>>,
}

impl Lines {
    pub(super) async fn amqp(&mut self, url: &str, n: usize) -> anyhow::Result<Arc<Connection>> {
        while self.shared.len() <= n / SHARED {
            self.shared.push(Arc::new(amqp::connect(url).await?));
        }
        self.shared.get(n / SHARED).cloned().context("no connection")
    }
}

/// Removes queues with everything in them, so that a run begins and leaves nothing. Either end makes its queue.
pub(super) async fn remove(places: &[Place]) -> anyhow::Result<()> {
    let mut lines = Lines::default();
    for place in places {
        match place.contender.broker() {
            Broker::Redis => redis::remove(place).await?,
            Broker::Rabbitmq => {
                let channel = lines.amqp(&place.url, 0).await?.create_channel().await?;
                amqp::remove(place, &channel).await?;
            }
        }
    }
    Ok(())
}

enum Hand {
    Redis(Box<redis::Hand>),
    Amqp(Box<amqp::Hand>),
}

/// The sending end of a queue, with what is under way.
pub(super) struct Producer {
    hand: Hand,
    under_way: FuturesOrdered<BoxFuture<'static, anyhow::Result<Vec<u64>>>>,
    out: usize,
    window: usize,
}

impl Producer {
    /// Opens the end of the client `n`.
    pub(super) async fn open(place: &Place, lines: &mut Lines, n: usize) -> anyhow::Result<Self> {
        let hand = match place.contender.broker() {
            Broker::Redis => Hand::Redis(Box::new(redis::Hand::open(place).await?)),
            Broker::Rabbitmq => Hand::Amqp(Box::new(amqp::Hand::open(place, lines.amqp(&place.url, n).await?).await?)),
        };
        Ok(Self { hand, under_way: FuturesOrdered::new(), out: 0, window: place.contender.window() })
    }

    /// How many more may be sent now.
    pub(super) fn room(&self) -> usize {
        self.window.saturating_sub(self.out)
    }

    /// How many were sent and are not accepted yet.
    pub(super) fn out(&self) -> usize {
        self.out
    }

    /// Sends, in order. More than there is room for goes, too.
    pub(super) async fn send(&mut self, batch: &[Letter]) -> anyhow::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        match &self.hand {
            Hand::Redis(hand) => self.under_way.push_back(hand.send(batch)),
            Hand::Amqp(hand) => {
                for letter in batch {
                    self.under_way.push_back(hand.send(letter).await?);
                }
            }
        }
        self.out += batch.len();
        Ok(())
    }

    /// The numbers that are accepted next; `None` when nothing is under way. Dropping the future loses nothing.
    pub(super) async fn accepted(&mut self) -> Option<anyhow::Result<Vec<u64>>> {
        let accepted = self.under_way.next().await;
        if let Some(Ok(numbers)) = &accepted {
            self.out = self.out.saturating_sub(numbers.len());
        }
        accepted
    }

    /// Waits until everything is accepted, and the broker has it even if it does not say so. Returns how many were
    /// accepted meanwhile.
    pub(super) async fn settle(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        while let Some(numbers) = self.accepted().await {
            count += numbers?.len();
        }
        if let Hand::Amqp(hand) = &self.hand {
            hand.barrier().await?;
        }
        Ok(count)
    }
}

/// The taking end of a queue.
pub(super) enum Consumer {
    Redis(Box<redis::Consumer>),
    Amqp(Box<amqp::Consumer>),
}

impl Consumer {
    /// Opens the end of the client `n`. What an earlier consumer has not finished comes again if the structure knows it.
    pub(super) async fn open(place: &Place, lines: &mut Lines, n: usize) -> anyhow::Result<Self> {
        Ok(match place.contender.broker() {
            Broker::Redis => Self::Redis(Box::new(redis::Consumer::open(place).await?)),
            Broker::Rabbitmq => {
                let line = lines.amqp(&place.url, n).await?;
                Self::Amqp(Box::new(amqp::Consumer::open(place, line).await?))
            }
        })
    }

    /// The next messages, none if nothing comes for a moment.
    pub(super) async fn take(&mut self) -> anyhow::Result<VecDeque<Vec<u8>>> {
        const MOMENT: Duration = Duration::from_millis(100);
        match self {
            Self::Redis(consumer) => consumer.take(MOMENT).await,
            Self::Amqp(consumer) => consumer.take(MOMENT).await,
        }
    }

    /// Finishes what the last take returned.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Redis(consumer) => consumer.finish().await,
            Self::Amqp(consumer) => consumer.finish().await,
        }
    }
}
