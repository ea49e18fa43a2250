//! Which sockets are open, where. A lease is as good as its node's last sign of life (`node`), so a dead node's sockets do
//! not stay open.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{call, lease};
use super::stored::read;
use super::{Conn, Error, Tx, node};
use crate::model::id::{ConnectionId, NodeId, TenantId};
use crate::model::time::Millis;

/// One socket's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: TenantId,
    /// `agent:<id>` or `contact:<id>`.
    pub participant: String,
    /// The client behind the socket.
    pub device: String,
    /// The socket.
    pub connection: ConnectionId,
}

type Row = (String, String, String, String);

impl Lease {
    fn read((tenant, participant, device, connection): Row) -> Result<Self, Error> {
        let (tenant, connection) = (read("tenant", &tenant)?, read("connection", &connection)?);
        Ok(Self { tenant, participant, device, connection })
    }
}

/// The last sign that a socket is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Its node gave it then.
    Node(NodeId, Millis),
    /// Its lease alone tells until when it is good: its node is of a release that renews each of them.
    Own(Millis),
}

/// What stands in a lease for releases that renew each of them: so long it is good without its node's being known.
const ALONE: Duration = Duration::from_secs(24 * 60 * 60);

/// The row of one device.
macro_rules! one {
    ($tenant:expr, $participant:expr, $device:expr) => {
        lease::table
            .filter(lease::tenant.eq($tenant).and(lease::participant.eq($participant)).and(lease::device.eq($device)))
    };
}

/// Gives the device's lease to this connection and returns the connection that had it, if another did.
///
/// # Errors
/// When a statement fails.
pub fn take(tx: &mut Tx<'_>, new: &Lease, node: NodeId, now: Millis) -> Result<Option<ConnectionId>, Error> {
    let before = holder(tx, new)?;
    give(tx, new, node, now)?;
    Ok(before.filter(|connection| *connection != new.connection))
}

/// Gives the device's lease to this connection, whoever has it.
///
/// # Errors
/// When the statement fails.
pub fn give(tx: &mut Tx<'_>, new: &Lease, node: NodeId, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let held = (
        lease::connection.eq(new.connection.to_string()),
        lease::node.eq(node.to_string()),
        lease::until.eq(now.plus(ALONE).0),
    );
    put!(
        conn,
        diesel::insert_into(lease::table)
            .values((
                lease::tenant.eq(tenant),
                lease::participant.eq(&new.participant),
                lease::device.eq(&new.device),
                held.clone(),
            ))
            .on_conflict((lease::tenant, lease::participant, lease::device))
            .do_update()
            .set(held)
    )?;
    Ok(())
}

/// The connection that has the device's lease, if any has.
///
/// # Errors
/// When the statement fails.
pub fn holder(tx: &mut Tx<'_>, of: &Lease) -> Result<Option<ConnectionId>, Error> {
    let (conn, tenant) = tx.parts();
    let connection: Option<String> = on!(conn, c => one!(tenant, &of.participant, &of.device)
        .select(lease::connection)
        .first(c)
        .optional())?;
    connection.map(|text| read("connection", &text)).transpose()
}

/// Ends a lease if this connection still has it; `false` when a newer one does.
///
/// # Errors
/// When the statement fails.
pub fn release(tx: &mut Tx<'_>, old: &Lease) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let deleted = on!(conn, c => diesel::delete(one!(tenant, &old.participant, &old.device)
            .filter(lease::connection.eq(old.connection.to_string())))
        .execute(c))?;
    Ok(deleted == 1)
}

/// Ends a lease that this connection is known to have.
///
/// # Errors
/// When the statement fails.
pub fn end(tx: &mut Tx<'_>, old: &Lease) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let mine = lease::connection.eq(old.connection.to_string());
    put!(conn, diesel::delete(one!(tenant, &old.participant, &old.device).filter(mine)))?;
    Ok(())
}

/// The connections of a participant's devices, oldest first.
///
/// # Errors
/// When the statement fails.
pub fn of(tx: &mut Tx<'_>, participant: &str) -> Result<Vec<ConnectionId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => lease::table
        .filter(lease::tenant.eq(tenant).and(lease::participant.eq(participant)))
        .order(lease::connection.asc())
        .select(lease::connection)
        .load(c))?;
    rows.iter().map(|connection| read("connection", connection)).collect()
}

/// The devices of a participant that have an open socket, the one that was opened last first.
///
/// # Errors
/// When the statement fails.
pub fn devices(tx: &mut Tx<'_>, participant: &str) -> Result<Vec<String>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => lease::table
        .filter(lease::tenant.eq(tenant).and(lease::participant.eq(participant)))
        .order(lease::connection.desc())
        .select(lease::device)
        .load(c))?)
}

/// Whether a participant has any open socket.
///
/// # Errors
/// When the statement fails.
pub fn any(tx: &mut Tx<'_>, participant: &str) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let count: i64 = on!(conn, c => lease::table
        .filter(lease::tenant.eq(tenant).and(lease::participant.eq(participant)))
        .count()
        .get_result(c))?;
    Ok(count > 0)
}

/// At most `limit` of the leases that a node holds.
///
/// # Errors
/// When the statement fails.
pub fn at(conn: &mut Conn, node: NodeId, limit: i64) -> Result<Vec<Lease>, Error> {
    let rows: Vec<Row> = on!(conn, c => lease::table
        .filter(lease::node.eq(node.to_string()))
        .order(lease::until.asc())
        .limit(limit)
        .select((lease::tenant, lease::participant, lease::device, lease::connection))
        .load(c))?;
    rows.into_iter().map(Lease::read).collect()
}

/// The leases that a node holds for participants in calls. Costs one statement while nobody is in one.
///
/// # Errors
/// When a statement fails.
pub fn in_calls(conn: &mut Conn, node: NodeId) -> Result<Vec<Lease>, Error> {
    let live: Vec<(String, String, String)> = on!(conn, c => call::table
        .filter(call::ended_at.is_null())
        .select((call::tenant, call::agent, call::contact))
        .load(c))?;
    let mut talking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tenant, agent, contact) in live {
        talking.entry(tenant).or_default().extend([format!("agent:{agent}"), format!("contact:{contact}")]);
    }
    let node = node.to_string();
    let mut found = Vec::new();
    for (tenant, participants) in &talking {
        let rows: Vec<Row> = on!(conn, c => lease::table
            .filter(lease::tenant.eq(tenant).and(lease::participant.eq_any(participants)).and(lease::node.eq(&node)))
            .select((lease::tenant, lease::participant, lease::device, lease::connection))
            .load(c))?;
        found.extend(rows);
    }
    found.into_iter().map(Lease::read).collect()
}

/// At most `limit` leases of nodes other than the `known`, which end by then each by itself, and when; those that have
/// ended first. A release that renews each lease leaves such.
///
/// # Errors
/// When the statement fails.
pub fn of_others(conn: &mut Conn, known: &[NodeId], by: Millis, limit: i64) -> Result<Vec<(Lease, Millis)>, Error> {
    let known = known.iter().map(ToString::to_string);
    let rows: Vec<(Row, i64)> = on!(conn, c => lease::table
        .filter(lease::until.le(by.0).and(lease::node.ne_all(known)))
        .order(lease::until.asc())
        .limit(limit)
        .select(((lease::tenant, lease::participant, lease::device, lease::connection), lease::until))
        .load(c))?;
    rows.into_iter().map(|(row, until)| Ok((Lease::read(row)?, Millis(until)))).collect()
}

/// Removes a lease, unless there has been a later sign of it or its device has another connection.
///
/// # Errors
/// When a statement fails.
pub fn bury(tx: &mut Tx<'_>, old: &Lease, last: Sign) -> Result<bool, Error> {
    if let Sign::Node(of, at) = last
        && node::seen(tx, of)? != Some(at)
    {
        return Ok(false);
    }
    let until = match last {
        Sign::Node(..) => Millis(i64::MAX),
        Sign::Own(until) => until,
    };
    let (conn, tenant) = tx.parts();
    let deleted = on!(conn, c => diesel::delete(one!(tenant, &old.participant, &old.device)
            .filter(lease::connection.eq(old.connection.to_string()).and(lease::until.le(until.0))))
        .execute(c))?;
    Ok(deleted == 1)
}
