//! How many orders came in, by name and by what became of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Orders since the start, by name and outcome. Both are words of a fixed set. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: Arc<Mutex<BTreeMap<(&'static str, &'static str), u64>>>,
}

impl Tally {
    pub(super) fn count(&self, name: &'static str, outcome: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((name, outcome)).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts so far.
    #[must_use]
    pub fn read(&self) -> Vec<(&'static str, &'static str, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((name, outcome), count)| (*name, *outcome, *count)).collect()
    }
}
