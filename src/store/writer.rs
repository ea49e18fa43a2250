//! The group-commit writers: one thread and connection per lane, one transaction for all jobs of a lane that wait.
//!
//! SQLite has one lane. On PostgreSQL a transaction begins with the lane's lock, so that each tenant has one writer at a
//! time in the whole cluster: what a job has read is still true when it writes. One thread more works in no lane, for what
//! need not be so true.
//!
//! Lifecycle: [`Writer::start`] starts the threads; each ends when the last [`Writer`] is dropped, after it has
//! finished what was queued. A thread whose connection breaks answers what waits, and comes back with a new one.
//!
//! Invariants: a job's answer leaves only after the commit that holds it has returned from the disk; a job that fails
//! undoes only itself ([`super::batch`]); a failed commit fails all its jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::batch::{Batch, Job, Task};
use super::footing::Foresight;
use super::lane::Lane;
use super::postgres::{Lost, Meanwhile, Postgres, Role, Server};
use super::reach::{Outage, Reach};
use super::waiting::Waiting;
use super::way::{self, Way};
use super::{Backend, Conn, Course, Error};
use crate::config::{Bug, planted};
use crate::model::id::TenantId;

/// Jobs that may wait in a lane before writers are told to come back later.
const QUEUE: usize = 4096;
/// A group takes no further job after this time: those that are done wait for their answers.
const GROUP: Duration = Duration::from_millis(100);
/// Beside the lanes nobody waits for an answer, and a transaction for each costs those in the lanes time.
const GATHER: Duration = Duration::from_millis(20);
/// So many jobs at most ask before the first of them is run; on SQLite it saves nothing to ask together.
const ROUND: usize = 64;

/// The way to the writer threads. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    lanes: Arc<[Lead]>,
    /// The way past the lanes; `None` on SQLite, which has one writer for everything.
    beside: Option<Lead>,
    counts: Arc<Counts>,
}

/// What they do.
type Boxed = Box<dyn Job>;

/// The way to one of them.
type Lead = Way<Boxed>;

/// What waits for one of them.
type Jobs = Waiting<Boxed>;

#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    jobs: AtomicU64,
}

impl Writer {
    pub(in crate::store) fn start(backend: &Backend, group_max: usize, outage: &Outage) -> Result<Self, Error> {
        let counts = Arc::new(Counts::default());
        let (mut lanes, mut beside) = (Vec::new(), None);
        match backend {
            Backend::Sqlite { .. } => {
                let (way, queue) = Way::new(QUEUE, Reach::new(1, outage.clone()));
                let group = Group { lane: None, max: group_max, round: 1, gather: None, counts: Arc::clone(&counts) };
                let reach = way.reach().clone();
                let queue = Waiting::new(queue, |job: &Boxed| job.bears_to_wait());
                super::reader::spawn("store-writer", backend, Role::Writer, move |conn| {
                    group.serve(conn, queue, &reach);
                })?;
                lanes.push(way);
            }
            Backend::Postgres(address) => {
                let server = Arc::new(Server::of(address)?);
                let start = |lane: Option<Lane>| {
                    let gather = lane.is_none().then_some(GATHER);
                    let group = Group { lane, max: group_max, round: ROUND, gather, counts: Arc::clone(&counts) };
                    group.start(&server, outage)
                };
                for lane in Lane::all() {
                    lanes.push(start(Some(lane))?);
                }
                beside = Some(start(None)?);
            }
        }
        Ok(Self { lanes: lanes.into(), beside, counts })
    }

    /// Runs `work` in the lane of a tenant.
    pub(in crate::store) fn run<T, E>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let way = self.way(tenant);
        let answer = way.map(|way| way.ask(move |answer| -> Boxed { Box::new(Task::once(once(work), answer)) }));
        async move { answer?.await }
    }

    /// As [`Writer::run`], for work that may be run again after it was undone, and does the same then.
    pub(in crate::store) fn repeat<T, E>(
        &self,
        tenant: &TenantId,
        (course, asks): (Course, Option<Foresight>),
        work: impl FnMut(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let way = match (course, &self.beside) {
            (Course::Beside, Some(beside)) => Ok(beside),
            (Course::Lane | Course::Behind, _) | (Course::Beside, None) => self.way(tenant),
        };
        let asks = asks.map(|asks| (tenant.clone(), asks));
        let answer =
            way.map(|way| way.ask(move |answer| -> Boxed { Box::new(Task::again(work, (course, asks), answer)) }));
        async move { answer?.await }
    }

    fn way(&self, tenant: &TenantId) -> Result<&Lead, Error> {
        match &*self.lanes {
            [only] => Ok(only),
            lanes => lanes.get(usize::from(Lane::of(tenant).number())).ok_or(Error::Unavailable),
        }
    }

    /// Runs `work` in the only lane of SQLite.
    pub(in crate::store) async fn run_alone<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let lane = self.lanes.first().ok_or(Error::Unavailable)?;
        lane.ask(|answer| -> Boxed { Box::new(Task::once(once(work), answer)) }).await
    }

    pub(in crate::store) fn counts(&self) -> (u64, u64) {
        (self.counts.commits.load(Ordering::Relaxed), self.counts.jobs.load(Ordering::Relaxed))
    }
}

/// Work that is done once.
fn once<T, E: From<Error>>(work: impl FnOnce(&mut Conn) -> Result<T, E>) -> impl FnMut(&mut Conn) -> Result<T, E> {
    let mut work = Some(work);
    move |conn| work.take().map_or_else(|| Err(Error::Unavailable.into()), |work| work(conn))
}

/// How a thread works off its lane.
struct Group {
    lane: Option<Lane>,
    max: usize,
    /// Jobs that ask together before the first of them is run.
    round: usize,
    /// How long the first job waits for others to come, if it does.
    gather: Option<Duration>,
    counts: Arc<Counts>,
}

impl Group {
    /// Starts a thread with a connection to PostgreSQL. It is made for the first job: many a lane has no tenant.
    fn start(self, server: &Arc<Server>, outage: &Outage) -> Result<Lead, Error> {
        let (way, queue) = Way::new(QUEUE, Reach::new(1, outage.clone()));
        let queue = Waiting::new(queue, |job: &Boxed| job.bears_to_wait());
        let conn = Conn::Postgres(Box::new(Postgres::closed(Arc::clone(server), Role::Writer)?));
        let (reach, lane) =
            (way.reach().clone(), self.lane.map_or_else(|| "none".into(), |lane| lane.number().to_string()));
        std::thread::Builder::new()
            .name(format!("store-lane-{lane}"))
            .spawn(move || self.serve(conn, queue, &reach))
            .map_err(Error::Thread)?;
        Ok(way)
    }

    /// Works until the last sender is gone.
    fn serve(self, mut conn: Conn, mut queue: Jobs, reach: &Reach) {
        way::serve(&mut conn, &mut queue, reach, |conn, first, behind| {
            if let Some(gather) = self.gather {
                conn.rest(gather);
            }
            self.run(conn, first, behind);
        });
    }

    /// `first` and those behind it that can ask together with it: short work, all but the last.
    fn round(&self, first: Boxed, room: usize, queue: &mut Jobs) -> Vec<Boxed> {
        let mut round = vec![first];
        while round.len() < room.min(self.round)
            && round.last().is_some_and(|job| job.foresees())
            && let Some(next) = queue.another()
        {
            round.push(next);
        }
        round
    }

    /// Those who wait behind so many, unless the group has what it can take.
    fn behind(&self, taken: usize, began: Instant, queue: &mut Jobs) -> Vec<Boxed> {
        let room = self.max.saturating_sub(taken);
        if room == 0 || began.elapsed() >= GROUP {
            return Vec::new();
        }
        queue.another().map(|first| self.round(first, room, queue)).unwrap_or_default()
    }

    /// Runs a round and whatever waits behind it. What a round asks is sent before the round ahead of it is run, so that the
    /// server works while this thread does.
    ///
    /// # Errors
    /// When the transaction is lost. Outside of it their statements would stay one by one: those that were not run are
    /// dropped, which tells that the store is away.
    fn work(&self, batch: &mut Batch<'_>, (first, began): (Round, Instant), queue: &mut Jobs) -> Result<(), Error> {
        let Round { jobs: mut round, asked } = first;
        // One alone waits for the same answer in any case.
        if !asked && round.len() > 1 {
            batch.foresee(&round)?;
        }
        while !round.is_empty() {
            let next = self.behind(batch.len() + round.len(), began, queue);
            // One whose questions are not known may change anything: what is asked before it is asked in vain.
            let early = round.last().is_some_and(|job| job.foresees());
            if early {
                batch.foresee(&next)?;
            }
            batch.take_all(std::mem::replace(&mut round, next))?;
            if !early && round.len() > 1 {
                batch.foresee(&round)?;
            }
        }
        Ok(())
    }

    /// Runs `first` and whoever comes meanwhile, one group behind the other.
    fn run(&self, conn: &mut Conn, first: Boxed, queue: &mut Jobs) {
        let mut next = Some(Round { jobs: self.round(first, self.max, queue), asked: false });
        while let Some(round) = next {
            // Dropping them tells that the store is away.
            next = if conn.ready().is_ok() { self.group(conn, round, queue) } else { None };
        }
    }

    /// Runs a round and whatever waits behind it in one transaction, commits, answers; returns who has come during the
    /// commit.
    fn group(&self, conn: &mut Conn, first: Round, queue: &mut Jobs) -> Option<Round> {
        let began = Instant::now();
        let outcome = conn.begin(self.lane);
        let mut batch = Batch::new(conn, self.lane);
        let outcome = outcome.and_then(|()| self.work(&mut batch, (first, began), queue));
        let mut jobs = batch.jobs();
        // Now and then: each time, nobody would even get in with what signing in has stored.
        if planted(Bug::AnswerBeforeCommit) && self.counts.commits.load(Ordering::Relaxed) % 8 == 7 {
            jobs.drain(..).for_each(|job| job.finish(&Ok(())));
            // Whoever kills the process shall find it in between.
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let (outcome, next) = match outcome {
            Ok(()) => self.commit(conn, queue),
            Err(error) => (Err(Lost::Certainly(error.to_string())), None),
        };
        if let Err(lost) = &outcome {
            tracing::error!(error = ?lost, jobs = jobs.len(), "group commit failed");
            conn.rollback();
        }
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        self.counts.jobs.fetch_add(u64::try_from(jobs.len()).unwrap_or(0), Ordering::Relaxed);
        for job in jobs {
            job.finish(&outcome);
        }
        next
    }

    /// Commits. For those who come until it is on disk the next transaction begins behind it.
    fn commit(&self, conn: &mut Conn, queue: &mut Jobs) -> (Result<(), Lost>, Option<Round>) {
        if let Err(lost) = conn.send_commit() {
            return (Err(lost), None);
        }
        // Beside the lanes they gather for a while.
        let (mut next, mut may_come) = (None, self.lane.is_some());
        loop {
            let come = |cx: &mut Context<'_>| if may_come { queue.poll_first(cx) } else { Poll::Pending };
            let first = match conn.await_commit(come) {
                Meanwhile::Committed(outcome) => return (outcome, next),
                Meanwhile::Come(first) => first,
            };
            may_come = false;
            next = first.map(|first| {
                let jobs = self.round(first, self.max, queue);
                // What cannot be sent now is sent once they are run.
                let begun = conn.begin_behind(self.lane);
                let asked = begun.and_then(|()| Batch::new(conn, self.lane).foresee(&jobs)).is_ok();
                Round { jobs, asked }
            });
        }
    }
}

/// Jobs that ask together before the first of them is run.
struct Round {
    jobs: Vec<Boxed>,
    /// Whether they have asked.
    asked: bool,
}
