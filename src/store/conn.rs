//! One connection of either back end, and the macros that expand a query body once per back end.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};

use super::fixed::{Begin, Commit, Keep, Mark};
use super::lane::Lane;
use super::postgres::{Lost, Meanwhile, Postgres, Role, Server};
use super::{Backend, Error};

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

/// Executes a query whose number of rows does not matter and that cannot be refused but by a fault of ours: nobody
/// waits for PostgreSQL's answer to it. If it fails all the same, nothing that comes after it in its transaction is
/// stored. Not for what a unique key may refuse.
macro_rules! put {
    ($conn:expr, $query:expr) => {
        match $conn {
            $crate::store::Conn::Sqlite(inner) => diesel::RunQueryDsl::execute($query, &mut **inner).map(drop),
            $crate::store::Conn::Postgres(inner) => inner.tell(&$query),
        }
    };
}
pub(in crate::store) use put;

/// As [`put`], for one row that is inserted, also over one of before, or that is given values and found by its key: PostgreSQL may get it together with
/// others of its kind, before whatever could see it.
macro_rules! gather {
    ($conn:expr, $query:expr) => {
        match $conn {
            $crate::store::Conn::Sqlite(inner) => diesel::RunQueryDsl::execute($query, &mut **inner).map(drop),
            $crate::store::Conn::Postgres(inner) => inner.gather(&$query),
        }
    };
}
pub(in crate::store) use gather;

/// Lays a question ready that a job is going to ask, so that those of many are asked at once; SQLite answers at once, so there it is not asked.
macro_rules! ahead {
    ($conn:expr, $depends:expr, $query:expr) => {
        match $conn {
            $crate::store::Conn::Sqlite(_) => Ok(()),
            $crate::store::Conn::Postgres(inner) => Ok(inner.ask_ahead($depends, &$query)?),
        }
    };
}
pub(in crate::store) use ahead;

/// WAL with `FULL`: a commit is on disk when it returns. The rest trades memory for fewer checkpoints.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
     PRAGMA journal_size_limit = 67108864;";

impl Conn {
    /// Opens a connection.
    pub(in crate::store) fn open(backend: &Backend, role: Role) -> Result<Self, Error> {
        match backend {
            Backend::Sqlite { path } => {
                let mut inner = SqliteConnection::establish(&path.to_string_lossy())?;
                inner.batch_execute(SQLITE_SETTINGS)?;
                Ok(Self::Sqlite(Box::new(inner)))
            }
            Backend::Postgres(address) => {
                let mut inner = Postgres::closed(Arc::new(Server::of(address)?), role)?;
                inner.connect()?;
                Ok(Self::Postgres(Box::new(inner)))
            }
        }
    }

    /// Makes sure that there is a connection, with one try if there is none.
    ///
    /// # Errors
    /// When the database is away.
    pub(in crate::store) fn ready(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => {
                if inner.look() {
                    return Ok(());
                }
                inner.connect()
            }
        }
    }

    /// Connects anew.
    ///
    /// # Errors
    /// When the database is away.
    pub(in crate::store) fn connect(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => inner.connect(),
        }
    }

    /// Waits.
    pub(in crate::store) fn rest(&self, time: Duration) {
        match self {
            // Whoever waits for the file does so in SQLite itself.
            Self::Sqlite(_) => {}
            Self::Postgres(inner) => inner.rest(time),
        }
    }

    /// Runs statements without parameters or results.
    pub(in crate::store) fn execute(&mut self, sql: &str) -> Result<(), Error> {
        Ok(on!(self, c => c.batch_execute(sql))?)
    }

    /// Starts a transaction that will write; with a lane, as the only writer of that lane.
    pub(in crate::store) fn begin(&mut self, lane: Option<Lane>) -> Result<(), Error> {
        match self {
            Self::Sqlite(inner) => {
                Begin.execute(&mut **inner)?;
                Ok(())
            }
            Self::Postgres(inner) => inner.begin(lane),
        }
    }

    /// Marks what the transaction has so far. `again` when it has a mark: that one is given up.
    pub(in crate::store) fn mark(&mut self, again: bool) -> Result<(), Error> {
        match self {
            Self::Sqlite(inner) => {
                if again {
                    Keep.execute(&mut **inner)?;
                }
                Mark.execute(&mut **inner)?;
                Ok(())
            }
            Self::Postgres(inner) => inner.mark(again),
        }
    }

    /// Undoes what was done since the mark, or without one everything; the transaction goes on.
    pub(in crate::store) fn undo(&mut self, marked: bool, lane: Option<Lane>) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) if marked => self.execute("ROLLBACK TO SAVEPOINT job"),
            Self::Sqlite(_) => self.execute("ROLLBACK; BEGIN IMMEDIATE"),
            Self::Postgres(inner) => inner.undo(marked, lane),
        }
    }

    /// Whether all that was done since the mark stands, as far as that is known without waiting.
    pub(in crate::store) fn check(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => inner.check(),
        }
    }

    /// Asks what lies ready to be asked, without waiting.
    pub(in crate::store) fn send_ahead(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => Ok(inner.send_ahead()?),
        }
    }

    /// Of all that was asked ahead, what the job is about to change concerns only answers that depend on one of these.
    pub(in crate::store) fn changes_only(&mut self, these: &[String]) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(inner) => inner.changes_only(these),
        }
    }

    /// Commits: at once, or by sending that to a server.
    ///
    /// # Errors
    /// With what is known about the outcome.
    pub(in crate::store) fn send_commit(&mut self) -> Result<(), Lost> {
        match self {
            Self::Sqlite(inner) => {
                Commit.execute(&mut **inner).map_err(|error| Lost::Certainly(error.to_string()))?;
                Ok(())
            }
            Self::Postgres(inner) => inner.send_commit(),
        }
    }

    /// Waits until the commit that was sent is on disk, or for what `other` is after.
    pub(in crate::store) fn await_commit<T>(&mut self, other: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Meanwhile<T> {
        match self {
            Self::Sqlite(_) => Meanwhile::Committed(Ok(())),
            Self::Postgres(inner) => inner.await_commit(other),
        }
    }

    /// Commits. Returns after the commit is on disk.
    ///
    /// # Errors
    /// With what is known about the outcome.
    pub(in crate::store) fn commit(&mut self) -> Result<(), Lost> {
        self.send_commit()?;
        match self.await_commit(|_| Poll::<Infallible>::Pending) {
            Meanwhile::Committed(outcome) => outcome,
            Meanwhile::Come(never) => match never {},
        }
    }

    /// Begins the next transaction behind the commit that was sent.
    ///
    /// # Errors
    /// When that cannot be sent.
    pub(in crate::store) fn begin_behind(&mut self, lane: Option<Lane>) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(inner) => inner.begin_behind(lane),
        }
    }

    /// Ends the transaction without a trace, if there still is one.
    pub(in crate::store) fn rollback(&mut self) {
        match self {
            // The transaction may be gone already; then there is nothing to roll back.
            Self::Sqlite(_) => drop(self.execute("ROLLBACK")),
            Self::Postgres(inner) => inner.rollback(),
        }
    }
}
