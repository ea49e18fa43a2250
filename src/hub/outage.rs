//! Keeps a link to a back end: opens it again whenever it is lost, and says so, but not each time.

use std::time::{Duration, Instant};

use crate::runtime::Backoff;

/// Waits between attempts to reach a back end.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(800));
/// How often a lasting outage is logged.
const REMIND: Duration = Duration::from_secs(60);

/// How often the back end was tried in vain, and since when that is known.
#[derive(Debug)]
pub(super) struct Outage {
    name: &'static str,
    attempt: u32,
    told: Option<Instant>,
}

impl Outage {
    /// No outage of the back end with this name.
    pub(super) fn none(name: &'static str) -> Self {
        Self { name, attempt: 0, told: None }
    }

    /// The back end answers.
    pub(super) fn over(&mut self) {
        self.attempt = 0;
        if self.told.take().is_some() {
            tracing::info!("{} is back: messages between nodes arrive at once again", self.name);
        }
    }

    /// The back end does not answer; how long to wait before the next attempt.
    pub(super) fn goes_on(&mut self, why: &dyn std::error::Error) -> Duration {
        if self.told.is_none_or(|at| at.elapsed() >= REMIND) {
            self.told = Some(Instant::now());
            tracing::warn!(
                error = %why,
                "{} is away: messages between nodes arrive up to 5 s late, nothing is lost", self.name
            );
        }
        let wait = AGAIN.draw(self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }
}
