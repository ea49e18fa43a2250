//! What the bus counts, for whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
}

/// The counters behind [`Figures`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) up: AtomicBool,
    pub(super) blocked: AtomicBool,
    pub(super) published: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) nacked: AtomicU64,
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
        }
    }
}
