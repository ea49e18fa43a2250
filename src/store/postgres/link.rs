//! One connection to a server: how it is made, and how its bytes move. Knows no statements but those of the greeting.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::fault::{Fault, chain};
use super::query::Statements;
use super::standing::{QUESTION, Standing};
use super::tls::Tls;
use crate::model::secret::Secret;
use crate::store::Error;

/// How long what may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first packet to a connection that can be used.
    pub connect: Duration,
    /// One statement, waiting for locks included.
    pub statement: Duration,
    /// One lock of a row.
    pub lock: Duration,
    /// A transaction in which nothing happens, before the server ends it.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            statement: Duration::from_secs(2),
            lock: Duration::from_millis(500),
            idle: Duration::from_secs(3),
        }
    }
}

/// What is needed to reach a server.
#[derive(Debug, Clone)]
pub struct Address {
    /// `postgres://user:password@host:port/database`; with `sslmode=require` encrypted and verified.
    pub url: Secret,
    /// The authorities that may vouch for the server; `None` for those of the machine.
    pub ca_file: Option<PathBuf>,
    /// How long what may take.
    pub patience: Patience,
    /// Whether a server that may lose what it confirmed is taken.
    pub allow_unsafe: bool,
}

impl Address {
    /// The address with the usual patience, trusting the machine's authorities.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Secret::new(url.into()), ca_file: None, patience: Patience::default(), allow_unsafe: false }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Role {
    /// Writes.
    Writer,
    /// Reads, in no transaction.
    Reader,
    /// Brings the tables up to date: that may take as long as it takes.
    Migrator,
}

/// A server, ready to be connected to.
#[derive(Clone)]
pub(in crate::store) struct Server {
    config: Config,
    tls: Option<Tls>,
    pub(super) patience: Patience,
    allow_unsafe: bool,
}

impl Server {
    /// # Errors
    /// When the address cannot be read, or the authorities of its certificate cannot.
    pub(in crate::store) fn of(address: &Address) -> Result<Self, Error> {
        let mut config: Config =
            address.url.expose().parse().map_err(|error| Error::Settings(format!("store.url: {}", chain(&error))))?;
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(Tls::new(address.ca_file.as_deref())?),
            // "prefer" would encrypt without knowing to whom: nothing that anybody may rely on.
            _ => None,
        };
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1).max(1);
        config
            .application_name("yizhan")
            .connect_timeout(address.patience.connect / hosts)
            .tcp_user_timeout(address.patience.statement.saturating_mul(2))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        Ok(Self { config, tls, patience: address.patience, allow_unsafe: address.allow_unsafe })
    }

    /// The settings of a session.
    fn greeting(&self, role: Role) -> String {
        let (statement, idle) = match role {
            Role::Migrator => (0, 0),
            Role::Writer | Role::Reader => (self.patience.statement.as_millis(), self.patience.idle.as_millis()),
        };
        // A writer's transactions say for themselves how long they wait.
        let lock = if role == Role::Migrator { 300_000 } else { 0 };
        // What writers ask they find by whole keys. The server would rather plan a list of values anew each time.
        let own = match role {
            Role::Reader => "; SET default_transaction_read_only = on",
            Role::Writer => "; SET plan_cache_mode = force_generic_plan",
            Role::Migrator => "",
        };
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET timezone = 'UTC'; SET client_encoding = 'UTF8'; \
             SET default_transaction_isolation = 'read committed'; SET jit = off; {QUESTION}{own}"
        )
    }
}

type Wire = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// An open connection. Dropping it closes the socket at once, whatever is under way.
pub(super) struct Link {
    pub(super) client: Arc<Client>,
    wire: Option<Wire>,
    /// What ended the wire.
    end: Option<String>,
    pub(super) statements: Statements,
    pub(super) standing: Standing,
    /// Which history of which database this is, if the server says so: transaction numbers mean something in it only.
    pub(super) history: Option<String>,
}

impl Link {
    /// Connects, sets the session up and looks at how the server is set up, all within this time.
    pub(super) async fn open(server: &Server, role: Role, time: Duration) -> Result<Self, Error> {
        let late = || Error::Away(format!("no connection to PostgreSQL within {} ms", time.as_millis()));
        tokio::time::timeout(time, Self::greet(server, role)).await.map_err(|_late| late())?
    }

    async fn greet(server: &Server, role: Role) -> Result<Self, Error> {
        let away = |error: tokio_postgres::Error| Error::Away(chain(&error));
        let (client, mut wire): (Client, Wire) = match &server.tls {
            None => {
                let (client, wire) = server.config.connect(NoTls).await.map_err(away)?;
                (client, Box::pin(wire))
            }
            Some(tls) => {
                let (client, wire) = server.config.connect(tls.clone()).await.map_err(away)?;
                (client, Box::pin(wire))
            }
        };
        let hello = beside(&mut wire, client.simple_query(&server.greeting(role))).await.map_err(away)?;
        let standing = Standing::read(&hello)?;
        // Whoever brings tables up to date, or only looks, says so with better words.
        if role != Role::Migrator {
            standing.verdict(server.allow_unsafe)?;
        }
        // Some providers keep the functions behind this from ordinary roles: then there is no history to compare.
        let history = beside(&mut wire, client.simple_query(HISTORY)).await.ok().and_then(|answer| word(&answer));
        let client = Arc::new(client);
        Ok(Self { client, wire: Some(wire), end: None, statements: Statements::default(), standing, history })
    }

    /// Moves bytes both ways as far as they go now.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>) {
        if let Some(wire) = &mut self.wire
            && let Poll::Ready(end) = wire.as_mut().poll(cx)
        {
            self.end = end.err().map(|error| chain(&error));
            self.wire = None;
        }
    }

    /// Whether the other side is there, as far as we were told.
    pub(super) fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// Why it is not open any more.
    pub(super) fn why(&mut self) -> String {
        self.end.take().unwrap_or_else(|| "the connection to PostgreSQL was closed".into())
    }
}

/// The database and the line of its history that this server is on.
const HISTORY: &str = "SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || \
     substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// The first word of a simple answer.
pub(super) fn word(answer: &[SimpleQueryMessage]) -> Option<String> {
    answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(ToOwned::to_owned),
        _ => None,
    })
}

/// Waits for an answer while the wire moves.
async fn beside<T>(
    wire: &mut Wire,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    let mut work = pin!(work);
    let mut ended = false;
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if ended {
            return Poll::Pending;
        }
        match wire.as_mut().poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                ended = true;
                work.as_mut().poll(cx)
            }
            Poll::Pending => work.as_mut().poll(cx),
        }
    })
    .await
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::from(diesel::result::Error::from(fault))
    }
}
