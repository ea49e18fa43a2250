//! The way of events from the outbox to the bus. A row goes only after the bus has taken its event.

use std::collections::HashSet;
use std::time::Duration;

use super::{Core, Error};
use crate::bus::{self, Bus};
use crate::model::event::Occurrence;
use crate::runtime::Stop;
use crate::runtime::backoff::Backoff;
use crate::store::outbox;

/// Events per step.
const BATCH: i64 = 500;
/// Wait after a step that found less than a batch: what it costs an event in the worst case.
const PAUSE: Duration = Duration::from_millis(250);
/// Waits after failed steps.
const TROUBLE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// While the trouble stays the same it is told again after so many failed steps: every few minutes.
const TELL_AGAIN: u32 = 60;

/// What one step of the relay did.
#[derive(Debug, Default)]
pub struct Step {
    /// Events that are on the bus now.
    pub taken: usize,
    /// Whether there may be more.
    pub full: bool,
    /// Why some were not taken.
    pub failure: Option<bus::Error>,
}

impl Core {
    /// Relays events until `stop`. Events of one session keep the order in which they were accepted.
    pub async fn run_relay(&self, bus: Bus, stop: Stop) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let step = tokio::select! {
                step = self.relay_once(&bus) => step,
                () = stop.cancelled() => return,
            };
            let wait = match step {
                Ok(Step { failure: None, full, .. }) => {
                    if failures > 0 {
                        tracing::info!(failures, "events leave the outbox again");
                    }
                    failures = 0;
                    if full { Duration::ZERO } else { PAUSE }
                }
                Ok(Step { failure: Some(error), .. }) => trouble(&mut failures, &error),
                Err(error) => trouble(&mut failures, &error),
            };
            drop(tokio::time::timeout(wait, stop.cancelled()).await);
        }
    }

    /// Relays what waits, at most one batch.
    ///
    /// # Errors
    /// When the store is away; nothing is forgotten then.
    pub async fn relay_once(&self, bus: &Bus) -> Result<Step, Error> {
        let pending = self.store().survey(|conn| outbox::pending(conn, BATCH).map_err(Error::from)).await?;
        if pending.is_empty() {
            // Nothing to carry, but the way is kept open: listeners bind to what is declared on it.
            return Ok(Step { failure: bus.publish(&[]).await.failure, ..Step::default() });
        }
        let full = i64::try_from(pending.len()).is_ok_and(|found| found == BATCH);
        let events: Vec<Occurrence> = pending.iter().map(|row| row.event.clone()).collect();
        let outcome = bus.publish(&events).await;
        let ids: HashSet<&str> = outcome.taken.iter().map(String::as_str).collect();
        let gone: Vec<_> = pending.into_iter().filter(|row| ids.contains(row.event.id.as_str())).collect();
        let taken = gone.len();
        if taken > 0 {
            self.store().sweep(move |conn| outbox::taken(conn, &gone).map_err(Error::from)).await?;
        }
        Ok(Step { taken, full, failure: outcome.failure })
    }
}

/// Tells about a failed step, once in a while, and says how long to wait.
fn trouble(failures: &mut u32, error: &dyn std::error::Error) -> Duration {
    if failures.is_multiple_of(TELL_AGAIN) {
        tracing::error!(error = %error, "events stay in the outbox");
    }
    let wait = TROUBLE.draw(*failures);
    *failures = failures.saturating_add(1);
    wait
}
