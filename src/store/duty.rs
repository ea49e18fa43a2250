//! What only one node does at a time. The row says who, until when, and for the how many-th time it changed hands.

use diesel::prelude::*;

use super::conn::on;
use super::schema::duty;
use super::{Conn, Error};
use crate::model::id::NodeId;
use crate::model::time::Millis;

/// Takes a duty that nobody has, whose holder did not renew it in time, or that this node has without knowing: the answer
/// of a commit may be lost. Returns the term of this holding, which no earlier one had.
///
/// # Errors
/// When a statement fails.
pub fn take(conn: &mut Conn, name: &str, node: NodeId, now: Millis, until: Millis) -> Result<Option<i64>, Error> {
    let node = node.to_string();
    let taken: Option<i64> = on!(conn, c => diesel::update(
            duty::table.filter(duty::name.eq(name).and(duty::until.le(now.0).or(duty::node.eq(&node)))))
        .set((duty::node.eq(&node), duty::term.eq(duty::term + 1), duty::until.eq(until.0)))
        .returning(duty::term)
        .get_result(c)
        .optional())?;
    if taken.is_some() {
        return Ok(taken);
    }
    let first = (duty::name.eq(name), duty::node.eq(&node), duty::term.eq(1_i64), duty::until.eq(until.0));
    let made = on!(conn, c => diesel::insert_into(duty::table).values(first).on_conflict_do_nothing().execute(c))?;
    Ok((made == 1).then_some(1))
}

/// The row of one holding.
macro_rules! holding {
    ($name:expr, $node:expr, $term:expr) => {
        duty::table.filter(duty::name.eq($name).and(duty::node.eq($node.to_string())).and(duty::term.eq($term)))
    };
}

/// Keeps a duty until then; `false` when another node has taken it.
///
/// # Errors
/// When the statement fails.
pub fn renew(conn: &mut Conn, name: &str, node: NodeId, term: i64, until: Millis) -> Result<bool, Error> {
    let kept = on!(conn, c => diesel::update(holding!(name, node, term)).set(duty::until.eq(until.0)).execute(c))?;
    Ok(kept == 1)
}

/// Whether a duty is still this holding's.
///
/// # Errors
/// When the statement fails.
pub fn holds(conn: &mut Conn, name: &str, node: NodeId, term: i64) -> Result<bool, Error> {
    let rows: i64 = on!(conn, c => holding!(name, node, term).count().get_result(c))?;
    Ok(rows == 1)
}

/// Gives a duty up, so that another node need not wait for its end.
///
/// # Errors
/// When the statement fails.
pub fn release(conn: &mut Conn, name: &str, node: NodeId, term: i64) -> Result<(), Error> {
    on!(conn, c => diesel::update(holding!(name, node, term)).set(duty::until.eq(0_i64)).execute(c))?;
    Ok(())
}
