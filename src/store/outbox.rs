//! Events for other modules, written in the transaction of the change that they report.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::conn::{gather, on, put};
use super::fixed::Discard;
use super::schema::outbox;
use super::stored::{damaged, read};
use super::{Conn, Error, Tx, message};
use crate::model::envelope::Envelope;
use crate::model::event::{Details, Occurrence};
use crate::model::id::{NodeId, TenantId};
use crate::model::time::Millis;

/// Details of an event whose message is not there any more: JSON for nothing.
const GONE: &str = "null";

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
    gather!(
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

/// Adds the event of an accepted message. Its details are the message, which is read when the event leaves: it may say
/// more by then, such as the size of a blob.
///
/// # Errors
/// When the statement fails.
pub fn add_message(tx: &mut Tx<'_>, envelope: &Envelope, node: NodeId) -> Result<(), Error> {
    let event = Occurrence {
        tenant: tx.tenant().clone(),
        id: envelope.id.to_string(),
        kind: Envelope::KIND.into(),
        subject: envelope.subject().to_string(),
        session: envelope.session.map(|session| session.to_string()),
        sequence: Some(envelope.seq),
        node: node.to_string(),
        at: envelope.ts,
        data: "".into(),
    };
    add(tx, &event)
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
    let mut pending = rows.into_iter().map(Row::pending).collect::<Result<Vec<_>, _>>()?;
    fill_in(conn, &mut pending)?;
    Ok(pending)
}

/// Reads the messages that events are about.
fn fill_in(conn: &mut Conn, pending: &mut [Pending]) -> Result<(), Error> {
    let bare = |row: &&mut Pending| row.event.data.is_empty() && row.event.kind == Envelope::KIND;
    let mut ids: BTreeMap<TenantId, Vec<String>> = BTreeMap::new();
    for row in pending.iter_mut().filter(bare) {
        ids.entry(row.event.tenant.clone()).or_default().push(row.event.id.clone());
    }
    for (tenant, ids) in ids {
        let mut found = message::by_ids(&mut Tx::bind(conn, &tenant), &ids)?;
        for row in pending.iter_mut().filter(bare).filter(|row| row.event.tenant == tenant) {
            row.event.data = details(&row.event.id, found.remove(&row.event.id)).into();
        }
    }
    Ok(())
}

/// A message as the details of its event. The event of one that is gone, or damaged, still says which message it was.
fn details(id: &str, found: Option<Result<Envelope, Error>>) -> String {
    let written = match found {
        Some(Ok(envelope)) => serde_json::to_string(&envelope).map_err(|_source| damaged("message", id)),
        Some(Err(error)) => Err(error),
        None => return GONE.into(),
    };
    written.unwrap_or_else(|error| {
        tracing::error!(error = %error, id, "an event leaves without its message, which cannot be read");
        GONE.into()
    })
}

/// Whether an event waits.
///
/// # Errors
/// When the statement fails.
pub fn waits(conn: &mut Conn) -> Result<bool, Error> {
    let one: Option<i64> = on!(conn, c => outbox::table.select(outbox::rowid).first(c).optional())?;
    Ok(one.is_some())
}

/// Removes the oldest events, at most `limit`; returns how many those were. For when nobody listens.
///
/// # Errors
/// When the statement fails.
pub fn discard(conn: &mut Conn, limit: i64) -> Result<usize, Error> {
    Ok(on!(conn, c => Discard { limit }.execute(c))?)
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
