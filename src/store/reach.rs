//! Whether the database can be reached, as the threads that use it see it, and how they come back to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Error;
use super::conn::Conn;
use crate::runtime::Backoff;

/// The pauses between tries to connect: short enough to be back soon after the server is.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(500));

/// What the threads of one store have in common: an outage is told once.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Outage(Arc<AtomicUsize>);

/// Whether threads that share a queue have a connection.
#[derive(Debug, Clone)]
pub(in crate::store) struct Reach {
    away: Arc<AtomicUsize>,
    threads: usize,
    outage: Outage,
}

impl Reach {
    /// For so many threads; all of them are taken to reach the database until they find out that they do not.
    pub(in crate::store) fn new(threads: usize, outage: Outage) -> Self {
        Self { away: Arc::default(), threads, outage }
    }

    /// Whether nobody would do a job that was queued now.
    pub(in crate::store) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) >= self.threads
    }

    /// Makes sure that there is a connection, however long it takes. `drain` is called before every try: it answers what
    /// waits if nobody else can, and says whether anybody still wants something.
    ///
    /// Returns `false` when nobody does.
    pub(in crate::store) fn regain(&self, conn: &mut Conn, why: &Error, mut drain: impl FnMut() -> bool) -> bool {
        self.away.fetch_add(1, Ordering::Relaxed);
        if self.outage.0.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(error = %why, "PostgreSQL is away: writes and reads are refused until it is back");
        }
        let mut attempt = 0;
        let wanted = loop {
            if !drain() {
                break false;
            }
            conn.rest(BACKOFF.draw(attempt));
            attempt = attempt.saturating_add(1);
            match conn.connect() {
                Ok(()) => break true,
                Err(error) => tracing::debug!(error = %error, "PostgreSQL is still away"),
            }
        };
        self.away.fetch_sub(1, Ordering::Relaxed);
        if self.outage.0.fetch_sub(1, Ordering::Relaxed) == 1 && wanted {
            tracing::info!("PostgreSQL is back");
        }
        wanted
    }
}
