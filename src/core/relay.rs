//! The way of events from the outbox to the bus. A row goes only after the bus has taken its event.

use std::collections::HashSet;
use std::time::Duration;

use super::duty::Duty;
use super::{Core, Error};
use crate::bus::{self, Bus};
use crate::config::{Bug, planted};
use crate::model::event::Occurrence;
use crate::runtime::Stop;
use crate::runtime::backoff::Backoff;
use crate::store::{self, Conn, outbox};

/// Events per step.
const BATCH: i64 = 500;
/// Wait after a step that found less than a batch: what it costs an event in the worst case.
const PAUSE: Duration = Duration::from_millis(250);
/// Waits after failed steps.
const TROUBLE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// While the trouble stays the same it is told again after so many failed steps: every few minutes.
const TELL_AGAIN: u32 = 60;

/// Events that wait are counted up to so many.
const COUNTED: i64 = 100_000;

/// How much waits for the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Events, counted up to a bound.
    pub events: u64,
    /// How long the first of them has waited.
    pub oldest: Duration,
}

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
    /// Relays events while this node has the duty, until `stop`. Events of one session keep the order in which they
    /// were accepted.
    pub async fn run_relay(&self, bus: Bus, duty: Duty, stop: Stop) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            if !duty.is_held() {
                tokio::select! { () = duty.hope() => {}, () = stop.cancelled() => {} }
                continue;
            }
            let step = tokio::select! {
                step = self.relay_once(&bus, &duty) => step,
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

    /// How much waits for the bus.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let found = self.store().survey(|conn| outbox::backlog(conn, COUNTED).map_err(Error::from)).await?;
        let oldest = found.1.map(|at| self.clock().now().since(at)).unwrap_or_default();
        Ok(Backlog { events: u64::try_from(found.0).unwrap_or(0), oldest })
    }

    /// Relays what waits, at most one batch.
    ///
    /// # Errors
    /// When the store is away; nothing is forgotten then.
    pub async fn relay_once(&self, bus: &Bus, duty: &Duty) -> Result<Step, Error> {
        if !bus.is_heard()
            && let Some(step) = self.discard(bus).await?
        {
            return Ok(step);
        }
        let pending = self.store().survey(|conn| outbox::pending(conn, BATCH).map_err(Error::from)).await?;
        if pending.is_empty() {
            // Nothing to carry, but the way is kept open: listeners bind to what is declared on it.
            return Ok(Step { failure: bus.publish(&[]).await.failure, ..Step::default() });
        }
        let full = i64::try_from(pending.len()).is_ok_and(|found| found == BATCH);
        let events: Vec<Occurrence> = pending.iter().map(|row| row.event.clone()).collect();
        let outcome = bus.publish(&events).await;
        let ids: HashSet<&str> = outcome.taken.iter().map(String::as_str).collect();
        let taken = |id: &str| ids.contains(id) || planted(Bug::EventsForgotten);
        let gone: Vec<_> = pending.into_iter().filter(|row| taken(&row.event.id)).collect();
        let taken = gone.len();
        if taken > 0 {
            let duty = duty.clone();
            let forget = move |conn: &mut Conn| {
                // Whoever relays now may be sending the same events: they are theirs to remove.
                if duty.confirm(conn)? { Ok(outbox::taken(conn, &gone)?) } else { Ok::<_, Error>(()) }
            };
            self.store().sweep(forget).await?;
        }
        Ok(Step { taken, full, failure: outcome.failure })
    }

    /// Removes what waits, at most one batch, without reading it. `None` when somebody has begun to listen meanwhile.
    async fn discard(&self, bus: &Bus) -> Result<Option<Step>, Error> {
        // Looking is cheap; a transaction that removes nothing would hold up those that write.
        if !self.store().survey(|conn| outbox::waits(conn).map_err(Error::from)).await? {
            return Ok(Some(Step::default()));
        }
        let ears = bus.clone();
        let discarded = self.store().sweep(move |conn| {
            let taken = outbox::discard(conn, BATCH)?;
            // Looking afterwards and undoing is what makes it safe: what the statement saw was committed before it, and
            // whoever is not there now comes later than all of that. An event that follows a listener is never gone.
            if ears.is_heard() { Err(Kept::Heard) } else { Ok(taken) }
        });
        match discarded.await {
            Ok(taken) => {
                bus.pass_over(taken);
                let full = i64::try_from(taken).is_ok_and(|taken| taken == BATCH);
                Ok(Some(Step { taken, full, failure: None }))
            }
            Err(Kept::Heard) => Ok(None),
            Err(Kept::Failed(error)) => Err(error),
        }
    }
}

/// Why events that nobody hears were kept all the same.
enum Kept {
    /// Somebody listens now.
    Heard,
    /// They could not be removed.
    Failed(Error),
}

impl From<store::Error> for Kept {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
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
