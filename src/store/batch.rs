//! The jobs of one transaction, and how one of them is undone without the others. Knows no queue and no commit.
//!
//! To undo one job alone takes a savepoint, and a savepoint copies every page that is changed under it. So jobs that
//! bear to be run again share one: when one of them fails, all under the same savepoint are undone and run again, each
//! under its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::footing::Foresight;
use super::lane::Lane;
use super::postgres::Lost;
use super::way::Answer;
use super::{Conn, Course, Error, Tx};
use crate::model::id::TenantId;

/// Something to be done in a transaction.
pub(in crate::store) trait Job: Send {
    /// Does it, or does it again after it was undone; says whether its changes stay.
    fn run(&mut self, conn: &mut Conn) -> bool;

    /// Whether it may be run again.
    fn repeatable(&self) -> bool;

    /// Whether others may be done before it that came after it.
    fn bears_to_wait(&self) -> bool;

    /// Whether it is known what it will ask first.
    fn foresees(&self) -> bool;

    /// Lays that ready to be asked by [`Conn::send_ahead`].
    ///
    /// # Errors
    /// When the transaction is lost.
    fn foresee(&self, conn: &mut Conn) -> Result<(), Error>;

    /// Answers, once the outcome of the commit is known.
    fn finish(self: Box<Self>, commit: Result<(), Lost>);
}

/// Work with the place where its answer is waited for.
pub(in crate::store) struct Task<T, E, W> {
    work: W,
    repeatable: bool,
    course: Course,
    asks: Option<(TenantId, Foresight)>,
    result: Option<Result<T, E>>,
    answer: Answer<T, E>,
}

impl<T, E, W> Task<T, E, W> {
    /// Work that is done once.
    pub(in crate::store) fn once(work: W, answer: Answer<T, E>) -> Self {
        Self { work, repeatable: false, course: Course::Lane, asks: None, result: None, answer }
    }

    /// Work that may be run again, where it is done, and what it asks first if that is known.
    pub(in crate::store) fn again(
        work: W,
        (course, asks): (Course, Option<(TenantId, Foresight)>),
        answer: Answer<T, E>,
    ) -> Self {
        Self { work, repeatable: true, course, asks, result: None, answer }
    }
}

impl<T, E, W> Job for Task<T, E, W>
where
    T: Send,
    E: From<Error> + Send,
    W: FnMut(&mut Conn) -> Result<T, E> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> bool {
        let work = &mut self.work;
        let result = catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(|_| Err(Error::Panicked.into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn bears_to_wait(&self) -> bool {
        self.course != Course::Lane
    }

    fn foresees(&self) -> bool {
        self.asks.is_some()
    }

    fn foresee(&self, conn: &mut Conn) -> Result<(), Error> {
        self.asks.as_ref().map_or(Ok(()), |(tenant, asks)| asks.ask(&mut Tx::bind(conn, tenant)))
    }

    fn finish(self: Box<Self>, commit: Result<(), Lost>) {
        let result = match (self.result, commit) {
            (Some(Ok(_)), Err(lost)) => Err(Error::from(lost).into()),
            (Some(result), _) => result,
            (None, _) => return,
        };
        // A receiver that is gone does not want to know.
        drop(self.answer.send(result));
    }
}

/// A job that was run.
pub(in crate::store) struct Done {
    job: Box<dyn Job>,
    /// Why its changes are not in the transaction, although it thought itself good.
    failure: Option<Error>,
}

impl Done {
    /// Answers, once the outcome of the commit is known.
    pub(in crate::store) fn finish(self, commit: &Result<(), Lost>) {
        self.job.finish(match self.failure {
            Some(error) => Err(Lost::Certainly(error.to_string())),
            None => commit.clone(),
        });
    }
}

/// The jobs of one transaction.
pub(in crate::store) struct Batch<'a> {
    conn: &'a mut Conn,
    lane: Option<Lane>,
    done: Vec<Done>,
    /// Whether there is a mark besides the beginning of the transaction.
    marked: bool,
    /// The first job since the mark.
    since: usize,
    /// Whether anything was kept since the mark.
    changed: bool,
    /// Whether all that was kept since the mark may be run again.
    repeatable: bool,
}

impl<'a> Batch<'a> {
    /// For a transaction that was just begun.
    pub(in crate::store) fn new(conn: &'a mut Conn, lane: Option<Lane>) -> Self {
        Self { conn, lane, done: Vec::with_capacity(16), marked: false, since: 0, changed: false, repeatable: true }
    }

    /// How many jobs were run.
    pub(in crate::store) fn len(&self) -> usize {
        self.done.len()
    }

    /// The jobs, to be answered.
    pub(in crate::store) fn jobs(self) -> Vec<Done> {
        self.done
    }

    /// Asks what these jobs are going to ask first.
    ///
    /// # Errors
    /// When the transaction is lost.
    pub(in crate::store) fn foresee(&mut self, jobs: &[Box<dyn Job>]) -> Result<(), Error> {
        jobs.iter().try_for_each(|job| job.foresee(self.conn))?;
        self.conn.send_ahead()
    }

    /// Runs jobs behind those before them.
    ///
    /// # Errors
    /// As for [`Batch::take`].
    pub(in crate::store) fn take_all(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), Error> {
        jobs.into_iter().try_for_each(|job| self.take(job))
    }

    /// Runs a job behind those before it.
    ///
    /// # Errors
    /// When the transaction is lost. Jobs that were not run or not run again are dropped.
    pub(in crate::store) fn take(&mut self, job: Box<dyn Job>) -> Result<(), Error> {
        if !(job.repeatable() && self.repeatable) {
            self.mark()?;
        }
        let from = self.since;
        if self.attempt(job)? {
            return Ok(());
        }
        let mut undone = self.done.split_off(from);
        if undone.len() == 1 {
            self.done.append(&mut undone);
        }
        // The failure has taken along those before it. It may be one of theirs that was told only now, so whoever failed
        // is heard again, too.
        for done in undone {
            self.attempt(done.job)?;
            self.mark()?;
        }
        self.mark()
    }

    /// Makes what was done so far safe from what comes.
    fn mark(&mut self) -> Result<(), Error> {
        if self.changed {
            self.conn.mark(self.marked)?;
            self.marked = true;
        }
        (self.since, self.changed, self.repeatable) = (self.done.len(), false, true);
        Ok(())
    }

    /// Runs a job; says whether what was done since the mark stands. If not, all of it is undone.
    fn attempt(&mut self, mut job: Box<dyn Job>) -> Result<bool, Error> {
        let keep = job.run(self.conn);
        // What was told and has failed since undoes a job that thought itself good.
        let stands = if keep { self.conn.check() } else { Ok(()) };
        let kept = keep && stands.is_ok();
        if kept {
            self.changed = true;
            self.repeatable &= job.repeatable();
        } else {
            self.conn.undo(self.marked, self.lane)?;
            (self.changed, self.repeatable) = (false, true);
        }
        self.done.push(Done { job, failure: stands.err() });
        Ok(kept)
    }
}
