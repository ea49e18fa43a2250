//! What the bus counts, for whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::ask::AskError;

/// How a question to another module can end.
const ENDS: [&str; 8] = ["ok", "refused", "timeout", "no_service", "away", "busy", "too_large", "garbled"];
/// Bounds of the times that are told apart, milliseconds. The last is the longest that anybody waits.
const BOUNDS: [u64; 8] = [5, 20, 50, 200, 1_000, 3_000, 10_000, 30_000];

/// How questions to other modules went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// How many ended in which way, in the order of [`Questions::ends`].
    ended: [u64; ENDS.len()],
    /// How many took at most each of the bounds, and longer than the one before.
    took: [u64; BOUNDS.len()],
    /// The time that all took together, microseconds.
    pub micros: u64,
}

impl Questions {
    /// How many ended in which way.
    pub fn ends(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ENDS.into_iter().zip(self.ended)
    }

    /// How many took at most so long.
    pub fn within(&self) -> impl Iterator<Item = (Duration, u64)> {
        let sums = self.took.into_iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.into_iter().map(Duration::from_millis).zip(sums)
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ended.iter().sum()
    }
}

/// The counters behind [`Questions`].
#[derive(Debug, Default)]
pub(super) struct Tally {
    ended: [AtomicU64; ENDS.len()],
    took: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
}

impl Tally {
    /// Counts a question by how it ended.
    pub(super) fn note(&self, outcome: &Result<Value, AskError>, took: Duration) {
        let end = match outcome {
            Ok(_) => "ok",
            Err(AskError::Refused { .. }) => "refused",
            Err(AskError::Timeout) => "timeout",
            Err(AskError::NoService) => "no_service",
            Err(AskError::Away(_)) => "away",
            Err(AskError::Busy) => "busy",
            Err(AskError::TooLarge) => "too_large",
            Err(AskError::Garbled) => "garbled",
        };
        let count = |counter: Option<&AtomicU64>| counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
        let at = ENDS.iter().position(|name| *name == end);
        count(at.and_then(|at| self.ended.get(at)));
        // Waiting ends with the last bound, give or take a moment.
        let at = BOUNDS.iter().position(|bound| took <= Duration::from_millis(*bound));
        count(at.map_or(self.took.last(), |at| self.took.get(at)));
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Questions {
        let each = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Questions {
            ended: self.ended.each_ref().map(each),
            took: self.took.each_ref().map(each),
            micros: each(&self.micros),
        }
    }
}

/// How the bus is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Whether the last thing known of it is that it works.
    pub up: bool,
    /// Whether it takes nothing for now because it is short of something.
    pub blocked: bool,
    /// Events that it has taken since the start.
    pub published: u64,
    /// Events that came back because no queue takes them.
    pub returned: u64,
    /// Events that it refused.
    pub nacked: u64,
    /// Questions to other modules.
    pub questions: Questions,
}

/// The counters behind [`Figures`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) up: AtomicBool,
    pub(super) blocked: AtomicBool,
    pub(super) published: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) nacked: AtomicU64,
    pub(super) questions: Tally,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            up: self.up.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            returned: self.returned.load(Ordering::Relaxed),
            nacked: self.nacked.load(Ordering::Relaxed),
            questions: self.questions.read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_counted_by_their_end_and_their_time() {
        let tally = Tally::default();
        let outcomes = [Ok(Value::Null), Err(AskError::Timeout), Err(AskError::Timeout), Err(AskError::Busy)];
        for (outcome, millis) in outcomes.iter().zip([5, 3_000, 31_000, 0]) {
            tally.note(outcome, Duration::from_millis(millis));
        }
        let read = tally.read();
        let counted: Vec<_> = read.ends().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 1), ("timeout", 2), ("busy", 1)]);
        let within: Vec<u64> = read.within().map(|(_, count)| count).collect();
        assert_eq!(within, [2, 2, 2, 2, 2, 3, 3, 4]);
        assert_eq!((read.count(), read.micros), (4, 34_005_000));
    }
}
