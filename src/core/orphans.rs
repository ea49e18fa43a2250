//! Calls and downloads whose node died in the middle: made due, so that whoever comes next finds out what to do about them.
//! Knows who is dead from others.

use super::{Core, Error};
use crate::model::id::NodeId;
use crate::store::{Conn, delivery, fetch};

impl Core {
    /// A process that has its tables to itself and begins knows that nobody does what was under way. Another node may be doing
    /// it, until it gives no sign of life any more.
    pub(super) async fn take_up_orphans(&self) {
        if self.store().is_shared() {
            return;
        }
        if let Err(error) = self.orphaned(None).await {
            tracing::warn!(error = ?error, "what was cut off when the process ended waits for the end of its lease");
        }
    }

    /// Makes due what this node was doing, as it is dead; or, without one, all that anybody was doing.
    ///
    /// # Errors
    /// When the store is away.
    pub(super) async fn orphaned(&self, of: Option<NodeId>) -> Result<(), Error> {
        let now = self.clock().now();
        let take = move |conn: &mut Conn| {
            let calls = delivery::orphan(conn, of, now)?;
            Ok::<_, Error>((calls, fetch::orphan(conn, of, now)?))
        };
        let (calls, downloads) = self.store().sweep(take).await?;
        if calls > 0 {
            tracing::warn!(calls, node = ?of, "calls were cut off when their node ended; their outcome is unknown");
            self.inner.deliveries.notify_one();
        }
        if downloads > 0 {
            tracing::warn!(downloads, node = ?of, "downloads were cut off when their node ended; they begin again");
            self.inner.fetches.notify_one();
        }
        Ok(())
    }
}
