//! Clearing away what is no longer needed, across tenants.

use std::time::Duration;

use super::{Core, Error};
use crate::runtime::Stop;
use crate::store::{Conn, audit, inbox, order, turn};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(300);
/// Deliveries are remembered this long: WeChat repeats within a minute, operators look back a day or two.
const INBOX_KEPT: Duration = Duration::from_secs(3 * 24 * 3600);
/// A repeated order gets the answer of the first for so long.
const ORDERS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Unusable input is kept this long for whoever has to find out why.
const QUARANTINE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The trail is kept for half a year.
const AUDIT_KEPT: Duration = Duration::from_secs(183 * 24 * 3600);
/// What robots were asked is kept for a quarter: longer than anybody asks how an answer came about.
const TURNS_KEPT: Duration = Duration::from_secs(92 * 24 * 3600);
/// Rows that go at a time: others want to write in between.
const BATCH: usize = 1_000;

impl Core {
    /// Clears away now and every few minutes until `stop`, which cuts it off anywhere: what is left then goes the next time.
    pub async fn run_cleaning(&self, stop: Stop) {
        while let Some(outcome) = stop.run_until_cancelled(self.clean()).await {
            if let Err(error) = outcome {
                tracing::warn!(error = ?error, "old rows could not be cleared away");
            }
            drop(tokio::time::timeout(PAUSE, stop.cancelled()).await);
        }
    }

    /// Forgets old deliveries, quarantined input, old lines of the audit trail, what robots were asked and uploads that were not finished.
    ///
    /// # Errors
    /// When the store or the place of blobs is away; what was cleared until then stays cleared.
    async fn clean(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let (mut forgotten, mut round) = (0, BATCH);
        while round >= BATCH {
            let sweep = move |conn: &mut Conn| {
                let noted = inbox::forget(conn, now.minus(INBOX_KEPT), now.minus(QUARANTINE_KEPT), 1_000)?;
                let done = order::forget(conn, now.minus(ORDERS_KEPT), 1_000)?;
                let audited = audit::forget(conn, now.minus(AUDIT_KEPT), 1_000)?;
                let asked = turn::forget(conn, now.minus(TURNS_KEPT), 1_000)?;
                Ok::<_, Error>([noted, done, audited, asked].into_iter().fold(0, usize::saturating_add))
            };
            round = self.store().sweep(sweep).await?;
            forgotten += round;
        }
        tracing::debug!(forgotten, "old deliveries forgotten");
        self.sweep_blobs().await
    }
}
