//! Statements of the hot path whose text never changes, so that the connection prepares them once.
//!
//! diesel prepares every `update` anew, because the columns that it sets may differ from call to call. A type of its
//! own per statement says that they do not. The text is plain SQL that both back ends take.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

/// The columns that [`Advance`] returns, in the order of the conversation's row.
type Row = (Text, Text, Text, Text, Text, Text, Text, BigInt, Integer, BigInt, BigInt);

/// Gives out the next `seq` of a conversation and opens its window anew.
#[derive(Debug)]
pub(in crate::store) struct Advance<'a> {
    pub(in crate::store) tenant: &'a str,
    pub(in crate::store) conv: &'a str,
    pub(in crate::store) now: i64,
    pub(in crate::store) left: i32,
    pub(in crate::store) until: i64,
}

impl QueryId for Advance<'_> {
    type QueryId = Advance<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Advance<'_> {
    type SqlType = Row;
}

impl<C> RunQueryDsl<C> for Advance<'_> {}

impl<DB> QueryFragment<DB> for Advance<'_>
where
    DB: Backend,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE conversation SET last_seq = last_seq + 1, updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", window_left = ");
        out.push_bind_param::<Integer, _>(&self.left)?;
        out.push_sql(", window_until = ");
        out.push_bind_param::<BigInt, _>(&self.until)?;
        out.push_sql(" WHERE tenant = ");
        out.push_bind_param::<Text, _>(self.tenant)?;
        out.push_sql(" AND conv = ");
        out.push_bind_param::<Text, _>(self.conv)?;
        out.push_sql(
            " RETURNING tenant, conv, account, kind, contact, external_id, epoch, last_seq, window_left, \
             window_until, updated_at",
        );
        Ok(())
    }
}

/// Marks what the transaction has so far.
#[derive(Debug, QueryId)]
pub(in crate::store) struct Mark;

/// Keeps what was done since the mark.
#[derive(Debug, QueryId)]
pub(in crate::store) struct Keep;

macro_rules! word {
    ($name:ident, $sql:literal) => {
        impl<C> RunQueryDsl<C> for $name {}

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    };
}

word!(Mark, "SAVEPOINT job");
word!(Keep, "RELEASE SAVEPOINT job");
