//! What became of orders of other modules. The primary key makes a repeated order harmless, on any node.

use diesel::prelude::*;

use super::conn::on;
use super::fixed::Forget;
use super::schema::order_result;
use super::{Conn, Error, Tx};
use crate::model::time::Millis;

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Outcome {
    /// Tells the order from another one under the same id.
    pub digest: String,
    /// What its sender was told, as JSON.
    pub reply: String,
}

/// What became of an order, if it is known.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Outcome>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => order_result::table
        .filter(order_result::tenant.eq(tenant).and(order_result::id.eq(id)))
        .select((order_result::digest, order_result::reply))
        .first(c)
        .optional())?)
}

/// Notes what became of an order; `false` when something is noted already.
///
/// # Errors
/// When the statement fails.
pub fn note(tx: &mut Tx<'_>, id: &str, outcome: &Outcome, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let noted = on!(conn, c => diesel::insert_into(order_result::table)
        .values((
            order_result::tenant.eq(tenant),
            order_result::id.eq(id),
            order_result::digest.eq(&outcome.digest),
            order_result::reply.eq(&outcome.reply),
            order_result::at.eq(now.0),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(noted == 1)
}

/// Forgets orders of all tenants from before then: about `limit` of them, oldest first. Returns how many.
///
/// # Errors
/// When the statement fails.
pub fn forget(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize, Error> {
    Ok(on!(conn, c => Forget { table: "order_result", at: "at", before, limit }.execute(c))?)
}
