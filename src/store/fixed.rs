//! Statements of the hot path whose text never changes, so that the connection prepares them once.
//!
//! diesel prepares every `update` anew, because the columns that it sets may differ from call to call. A type of its
//! own per statement says that they do not. The text is plain SQL that both back ends take.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

use crate::model::time::Millis;

/// The columns of a conversation's row, in their order.
type Row = (Text, Text, Text, Text, Text, Text, Text, BigInt, Integer, BigInt, BigInt);

/// Whether an assignment is the one that goes on. Written out, not given as a value: only so a plan that fits every value
/// may use the index of active ones.
#[derive(Debug, Clone, Copy, QueryId)]
pub(in crate::store) struct GoesOn;

impl Expression for GoesOn {
    type SqlType = Bool;
}

impl<DB: Backend> QueryFragment<DB> for GoesOn {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("assignment.state = 'active'");
        Ok(())
    }
}

impl<From> AppearsOnTable<From> for GoesOn {}

impl<From> SelectableExpression<From> for GoesOn {}

impl<GroupBy> ValidGrouping<GroupBy> for GoesOn {
    type IsAggregate = is_aggregate::Never;
}

/// Finds the conversation of an identity, gives out its next `seq` and opens its window anew. Returns the row, whether
/// the customer follows the account, and whether messages to them are held back.
#[derive(Debug)]
pub(in crate::store) struct Arrive<'a> {
    pub(in crate::store) tenant: &'a str,
    pub(in crate::store) account: &'a str,
    pub(in crate::store) external: &'a str,
    pub(in crate::store) now: i64,
    pub(in crate::store) left: i32,
    pub(in crate::store) until: i64,
}

impl QueryId for Arrive<'_> {
    type QueryId = Arrive<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Arrive<'_> {
    type SqlType = (Row, Bool, Bool);
}

impl<C> RunQueryDsl<C> for Arrive<'_> {}

impl Arrive<'_> {
    /// The key of the identity.
    fn whom<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        str: ToSql<Text, DB>,
    {
        out.push_bind_param::<Text, _>(self.tenant)?;
        out.push_sql(" AND i.account = ");
        out.push_bind_param::<Text, _>(self.account)?;
        out.push_sql(" AND i.external_id = ");
        out.push_bind_param::<Text, _>(self.external)
    }
}

impl<DB> QueryFragment<DB> for Arrive<'_>
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
        out.push_sql(" AND conv = (SELECT i.conv FROM identity i WHERE i.tenant = ");
        self.whom(&mut out)?;
        out.push_sql(
            ") RETURNING tenant, conv, account, kind, contact, external_id, epoch, last_seq, window_left, \
             window_until, updated_at, (SELECT i.subscribed FROM identity i WHERE i.tenant = ",
        );
        self.whom(&mut out)?;
        out.push_sql(
            "), EXISTS (SELECT 1 FROM delivery d WHERE d.tenant = conversation.tenant \
             AND d.conv = conversation.conv AND d.state = 'held')",
        );
        Ok(())
    }
}

/// Notes that a conversation has given out this `seq`.
#[derive(Debug)]
pub(in crate::store) struct Step<'a> {
    pub(in crate::store) tenant: &'a str,
    pub(in crate::store) conv: &'a str,
    pub(in crate::store) seq: i64,
    pub(in crate::store) now: i64,
}

impl QueryId for Step<'_> {
    type QueryId = Step<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for Step<'_> {}

impl<DB> QueryFragment<DB> for Step<'_>
where
    DB: Backend,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE conversation SET last_seq = ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" WHERE tenant = ");
        out.push_bind_param::<Text, _>(self.tenant)?;
        out.push_sql(" AND conv = ");
        out.push_bind_param::<Text, _>(self.conv)
    }
}

/// Removes the oldest events.
#[derive(Debug, QueryId)]
pub(in crate::store) struct Discard {
    pub(in crate::store) limit: i64,
}

impl<C> RunQueryDsl<C> for Discard {}

impl<DB> QueryFragment<DB> for Discard
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // Up to a place: the rows are found through the key, however many wait.
        out.push_sql(
            "DELETE FROM outbox WHERE rowid <= (SELECT max(oldest.rowid) FROM \
             (SELECT rowid FROM outbox ORDER BY rowid LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(") AS oldest)");
        Ok(())
    }
}

/// Removes the rows of a table from before a moment: about `limit` of them, oldest first, so that nobody waits for it.
#[derive(Debug)]
pub(in crate::store) struct Forget {
    pub(in crate::store) table: &'static str,
    /// The column with the moment.
    pub(in crate::store) at: &'static str,
    pub(in crate::store) before: Millis,
    pub(in crate::store) limit: i64,
}

impl QueryId for Forget {
    type QueryId = ();

    // The text differs from table to table.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Forget {}

impl<DB> QueryFragment<DB> for Forget
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let old = |out: &mut AstPass<'_, 'b, DB>| {
            out.push_sql(self.table);
            out.push_sql(" WHERE ");
            out.push_identifier(self.at)?;
            out.push_sql(" < ");
            out.push_bind_param::<BigInt, _>(&self.before.0)
        };
        out.push_sql("DELETE FROM ");
        old(&mut out)?;
        // Up to a moment: no key is needed that all tables have.
        out.push_sql(" AND ");
        out.push_identifier(self.at)?;
        out.push_sql(" <= coalesce((SELECT ");
        out.push_identifier(self.at)?;
        out.push_sql(" FROM ");
        old(&mut out)?;
        out.push_sql(" ORDER BY ");
        out.push_identifier(self.at)?;
        out.push_sql(" LIMIT 1 OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql("), ");
        out.push_bind_param::<BigInt, _>(&self.before.0)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Begins a transaction that will write, on SQLite.
#[derive(Debug, QueryId)]
pub(in crate::store) struct Begin;

/// Commits.
#[derive(Debug, QueryId)]
pub(in crate::store) struct Commit;

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

word!(Begin, "BEGIN IMMEDIATE");
word!(Commit, "COMMIT");
word!(Mark, "SAVEPOINT job");
word!(Keep, "RELEASE SAVEPOINT job");
