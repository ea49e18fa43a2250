//! The connection behind diesel's traits.

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation, LoadConnection, SimpleConnection,
    TransactionManager,
};
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::pg::Pg;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::Error as Diesel;
use diesel::{ConnectionResult, QueryResult, RunQueryDsl};
use futures_util::TryStreamExt;

use super::Postgres;
use super::query::given;
use super::row::{PgRow, Rows};

impl SimpleConnection for Postgres {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        self.changing();
        self.send_all_gathered()?;
        self.simple(sql)?;
        Ok(())
    }
}

impl ConnectionSealed for Postgres {}

impl Connection for Postgres {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    fn establish(_: &str) -> ConnectionResult<Self> {
        Err(diesel::ConnectionError::BadConnection("the store opens its connections itself".into()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let given = given(source)?;
        let count = self.ask(|connection| {
            let prepared = connection.prepared(source, &given)?;
            let client = connection.client()?;
            if !prepared.reads {
                connection.changing();
            }
            connection.wait(client.execute_raw(&prepared.statement, &given.binds))
        })?;
        usize::try_from(count).map_err(|error| Diesel::DeserializationError(Box::new(error)))
    }

    fn transaction_state(&mut self) -> &mut <AnsiTransactionManager as TransactionManager<Self>>::TransactionStateData {
        &mut self.manager
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut *self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = instrumentation.into();
    }

    fn set_prepared_statement_cache_size(&mut self, _: CacheSize) {}
}

impl LoadConnection for Postgres {
    type Cursor<'conn, 'query> = Rows;
    type Row<'conn, 'query> = PgRow;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
    {
        let given = given(&source)?;
        if let Some(rows) = self.foreseen(&source, &given)? {
            return Ok(Rows::foreseen(rows));
        }
        let rows = self.ask(|connection| {
            let prepared = connection.prepared(&source, &given)?;
            let client = connection.client()?;
            if !prepared.reads {
                connection.changing();
            }
            connection.wait(async {
                let rows = client.query_raw(&prepared.statement, &given.binds).await?;
                rows.try_collect().await
            })
        })?;
        Ok(Rows::of(rows))
    }
}

impl MigrationConnection for Postgres {
    fn setup(&mut self) -> QueryResult<usize> {
        diesel::sql_query(CREATE_MIGRATIONS_TABLE).execute(self)
    }
}
