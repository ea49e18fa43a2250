//! Customers who wait in a queue for an agent who takes calls.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::model::call::Media;
use crate::model::id::{DeviceId, SessionId};
use crate::store::conn::{on, put};
use crate::store::schema::call_wish as table;
use crate::store::stored::read;
use crate::store::{Error, Tx};

/// Notes what a waiting customer wishes for, in place of an earlier wish.
///
/// # Errors
/// When the statement fails.
pub fn keep(tx: &mut Tx<'_>, session: SessionId, device: &DeviceId, media: Media) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let values = (table::device.eq(device.as_str()), table::video.eq(media.video));
    put!(
        conn,
        diesel::insert_into(table::table)
            .values((table::tenant.eq(tenant), table::session.eq(session.to_string()), values))
            .on_conflict((table::tenant, table::session))
            .do_update()
            .set(values)
    )?;
    Ok(())
}

/// What a waiting customer wishes for, if it is a call.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<(DeviceId, Media)>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<(String, bool)> = on!(conn, c => table::table
        .filter(table::tenant.eq(tenant).and(table::session.eq(session.to_string())))
        .select((table::device, table::video))
        .first(c)
        .optional())?;
    row.map(|(device, video)| Ok((read("device", &device)?, Media { audio: true, video }))).transpose()
}

/// The sessions whose customers wish for a call.
///
/// # Errors
/// When the statement fails.
pub fn all(tx: &mut Tx<'_>) -> Result<HashSet<SessionId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> =
        on!(conn, c => table::table.filter(table::tenant.eq(tenant)).select(table::session).load(c))?;
    rows.iter().map(|session| read("session", session)).collect()
}

/// Forgets a wish.
///
/// # Errors
/// When the statement fails.
pub fn forget(tx: &mut Tx<'_>, session: SessionId) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::delete(table::table.filter(table::tenant.eq(tenant).and(table::session.eq(session.to_string()))))
    )?;
    Ok(())
}
