//! Senders and receivers of a scenario and what they do: as much as they can, or at a steady rate. Everything that arrives
//! is written into one book. Knows no protocol.
//!
//! A *slot* is one sender at a time. Where a sender may not send as often as is wanted, several share a slot, and it goes
//! on to the next before the limit of the last is reached.

mod load;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::time::Duration;

use anyhow::ensure;
use tokio::time::Instant;

pub use load::Crowd;

use super::measure::Latency;
use super::parcel::Parcel;

/// Agents, or other receivers.
pub const AGENTS: usize = 50;
/// Senders at a time: eight for each agent.
pub const SLOTS: usize = AGENTS * 8;
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 32;
/// Lines of a slot at most; the sender's number names slot and line.
const LINES: usize = 1_000;

/// Somebody who sends messages, each with its own number in ascending order from 0.
pub trait Sender: Send + 'static {
    /// When it may send next.
    fn free_at(&mut self, now: Instant) -> Instant {
        now
    }

    /// Sends its next message, and waits as long as it waits for an answer. Returns the number.
    fn send(&mut self, intended: Duration) -> impl Future<Output = anyhow::Result<u64>> + Send;

    /// Answers whatever the other side asks while there is nothing to send. Dropping the future loses nothing.
    fn serve(&mut self) -> impl Future<Output = anyhow::Result<Infallible>> + Send {
        pending()
    }

    /// Waits for what it was promised about messages that have arrived.
    fn finish(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send {
        ready(Ok(()))
    }
}

/// Somebody to whom messages are sent.
pub trait Receiver: Send + 'static {
    /// The next thing.
    fn hear(&mut self) -> impl Future<Output = anyhow::Result<Heard>> + Send;
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A message of a run.
    Parcel(Parcel),
    /// A session was taken.
    Taken,
    /// Anything else.
    Other,
}

/// Opens many things, some at the same time, and gives them in their order.
///
/// # Errors
/// One cannot be opened.
pub async fn open_all<T, F>(count: usize, open: impl Fn(usize) -> F) -> anyhow::Result<Vec<T>>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut all = Vec::with_capacity(count);
    for first in (0..count).step_by(AT_ONCE) {
        let opening = (first..count.min(first + AT_ONCE)).map(&open);
        all.extend(futures_util::future::try_join_all(opening).await?);
    }
    Ok(all)
}

/// The number under which the `n`th sender writes its messages.
///
/// # Errors
/// There are too many senders.
pub fn name(n: usize) -> anyhow::Result<u32> {
    ensure!(n / SLOTS < LINES, "more than {} senders", SLOTS * LINES);
    Ok(u32::try_from((n % SLOTS) * LINES + n / SLOTS)?)
}

/// What a run at saturation did.
#[derive(Debug, Clone, Copy)]
pub struct Saturation {
    /// Messages that arrived in a second.
    pub per_second: f64,
    /// CPU seconds of all that carries messages, for 1,000 of them.
    pub cpu: f64,
}

/// What a run at a steady rate saw.
#[derive(Debug, Clone, Default)]
pub struct Delays {
    /// Until the sender went on: it had heard that the message is accepted, or had written it.
    pub accepted: Latency,
    /// Until the receiver had it.
    pub arrived: Latency,
    /// CPU seconds of all that carries messages, for 1,000 of them.
    pub cpu: f64,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Before anything counts.
    pub warm_up: Duration,
    /// How long is measured.
    pub time: Duration,
}

impl Run {
    /// As long as figures that may be quoted need, or short.
    #[must_use]
    pub fn of(quick: bool) -> Self {
        let ms = Duration::from_millis;
        let (warm_up, time) = if quick { (ms(500), ms(1_500)) } else { (ms(1_500), ms(5_000)) };
        Self { warm_up, time }
    }
}

/// What was wrong, over all runs of a crowd.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Messages that were sent.
    pub sent: u64,
    /// What has not arrived.
    pub lost: u64,
    /// What arrived again.
    pub doubled: u64,
    /// What arrived behind one that was sent later.
    pub late: u64,
}
