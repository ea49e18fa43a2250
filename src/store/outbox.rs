//! Events for other modules, written in the transaction of the change that they report.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::outbox;
use super::stored::read;
use super::{Conn, Error, Tx};
use crate::model::event::Occurrence;
use crate::model::time::Millis;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct Row {
    rowid: i64,
    tenant: String,
    id: String,
    kind: String,
    subject: String,
    session: Option<String>,
    sequence: Option<i64>,
    node: String,
    data: String,
    at: i64,
}

impl Row {
    fn pending(self) -> Result<Pending, Error> {
        let event = Occurrence {
            tenant: read("tenant", &self.tenant)?,
            id: self.id,
            kind: self.kind,
            subject: self.subject,
            session: self.session,
            sequence: self.sequence,
            node: self.node,
            at: Millis(self.at),
            data: self.data.into(),
        };
        Ok(Pending { row: self.rowid, event })
    }
}

/// An event that waits for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its place among those that wait.
    row: i64,
    /// The event.
    pub event: Occurrence,
}

/// Adds an event. Its tenant is the transaction's.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, event: &Occurrence) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(outbox::table).values((
            outbox::tenant.eq(tenant),
            outbox::id.eq(&event.id),
            outbox::kind.eq(&event.kind),
            outbox::subject.eq(&event.subject),
            outbox::session.eq(event.session.as_deref()),
            outbox::sequence.eq(event.sequence),
            outbox::node.eq(&event.node),
            outbox::data.eq(&*event.data),
            outbox::at.eq(event.at.0),
        ))
    )?;
    Ok(())
}

/// At most `limit` events of all tenants that wait, in the order in which they were written.
///
/// # Errors
/// When the statement fails.
pub fn pending(conn: &mut Conn, limit: i64) -> Result<Vec<Pending>, Error> {
    let rows: Vec<Row> = on!(conn, c => outbox::table
        .order(outbox::rowid.asc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::pending).collect()
}

/// How many events wait, counted up to `most`, and since when the first of them does.
///
/// # Errors
/// When a statement fails.
pub fn backlog(conn: &mut Conn, most: i64) -> Result<(i64, Option<Millis>), Error> {
    let first: Option<i64> = on!(conn, c => outbox::table
        .order(outbox::rowid.asc())
        .select(outbox::at)
        .first(c)
        .optional())?;
    if first.is_none() {
        return Ok((0, None));
    }
    // Counting more than that costs time and tells nothing new.
    let beyond: Option<i64> = on!(conn, c => outbox::table
        .order(outbox::rowid.asc())
        .offset(most)
        .select(outbox::rowid)
        .first(c)
        .optional())?;
    let count = match beyond {
        Some(_) => most,
        None => on!(conn, c => outbox::table.count().get_result(c))?,
    };
    Ok((count, first.map(Millis)))
}

/// Removes events that the bus has taken.
///
/// # Errors
/// When the statement fails.
pub fn taken(conn: &mut Conn, events: &[Pending]) -> Result<(), Error> {
    let rows: Vec<i64> = events.iter().map(|event| event.row).collect();
    // The row number finds them quickly. It may have been given out again, so the id has to fit as well.
    let ids: Vec<&str> = events.iter().map(|event| event.event.id.as_str()).collect();
    let taken = outbox::rowid.eq_any(&rows).and(outbox::id.eq_any(&ids));
    put!(conn, diesel::delete(outbox::table.filter(taken)))?;
    Ok(())
}
