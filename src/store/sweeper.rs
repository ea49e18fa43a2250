//! Writes across tenants on PostgreSQL: on a connection of their own, in no lane.
//!
//! A sweep waits for nobody's row for long and is tried again instead, so that it can never hold up a lane that waits
//! for a row of the sweep while the sweep waits for one of the lane's. What it does must bear being done twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::postgres::{Address, Postgres, Role, Server};
use super::reach::{Outage, Reach};
use super::{Conn, Error};
use crate::runtime::Backoff;

/// Sweeps that may wait: they are few and come again.
const QUEUE: usize = 64;
/// How often one is tried.
const TRIES: u32 = 6;
/// The pauses in between.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(400));

type Job = Box<dyn FnOnce(&mut Conn) + Send>;

/// The way to the sweeper's thread. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Sweeper {
    jobs: mpsc::Sender<Job>,
    reach: Reach,
}

impl Sweeper {
    pub(in crate::store) fn start(address: &Address, outage: &Outage) -> Result<Self, Error> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let reach = Reach::new(1, outage.clone());
        let mut conn = Conn::Postgres(Box::new(Postgres::closed(Arc::new(Server::of(address)?), Role::Writer)?));
        let seen = reach.clone();
        std::thread::Builder::new()
            .name("store-sweeper".into())
            .spawn(move || {
                while catch_unwind(AssertUnwindSafe(|| work(&mut conn, &mut queue, &seen))).is_err() {
                    tracing::error!("the sweeper of the store panicked and goes on");
                    conn.rollback();
                }
            })
            .map_err(Error::Thread)?;
        Ok(Self { jobs, reach })
    }

    pub(in crate::store) async fn run<T, E>(
        &self,
        work: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if self.reach.is_away() {
            return Err(Error::Unavailable.into());
        }
        let (answer, outcome) = oneshot::channel();
        // A receiver that is gone does not want to know.
        let job: Job = Box::new(move |conn| drop(answer.send(persist(conn, &work))));
        self.jobs.try_send(job).map_err(|_full| Error::Unavailable)?;
        outcome.await.map_err(|_closed| Error::Unavailable)?
    }
}

/// Works until the last sender is gone.
fn work(conn: &mut Conn, queue: &mut mpsc::Receiver<Job>, reach: &Reach) {
    while let Some(job) = queue.blocking_recv() {
        let Err(why) = conn.ready() else {
            job(conn);
            continue;
        };
        // Dropping a job tells that the store is away.
        drop(job);
        let regained = reach.regain(conn, &why, || {
            while queue.try_recv().is_ok() {}
            !queue.is_closed()
        });
        if !regained {
            return;
        }
    }
}

/// Tries until it is done or fails for good.
fn persist<T, E: From<Error>>(conn: &mut Conn, work: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match once(conn, work) {
            Err((_, true)) if tries < TRIES => conn.rest(BACKOFF.draw(tries)),
            Err((error, _)) => return Err(error),
            Ok(done) => return Ok(done),
        }
        tries += 1;
    }
}

/// One try; a failure comes with whether another try may go better.
fn once<T, E: From<Error>>(conn: &mut Conn, work: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, (E, bool)> {
    conn.ready().map_err(|away| (away.into(), true))?;
    conn.begin(None).map_err(|error| (error.into(), true))?;
    match catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(|_| Err(Error::Panicked.into())) {
        Ok(done) => conn.commit().map(|()| done).map_err(|lost| (Error::from(lost).into(), true)),
        Err(error) => {
            let in_the_way = conn.check().is_err();
            conn.rollback();
            Err((error, in_the_way))
        }
    }
}
