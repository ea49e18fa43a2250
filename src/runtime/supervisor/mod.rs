//! Runs the named parts of the process and stops them in order. Knows no part from the inside.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::{Backoff, Stop};

/// When a part is asked to stop. A stage begins when every part of the stage before has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What lets work in: listeners and sockets.
    Door,
    /// What does the work: deliveries, timers, routing.
    Work,
    /// What others still need while they finish: the relay of events to the bus, the declarations of tenants.
    Ground,
}

const STAGES: [Stage; 3] = [Stage::Door, Stage::Work, Stage::Ground];

/// Why the process ends other than by an ordered stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part reported an error that it cannot live with.
    #[error("'{name}' failed")]
    Failed {
        /// The part.
        name: &'static str,
        /// What it reported.
        #[source]
        source: anyhow::Error,
    },
    /// A part returned although nobody asked it to stop.
    #[error("'{0}' ended although it was not asked to")]
    Ended(&'static str),
    /// A part panicked again and again without a minute of quiet in between.
    #[error("'{0}' panicked {MAX_PANICS} times in a row")]
    Panics(&'static str),
    /// Parts were still running when the time for an ordered stop was over.
    #[error("the stop deadline passed while these were still running: {}", .0.join(", "))]
    Deadline(Vec<&'static str>),
    /// A second signal asked for an end at once.
    #[error("ended at once on request")]
    Aborted,
}

const MAX_PANICS: u32 = 10;
/// A part that ran this long before it panicked starts again from the shortest delay.
const QUIET: Duration = Duration::from_secs(60);

type Outcome = anyhow::Result<()>;
type Run = Box<dyn FnMut(Stop) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send>;

struct Part {
    name: &'static str,
    stage: Stage,
    stop: Stop,
    run: Run,
    started: Instant,
    panics: u32,
}

/// Owns the running parts.
///
/// Lifecycle: [`Supervisor::add`] every part, then [`Supervisor::run`] until `stop` is cancelled or a part fails.
/// A panic in a part is logged and the part is started again after a growing delay; an error ends the process.
pub struct Supervisor {
    stop: Stop,
    abort: Stop,
    backoff: Backoff,
    parts: Vec<Part>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|part| part.name)).finish()
    }
}

impl Supervisor {
    /// `stop` asks for an ordered end, `abort` for an end at once.
    #[must_use]
    pub fn new(stop: Stop, abort: Stop) -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        Self { stop, abort, backoff, parts: Vec::new() }
    }

    /// Replaces the delays between restarts after panics.
    #[must_use]
    pub fn restart_delays(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Adds a part. `run` is called at the start and again after each panic; it must return soon after its token
    /// is cancelled, and not before.
    pub fn add<F, R>(&mut self, name: &'static str, stage: Stage, mut run: F)
    where
        F: FnMut(Stop) -> R + Send + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        let run: Run = Box::new(move |stop| Box::pin(run(stop)));
        self.parts.push(Part { name, stage, stop: Stop::new(), run, started: Instant::now(), panics: 0 });
    }

    /// Runs until an ordered stop is complete. Dropping the future aborts every part.
    ///
    /// # Errors
    /// See [`Error`]; the parts are stopped in every case, within `deadline` counted from the first stop request.
    pub async fn run(self, deadline: Duration) -> Result<(), Error> {
        let Self { stop, abort, backoff, parts } = self;
        let mut running = Running { parts, tasks: JoinSet::new(), of_task: HashMap::new(), backoff };
        for part in 0..running.parts.len() {
            running.start(part, Duration::ZERO);
        }
        let cause = tokio::select! {
            () = stop.cancelled() => None,
            () = abort.cancelled() => Some(Error::Aborted),
            failed = running.watch() => Some(failed),
        };
        stop.cancel();
        if matches!(cause, Some(Error::Aborted)) {
            return Err(Error::Aborted);
        }
        let ended = tokio::select! {
            ended = tokio::time::timeout(deadline, running.wind_down()) => ended,
            () = abort.cancelled() => return Err(cause.unwrap_or(Error::Aborted)),
        };
        let late = ended.unwrap_or_else(|_| Some(Error::Deadline(running.names_running())));
        cause.or(late).map_or(Ok(()), Err)
    }
}

struct Running {
    parts: Vec<Part>,
    tasks: JoinSet<Outcome>,
    of_task: HashMap<Id, usize>,
    backoff: Backoff,
}

impl Running {
    fn start(&mut self, index: usize, after: Duration) {
        let Some(part) = self.parts.get_mut(index) else { return };
        part.started = Instant::now() + after;
        let stop = part.stop.clone();
        let made = catch_unwind(AssertUnwindSafe(|| (part.run)(stop.clone())));
        let task = self.tasks.spawn(async move {
            if !after.is_zero() && stop.run_until_cancelled(tokio::time::sleep(after)).await.is_none() {
                return Ok(());
            }
            match made {
                Ok(run) => run.await,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
        self.of_task.insert(task.id(), index);
    }

    /// Waits for the first part that ends for good without having been asked to.
    async fn watch(&mut self) -> Error {
        loop {
            match self.tasks.join_next_with_id().await {
                None => std::future::pending::<()>().await,
                Some(Ok((id, outcome))) => {
                    if let Some(error) = self.ended(id, outcome) {
                        return error;
                    }
                }
                Some(Err(broken)) => {
                    if let Some(error) = self.panicked(&broken) {
                        return error;
                    }
                }
            }
        }
    }

    fn ended(&mut self, id: Id, outcome: Outcome) -> Option<Error> {
        let part = self.of_task.remove(&id).and_then(|index| self.parts.get(index))?;
        let name = part.name;
        match outcome {
            Err(source) => Some(Error::Failed { name, source }),
            Ok(()) if part.stop.is_cancelled() => None,
            Ok(()) => Some(Error::Ended(name)),
        }
    }

    fn panicked(&mut self, broken: &JoinError) -> Option<Error> {
        let index = self.of_task.remove(&broken.id())?;
        let part = self.parts.get_mut(index)?;
        if part.started.elapsed() > QUIET {
            part.panics = 0;
        }
        part.panics += 1;
        tracing::error!(part = part.name, panics = part.panics, "part panicked");
        if part.stop.is_cancelled() {
            return None;
        }
        if part.panics >= MAX_PANICS {
            return Some(Error::Panics(part.name));
        }
        let delay = self.backoff.draw(part.panics - 1);
        self.start(index, delay);
        None
    }

    /// Stops stage after stage; keeps the first error on the way.
    async fn wind_down(&mut self) -> Option<Error> {
        let mut first = None;
        for stage in STAGES {
            for part in self.parts.iter().filter(|part| part.stage <= stage) {
                part.stop.cancel();
            }
            while self.runs(stage) {
                let error = match self.tasks.join_next_with_id().await {
                    None => break,
                    Some(Ok((id, outcome))) => self.ended(id, outcome),
                    Some(Err(broken)) => self.panicked(&broken),
                };
                first = first.or(error);
            }
        }
        first
    }

    fn runs(&self, stage: Stage) -> bool {
        self.of_task.values().any(|&index| self.parts.get(index).is_some_and(|part| part.stage <= stage))
    }

    fn names_running(&self) -> Vec<&'static str> {
        let names: BTreeSet<_> =
            self.of_task.values().filter_map(|&index| self.parts.get(index)).map(|part| part.name).collect();
        names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
