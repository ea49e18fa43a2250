//! Remembers signed addresses of plain-mode deliveries. Knows no account's settings.
//!
//! In plain mode the signature covers time and nonce but not the body, so whoever saw one address could send any body
//! with it. A repeated delivery of the platform has the same body and passes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::time::Millis;

/// How long an address is remembered. Longer than the widest useful timestamp window.
const KEEP: Duration = Duration::from_secs(15 * 60);
/// Addresses remembered at most, about 12 MB; beyond it the oldest is forgotten early.
const CAPACITY: usize = 100_000;

type Hash = [u8; 32];

/// The addresses of the last 15 minutes and the body that each of them came with. One per process.
#[derive(Debug)]
pub struct ReplayCache {
    seen: Mutex<Seen>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Seen {
    bodies: HashMap<Hash, Hash>,
    order: VecDeque<(Millis, Hash)>,
}

impl Default for ReplayCache {
    fn default() -> Self {
        Self { seen: Mutex::default(), capacity: CAPACITY }
    }
}

impl ReplayCache {
    /// Whether this address comes for the first time, or again with the same body. Never blocks for long.
    pub fn admit(&self, address: &[&str], body: &[u8], now: Millis) -> bool {
        let address = hash(address);
        let body = Sha256::digest(body).into();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(now, self.capacity);
        if let Some(first) = seen.bodies.get(&address) {
            return *first == body;
        }
        seen.bodies.insert(address, body);
        seen.order.push_back((now, address));
        true
    }
}

impl Seen {
    fn forget(&mut self, now: Millis, capacity: usize) {
        while let Some((at, address)) = self.order.front() {
            if self.order.len() < capacity && now.since(*at) <= KEEP {
                return;
            }
            self.bodies.remove(address);
            self.order.pop_front();
        }
    }
}

/// A hash over parts that cannot run into each other.
fn hash(parts: &[&str]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    #[test]
    fn another_body_under_the_same_address_is_a_replay() {
        let cache = ReplayCache::default();
        assert!(cache.admit(&["t", "oa", "1", "n"], b"a", NOW));
        assert!(cache.admit(&["t", "oa", "1", "n"], b"a", NOW));
        assert!(!cache.admit(&["t", "oa", "1", "n"], b"b", NOW));
        assert!(cache.admit(&["t", "other", "1", "n"], b"b", NOW));
        assert!(cache.admit(&["t", "oa", "1n", ""], b"b", NOW));
    }

    #[test]
    fn addresses_are_forgotten_in_time_and_when_there_are_too_many() {
        let cache = ReplayCache { capacity: 2, ..ReplayCache::default() };
        assert!(cache.admit(&["1"], b"a", NOW));
        assert!(!cache.admit(&["1"], b"b", NOW.plus(KEEP)));
        assert!(cache.admit(&["1"], b"b", NOW.plus(KEEP + Duration::from_millis(1))));
        for n in ["2", "3", "4"] {
            assert!(cache.admit(&[n], b"a", NOW.plus(KEEP)));
        }
        assert!(cache.seen.lock().unwrap().bodies.len() <= 2);
    }
}
