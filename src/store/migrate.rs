//! Embedded migrations. A migration that was applied is never edited.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Backend, Conn, Error, reader};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Migrate(error.to_string())
}

/// Runs `work` with a connection on a thread of its own and returns its outcome.
fn apart<T: Send + 'static>(
    backend: &Backend,
    work: impl FnOnce(Conn) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (done, outcome) = std::sync::mpsc::sync_channel(1);
    reader::spawn("store-migrate", backend, move |conn| drop(done.send(work(conn))))?;
    outcome.recv().map_err(|_gone| Error::Panicked)?
}

pub(in crate::store) fn run(backend: &Backend) -> Result<(), Error> {
    apart(backend, |conn| match conn {
        Conn::Sqlite(mut c) => c.run_pending_migrations(SQLITE).map(drop).map_err(failed),
        Conn::Postgres(mut c) => c.run_pending_migrations(POSTGRES).map(drop).map_err(failed),
    })
}

pub(in crate::store) fn pending(backend: &Backend) -> Result<Vec<String>, Error> {
    apart(backend, |conn| {
        let found = match conn {
            Conn::Sqlite(mut c) => {
                c.pending_migrations(SQLITE).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
            }
            Conn::Postgres(mut c) => {
                c.pending_migrations(POSTGRES).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
            }
        };
        Ok(found)
    })
}
