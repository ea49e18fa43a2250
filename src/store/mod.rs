//! The only code that knows diesel: schema, migrations, one file per aggregate, the group-commit writer.
//!
//! Every write goes through the writer thread of its tenant's lane, which puts all jobs that wait into one transaction
//! and answers them only after its commit has reached the disk (`writer`). Reads run on a few reader threads of their
//! own. SQLite has one lane, PostgreSQL some (`lane`).
//! Query functions take a [`Tx`], which carries the tenant: without a scope there is no way to the tables.
//! The exceptions are sweeps over all tenants, which are marked by taking a bare [`Conn`].

pub mod agent;
pub mod assignment;
pub mod audit;
mod batch;
pub mod call;
mod checkpoint;
pub mod conn;
#[cfg(test)]
mod contract;
pub mod conversation;
pub mod cursor;
pub mod delivery;
pub mod dialogue;
pub mod duty;
pub mod faq;
pub mod fetch;
mod fixed;
pub mod flow;
pub mod footing;
pub mod inbox;
mod lane;
pub mod lease;
pub mod login;
pub mod media;
pub mod message;
mod migrate;
pub mod node;
pub mod order;
pub mod outbox;
pub mod pass;
mod postgres;
pub mod queue;
pub mod rating;
mod reach;
mod reader;
pub mod room;
pub mod schema;
pub mod session;
mod settings;
pub mod socket;
pub mod standing;
mod stored;
pub mod sweep;
mod sweeper;
pub mod tenant;
pub mod timer;
pub mod token;
#[cfg(test)]
pub(crate) mod trial;
pub mod turn;
pub mod unknown;
mod waiting;
mod way;
mod writer;
pub mod xmpp;

use std::path::PathBuf;
use std::sync::Arc;

pub use conn::Conn;
pub use migrate::{Report, examine};
pub use postgres::{Address, Patience};

use footing::Foresight;
use postgres::{Lost, Unfit};

use crate::model::id::TenantId;

/// Where the tables live.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A file of the bundled SQLite.
    Sqlite {
        /// The database file; its folder must exist.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres(Box<Address>),
}

/// What the store needs to open.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the tables live.
    pub backend: Backend,
    /// Reader threads, each with a connection.
    pub readers: usize,
    /// The most jobs that share one commit.
    pub group_max: usize,
}

/// Why the store could not do it. Unless a variant says otherwise, nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The statement failed; the transaction is rolled back.
    #[error("database statement failed")]
    Query(#[source] diesel::result::Error),
    /// No connection to the database.
    #[error("database connection failed")]
    Connect(#[from] diesel::ConnectionError),
    /// The database cannot be reached, or was lost on the way: try again later.
    #[error("the database is away: {0}")]
    Away(String),
    /// Somebody else's transaction was in the way for too long, or the database has no room: try again later.
    #[error("the database could not do it in time: {0}")]
    Busy(String),
    /// A migration failed, or the database is newer than this program.
    #[error("database migration failed: {0}")]
    Migrate(String),
    /// The commit that this write was part of failed: nothing of it is stored.
    #[error("commit failed: {0}")]
    Commit(String),
    /// The commit that this write was part of was sent, and its answer was lost: it is stored, or it is not. Whoever
    /// tries again must do so under a key that makes a second time harmless, or look first.
    #[error("the outcome of the commit is not known: {0}")]
    Unknown(String),
    /// The address of the database cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The database server must not be used as it is set up.
    #[error("PostgreSQL is not set up as it has to be: {0}")]
    Unfit(String),
    /// A stored value does not have the form it was stored in.
    #[error("stored {what} is damaged: {value}")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// What is there instead.
        value: String,
    },
    /// A thread of the store could not be started.
    #[error("store thread could not start")]
    Thread(#[source] std::io::Error),
    /// The job panicked; nothing of it is stored.
    #[error("a store job panicked")]
    Panicked,
    /// The queue of the store is full, or the store is closed, or the database is away: try again later.
    #[error("the store does not take work now")]
    Unavailable,
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error as Diesel};
        match error {
            Diesel::DatabaseError(Kind::ClosedConnection, info) => Self::Away(info.message().to_owned()),
            Diesel::DatabaseError(Kind::SerializationFailure, info) => Self::Busy(info.message().to_owned()),
            other => Self::Query(other),
        }
    }
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Certainly(why) => Self::Commit(why),
            Lost::Perhaps(why) => Self::Unknown(why),
        }
    }
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit.to_string())
    }
}

impl Error {
    /// Whether a unique key refused the row.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        matches!(self, Self::Query(Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }

    /// Whether the same may succeed later, because nothing was wrong with it.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Away(_) | Self::Busy(_) | Self::Commit(_) | Self::Unknown(_) | Self::Unavailable
        )
    }
}

/// A connection inside a transaction, bound to one tenant.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    tenant: &'a TenantId,
}

impl<'a> Tx<'a> {
    /// Binds a connection to a tenant: for sweeps that found the tenant's work.
    pub fn bind(conn: &'a mut Conn, tenant: &'a TenantId) -> Self {
        Self { conn, tenant }
    }

    /// The tenant that every statement is about.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        self.tenant
    }

    /// Says of a job with a [`footing::Foresight`] that all it changes from here on concerns only what depends on one of
    /// these. What others have asked ahead is thrown away as soon as a job changes anything without having said so.
    pub fn changes_only(&mut self, these: &[String]) {
        self.conn.changes_only(these);
    }

    /// The connection, for the query functions of this module.
    pub(in crate::store) fn parts(&mut self) -> (&mut Conn, &str) {
        (self.conn, self.tenant.as_str())
    }
}

/// The open store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: writer::Writer,
    readers: reader::Readers,
    /// `None` on SQLite, which has one writer for everything.
    sweeper: Option<sweeper::Sweeper>,
    _checkpointer: checkpoint::Checkpointer,
    backend: Arc<Backend>,
}

impl Store {
    /// Opens the database, brings its tables up to date and starts the threads.
    ///
    /// # Errors
    /// When the database cannot be reached, or a migration fails.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        migrate::run(&settings.backend)?;
        let outage = reach::Outage::default();
        let writer = writer::Writer::start(&settings.backend, settings.group_max, &outage)?;
        let readers = reader::Readers::start(&settings.backend, settings.readers, &outage)?;
        let sweeper = match &settings.backend {
            Backend::Sqlite { .. } => None,
            Backend::Postgres(address) => Some(sweeper::Sweeper::start(address, &outage)?),
        };
        let checkpointer = checkpoint::Checkpointer::start(&settings.backend)?;
        let backend = Arc::new(settings.backend.clone());
        Ok(Self { writer, readers, sweeper, _checkpointer: checkpointer, backend })
    }

    /// Where the tables live.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Whether other processes may work on the same tables.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(*self.backend, Backend::Postgres { .. })
    }

    /// The store as one tenant sees it.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantId) -> Scope {
        Scope { store: self.clone(), tenant: tenant.clone() }
    }

    /// Writes across tenants, in no lane: for what several may do at once and what bears being done twice, such as
    /// clearing away. On PostgreSQL `work` waits for nobody and is tried again if somebody is in the way.
    ///
    /// # Errors
    /// What `work` returns, or that it could not be committed.
    pub async fn sweep<T, E>(&self, work: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.sweeper {
            Some(sweeper) => sweeper.run(work).await,
            None => self.writer.run_alone(work).await,
        }
    }

    /// Reads across tenants.
    ///
    /// # Errors
    /// What `work` returns, or that no reader takes it.
    pub async fn survey<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.run(work).await
    }

    /// How many commits the writer has made and how many jobs they held, since the start.
    #[must_use]
    pub fn commits(&self) -> (u64, u64) {
        self.writer.counts()
    }
}

/// Where work that may be run again is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// In the tenant's lane: what it has read is still true when it writes.
    Lane,
    /// In the tenant's lane, behind what does not bear to wait: for what comes by thousands at once, like sockets that come
    /// back, while customers write. In order among its like.
    Behind,
    /// In no lane on PostgreSQL: others may change at the same time what it reads, and nobody waits for it; on SQLite behind
    /// what is done in the lane. For what never goes back and bears to be decided on what was true a moment ago.
    Beside,
}

/// The store bound to one tenant: the only way to that tenant's rows.
#[derive(Debug, Clone)]
pub struct Scope {
    store: Store,
    tenant: TenantId,
}

impl Scope {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Runs `work` inside the next group commit and returns after that commit is on disk. It is handed over at once.
    ///
    /// An `Err` of `work` undoes only what this `work` did. If the returned future is dropped the work is done all
    /// the same: whoever cancels does not know the outcome.
    ///
    /// # Errors
    /// What `work` returns, or that it could not be committed.
    pub fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let tenant = self.tenant.clone();
        self.store.writer.run(&self.tenant, move |conn| work(&mut Tx { conn, tenant: &tenant }))
    }

    /// As [`Scope::write`], for work that may be run again after it was undone and does the same then: such work shares
    /// a savepoint with its neighbours, which makes it much cheaper. For what happens often and hardly ever fails. What
    /// it asks first may be said before: then all that wait ask at once.
    ///
    /// # Errors
    /// As for [`Scope::write`]; on [`Course::Beside`] also when somebody else has been changing the same row for too long.
    pub fn repeat<T, E>(
        &self,
        course: Course,
        asks: Option<Foresight>,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let tenant = self.tenant.clone();
        let work = move |conn: &mut Conn| work(&mut Tx { conn, tenant: &tenant });
        self.store.writer.repeat(&self.tenant, (course, asks), work)
    }

    /// Runs `work` on a reader. What other jobs have not committed yet is not seen.
    ///
    /// # Errors
    /// What `work` returns, or that no reader takes it.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let tenant = self.tenant.clone();
        self.store.readers.run(move |conn| work(&mut Tx { conn, tenant: &tenant })).await
    }
}
