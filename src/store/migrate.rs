//! Embedded migrations, and what is found out about a database before it is used. A migration that was applied is never
//! edited.
//!
//! Nodes that start at the same time take turns: PostgreSQL lets one of them in (an advisory lock), SQLite's file has one
//! process.

use diesel::connection::SimpleConnection;
use diesel::migration::Migration;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::postgres::{Postgres, Role};
use super::{Backend, Conn, Error, reader};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Held by the node that brings the tables up to date.
const LOCK: &str = "SELECT pg_advisory_lock(2036955752, -1)";

/// Compares every text by its bytes, as SQLite does: identifiers have no language, and an index must not depend on the
/// operating system's idea of one.
const BYTEWISE: &str = "DO $$ DECLARE found record; BEGIN \
     FOR found IN SELECT c.table_name, c.column_name FROM information_schema.columns c \
         JOIN information_schema.tables t USING (table_schema, table_name) \
         WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type = 'text' \
             AND c.collation_name IS DISTINCT FROM 'C' LOOP \
         EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE \"C\"', found.table_name, found.column_name); \
     END LOOP; END $$";

/// What is known of a database before it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The migrations that are known but not applied yet, by name.
    pub pending: Vec<String>,
    /// The server's version, if there is a server.
    pub server: Option<String>,
    /// What is wrong with how the server is set up, with what to do about it.
    pub problems: Vec<String>,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Migrate(error.to_string())
}

/// Runs `work` with a connection on a thread of its own and returns its outcome.
fn apart<T: Send + 'static>(
    backend: &Backend,
    work: impl FnOnce(Conn) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (done, outcome) = std::sync::mpsc::sync_channel(1);
    reader::spawn("store-migrate", backend, Role::Migrator, move |conn| drop(done.send(work(conn))))?;
    outcome.recv().map_err(|_gone| Error::Panicked)?
}

/// Brings the tables up to date.
///
/// # Errors
/// When the database cannot be reached or must not be used, or a migration fails.
pub(in crate::store) fn run(backend: &Backend) -> Result<(), Error> {
    let allow_unsafe = matches!(backend, Backend::Postgres(address) if address.allow_unsafe);
    apart(backend, move |conn| match conn {
        Conn::Sqlite(mut c) => c.run_pending_migrations(SQLITE).map(drop).map_err(failed),
        Conn::Postgres(mut c) => upgrade(&mut c, allow_unsafe),
    })
}

fn upgrade(c: &mut Postgres, allow_unsafe: bool) -> Result<(), Error> {
    if let Some(standing) = c.standing() {
        standing.verdict(allow_unsafe)?;
        for problem in standing.problems() {
            tracing::warn!("{problem}");
        }
    }
    c.batch_execute(LOCK)?;
    c.run_pending_migrations(POSTGRES).map_err(failed)?;
    // The lock goes with the connection.
    Ok(c.batch_execute(BYTEWISE)?)
}

/// Looks at a database without changing it.
///
/// # Errors
/// When it cannot be reached.
pub fn examine(backend: &Backend) -> Result<Report, Error> {
    apart(backend, |conn| match conn {
        Conn::Sqlite(mut c) => {
            let pending = names(&c.pending_migrations(SQLITE).map_err(failed)?);
            Ok(Report { pending, ..Report::default() })
        }
        Conn::Postgres(mut c) => {
            let problems = c.standing().map(|standing| standing.problems().iter().map(ToString::to_string).collect());
            let server = c.standing().map(super::postgres::Standing::version);
            let pending = names(&c.pending_migrations(POSTGRES).map_err(failed)?);
            Ok(Report { pending, server, problems: problems.unwrap_or_default() })
        }
    })
}

fn names<DB: diesel::backend::Backend>(pending: &[Box<dyn Migration<DB>>]) -> Vec<String> {
    pending.iter().map(|migration| migration.name().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_query;
    use diesel::sql_types::Text;
    use diesel::sqlite::SqliteConnection;

    use super::*;
    use crate::store::conn::on;
    use crate::store::trial::Trial;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// How SQLite goes about a query.
    fn plan(conn: &mut SqliteConnection, of: &str) -> Vec<String> {
        let steps = sql_query(format!("EXPLAIN QUERY PLAN {of}")).load::<Step>(conn).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    }

    #[test]
    fn nothing_reads_all_that_a_tenant_has_to_find_one_row() {
        // Empty tables: the planner has nothing but what it was told.
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.run_pending_migrations(SQLITE).unwrap();
        for (query, index) in [
            ("SELECT * FROM assignment WHERE tenant = ? AND session = ? AND state = ?", "assignment_session"),
            (
                "SELECT * FROM assignment WHERE tenant = ? AND session IN (?, ?) AND state IN (?, ?)",
                "assignment_session",
            ),
            ("SELECT * FROM assignment WHERE tenant = ? AND conv = ? AND agent = ?", "assignment_conv"),
            ("SELECT * FROM assignment WHERE tenant = ? AND conv = ? AND state = ?", "assignment_conv"),
            ("SELECT * FROM assignment WHERE tenant = ? AND agent = ? AND state = ?", "assignment_agent"),
            ("SELECT * FROM flow_run WHERE tenant = ? AND conv = ? AND purpose = ?", "flow_run_conv"),
            ("SELECT * FROM session WHERE tenant = ? AND conv = ?", "session_conv"),
            ("SELECT * FROM conversation WHERE tenant = ? AND contact = ? AND account = ?", "conversation_contact"),
            ("SELECT * FROM delivery WHERE tenant = ? AND conv = ? AND state = ?", "delivery_state"),
            ("SELECT * FROM robot_turn WHERE tenant = ? AND session = ?", "robot_turn_session"),
            ("SELECT * FROM call WHERE tenant = ? AND session = ?", "call_session"),
            ("SELECT * FROM call_recording WHERE tenant = ? AND call = ?", "call_recording_call"),
            ("SELECT * FROM message WHERE tenant = ? AND id = ?", "message_id"),
        ] {
            let plan = plan(&mut conn, query);
            assert!(plan.iter().all(|step| step.contains(index)), "{query}: {plan:?}");
        }
    }

    /// What a table that is spread by tenant needs.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_tenant_is_in_every_key_of_postgres() {
        let ground = Trial::Postgres.ground();
        let keys = "SELECT i.indexrelid::regclass::text AS detail FROM pg_index i
            JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
            WHERE n.nspname = 'public' AND i.indisunique AND NOT EXISTS (
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'tenant' AND a.attnum = ANY (i.indkey))
            ORDER BY 1";
        let store = ground.store();
        let read = move |conn: &mut Conn| Ok::<_, Error>(on!(conn, c => sql_query(keys).load::<Step>(c))?);
        let without: Vec<_> = store.survey(read).await.unwrap().into_iter().map(|key| key.detail).collect();
        assert_eq!(without, ["__diesel_schema_migrations_pkey", "duty_pkey", "node_pkey"], "they belong to no tenant");
    }
}
