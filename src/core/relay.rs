//! The way of events from the outbox to the bus. A row goes only after the bus has taken its event.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Core, Error};
use crate::bus::{Bus, Event};
use crate::store::outbox;

/// Events per step.
const BATCH: i64 = 500;
/// Wait after an empty or failed step: what it costs an event in the worst case.
const PAUSE: Duration = Duration::from_millis(250);

impl Core {
    /// Relays events until `stop`. Events of one tenant keep the order in which they were accepted.
    pub async fn run_relay(&self, bus: Bus, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.relay_once(&bus).await {
                Ok(taken) if taken == usize::try_from(BATCH).unwrap_or(0) => {}
                Ok(_) => drop(tokio::time::timeout(PAUSE, stop.cancelled()).await),
                Err(error) => {
                    tracing::warn!(error = ?error, "events stay in the outbox");
                    drop(tokio::time::timeout(PAUSE * 4, stop.cancelled()).await);
                }
            }
        }
    }

    /// Relays what waits, at most one batch; returns how many events that were.
    ///
    /// # Errors
    /// When the store or the bus is away; nothing is forgotten then.
    pub async fn relay_once(&self, bus: &Bus) -> Result<usize, Error> {
        let pending = self.store().survey(|conn| outbox::pending(conn, BATCH).map_err(Error::from)).await?;
        if pending.is_empty() {
            return Ok(0);
        }
        let events: Vec<Event> = pending
            .iter()
            .map(|row| Event { tenant: row.tenant.clone(), id: row.id.clone(), body: row.event.as_str().into() })
            .collect();
        bus.publish(&events).await.map_err(Error::away)?;
        let taken = pending.len();
        self.store().sweep(move |conn| outbox::taken(conn, &pending).map_err(Error::from)).await?;
        Ok(taken)
    }
}
