//! A schedule that is fixed before the run, and who keeps it: a thread, since timers of the runtime ring on whole
//! milliseconds only.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::parcel::Epoch;

/// Messages that are due within this time are told together: nothing is told more often than the kernel's timers ring.
const TICK: Duration = Duration::from_micros(50);

/// Messages at a steady rate, dealt out to senders in turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Messages per second of all senders together.
    pub rate: f64,
    /// How many there are.
    pub count: usize,
    /// Who sends them.
    pub senders: usize,
}

impl Schedule {
    /// So many per second for so long.
    #[must_use]
    pub fn new(rate: f64, time: Duration, senders: usize) -> Self {
        // All senders have the same number.
        let each = (rate * time.as_secs_f64() / super::measure::number(senders)).ceil();
        Self { rate, count: whole(each).max(1) * senders, senders }
    }

    /// When the message `k` of all is meant to leave.
    #[must_use]
    pub fn moment(&self, k: usize) -> Duration {
        Duration::from_secs_f64(super::measure::number(k) / self.rate)
    }

    /// When the message `n` of a sender is meant to leave.
    #[must_use]
    pub fn moment_of(&self, sender: usize, n: usize) -> Duration {
        self.moment(n * self.senders + sender)
    }

    /// How many messages one sender has.
    #[must_use]
    pub fn each(&self) -> usize {
        self.count / self.senders
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and positive"
)]
fn whole(value: f64) -> usize {
    value as usize
}

/// The thread that tells every sender when its next message is due.
#[derive(Debug)]
pub struct Pacer {
    thread: Option<thread::JoinHandle<()>>,
}

impl Pacer {
    /// Begins at the epoch. Sender `n` hears of its messages on the receiver `n`: how many more are due.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(schedule: Schedule, epoch: Epoch) -> anyhow::Result<(Self, Vec<UnboundedReceiver<usize>>)> {
        let (tell, hear): (Vec<_>, Vec<_>) = (0..schedule.senders).map(|_| unbounded_channel()).unzip();
        let thread = thread::Builder::new().name("pacer".to_owned()).spawn(move || keep(schedule, epoch, &tell));
        Ok((Self { thread: Some(thread.context("cannot start a thread")?) }, hear))
    }

    /// Waits for the end of the schedule. Receivers that are dropped end it early.
    ///
    /// # Errors
    /// The thread panicked.
    pub fn end(mut self) -> anyhow::Result<()> {
        let ended = self.thread.take().map(thread::JoinHandle::join);
        ended.transpose().map_err(|_panic| anyhow!("the pacer panicked"))?;
        Ok(())
    }
}

fn keep(schedule: Schedule, epoch: Epoch, tell: &[UnboundedSender<usize>]) {
    let mut told = 0;
    let mut due = vec![0; tell.len()];
    while told < schedule.count {
        let next = epoch.at(schedule.moment(told));
        let wait = next.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            thread::park_timeout(wait.max(TICK));
            continue;
        }
        let now = epoch.elapsed();
        while told < schedule.count && schedule.moment(told) <= now {
            if let Some(due) = due.get_mut(told % schedule.senders) {
                *due += 1;
            }
            told += 1;
        }
        for (tell, due) in tell.iter().zip(&mut due) {
            let count = std::mem::take(due);
            if count > 0 && tell.send(count).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_of_every_message_and_none_too_early() {
        let schedule = Schedule::new(10_000.0, Duration::from_millis(50), 3);
        assert_eq!((schedule.count, schedule.each()), (501, 167));
        assert_eq!(schedule.moment_of(2, 10), schedule.moment(32));
        let epoch = Epoch::now();
        let (pacer, hear) = Pacer::start(schedule, epoch).unwrap();
        for (sender, mut hear) in hear.into_iter().enumerate() {
            let mut heard = 0;
            while let Some(due) = hear.recv().await {
                heard += due;
                assert!(epoch.elapsed() >= schedule.moment_of(sender, heard - 1));
            }
            assert_eq!(heard, schedule.each());
        }
        pacer.end().unwrap();
    }
}
