//! The way to other nodes over Redis: one stream per node, and a registry of who is attached where.
//!
//! A hint costs one command of the publishing node: who is attached where is known from the registry's replica in
//! memory. What a node announces of itself travels in the same streams, under numbers that show what was missed; then
//! the replica is loaded from Redis. All that a node has in Redis ends by itself when the node does not renew it.
//!
//! A command that is not answered within [`connection::PATIENCE`] ends the connection. Until there is a new one hints
//! for other nodes are dropped at once, so that nothing waits for a server that does not answer.

mod connection;
mod key;
mod link;
mod own;
mod probe;
mod read;
mod write;

use self::connection::Source;
use self::key::Keys;
use self::link::Link;
use self::own::Own;
use super::Error;
use super::outage::Outage;
use super::remote::Remote;
use crate::config;
use crate::runtime::Stop;

/// Why the connection to Redis is of no use any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    /// No answer in time.
    #[error("no answer in time")]
    Silent,
    /// It refused, or the connection broke.
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    /// No connection could be had.
    #[error("{0}")]
    Unusable(String),
}

/// What is needed to reach Redis.
#[derive(Debug)]
pub(super) struct Settings {
    source: Source,
    keys: Keys,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// When an address or a certificate cannot be used.
    pub(super) fn of(settings: &config::Redis) -> Result<Self, Error> {
        Ok(Self { source: Source::of(settings)?, keys: Keys::new(&settings.prefix) })
    }
}

/// Keeps this node linked until `stop`, then takes its leave.
pub(super) async fn run(remote: &Remote, settings: &Settings, stop: &Stop) {
    let mut waiting = remote.waiting.lock().await;
    let own = Own::new();
    let mut outage = Outage::none("Redis");
    while !stop.is_cancelled() {
        let lost = match Link::open(remote, settings, &own).await {
            Ok(mut link) => {
                outage.over();
                remote.up();
                let ended = link.serve(&mut waiting, stop).await;
                remote.down(&mut waiting);
                match ended {
                    Ok(()) => return link.leave().await,
                    Err(lost) => lost,
                }
            }
            Err(lost) => lost,
        };
        let wait = outage.goes_on(&lost);
        drop(tokio::time::timeout(wait, stop.cancelled()).await);
    }
}
