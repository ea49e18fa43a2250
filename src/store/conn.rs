//! One connection of either back end, and the macro that expands a query body once per back end.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

use super::fixed::{Keep, Mark};
use super::{Backend, Error};

/// A PostgreSQL connection without libpq, driven from a blocking thread.
pub(in crate::store) type Postgres = AsyncConnectionWrapper<AsyncPgConnection>;

/// One database connection.
pub enum Conn {
    /// SQLite.
    Sqlite(Box<SqliteConnection>),
    /// PostgreSQL.
    Postgres(Box<Postgres>),
}

/// Expands one query body for each back end, so that diesel can check it against both.
///
/// A macro because the two connections share no trait that diesel's query builder could use: generic code would need
/// a where-clause for every expression.
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::store::Conn::Sqlite(inner) => {
                let $c = &mut **inner;
                $body
            }
            $crate::store::Conn::Postgres(inner) => {
                let $c = &mut **inner;
                $body
            }
        }
    };
}
pub(in crate::store) use on;

/// WAL with `FULL`: a commit is on disk when it returns. The rest trades memory for fewer checkpoints.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
     PRAGMA journal_size_limit = 67108864;";

impl Conn {
    /// Opens a connection.
    pub(in crate::store) fn open(backend: &Backend) -> Result<Self, Error> {
        match backend {
            Backend::Sqlite { path } => {
                let mut inner = SqliteConnection::establish(&path.to_string_lossy())?;
                inner.batch_execute(SQLITE_SETTINGS)?;
                Ok(Self::Sqlite(Box::new(inner)))
            }
            Backend::Postgres { url } => Ok(Self::Postgres(Box::new(Postgres::establish(url)?))),
        }
    }

    /// Runs statements without parameters or results.
    pub(in crate::store) fn execute(&mut self, sql: &str) -> Result<(), Error> {
        Ok(on!(self, c => c.batch_execute(sql))?)
    }

    /// Marks what the transaction has so far.
    pub(in crate::store) fn mark(&mut self) -> Result<(), Error> {
        on!(self, c => Mark.execute(c))?;
        Ok(())
    }

    /// Ends the last mark: what was done since stays, or goes.
    pub(in crate::store) fn release(&mut self, keep: bool) -> Result<(), Error> {
        if keep {
            on!(self, c => Keep.execute(c))?;
            return Ok(());
        }
        self.execute("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")
    }

    /// Starts a transaction that will write.
    pub(in crate::store) fn begin(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => self.execute("BEGIN IMMEDIATE"),
            Self::Postgres(_) => self.execute("BEGIN"),
        }
    }
}
