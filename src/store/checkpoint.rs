//! Moving committed pages of SQLite's log into the database file, away from the writer.
//!
//! The writer moves them itself once the log is long, which makes a commit wait. A connection of its own does most of it
//! before that, without blocking anybody. Losing it costs time, nothing else.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::postgres::Role;
use super::{Backend, Error, reader};

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// Keeps the thread running; it ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub(in crate::store) struct Checkpointer {
    _alive: Option<Arc<SyncSender<()>>>,
}

impl Checkpointer {
    pub(in crate::store) fn start(backend: &Backend) -> Result<Self, Error> {
        if matches!(backend, Backend::Postgres(_)) {
            return Ok(Self { _alive: None });
        }
        let (alive, ended) = sync_channel::<()>(1);
        reader::spawn("store-checkpoint", backend, Role::Writer, move |mut conn| {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = conn.execute("PRAGMA wal_checkpoint(PASSIVE)") {
                    tracing::warn!(error = %error, "the log could not be moved into the database file");
                }
            }
        })?;
        Ok(Self { _alive: Some(Arc::new(alive)) })
    }
}
