//! Recordings of calls: how far they have come, and the blob that they are at last. The bytes are elsewhere.

use diesel::prelude::*;

use crate::model::id::{AgentId, CallId, MediaId, RecordingId, TenantId};
use crate::model::time::Millis;
use crate::store::conn::{on, put};
use crate::store::schema::call_recording as table;
use crate::store::stored::read;
use crate::store::{Conn, Error, Tx};

/// A recording, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Identity.
    pub recording: RecordingId,
    /// The call.
    pub call: CallId,
    /// Whose browser records.
    pub agent: AgentId,
    /// The blob that it is, or will be.
    pub media: MediaId,
    /// Its type, as the browser says.
    pub mime: String,
    /// Chunks that have arrived.
    pub chunks: i64,
    /// Bytes that have arrived.
    pub size: i64,
    /// Its length so far, milliseconds; once it is over, as its browser says if it still can.
    pub ms: Option<i64>,
    /// Its hash, once it is over.
    pub sha256: Option<String>,
    /// When it began.
    pub started_at: Millis,
    /// When it was closed.
    pub ended_at: Option<Millis>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
struct Row {
    tenant: String,
    recording: String,
    call: String,
    agent: String,
    media: String,
    mime: String,
    chunks: i64,
    size: i64,
    ms: Option<i64>,
    sha256: Option<String>,
    started_at: i64,
    ended_at: Option<i64>,
}

impl Row {
    fn of(tenant: &str, from: &Recording) -> Self {
        Self {
            tenant: tenant.to_owned(),
            recording: from.recording.to_string(),
            call: from.call.to_string(),
            agent: from.agent.to_string(),
            media: from.media.to_string(),
            mime: from.mime.clone(),
            chunks: from.chunks,
            size: from.size,
            ms: from.ms,
            sha256: from.sha256.clone(),
            started_at: from.started_at.0,
            ended_at: from.ended_at.map(|at| at.0),
        }
    }

    fn parse(self) -> Result<Recording, Error> {
        Ok(Recording {
            recording: read("recording", &self.recording)?,
            call: read("call", &self.call)?,
            agent: read("agent", &self.agent)?,
            media: read("media", &self.media)?,
            mime: self.mime,
            chunks: self.chunks,
            size: self.size,
            ms: self.ms,
            sha256: self.sha256,
            started_at: Millis(self.started_at),
            ended_at: self.ended_at.map(Millis),
        })
    }
}

/// The recording, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: RecordingId) -> Result<Option<Recording>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => table::table
        .filter(table::tenant.eq(tenant).and(table::recording.eq(id.to_string())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The recordings of a call.
///
/// # Errors
/// When the statement fails.
pub fn of_call(tx: &mut Tx<'_>, call: CallId) -> Result<Vec<Recording>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => table::table
        .filter(table::tenant.eq(tenant).and(table::call.eq(call.to_string())))
        .order(table::started_at.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// Adds a recording.
///
/// # Errors
/// When the statement fails.
pub fn insert(tx: &mut Tx<'_>, new: &Recording) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::insert_into(table::table).values(Row::of(tenant, new)))?;
    Ok(())
}

/// Writes a changed recording.
///
/// # Errors
/// When the statement fails.
pub fn save(tx: &mut Tx<'_>, changed: &Recording) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, changed);
    put!(
        conn,
        diesel::update(
            table::table.filter(table::tenant.eq(tenant).and(table::recording.eq(changed.recording.to_string())))
        )
        .set(&row)
    )?;
    Ok(())
}

/// Recordings of all tenants that nobody has closed, begun before then.
///
/// # Errors
/// When the statement fails.
pub fn open(conn: &mut Conn, before: Millis, limit: i64) -> Result<Vec<(TenantId, RecordingId)>, Error> {
    let rows: Vec<(String, String)> = on!(conn, c => table::table
        .filter(table::ended_at.is_null().and(table::started_at.lt(before.0)))
        .order(table::started_at.asc())
        .limit(limit)
        .select((table::tenant, table::recording))
        .load(c))?;
    rows.into_iter().map(|(tenant, id)| Ok((read("tenant", &tenant)?, read("recording", &id)?))).collect()
}
