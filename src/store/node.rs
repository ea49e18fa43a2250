//! Which nodes are alive, by their own word. A node speaks for all of its sockets at once.

use diesel::prelude::*;

use super::conn::on;
use super::schema::{lease, node};
use super::stored::read;
use super::{Conn, Error, Tx};
use crate::model::id::NodeId;
use crate::model::time::Millis;

/// The last sign of life of each node that lives, and of those that died a while ago.
///
/// # Errors
/// When the statement fails.
pub fn all(conn: &mut Conn) -> Result<Vec<(NodeId, Millis)>, Error> {
    let rows: Vec<(String, i64)> = on!(conn, c => node::table.select((node::id, node::seen)).load(c))?;
    rows.into_iter().map(|(node, seen)| Ok((read("node", &node)?, Millis(seen)))).collect()
}

/// When a node gave its last sign of life.
///
/// # Errors
/// When the statement fails.
pub fn seen(tx: &mut Tx<'_>, of: NodeId) -> Result<Option<Millis>, Error> {
    let (conn, _) = tx.parts();
    let seen: Option<i64> =
        on!(conn, c => node::table.filter(node::id.eq(of.to_string())).select(node::seen).first(c).optional())?;
    Ok(seen.map(Millis))
}

/// Gives a sign of life.
///
/// # Errors
/// When the statement fails.
pub fn sign(conn: &mut Conn, of: NodeId, now: Millis) -> Result<(), Error> {
    on!(conn, c => diesel::insert_into(node::table)
        .values((node::id.eq(of.to_string()), node::seen.eq(now.0)))
        .on_conflict(node::id)
        .do_update()
        .set(node::seen.eq(now.0))
        .execute(c))?;
    Ok(())
}

/// Forgets a node that has given no sign since then and has no open socket; `false` when it has.
///
/// # Errors
/// When a statement fails.
pub fn forget(conn: &mut Conn, old: NodeId, seen: Millis) -> Result<bool, Error> {
    let old = old.to_string();
    let open: Option<String> =
        on!(conn, c => lease::table.filter(lease::node.eq(&old)).select(lease::connection).first(c).optional())?;
    if open.is_some() {
        return Ok(false);
    }
    let gone = on!(conn, c => diesel::delete(node::table.filter(node::id.eq(&old).and(node::seen.eq(seen.0))))
        .execute(c))?;
    Ok(gone == 1)
}
