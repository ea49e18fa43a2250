//! Connections of this node whose lease is gone: a newer one of the same device took it on another node, or it ended
//! while this node gave no sign of life.

use std::collections::HashSet;
use std::time::Duration;

use crate::core::{Core, Error};
use crate::hub::Hint;
use crate::model::id::ConnectionId;
use crate::model::time::Millis;
use crate::store::sweep;

/// A connection that is younger may be about to take its lease.
const YOUNG: Duration = Duration::from_secs(3);
/// Leases that are read at a time, at least: thousands at once keep messages waiting.
const PAGE: i64 = 250;

/// The leases of this node, read a page at a time in the order in which they were taken: one that is taken meanwhile comes
/// last.
#[derive(Debug)]
pub(super) struct Reading {
    page: i64,
    begun: Millis,
    behind: Option<(Millis, ConnectionId)>,
    held: HashSet<ConnectionId>,
}

impl Reading {
    /// Of about so many leases, in so many pages at most.
    pub(super) fn of(leases: usize, pages: usize, now: Millis) -> Self {
        let page = i64::try_from(leases.div_ceil(pages.max(1))).unwrap_or(i64::MAX).max(PAGE);
        Self { page, begun: now, behind: None, held: HashSet::new() }
    }
}

impl Core {
    /// Reads the next page; behind the last one, makes connections without a lease check how they stand. `None` when that is
    /// done.
    pub(super) async fn sweep_leases(&self, mut reading: Reading) -> Result<Option<Reading>, Error> {
        let (node, behind, limit) = (self.node(), reading.behind, reading.page);
        let page =
            self.store().survey(move |conn| sweep::leases_of(conn, node, behind, limit).map_err(Error::from)).await?;
        let full = i64::try_from(page.len()).is_ok_and(|read| read == limit);
        reading.behind = page.last().copied();
        reading.held.extend(page.into_iter().map(|(_, connection)| connection));
        if full {
            return Ok(Some(reading));
        }
        let old = reading.begun.minus(YOUNG);
        for (to, connection) in self.hub().connections() {
            if connection.made_at() <= old && !reading.held.contains(&connection) {
                self.hub().publish_here(&to, &Hint::SignedOut);
            }
        }
        Ok(None)
    }
}
