//! Reader threads, each with a connection of its own, fed from one queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::postgres::{Postgres, Role, Server};
use super::reach::{Outage, Reach};
use super::way::{Answer, Way};
use super::{Backend, Conn, Error};

/// Reads that may wait before readers are told to come back later.
const QUEUE: usize = 4096;

type Job = Box<dyn FnOnce(&mut Conn) + Send>;

/// The way to the reader threads. Clones share them.
#[derive(Debug, Clone)]
pub(in crate::store) struct Readers(Way<Job>);

/// Starts a thread that opens its own connection, and waits until it is open.
///
/// The connection is opened inside the thread because a PostgreSQL connection brings its own runtime, which must not
/// be entered from a thread that already runs one.
pub(in crate::store) fn spawn(
    name: &str,
    backend: &Backend,
    role: Role,
    work: impl FnOnce(Conn) + Send + 'static,
) -> Result<(), Error> {
    let backend = backend.clone();
    let (opened, ready) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || match Conn::open(&backend, role) {
            Ok(conn) => {
                drop(opened.send(Ok(())));
                work(conn);
            }
            Err(error) => drop(opened.send(Err(error))),
        })
        .map_err(Error::Thread)?;
    ready.recv().map_err(|_gone| Error::Unavailable)?
}

fn next(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

/// Works off jobs until the last sender is gone. A panic that is not a job's costs one job, not the thread.
fn serve(mut conn: Conn, queue: &Mutex<mpsc::Receiver<Job>>, reach: &Reach) {
    while catch_unwind(AssertUnwindSafe(|| work(&mut conn, queue, reach))).is_err() {
        tracing::error!("a reader of the store panicked and goes on");
    }
}

/// A thread without a connection takes no job: others may have one.
fn work(conn: &mut Conn, queue: &Mutex<mpsc::Receiver<Job>>, reach: &Reach) {
    loop {
        if let Err(why) = conn.ready() {
            let drain = || match queue.try_lock() {
                Ok(mut queue) => {
                    // Dropping a job tells that the store is away.
                    while reach.is_away() && queue.try_recv().is_ok() {}
                    !queue.is_closed()
                }
                // Somebody with a connection waits for jobs.
                Err(_busy) => true,
            };
            if !reach.regain(conn, &why, drain) {
                return;
            }
        }
        let Some(job) = next(queue) else { return };
        job(conn);
    }
}

impl Readers {
    pub(in crate::store) fn start(backend: &Backend, threads: usize, outage: &Outage) -> Result<Self, Error> {
        let threads = threads.max(1);
        let (way, queue) = Way::new(QUEUE, Reach::new(threads, outage.clone()));
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, reach) = (Arc::clone(&queue), way.reach().clone());
            match backend {
                Backend::Sqlite { .. } => {
                    spawn("store-reader", backend, Role::Reader, move |conn| serve(conn, &queue, &reach))?;
                }
                Backend::Postgres(address) => {
                    let conn = Postgres::closed(Arc::new(Server::of(address)?), Role::Reader)?;
                    std::thread::Builder::new()
                        .name("store-reader".into())
                        .spawn(move || serve(Conn::Postgres(Box::new(conn)), &queue, &reach))
                        .map(drop)
                        .map_err(Error::Thread)?;
                }
            }
        }
        Ok(Self(way))
    }

    pub(in crate::store) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let job = |answer: Answer<T, E>| -> Job {
            Box::new(move |conn| {
                let result =
                    catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(|_| Err(Error::Panicked.into()));
                // A receiver that is gone does not want to know.
                drop(answer.send(result));
            })
        };
        self.0.ask(job).await
    }
}
