//! Limits by address, shared by all workers: handshakes of sockets, rejected callbacks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;

use super::peer;
use crate::model::time::Millis;

const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are kept; beyond that all whose minute has passed are forgotten, and if need be all.
const MOST: usize = 100_000;
/// Rejections per minute after which an address is not listened to.
const REJECTIONS: u32 = 200;

/// Counts per address in one-minute windows.
#[derive(Debug)]
struct Minutes {
    most: u32,
    counts: Mutex<HashMap<IpAddr, (Millis, u32)>>,
}

impl Minutes {
    fn new(most: u32) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// Counts `more` and says how long to wait if the limit is reached.
    fn add(&self, ip: IpAddr, more: u32, now: Millis) -> Option<Duration> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST && !counts.contains_key(&ip) {
            counts.retain(|_, (since, _)| now.since(*since) < MINUTE);
            if counts.len() >= MOST {
                counts.clear();
            }
        }
        let (since, count) = counts.entry(ip).or_insert((now, 0));
        if now.since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        if *count >= self.most {
            return Some(MINUTE.saturating_sub(now.since(*since)));
        }
        *count += more;
        None
    }
}

/// Handshakes of sockets.
#[derive(Debug)]
pub struct Handshakes(Minutes);

impl Handshakes {
    /// At most `most` per minute and address.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self(Minutes::new(most))
    }

    /// Counts one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit(&self, ip: IpAddr, now: Millis) -> Result<(), Duration> {
        self.0.add(ip, 1, now).map_or(Ok(()), Err)
    }
}

/// Callbacks that were rejected: whoever sends many is not listened to for the rest of the minute.
#[derive(Debug)]
pub struct Rejections {
    counts: Minutes,
    trusted: Vec<IpAddr>,
}

impl Rejections {
    /// Nothing rejected yet; `trusted` are the proxies.
    #[must_use]
    pub fn new(trusted: Vec<IpAddr>) -> Self {
        Self { counts: Minutes::new(REJECTIONS), trusted }
    }

    /// The client's address, unless too much of it was rejected.
    #[must_use]
    pub fn admit(&self, request: &HttpRequest, now: Millis) -> Option<IpAddr> {
        let ip = peer::address(request.head(), &self.trusted);
        self.counts.add(ip, 0, now).is_none().then_some(ip)
    }

    /// Something of this address was rejected.
    pub fn note(&self, ip: IpAddr, now: Millis) {
        self.counts.add(ip, 1, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_per_address_and_ends_with_the_minute() {
        let (a, b) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        let handshakes = Handshakes::new(1_000);
        assert!((0..1_000).all(|_| handshakes.admit(a, Millis(0)).is_ok()));
        assert_eq!(handshakes.admit(a, Millis(20_000)), Err(Duration::from_secs(40)));
        assert_eq!(handshakes.admit(b, Millis(20_000)), Ok(()));
        assert_eq!(handshakes.admit(a, Millis(60_000)), Ok(()));
    }
}
