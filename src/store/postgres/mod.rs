//! One PostgreSQL connection as diesel sees it, driven by the thread that owns it. Knows statements as text and bytes.
//!
//! Every wait has an end on this side of the wire: a server that is frozen answers nothing and closes nothing. Whoever
//! does not answer in time loses the connection; what was under way in a transaction is then rolled back by the server,
//! unless it was the commit itself.
//!
//! [`Postgres::tell`] sends a statement without waiting: its answer is looked at when the next one comes. Statements of
//! one connection are worked in order, so whatever follows sees what it did. If it fails, all that follows fails.
//! Questions, too, may be sent before anybody waits for their answers ([`ahead`]), and rows to be inserted may be kept back
//! until there are some ([`gather`]).

mod ahead;
mod behind;
mod dialect;
mod fault;
mod gather;
mod link;
mod query;
mod row;
mod standing;
mod tls;
mod together;
mod transaction;

use std::collections::VecDeque;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, DynInstrumentation};
use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

pub(in crate::store) use behind::Meanwhile;
pub use link::{Address, Patience};
pub(in crate::store) use link::{Role, Server};
pub(in crate::store) use standing::{Standing, Unfit};
pub(in crate::store) use transaction::Lost;

use ahead::Ahead;
use fault::Fault;
use gather::Gathered;
use link::Link;
use query::{Given, Key, Prepared, given, text};
use transaction::{Sender, Transaction};

use super::Error;

/// The server's own end of a statement comes first: it says more.
const MARGIN: Duration = Duration::from_millis(500);
/// How long migrations may take.
const MIGRATION: Duration = Duration::from_secs(3600);
/// A connection that was not used for this long is looked at before it is relied on.
const STALE: Duration = Duration::from_millis(100);

type Told = Pin<Box<dyn Future<Output = Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>> + Send>>;

/// Hands a request to the wire; its answer has not come yet, unless the wire is gone.
fn sent<T: Send + 'static>(
    mut answer: Pin<Box<dyn Future<Output = T> + Send>>,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(early) => Box::pin(ready(early)),
        Poll::Pending => answer,
    }
}

/// What was sent and not waited for.
struct Later {
    sender: Sender,
    answer: Told,
}

/// A connection, or the place for one.
pub struct Postgres {
    server: Arc<Server>,
    role: Role,
    runtime: Runtime,
    link: Option<Link>,
    later: VecDeque<Later>,
    ahead: Ahead,
    gathered: Gathered,
    transaction: Transaction,
    /// The answer to the commit, while it is waited for.
    committing: Option<Told>,
    /// The next transaction, once it has begun behind that commit.
    behind: Option<Told>,
    used: Instant,
    /// Which history of which database the last connection was on.
    history: Option<String>,
    /// Whether the server did not answer in time: then it is not asked again before the owner says so.
    shy: bool,
    manager: AnsiTransactionManager,
    instrumentation: DynInstrumentation,
}

impl Postgres {
    /// A place for a connection.
    pub(in crate::store) fn closed(server: Arc<Server>, role: Role) -> Result<Self, Error> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(Error::Thread)?;
        Ok(Self {
            server,
            role,
            runtime,
            link: None,
            later: VecDeque::new(),
            ahead: Ahead::default(),
            gathered: Gathered::default(),
            transaction: Transaction::default(),
            committing: None,
            behind: None,
            used: Instant::now(),
            history: None,
            shy: false,
            manager: AnsiTransactionManager::default(),
            instrumentation: DynInstrumentation::none(),
        })
    }

    /// One try to connect.
    ///
    /// # Errors
    /// When the server is away or not fit to be used.
    pub(in crate::store) fn connect(&mut self) -> Result<(), Error> {
        self.connect_within(self.server.patience.connect)
    }

    fn connect_within(&mut self, time: Duration) -> Result<(), Error> {
        self.lose();
        let link = self.runtime.block_on(Link::open(&self.server, self.role, time))?;
        (self.used, self.shy) = (Instant::now(), false);
        self.history.clone_from(&link.history);
        self.link = Some(link);
        Ok(())
    }

    /// How the server is set up.
    pub(in crate::store) fn standing(&self) -> Option<&Standing> {
        self.link.as_ref().map(|link| &link.standing)
    }

    /// Whether there is a connection, as far as this side knows.
    pub(in crate::store) fn is_open(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_open)
    }

    /// Whether there is a connection. One that was idle is looked at: the other side may have closed it.
    pub(in crate::store) fn look(&mut self) -> bool {
        if self.used.elapsed() > STALE
            && let Some(link) = &mut self.link
        {
            self.runtime.block_on(async {
                // Lets the runtime ask the kernel what has come in.
                tokio::task::yield_now().await;
                poll_fn(|cx| {
                    link.pump(cx);
                    Poll::Ready(())
                })
                .await;
            });
            self.used = Instant::now();
        }
        if !self.is_open() {
            self.lose();
        }
        self.is_open()
    }

    /// Waits.
    pub(in crate::store) fn rest(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Gives the connection up, with everything that was under way.
    fn lose(&mut self) {
        self.later.clear();
        self.ahead.clear();
        self.gathered.clear();
        (self.committing, self.behind) = (None, None);
        self.link = None;
        self.transaction.lost();
    }

    /// The most that the next statement may take.
    fn limit(&self) -> Duration {
        let one = if self.role == Role::Migrator { MIGRATION } else { self.server.patience.statement + MARGIN };
        self.transaction.left().map_or(one, |left| left.min(one))
    }

    /// Waits for an answer, moving the wire and looking at what was told before.
    fn wait<T>(&mut self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Fault> {
        let (limit, mut work) = (self.limit(), pin!(work));
        let answer = self.drive(limit, |cx| work.as_mut().poll(cx))?;
        self.judge(answer, limit)
    }

    /// Moves the wire and looks at what was told before until there is what `poll` is after; `None` after `limit`.
    fn drive<R>(
        &mut self,
        limit: Duration,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Result<Option<R>, Fault> {
        let Some(link) = &mut self.link else { return Err(self.transaction.gone()) };
        let (later, ahead, transaction) = (&mut self.later, &mut self.ahead, &mut self.transaction);
        let outcome = self.runtime.block_on(async {
            let mut end = pin!(tokio::time::sleep(limit));
            poll_fn(|cx| {
                if let Poll::Ready(done) = poll(cx) {
                    return Poll::Ready(Some(done));
                }
                link.pump(cx);
                hear(later, transaction, cx);
                if let Err(error) = ahead.hear(cx) {
                    transaction.told(Sender::Ahead, Err(error));
                }
                if let Poll::Ready(done) = poll(cx) {
                    return Poll::Ready(Some(done));
                }
                end.as_mut().poll(cx).map(|()| None)
            })
            .await
        });
        self.used = Instant::now();
        Ok(outcome)
    }

    /// What an answer means for the connection and the transaction.
    fn judge<T>(&mut self, answer: Option<Result<T, tokio_postgres::Error>>, limit: Duration) -> Result<T, Fault> {
        let fault = match answer {
            Some(Ok(done)) => return Ok(done),
            Some(Err(error)) => Fault::from(error),
            None => Fault::Late(limit),
        };
        let fault = match (fault, &mut self.link) {
            // The driver only knows that it is closed; the wire knows why.
            (Fault::Gone(_), Some(link)) if !link.is_open() => Fault::Gone(link.why()),
            (fault, _) => self.transaction.failed(fault),
        };
        self.shy |= matches!(fault, Fault::Late(_));
        if fault.is_fatal() {
            self.lose();
        }
        Err(fault)
    }

    /// Sends without waiting.
    fn send(&mut self, sender: Sender, mut answer: Told) {
        // The first poll hands the bytes to the wire. It is not answered yet: the wire was not moved.
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => self.transaction.told(sender, answer),
            Poll::Pending => self.later.push_back(Later { sender, answer }),
        }
    }

    /// Statements without parameters; waits for the answer.
    fn simple(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Fault> {
        let client = self.client()?;
        self.wait(async move { client.simple_query(sql).await })
    }

    /// Statements without parameters; does not wait.
    fn simple_later(&mut self, sender: Sender, sql: String) -> Result<(), Fault> {
        let client = self.client()?;
        self.send(sender, Box::pin(async move { client.simple_query(&sql).await }));
        Ok(())
    }

    fn client(&self) -> Result<Arc<Client>, Fault> {
        self.link.as_ref().map(|link| Arc::clone(&link.client)).ok_or_else(|| self.transaction.gone())
    }

    /// The statement of a query, prepared if it was not yet; what it must not overtake has been sent.
    fn prepared<T>(&mut self, query: &T, given: &Given) -> Result<Prepared, Fault>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let key = Key::of(query).map_err(Fault::Unsent)?;
        let prepared = self.prepared_as(key, || Ok((text(query)?, given.types.clone())))?;
        self.make_way(&prepared.text)?;
        Ok(prepared)
    }

    /// The statement under this key, prepared if it was not yet; only then its text and the types of its values are asked
    /// for.
    fn prepared_as(
        &mut self,
        key: Key,
        new: impl FnOnce() -> Result<(String, Vec<Type>), diesel::result::Error>,
    ) -> Result<Prepared, Fault> {
        match self.known(&key) {
            Some(prepared) => Ok(prepared),
            None => self.prepare(key, new),
        }
    }

    /// The statement under this key, if it is prepared.
    fn known(&mut self, key: &Key) -> Option<Prepared> {
        self.link.as_mut().and_then(|link| link.statements.get(key)).cloned()
    }

    fn prepare(
        &mut self,
        key: Key,
        new: impl FnOnce() -> Result<(String, Vec<Type>), diesel::result::Error>,
    ) -> Result<Prepared, Fault> {
        let (client, (sql, types)) = (self.client()?, new().map_err(Fault::Unsent)?);
        let statement = self.wait(client.prepare_typed(&sql, &types))?;
        let prepared = Prepared::new(statement, &sql);
        if let Some(link) = &mut self.link {
            link.statements.keep(key, prepared.clone());
        }
        Ok(prepared)
    }

    /// A query without waiting for its answer: for what cannot fail but by a fault of ours or of the server.
    pub(in crate::store) fn tell<T>(&mut self, query: &T) -> Result<(), diesel::result::Error>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let given = given(query)?;
        let prepared = self.prepared(query, &given)?;
        let (client, binds, sender) = (self.client()?, given.binds, self.changing());
        let answer = async move { client.execute_raw(&prepared.statement, &binds).await.map(|_rows| Vec::new()) };
        self.send(sender, Box::pin(answer));
        Ok(())
    }

    /// Asks, and once more on a new connection when the old one turns out to be gone: only for what changes nothing.
    fn ask<T>(&mut self, mut attempt: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let first = attempt(self);
        let gone = matches!(&first, Err(fault) if fault.is_fatal());
        if gone && self.role == Role::Reader && !self.shy && self.connect().is_ok() {
            return attempt(self);
        }
        first
    }
}

/// Takes the answers that have come for what was told, in order.
fn hear(later: &mut VecDeque<Later>, transaction: &mut Transaction, cx: &mut Context<'_>) {
    while let Some(first) = later.front_mut()
        && let Poll::Ready(answer) = first.answer.as_mut().poll(cx)
    {
        transaction.told(first.sender, answer);
        later.pop_front();
    }
}
