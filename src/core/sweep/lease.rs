//! Connections of this node whose lease is gone: a newer one of the same device took it on another node, or it ended
//! while this node could not renew it.

use std::collections::HashSet;
use std::time::Duration;

use crate::core::{Core, Error};
use crate::hub::Hint;
use crate::store::sweep;

/// A connection that is younger may be about to take its lease.
const YOUNG: Duration = Duration::from_secs(3);

impl Core {
    /// Makes connections without a lease check how they stand; returns the number of statements.
    pub(super) async fn sweep_leases(&self) -> Result<usize, Error> {
        let connections = self.hub().connections();
        if connections.is_empty() {
            return Ok(0);
        }
        let node = self.node();
        let held = self.store().survey(move |conn| sweep::leases_of(conn, node).map_err(Error::from)).await?;
        let held: HashSet<_> = held.into_iter().collect();
        let old = self.clock().now().minus(YOUNG);
        for (to, connection) in connections {
            if connection.made_at() <= old && !held.contains(&connection) {
                self.hub().publish_here(&to, &Hint::SignedOut);
            }
        }
        Ok(1)
    }
}
