//! How far each participant's devices have come in each conversation. A cursor never goes back.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::conn::{gather, on};
use super::schema::reader;
use super::{Error, Tx};
use crate::model::id::ConversationId;

/// How far one device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Everything up to here has arrived.
    pub delivered: i64,
    /// Everything up to here has been seen.
    pub seen: i64,
}

impl Cursor {
    /// The cursor moved on to `to`; what lies behind it stays as it is.
    #[must_use]
    pub fn moved(self, to: Self) -> Self {
        Self { delivered: self.delivered.max(to.delivered), seen: self.seen.max(to.seen) }
    }
}

/// Writes how far a device is. What was written before and is further stays, also if it was written at the same time.
///
/// # Errors
/// When the statement fails.
pub fn set(tx: &mut Tx<'_>, conv: ConversationId, participant: &str, device: &str, now: Cursor) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    gather!(
        conn,
        diesel::insert_into(reader::table)
            .values((
                reader::tenant.eq(tenant),
                reader::conv.eq(conv.to_string()),
                reader::participant.eq(participant),
                reader::device.eq(device),
                reader::delivered.eq(now.delivered),
                reader::seen.eq(now.seen),
            ))
            .on_conflict((reader::tenant, reader::conv, reader::participant, reader::device))
            .do_update()
            .set((
                reader::delivered.eq(case_when(
                    excluded(reader::delivered).gt(reader::delivered),
                    excluded(reader::delivered)
                )
                .otherwise(reader::delivered)),
                reader::seen
                    .eq(case_when(excluded(reader::seen).gt(reader::seen), excluded(reader::seen))
                        .otherwise(reader::seen)),
            ))
    )?;
    Ok(())
}

/// How far a device is, if it ever said.
///
/// # Errors
/// When the statement fails.
pub fn of_device(
    tx: &mut Tx<'_>,
    conv: ConversationId,
    participant: &str,
    device: &str,
) -> Result<Option<Cursor>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<(i64, i64)> = on!(conn, c => reader::table
        .filter(reader::tenant.eq(tenant)
            .and(reader::conv.eq(conv.to_string()))
            .and(reader::participant.eq(participant))
            .and(reader::device.eq(device)))
        .select((reader::delivered, reader::seen))
        .first(c)
        .optional())?;
    Ok(row.map(|(delivered, seen)| Cursor { delivered, seen }))
}

/// How far a participant is in a conversation with the device that is furthest.
///
/// # Errors
/// When the statement fails.
pub fn of_participant(tx: &mut Tx<'_>, conv: ConversationId, participant: &str) -> Result<Cursor, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(i64, i64)> = on!(conn, c => reader::table
        .filter(reader::tenant.eq(tenant)
            .and(reader::conv.eq(conv.to_string()))
            .and(reader::participant.eq(participant)))
        .select((reader::delivered, reader::seen))
        .load(c))?;
    Ok(rows.into_iter().fold(Cursor::default(), |best, (delivered, seen)| best.moved(Cursor { delivered, seen })))
}
