//! Writes across tenants on PostgreSQL: on a connection of their own, in no lane.
//!
//! A sweep waits for nobody's row for long and is tried again instead, so that it can never hold up a lane that waits
//! for a row of the sweep while the sweep waits for one of the lane's. What it does must bear being done twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::postgres::{Address, Postgres, Role, Server};
use super::reach::{Outage, Reach};
use super::waiting::Waiting;
use super::way::{self, Way};
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
pub(in crate::store) struct Sweeper(Way<Job>);

impl Sweeper {
    pub(in crate::store) fn start(address: &Address, outage: &Outage) -> Result<Self, Error> {
        let (way, queue) = Way::new(QUEUE, Reach::new(1, outage.clone()));
        let mut queue = Waiting::new(queue, |_| false);
        let mut conn = Conn::Postgres(Box::new(Postgres::closed(Arc::new(Server::of(address)?), Role::Writer)?));
        let reach = way.reach().clone();
        std::thread::Builder::new()
            .name("store-sweeper".into())
            .spawn(move || way::serve(&mut conn, &mut queue, &reach, |conn, job: Job, _behind| job(conn)))
            .map_err(Error::Thread)?;
        Ok(Self(way))
    }

    pub(in crate::store) async fn run<T, E>(
        &self,
        work: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        // A receiver that is gone does not want to know.
        self.0.ask(|answer| -> Job { Box::new(move |conn| drop(answer.send(persist(conn, &work)))) }).await
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
