//! What the hub counts for operators.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Numbers since the start, and how things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Whether the back end answers; without other nodes there is none.
    pub up: bool,
    /// Hints for sockets of other nodes that were taken up.
    pub published: u64,
    /// Hints of other nodes that arrived.
    pub received: u64,
    /// Hints for other nodes that were dropped: the back end was away, or too many waited.
    pub dropped: u64,
    /// Entries for this node that it has not read yet, as of the last look.
    pub lag: u64,
    /// Nodes that are known besides this one.
    pub peers: u64,
    /// Recipients that are attached on other nodes.
    pub elsewhere: u64,
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) up: AtomicBool,
    pub(super) published: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) lag: AtomicU64,
}

impl Counters {
    /// Adds to a number.
    pub(super) fn add(counter: &AtomicU64, more: usize) {
        counter.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The numbers now.
    pub(super) fn read(&self) -> Counts {
        Counts {
            up: self.up.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            lag: self.lag.load(Ordering::Relaxed),
            peers: 0,
            elsewhere: 0,
        }
    }
}
