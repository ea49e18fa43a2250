//! What can go wrong with a statement, in the words of diesel. Knows SQLSTATE, decides nothing.
//!
//! diesel's errors carry a kind and texts but no SQLSTATE, so the kinds say what a caller can do: `ClosedConnection`,
//! the database is away; `SerializationFailure`, somebody is in the way and a later try may succeed.

use std::time::Duration;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as Diesel};
use tokio_postgres::Error as Driver;
use tokio_postgres::error::{DbError, SqlState};

/// Why a statement has no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server refused it. The transaction, if there is one, takes nothing but a rollback now.
    #[error("{}", .0.message())]
    Refused(Box<DbError>),
    /// There is no connection, or it broke before the answer.
    #[error("{0}")]
    Gone(String),
    /// The server did not answer in time. The connection was given up.
    #[error("PostgreSQL did not answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The transaction takes nothing any more, because of what failed before.
    #[error("{0}")]
    Aborted(String),
    /// The statement was not sent: it cannot be said in PostgreSQL's terms.
    #[error(transparent)]
    Unsent(Diesel),
}

impl Fault {
    /// Whether the server gave up waiting for a lock.
    pub(super) fn is_lock(&self) -> bool {
        matches!(self, Self::Refused(error) if *error.code() == SqlState::LOCK_NOT_AVAILABLE)
    }

    /// Whether the connection is of no more use.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Gone(_) | Self::Late(_) => true,
            Self::Refused(error) => matches!(kind(error.code()), Kind::Away),
            Self::Aborted(_) | Self::Unsent(_) => false,
        }
    }

    /// Whether it only says that something has failed before.
    pub(super) fn is_aftermath(&self) -> bool {
        matches!(self, Self::Refused(error) if *error.code() == SqlState::IN_FAILED_SQL_TRANSACTION)
    }
}

impl From<Driver> for Fault {
    fn from(error: Driver) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::Refused(Box::new(refusal.clone())),
            None => Self::Gone(chain(&error)),
        }
    }
}

impl From<Fault> for Diesel {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => {
                let kind = match kind(error.code()) {
                    Kind::Key(kind) => kind,
                    Kind::Busy => DatabaseErrorKind::SerializationFailure,
                    Kind::Away => DatabaseErrorKind::ClosedConnection,
                };
                Self::DatabaseError(kind, Box::new(Refusal::of(*error)))
            }
            Fault::Unsent(error) => error,
            Fault::Aborted(why) => Self::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(why)),
            away => Self::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(away.to_string())),
        }
    }
}

/// What a refusal means to whoever asked.
#[derive(Debug)]
enum Kind {
    Key(DatabaseErrorKind),
    Busy,
    Away,
}

fn kind(code: &SqlState) -> Kind {
    match *code {
        SqlState::UNIQUE_VIOLATION => Kind::Key(DatabaseErrorKind::UniqueViolation),
        SqlState::FOREIGN_KEY_VIOLATION => Kind::Key(DatabaseErrorKind::ForeignKeyViolation),
        SqlState::NOT_NULL_VIOLATION => Kind::Key(DatabaseErrorKind::NotNullViolation),
        SqlState::CHECK_VIOLATION => Kind::Key(DatabaseErrorKind::CheckViolation),
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE => Kind::Busy,
        // A server that was primary and is not any more: the next connection may find the new one.
        SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::TOO_MANY_CONNECTIONS => Kind::Away,
        // 53: a full disk, no memory. 58: the disk.
        _ if code.code().starts_with("53") || code.code().starts_with("58") => Kind::Busy,
        _ => Kind::Key(DatabaseErrorKind::Unknown),
    }
}

/// An error with everything behind it, in one line: the driver's own text leaves the cause out.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The server's words with its SQLSTATE.
#[derive(Debug)]
struct Refusal {
    text: String,
    error: DbError,
}

impl Refusal {
    fn of(error: DbError) -> Self {
        Self { text: format!("{} (SQLSTATE {})", error.message(), error.code().code()), error }
    }
}

impl DatabaseErrorInformation for Refusal {
    fn message(&self) -> &str {
        &self.text
    }

    fn details(&self) -> Option<&str> {
        self.error.detail()
    }

    fn hint(&self) -> Option<&str> {
        self.error.hint()
    }

    fn table_name(&self) -> Option<&str> {
        self.error.table()
    }

    fn column_name(&self) -> Option<&str> {
        self.error.column()
    }

    fn constraint_name(&self) -> Option<&str> {
        self.error.constraint()
    }

    fn statement_position(&self) -> Option<i32> {
        None
    }
}
