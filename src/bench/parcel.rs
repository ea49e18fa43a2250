//! The messages of a run: each names its sender, its number and the moment it was meant to leave; and the book that finds
//! what was lost, doubled or out of order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// A message. Numbers of a sender begin at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parcel {
    /// Who sends it.
    pub sender: u32,
    /// Which of the sender's messages it is.
    pub n: u64,
    /// When it was meant to leave, after the beginning of the run.
    pub intended: Duration,
}

/// Letters of the shortest message: three numbers in hexadecimal with two spaces.
const HEAD: usize = 8 + 1 + 10 + 1 + 14;

/// Not one letter repeated: nothing on the way shall gain from packing it.
const FILLING: &str = " the-quick-brown-fox-jumps-over-the-lazy-dog-0123456789";

impl Parcel {
    /// The message as a text of `size` bytes (at least [`Parcel::LEAST`]).
    #[must_use]
    pub fn text(&self, size: usize) -> String {
        let nanos = u64::try_from(self.intended.as_nanos()).unwrap_or(u64::MAX);
        let mut text = format!("{:08x} {:010x} {nanos:014x}", self.sender, self.n);
        text.reserve(size.saturating_sub(HEAD) + FILLING.len());
        while text.len() < size {
            text.push_str(FILLING);
        }
        text.truncate(size.max(HEAD));
        text
    }

    /// Bytes of the shortest message.
    pub const LEAST: usize = HEAD;

    /// Reads a message; `None` for what this program has not sent.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(bytes.get(..HEAD)?).ok()?;
        let mut words = head.split(' ');
        let mut next = || u64::from_str_radix(words.next()?, 16).ok();
        let (sender, n, nanos) = (next()?, next()?, next()?);
        Some(Self { sender: u32::try_from(sender).ok()?, n, intended: Duration::from_nanos(nanos) })
    }
}

/// When a run began. Everybody in the process counts from there.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(Instant);

impl Epoch {
    /// Begins now.
    #[must_use]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// Begins after a moment, so that everybody is ready.
    #[must_use]
    pub fn after(wait: Duration) -> Self {
        Self(Instant::now() + wait)
    }

    /// Time since the beginning, zero before it.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }

    /// The instant of a moment of the run.
    #[must_use]
    pub fn at(self, moment: Duration) -> Instant {
        self.0 + moment
    }
}

/// Which messages of which sender have arrived.
#[derive(Debug, Clone, Default)]
pub struct Book {
    senders: BTreeMap<u32, Page>,
}

#[derive(Debug, Clone, Default)]
struct Page {
    next: u64,
    missing: BTreeSet<u64>,
    doubled: u64,
    late: u64,
    arrived: u64,
}

/// What an arrival was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// For the first time, in order.
    First,
    /// For the first time, after one with a higher number.
    Late,
    /// Not for the first time.
    Doubled,
}

impl Book {
    /// Notes an arrival.
    pub fn arrived(&mut self, sender: u32, n: u64) -> Arrival {
        let page = self.senders.entry(sender).or_default();
        page.arrived += 1;
        if n >= page.next {
            page.missing.extend(page.next..n);
            page.next = n + 1;
            return Arrival::First;
        }
        if page.missing.remove(&n) {
            page.late += 1;
            return Arrival::Late;
        }
        page.doubled += 1;
        Arrival::Doubled
    }

    /// How many arrived for the first time.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.senders.values().map(|page| page.arrived - page.doubled).sum()
    }

    /// How many arrived again.
    #[must_use]
    pub fn doubled(&self) -> u64 {
        self.senders.values().map(|page| page.doubled).sum()
    }

    /// How many arrived behind one with a higher number.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.senders.values().map(|page| page.late).sum()
    }

    /// Whether a message has arrived.
    #[must_use]
    pub fn has(&self, sender: u32, n: u64) -> bool {
        self.senders.get(&sender).is_some_and(|page| n < page.next && !page.missing.contains(&n))
    }

    /// Takes over what somebody else has noted of senders that this book does not know.
    pub fn join(&mut self, other: Self) {
        self.senders.extend(other.senders);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loss_doubles_and_order_are_told_apart() {
        let mut book = Book::default();
        let arrivals = [0, 1, 3, 2, 3, 6].map(|n| book.arrived(1, n));
        use Arrival::{Doubled, First, Late};
        assert_eq!(arrivals, [First, First, First, Late, Doubled, First]);
        assert_eq!((book.distinct(), book.doubled(), book.late()), (5, 1, 1));
        assert_eq!((0..8).filter(|n| !book.has(1, *n)).collect::<Vec<_>>(), [4, 5, 7]);
        assert!(!book.has(2, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sender: u32, n in 0_u64..1 << 40, nanos in 0_u64..1 << 56, size in 0_usize..600) {
            let parcel = Parcel { sender, n, intended: Duration::from_nanos(nanos) };
            let text = parcel.text(size);
            prop_assert_eq!(text.len(), size.max(Parcel::LEAST));
            prop_assert_eq!(Parcel::read(text.as_bytes()), Some(parcel));
        }

        #[test]
        fn a_book_agrees_with_a_set(numbers in prop::collection::vec(0_u64..30, 0..80)) {
            let (mut book, mut set) = (Book::default(), BTreeSet::new());
            for n in &numbers {
                prop_assert_eq!(book.arrived(3, *n) != Arrival::Doubled, set.insert(*n));
            }
            for n in 0..31 {
                prop_assert_eq!(book.has(3, n), set.contains(&n));
            }
        }
    }
}
