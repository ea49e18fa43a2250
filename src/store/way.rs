//! The way to a thread of the store: a bounded queue of jobs that answer, refused while the server is away. Knows no
//! statements, and not what the thread does with a job.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use super::reach::Reach;
use super::waiting::Waiting;
use super::{Conn, Error};

/// Where a job's answer goes. Nobody may wait for it any more.
pub(in crate::store) type Answer<T, E> = oneshot::Sender<Result<T, E>>;

/// The way to one thread, or to several that share a queue. Clones share it.
pub(in crate::store) struct Way<J> {
    jobs: mpsc::Sender<J>,
    reach: Reach,
}

impl<J> fmt::Debug for Way<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl<J> Clone for Way<J> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), reach: self.reach.clone() }
    }
}

impl<J> Way<J> {
    /// With room for so many jobs that wait.
    pub(in crate::store) fn new(room: usize, reach: Reach) -> (Self, mpsc::Receiver<J>) {
        let (jobs, queue) = mpsc::channel(room);
        (Self { jobs, reach }, queue)
    }

    /// What is known of the server at the other end.
    pub(in crate::store) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Sends a job at once; what comes back waits for its answer, and has no room for the job.
    ///
    /// # Errors
    /// `Unavailable` when the server is away, the queue is full, or the job was dropped; what the job answers.
    pub(in crate::store) fn ask<T, E: From<Error>>(
        &self,
        job: impl FnOnce(Answer<T, E>) -> J,
    ) -> impl Future<Output = Result<T, E>> {
        let sent = self.send(job);
        async move { sent?.await.map_err(|_closed| Error::Unavailable)? }
    }

    fn send<T, E>(&self, job: impl FnOnce(Answer<T, E>) -> J) -> Result<oneshot::Receiver<Result<T, E>>, Error> {
        if self.reach.is_away() {
            return Err(Error::Unavailable);
        }
        let (answer, outcome) = oneshot::channel();
        self.jobs.try_send(job(answer)).map_err(|_full| Error::Unavailable)?;
        Ok(outcome)
    }
}

/// Works until the last sender is gone: `run` gets a job, with a connection that is there, and the jobs behind it. A panic
/// that is not a job's costs what was under way, not the thread.
pub(in crate::store) fn serve<J>(
    conn: &mut Conn,
    queue: &mut Waiting<J>,
    reach: &Reach,
    mut run: impl FnMut(&mut Conn, J, &mut Waiting<J>),
) {
    while catch_unwind(AssertUnwindSafe(|| work(conn, queue, reach, &mut run))).is_err() {
        tracing::error!("a thread of the store that writes panicked and goes on");
        conn.rollback();
    }
}

fn work<J>(
    conn: &mut Conn,
    queue: &mut Waiting<J>,
    reach: &Reach,
    run: &mut impl FnMut(&mut Conn, J, &mut Waiting<J>),
) {
    while let Some(job) = queue.first() {
        let Err(why) = conn.ready() else {
            run(conn, job, queue);
            continue;
        };
        // Dropping a job tells that the store is away.
        drop(job);
        if !reach.regain(conn, &why, || queue.give_up()) {
            return;
        }
    }
}
