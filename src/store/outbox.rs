//! Events for other modules, written in the transaction of the change that they report.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::outbox;
use super::{Conn, Error, Tx};
use crate::model::id::TenantId;
use crate::model::time::Millis;

/// One event that waits for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The tenant.
    pub tenant: TenantId,
    /// The event's id.
    pub id: String,
    /// The event as JSON.
    pub event: String,
}

/// Adds an event.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, id: &str, event: &str, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(outbox::table).values((
            outbox::tenant.eq(tenant),
            outbox::id.eq(id),
            outbox::event.eq(event),
            outbox::at.eq(now.0)
        ))
    )?;
    Ok(())
}

/// At most `limit` events of all tenants that wait, in the order in which they were written.
///
/// # Errors
/// When the statement fails.
pub fn pending(conn: &mut Conn, limit: i64) -> Result<Vec<Pending>, Error> {
    let rows: Vec<(String, String, String)> = on!(conn, c => outbox::table
        .order(outbox::rowid.asc())
        .limit(limit)
        .select((outbox::tenant, outbox::id, outbox::event))
        .load(c))?;
    rows.into_iter()
        .map(|(tenant, id, event)| {
            let tenant =
                TenantId::parse(&tenant).map_err(|_source| Error::Damaged { what: "tenant", value: tenant })?;
            Ok(Pending { tenant, id, event })
        })
        .collect()
}

/// Removes events that the bus has taken.
///
/// # Errors
/// When the statement fails.
pub fn taken(conn: &mut Conn, events: &[Pending]) -> Result<(), Error> {
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    put!(conn, diesel::delete(outbox::table.filter(outbox::id.eq_any(&ids))))?;
    Ok(())
}
