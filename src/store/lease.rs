//! Which sockets are open, where. A lease that is not renewed ends, so a dead node's sockets do not stay open.

use std::collections::BTreeMap;
use std::ops::Range;

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{call, lease};
use super::stored::read;
use super::{Conn, Error, Tx};
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
/// When the statement fails.
pub fn take(tx: &mut Tx<'_>, new: &Lease, node: NodeId, until: Millis) -> Result<Option<ConnectionId>, Error> {
    let (conn, tenant) = tx.parts();
    let before: Option<String> = on!(conn, c => one!(tenant, &new.participant, &new.device)
        .select(lease::connection)
        .first(c)
        .optional())?;
    let held =
        (lease::connection.eq(new.connection.to_string()), lease::node.eq(node.to_string()), lease::until.eq(until.0));
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
    let before: Option<ConnectionId> = before.map(|text| read("connection", &text)).transpose()?;
    Ok(before.filter(|connection| *connection != new.connection))
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

/// What of a node's leases was renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// How many.
    pub count: usize,
    /// Those that end from then on were left.
    pub rest: Option<Millis>,
}

/// Which rows a statement takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of them. While somebody keeps one of them locked that fails.
    All,
    /// Those that nobody has locked. Costs twice as much.
    Free,
}

/// Gives rows another end, and says how many. A macro, for each thing that diesel filters by is of a type of its own.
macro_rules! renew {
    ($conn:expr, $rows:expr, $leases:expr, $until:expr) => {
        match ($conn, $rows) {
            (Conn::Postgres(inner), Rows::Free) => {
                let free: Vec<String> = lease::table
                    .filter($leases)
                    .select(lease::connection)
                    .for_no_key_update()
                    .skip_locked()
                    .load(&mut **inner)?;
                diesel::update(lease::table.filter($leases.and(lease::connection.eq_any(free))))
                    .set(lease::until.eq($until.0))
                    .execute(&mut **inner)?
            }
            // On SQLite all are free: nobody locks a row there.
            (conn, _) => {
                on!(conn, c => diesel::update(lease::table.filter($leases)).set(lease::until.eq($until.0)).execute(c))?
            }
        }
    };
}

/// Renews about `limit` of those leases of a node's sockets that end within `ends`, the first of them. As many as end in the
/// same millisecond go together.
///
/// # Errors
/// When a statement fails.
pub fn renew(
    conn: &mut Conn,
    node: NodeId,
    ends: Range<Millis>,
    until: Millis,
    (limit, rows): (i64, Rows),
) -> Result<Renewed, Error> {
    let node = node.to_string();
    let of = |end: Millis| lease::node.eq(&node).and(lease::until.ge(ends.start.0)).and(lease::until.lt(end.0));
    let last: Option<i64> = on!(conn, c => lease::table
        .filter(of(ends.end))
        .order(lease::until.asc())
        .offset(limit)
        .select(lease::until)
        .first(c)
        .optional())?;
    let rest = last.map(|last| Millis(last.saturating_add(1))).filter(|rest| *rest < ends.end);
    let portion = of(rest.unwrap_or(ends.end));
    let count = renew!(conn, rows, portion, until);
    Ok(Renewed { count, rest })
}

/// Lets the leases of those sockets of a node end at `until` whose participants are in a call, and says how many there
/// are. Costs one statement while nobody is.
///
/// # Errors
/// When a statement fails.
pub fn renew_in_calls(conn: &mut Conn, node: NodeId, until: Millis, rows: Rows) -> Result<usize, Error> {
    let live: Vec<(String, String, String)> = on!(conn, c => call::table
        .filter(call::ended_at.is_null())
        .select((call::tenant, call::agent, call::contact))
        .load(c))?;
    let mut talking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tenant, agent, contact) in live {
        talking.entry(tenant).or_default().extend([format!("agent:{agent}"), format!("contact:{contact}")]);
    }
    let node = node.to_string();
    let mut renewed = 0;
    for (tenant, participants) in &talking {
        let theirs =
            lease::tenant.eq(tenant).and(lease::participant.eq_any(participants)).and(lease::node.eq(node.as_str()));
        renewed += renew!(&mut *conn, rows, theirs.clone(), until);
    }
    Ok(renewed)
}

/// Lets the leases of these participants end at `until` at the latest, whichever nodes have their sockets.
///
/// # Errors
/// When the statement fails.
pub fn shorten(tx: &mut Tx<'_>, participants: &[String], until: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(lease::table.filter(
            lease::tenant.eq(tenant).and(lease::participant.eq_any(participants)).and(lease::until.gt(until.0))
        ))
        .set(lease::until.eq(until.0))
    )?;
    Ok(())
}

/// At most `limit` leases of all tenants that end by then, and when; those that have ended first.
///
/// # Errors
/// When the statement fails.
pub fn ending(conn: &mut Conn, by: Millis, limit: i64) -> Result<Vec<(Lease, Millis)>, Error> {
    let rows: Vec<(String, String, String, String, i64)> = on!(conn, c => lease::table
        .filter(lease::until.le(by.0))
        .order(lease::until.asc())
        .limit(limit)
        .select((lease::tenant, lease::participant, lease::device, lease::connection, lease::until))
        .load(c))?;
    rows.into_iter()
        .map(|(tenant, participant, device, connection, until)| {
            let (tenant, connection) = (read("tenant", &tenant)?, read("connection", &connection)?);
            Ok((Lease { tenant, participant, device, connection }, Millis(until)))
        })
        .collect()
}

/// Removes a lease that was good until then; `false` when it was renewed or taken over meanwhile.
///
/// # Errors
/// When the statement fails.
pub fn bury(tx: &mut Tx<'_>, old: &Lease, until: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let deleted = on!(conn, c => diesel::delete(one!(tenant, &old.participant, &old.device)
            .filter(lease::connection.eq(old.connection.to_string()).and(lease::until.eq(until.0))))
        .execute(c))?;
    Ok(deleted == 1)
}
