//! The group-commit writer: one thread, one connection, one transaction for all jobs that wait.
//!
//! Lifecycle: [`Writer::start`] opens the connection and the thread; the thread ends when the last [`Writer`] is
//! dropped, after it has finished what was queued.
//!
//! Invariants: a job's answer leaves only after the commit that holds it has returned from the disk; a job that fails
//! undoes only itself (savepoint); a failed commit fails all its jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::{Backend, Conn, Error};

/// Jobs that may wait before writers are told to come back later.
const QUEUE: usize = 4096;

/// Called with the outcome of the commit once it is known.
type Finish = Box<dyn FnOnce(Result<(), String>) + Send>;
/// Runs a job; says whether its changes stay, and how to answer.
type Job = Box<dyn FnOnce(&mut Conn) -> (bool, Finish) + Send>;

/// The way to the writer thread. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    jobs: mpsc::Sender<Job>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    jobs: AtomicU64,
}

impl Writer {
    pub(in crate::store) fn start(backend: &Backend, group_max: usize) -> Result<Self, Error> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let counts = Arc::new(Counts::default());
        let seen = Arc::clone(&counts);
        super::reader::spawn("store-writer", backend, move |mut conn| {
            while let Some(first) = queue.blocking_recv() {
                group(&mut conn, first, &mut queue, group_max, &seen);
            }
        })?;
        Ok(Self { jobs, counts })
    }

    pub(in crate::store) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            let result = catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(|_| Err(Error::Panicked.into()));
            let keep = result.is_ok();
            let finish: Finish = Box::new(move |commit| {
                let result = match commit {
                    Err(reason) if keep => Err(Error::Commit(reason).into()),
                    _ => result,
                };
                // A receiver that is gone does not want to know.
                drop(answer.send(result));
            });
            (keep, finish)
        });
        self.jobs.try_send(job).map_err(|_full| Error::Unavailable)?;
        outcome.await.map_err(|_closed| Error::Unavailable)?
    }

    pub(in crate::store) fn counts(&self) -> (u64, u64) {
        (self.counts.commits.load(Ordering::Relaxed), self.counts.jobs.load(Ordering::Relaxed))
    }
}

/// Runs `first` and whatever waits behind it in one transaction, commits, answers.
fn group(conn: &mut Conn, first: Job, queue: &mut mpsc::Receiver<Job>, max: usize, counts: &Counts) {
    let mut finishes = Vec::with_capacity(16);
    let mut outcome = conn.begin();
    let mut next = Some(first);
    while let Some(job) = next {
        outcome = outcome.and_then(|()| conn.mark());
        if outcome.is_err() {
            // Outside a transaction its statements would stay one by one. Dropping it tells that the store is away.
            break;
        }
        let (keep, finish) = job(conn);
        finishes.push(finish);
        outcome = outcome.and_then(|()| conn.release(keep));
        next = if finishes.len() < max && outcome.is_ok() { queue.try_recv().ok() } else { None };
    }
    let outcome = outcome.and_then(|()| conn.execute("COMMIT"));
    if let Err(error) = &outcome {
        tracing::error!(error = %error, jobs = finishes.len(), "group commit failed");
        // The transaction may be gone already; then there is nothing to roll back.
        drop(conn.execute("ROLLBACK"));
    }
    counts.commits.fetch_add(1, Ordering::Relaxed);
    counts.jobs.fetch_add(u64::try_from(finishes.len()).unwrap_or(0), Ordering::Relaxed);
    let outcome = outcome.map_err(|error| error.to_string());
    for finish in finishes {
        finish(outcome.clone());
    }
}
