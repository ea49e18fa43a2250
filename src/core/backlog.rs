//! Working off rows that wait: looked for when somebody rings and every second, many at a time, one task for each key.
//! Knows neither the rows nor what is done with them.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use super::{Core, Error};
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::{self, Conn};

/// Without a ring the rows are looked at this often.
const SWEEP: Duration = Duration::from_secs(1);

/// Rows that wait.
pub(super) struct Backlog<'a, D> {
    /// What they are, in the log.
    pub(super) what: &'static str,
    /// Rung when there are new ones.
    pub(super) bell: &'a Notify,
    /// The most keys that are worked at the same time.
    pub(super) at_once: usize,
    /// What finds the keys of those that are due, at most so many.
    pub(super) due: D,
}

impl<D> Backlog<'_, D> {
    /// Has every key that is due worked off by a task, which gives the key back, until `stop`; then waits for those that
    /// are under way.
    pub(super) async fn work_off<K, Q, W>(self, core: &Core, stop: &Stop, work: impl Fn(K) -> W)
    where
        K: Clone + Eq + Hash + Send + 'static,
        D: Fn(&Core) -> Q,
        Q: FnOnce(&mut Conn, Millis, i64) -> Result<Vec<K>, store::Error> + Send + 'static,
        W: Future<Output = K> + Send + 'static,
    {
        let mut busy: HashSet<K> = HashSet::new();
        let mut tasks: JoinSet<K> = JoinSet::new();
        loop {
            for key in self.look(core, busy.len()).await {
                if busy.len() < self.at_once && busy.insert(key.clone()) {
                    tasks.spawn(work(key));
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.bell.notified(), if busy.len() < self.at_once => {}
                Some(done) = tasks.join_next() => self.done(done, &mut busy),
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
        while let Some(done) = tasks.join_next().await {
            self.done(done, &mut busy);
        }
    }

    /// The keys that are due. Those that are being worked may be among them, so that more are looked for than there is
    /// room.
    async fn look<K, Q>(&self, core: &Core, busy: usize) -> Vec<K>
    where
        K: Send + 'static,
        D: Fn(&Core) -> Q,
        Q: FnOnce(&mut Conn, Millis, i64) -> Result<Vec<K>, store::Error> + Send + 'static,
    {
        let room = self.at_once.saturating_sub(busy);
        let Ok(limit) = i64::try_from(room.saturating_add(self.at_once)) else { return Vec::new() };
        if room == 0 {
            return Vec::new();
        }
        let (now, due) = (core.clock().now(), (self.due)(core));
        let found = core.store().survey(move |conn| due(conn, now, limit).map_err(Error::from)).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(error = ?error, "{} could not be read", self.what);
            Vec::new()
        })
    }

    fn done<K: Eq + Hash>(&self, done: Result<K, JoinError>, busy: &mut HashSet<K>) {
        match done {
            Ok(key) => drop(busy.remove(&key)),
            Err(error) => {
                tracing::error!(error = %error, "a task for {} panicked", self.what);
                // Which one is unknown: the leases in the rows keep the others apart.
                busy.clear();
            }
        }
    }
}
