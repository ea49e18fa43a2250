//! Reader threads, each with a connection of its own, fed from one queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{Backend, Conn, Error};

/// Reads that may wait before readers are told to come back later.
const QUEUE: usize = 4096;

type Job = Box<dyn FnOnce(&mut Conn) + Send>;

/// The way to the reader threads. Clones share them.
#[derive(Debug, Clone)]
pub(in crate::store) struct Readers {
    jobs: mpsc::Sender<Job>,
}

/// Starts a thread that opens its own connection, and waits until it is open.
///
/// The connection is opened inside the thread because a PostgreSQL connection brings its own runtime, which must not
/// be entered from a thread that already runs one.
pub(in crate::store) fn spawn(
    name: &str,
    backend: &Backend,
    work: impl FnOnce(Conn) + Send + 'static,
) -> Result<(), Error> {
    let backend = backend.clone();
    let (opened, ready) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || match Conn::open(&backend) {
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

impl Readers {
    pub(in crate::store) fn start(backend: &Backend, threads: usize) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            spawn("store-reader", backend, move |mut conn| {
                while let Some(job) = next(&queue) {
                    job(&mut conn);
                }
            })?;
        }
        Ok(Self { jobs })
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
            // A receiver that is gone does not want to know.
            drop(answer.send(result));
        });
        self.jobs.try_send(job).map_err(|_full| Error::Unavailable)?;
        outcome.await.map_err(|_closed| Error::Unavailable)?
    }
}
