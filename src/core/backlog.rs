//! Working off rows that wait: looked for when somebody rings and every second, many at a time, one task for each key.
//! Knows neither the rows nor what is done with them.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::{Core, Error};
use crate::model::id::TenantId;
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::{self, Conn};

/// Without a ring the rows are looked at this often.
const SWEEP: Duration = Duration::from_secs(1);
/// What could not be worked is left alone for so long.
const ASIDE: Duration = Duration::from_secs(15);

/// What is under way when the process is asked to stop has so long to end, if it may be done again.
const GRACE: Duration = Duration::from_secs(5);

/// Ends some time after `stop`: what may be done again by another node, or after the next start, is not waited for then.
pub(super) async fn long_after(stop: &Stop) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Rows that wait.
pub(super) struct Backlog<'a, D> {
    /// What they are, in the log.
    pub(super) what: &'static str,
    /// Rung when there are new ones.
    pub(super) bell: &'a Notify,
    /// The most keys that are worked at the same time, half of them of one tenant.
    pub(super) at_once: usize,
    /// What finds the keys of those that are due, at most so many, and none of these tenants.
    pub(super) due: D,
}

/// A key of a tenant.
type Key<I> = (TenantId, I);

/// What became of the work on a key, which it gives back: `Err` when it went wrong in a way that is the key's own, so that
/// it is left alone for a while.
pub(super) type Worked<K> = Result<K, K>;

/// What becomes of a key whose work failed with this error: nothing is wrong with it when the same may succeed later.
pub(super) fn failed<K>(key: K, error: &Error) -> Worked<K> {
    if error.may_pass() { Ok(key) } else { Err(key) }
}

impl<D> Backlog<'_, D> {
    /// Has every key that is due worked off by a task until `stop`; then waits for those that are under way.
    pub(super) async fn work_off<I, Q, W>(self, core: &Core, stop: &Stop, work: impl Fn(Key<I>) -> W)
    where
        I: Clone + Eq + Hash + Send + 'static,
        D: Fn(&Core) -> Q,
        Q: FnOnce(&mut Conn, Millis, i64, &[TenantId]) -> Result<Vec<Key<I>>, store::Error> + Send + 'static,
        W: Future<Output = Worked<Key<I>>> + Send + 'static,
    {
        let mut places = Places::new(self.at_once);
        let mut tasks: JoinSet<Worked<Key<I>>> = JoinSet::new();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let look = tokio::select! {
                () = stop.cancelled() => break,
                () = self.bell.notified() => true,
                _ = sweep.tick() => true,
                Some(done) = tasks.join_next_with_id() => self.done(done, &mut places),
            };
            if !look {
                continue;
            }
            for key in self.look(core, &mut places).await {
                if places.can_take(&key) {
                    let task = tasks.spawn(work(key.clone())).id();
                    places.take(key, task);
                }
            }
        }
        while let Some(done) = tasks.join_next_with_id().await {
            self.done(done, &mut places);
        }
    }

    /// The keys that are due, as far as there is room for them.
    async fn look<I, Q>(&self, core: &Core, places: &mut Places<I>) -> Vec<Key<I>>
    where
        I: Clone + Eq + Hash + Send + 'static,
        D: Fn(&Core) -> Q,
        Q: FnOnce(&mut Conn, Millis, i64, &[TenantId]) -> Result<Vec<Key<I>>, store::Error> + Send + 'static,
    {
        places.recall(Instant::now());
        let (crowded, limit) = (places.crowded(), places.limit());
        // Whoever is passed over here is looked for again as soon as a place is free.
        places.missed = !crowded.is_empty();
        let Ok(most) = i64::try_from(limit) else { return Vec::new() };
        let (now, due) = (core.clock().now(), (self.due)(core));
        let found = core.store().survey(move |conn| due(conn, now, most, &crowded).map_err(Error::from)).await;
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(error = ?error, "{} could not be read", self.what);
            Vec::new()
        });
        places.missed |= found.len() >= limit;
        found
    }

    /// Frees a place; `true` when somebody may have waited for it.
    fn done<I>(&self, done: Result<(Id, Worked<Key<I>>), JoinError>, places: &mut Places<I>) -> bool
    where
        I: Clone + Eq + Hash,
    {
        match done {
            Ok((task, worked)) => places.free(task, worked.is_err().then(Instant::now)),
            Err(error) => {
                tracing::error!(error = %error, "a task for {} panicked", self.what);
                places.free(error.id(), Some(Instant::now()));
            }
        }
        places.missed
    }
}

/// Who is being worked on, and who is left alone for a while. A tenant may take a place while it has fewer than are free:
/// however long the work of some takes, there is room for the others.
struct Places<I> {
    at_once: usize,
    busy: HashSet<Key<I>>,
    tasks: HashMap<Id, Key<I>>,
    aside: HashMap<Key<I>, Instant>,
    /// Somebody was passed over who could be due when a place is free.
    missed: bool,
}

impl<I: Clone + Eq + Hash> Places<I> {
    fn new(at_once: usize) -> Self {
        Self { at_once, busy: HashSet::new(), tasks: HashMap::new(), aside: HashMap::new(), missed: false }
    }

    fn is_crowded(&self, tenant: &TenantId) -> bool {
        let free = self.at_once.saturating_sub(self.busy.len());
        self.busy.iter().filter(|(of, _)| of == tenant).count() >= free
    }

    /// Tenants that get no place now.
    fn crowded(&self) -> Vec<TenantId> {
        let mut tenants: Vec<&TenantId> = self.busy.iter().map(|(tenant, _)| tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants.into_iter().filter(|tenant| self.is_crowded(tenant)).cloned().collect()
    }

    /// So many are looked for that those who get no place hide nobody who would.
    fn limit(&self) -> usize {
        self.at_once.saturating_add(self.aside.len())
    }

    /// Whether a key gets a place now.
    fn can_take(&mut self, key: &Key<I>) -> bool {
        if self.aside.contains_key(key) {
            return false;
        }
        let passed_over = self.busy.contains(key) || self.is_crowded(&key.0);
        self.missed |= passed_over;
        !passed_over
    }

    fn take(&mut self, key: Key<I>, task: Id) {
        self.busy.insert(key.clone());
        self.tasks.insert(task, key);
    }

    /// The task has ended; if its work went wrong, its key is left alone for a while from `failed` on.
    fn free(&mut self, task: Id, failed: Option<Instant>) {
        let Some(key) = self.tasks.remove(&task) else { return };
        self.busy.remove(&key);
        if let Some(failed) = failed {
            self.aside.insert(key, failed);
        }
    }

    /// Those that were left alone for long enough may be tried again.
    fn recall(&mut self, now: Instant) {
        self.aside.retain(|_, since| now.duration_since(*since) < ASIDE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str, id: usize) -> Key<usize> {
        (TenantId::parse(tenant).unwrap(), id)
    }

    /// The identity of some task.
    async fn task() -> Id {
        let task = tokio::spawn(async {});
        let id = task.id();
        task.await.unwrap();
        id
    }

    /// How many of a tenant's keys get a place.
    async fn takes(places: &mut Places<usize>, tenant: &str) -> usize {
        let mut taken = 0;
        while places.can_take(&key(tenant, taken)) {
            places.take(key(tenant, taken), task().await);
            taken += 1;
        }
        taken
    }

    #[tokio::test]
    async fn however_long_some_take_there_is_room_for_others() {
        let mut places = Places::new(16);
        assert_eq!(takes(&mut places, "slow").await, 8, "half of all");
        assert_eq!(places.crowded(), [key("slow", 0).0]);
        assert_eq!(takes(&mut places, "stuck").await, 4);
        assert_eq!(takes(&mut places, "quick").await, 2);
        assert!(places.missed);
    }

    #[tokio::test]
    async fn what_went_wrong_is_left_alone_for_a_while_and_hides_nobody() {
        let (mut places, (bad, task), now) = (Places::new(2), (key("bank", 7), task().await), Instant::now());
        places.take(bad.clone(), task);
        assert!(!places.can_take(&bad), "it is being worked on");
        places.free(task, Some(now));
        assert!(!places.can_take(&bad));
        assert_eq!(places.limit(), 3);
        places.recall(now + ASIDE / 2);
        assert!(!places.can_take(&bad));
        places.recall(now + ASIDE);
        assert!(places.can_take(&bad));
        assert_eq!(places.limit(), 2);
    }
}
