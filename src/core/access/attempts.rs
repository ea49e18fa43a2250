//! How often somebody has tried, in memory: a limit per window, and a wait that grows with every try beyond it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::time::Millis;

/// Keys that are kept; beyond that those with the fewest tries are forgotten.
const MOST: usize = 50_000;
/// The first wait.
const FIRST: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy)]
struct Entry {
    since: Millis,
    tries: u32,
    until: Millis,
}

/// Counts tries by key.
#[derive(Debug)]
pub(in crate::core) struct Attempts<K> {
    most: u32,
    window: Duration,
    entries: Mutex<HashMap<K, Entry>>,
}

/// One household or data centre: an IPv4 address, or the /64 of an IPv6 address.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

impl<K: Hash + Eq + Clone> Attempts<K> {
    /// `most` tries per `window`.
    pub(in crate::core) fn new(most: u32, window: Duration) -> Self {
        Self { most, window, entries: Mutex::default() }
    }

    /// Counts a try before it is made, so that many at once count as many; or says how long to wait.
    pub(in crate::core) fn admit(&self, key: &K, now: Millis) -> Result<(), Duration> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST && !entries.contains_key(key) {
            let most = self.most;
            entries.retain(|_, entry| entry.tries > most.div_ceil(2) && entry.until > now);
        }
        let fresh = Entry { since: now, tries: 0, until: now };
        let entry = entries.entry(key.clone()).or_insert(fresh);
        if entry.until > now {
            return Err(entry.until.since(now));
        }
        if now.since(entry.since) >= self.window {
            *entry = fresh;
        }
        if entry.tries >= self.most {
            let doublings = (entry.tries - self.most).min(6);
            let wait = FIRST.saturating_mul(1 << doublings).min(self.window);
            entry.tries = entry.tries.saturating_add(1);
            entry.until = now.plus(wait);
            return Err(wait);
        }
        entry.tries += 1;
        Ok(())
    }

    /// The try was good: nothing is held against the key.
    pub(super) fn forgive(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The last try was good: it alone does not count.
    pub(super) fn take_back(&self, key: &K) {
        if let Some(entry) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            entry.tries = entry.tries.saturating_sub(1);
        }
    }

    /// Forgets keys whose window has passed.
    pub(in crate::core) fn forget(&self, now: Millis) {
        let window = self.window;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.until > now || now.since(entry.since) < window);
        entries.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_eleventh_try_waits_and_each_further_one_longer() {
        let attempts = Attempts::new(10, 15 * MINUTE);
        let mut now = Millis(0);
        assert!((0..10).all(|_| attempts.admit(&"li", now).is_ok()));
        let first = attempts.admit(&"li", now).unwrap_err();
        assert_eq!(attempts.admit(&"li", now), Err(first), "waiting does not make it longer");
        now = now.plus(first);
        let second = attempts.admit(&"li", now).unwrap_err();
        assert!(second > first);
        assert_eq!(attempts.admit(&"wang", now), Ok(()));
        now = now.plus(15 * MINUTE);
        assert_eq!(attempts.admit(&"li", now), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let net = |ip: &str| network(ip.parse().unwrap());
        assert_eq!(net("2001:db8::1"), net("2001:db8::ffff:1"));
        assert_ne!(net("2001:db8::1"), net("2001:db8:0:1::1"));
        assert_eq!(net("::ffff:10.0.0.1"), net("10.0.0.1"));
    }
}
