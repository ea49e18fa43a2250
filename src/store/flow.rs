//! Multi-step forms: their versions, their runs, and what they wait for from other systems.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{flow, flow_call, flow_run};
use super::stored::read;
use super::{Conn, Error, Tx};
use crate::model::id::{ConversationId, FlowId, SessionId, TenantId};
use crate::model::time::Millis;

/// One version of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The form.
    pub flow: FlowId,
    /// From 1.
    pub version: i64,
    /// Its YAML.
    pub body: String,
    /// Whether it is started.
    pub enabled: bool,
    /// When it was stored.
    pub created_at: Millis,
}

/// A run, as stored. What is in `body` is the engine's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The session.
    pub session: SessionId,
    /// `flow` or `survey`.
    pub purpose: String,
    /// The conversation.
    pub conv: ConversationId,
    /// The engine's state, as JSON.
    pub body: String,
    /// Raised with every step.
    pub version: i64,
}

/// Something that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id: other systems may be asked twice under it.
    pub call: String,
    /// The session of the run.
    pub session: SessionId,
    /// The purpose of the run.
    pub purpose: String,
    /// The step of the run that waits.
    pub version: i64,
    /// Service, operation and arguments, as JSON.
    pub body: String,
    /// The answer is of no use after that.
    pub deadline: Millis,
}

/// All forms of the tenant in all their versions.
///
/// # Errors
/// When the statement fails.
pub fn versions(tx: &mut Tx<'_>) -> Result<Vec<Version>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(String, i64, String, bool, i64)> = on!(conn, c => flow::table
        .filter(flow::tenant.eq(tenant))
        .order((flow::id.asc(), flow::version.asc()))
        .select((flow::id, flow::version, flow::body, flow::enabled, flow::created_at))
        .load(c))?;
    let parse = |(id, version, body, enabled, at): (String, i64, String, bool, i64)| {
        Ok(Version { flow: read("flow", &id)?, version, body, enabled, created_at: Millis(at) })
    };
    rows.into_iter().map(parse).collect()
}

/// Adds a version of a form; the earlier ones stay for the runs that began with them. `false` when that version is there
/// already.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, id: &FlowId, version: i64, body: &str, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let added = on!(conn, c => diesel::insert_into(flow::table)
        .values((
            flow::tenant.eq(tenant),
            flow::id.eq(id.as_str()),
            flow::version.eq(version),
            flow::body.eq(body),
            flow::enabled.eq(true),
            flow::created_at.eq(now.0),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added == 1)
}

/// The names of all forms of the tenant.
///
/// # Errors
/// When the statement fails.
pub fn names(tx: &mut Tx<'_>) -> Result<Vec<FlowId>, Error> {
    let (conn, tenant) = tx.parts();
    let names: Vec<String> =
        on!(conn, c => flow::table.filter(flow::tenant.eq(tenant)).select(flow::id).distinct().load(c))?;
    names.iter().map(|name| read("flow", name)).collect()
}

/// Whether a form is started from now on; runs go on. `false` when there is no such form.
///
/// # Errors
/// When the statement fails.
pub fn enable(tx: &mut Tx<'_>, id: &FlowId, enabled: bool) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(flow::table
            .filter(flow::tenant.eq(tenant).and(flow::id.eq(id.as_str()))))
        .set(flow::enabled.eq(enabled))
        .execute(c))?;
    Ok(changed > 0)
}

fn parse(row: (String, String, String, String, i64)) -> Result<Run, Error> {
    let (session, purpose, conv, body, version) = row;
    Ok(Run { session: read("session", &session)?, purpose, conv: read("conversation", &conv)?, body, version })
}

/// The run of a session for a purpose.
///
/// # Errors
/// When the statement fails.
pub fn run(tx: &mut Tx<'_>, session: SessionId, purpose: &str) -> Result<Option<Run>, Error> {
    let (conn, tenant) = tx.parts();
    let row = on!(conn, c => flow_run::table
        .filter(flow_run::tenant.eq(tenant)
            .and(flow_run::session.eq(session.to_string()))
            .and(flow_run::purpose.eq(purpose)))
        .select((flow_run::session, flow_run::purpose, flow_run::conv, flow_run::body, flow_run::version))
        .first(c)
        .optional())?;
    row.map(parse).transpose()
}

/// The newest run in a conversation for a purpose.
///
/// # Errors
/// When the statement fails.
pub fn run_in(tx: &mut Tx<'_>, conv: ConversationId, purpose: &str) -> Result<Option<Run>, Error> {
    let (conn, tenant) = tx.parts();
    let row = on!(conn, c => flow_run::table
        .filter(flow_run::tenant.eq(tenant)
            .and(flow_run::conv.eq(conv.to_string()))
            .and(flow_run::purpose.eq(purpose)))
        .order(flow_run::session.desc())
        .select((flow_run::session, flow_run::purpose, flow_run::conv, flow_run::body, flow_run::version))
        .first(c)
        .optional())?;
    row.map(parse).transpose()
}

/// Begins a run, in place of an earlier one of the same purpose.
///
/// # Errors
/// When the statement fails.
pub fn begin(tx: &mut Tx<'_>, run: &Run) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let values =
        (flow_run::conv.eq(run.conv.to_string()), flow_run::body.eq(&run.body), flow_run::version.eq(run.version));
    put!(
        conn,
        diesel::insert_into(flow_run::table)
            .values((
                flow_run::tenant.eq(tenant),
                flow_run::session.eq(run.session.to_string()),
                flow_run::purpose.eq(&run.purpose),
                values.clone(),
            ))
            .on_conflict((flow_run::tenant, flow_run::session, flow_run::purpose))
            .do_update()
            .set(values)
    )?;
    Ok(())
}

/// Moves a run from the step that was read to the next; `false` when somebody was faster.
///
/// # Errors
/// When the statement fails.
pub fn advance(tx: &mut Tx<'_>, read: &Run, body: &str, version: i64) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let moved = on!(conn, c => diesel::update(flow_run::table
            .filter(flow_run::tenant.eq(tenant)
                .and(flow_run::session.eq(read.session.to_string()))
                .and(flow_run::purpose.eq(&read.purpose))
                .and(flow_run::version.eq(read.version))))
        .set((flow_run::body.eq(body), flow_run::version.eq(version)))
        .execute(c))?;
    Ok(moved == 1)
}

/// Ends a run, and what it waits for. `false` when it is over already, or went on since it was read.
///
/// # Errors
/// When a statement fails.
pub fn end(tx: &mut Tx<'_>, read: &Run) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::delete(
            flow_call::table.filter(
                flow_call::tenant
                    .eq(tenant)
                    .and(flow_call::session.eq(read.session.to_string()))
                    .and(flow_call::purpose.eq(&read.purpose))
            )
        )
    )?;
    let ended = on!(conn, c => diesel::delete(flow_run::table
            .filter(flow_run::tenant.eq(tenant)
                .and(flow_run::session.eq(read.session.to_string()))
                .and(flow_run::purpose.eq(&read.purpose))
                .and(flow_run::version.eq(read.version))))
        .execute(c))?;
    Ok(ended == 1)
}

/// Notes what a run waits for; whoever looks after `next_at` asks.
///
/// # Errors
/// When the statement fails.
pub fn ask(tx: &mut Tx<'_>, call: &Call, next_at: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(flow_call::table).values((
            flow_call::tenant.eq(tenant),
            flow_call::call.eq(&call.call),
            flow_call::session.eq(call.session.to_string()),
            flow_call::purpose.eq(&call.purpose),
            flow_call::version.eq(call.version),
            flow_call::body.eq(&call.body),
            flow_call::next_at.eq(next_at.0),
            flow_call::tries.eq(0),
            flow_call::deadline.eq(call.deadline.0),
        ))
    )?;
    Ok(())
}

/// Calls of all tenants but `without` that nobody makes.
///
/// # Errors
/// When the statement fails.
pub fn due(conn: &mut Conn, now: Millis, limit: i64, without: &[TenantId]) -> Result<Vec<(TenantId, String)>, Error> {
    let without: Vec<&str> = without.iter().map(TenantId::as_str).collect();
    let rows: Vec<(String, String)> = on!(conn, c => flow_call::table
        .filter(flow_call::next_at.le(now.0).and(flow_call::tenant.ne_all(&without)))
        .order(flow_call::next_at.asc())
        .limit(limit)
        .select((flow_call::tenant, flow_call::call))
        .load(c))?;
    rows.into_iter().map(|(tenant, call)| Ok((read("tenant", &tenant)?, call))).collect()
}

/// Takes a call that nobody makes; from now on the caller does, until `until`.
///
/// # Errors
/// When a statement fails.
pub fn claim(tx: &mut Tx<'_>, id: &str, now: Millis, until: Millis) -> Result<Option<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let taken = on!(conn, c => diesel::update(flow_call::table
            .filter(flow_call::tenant.eq(tenant).and(flow_call::call.eq(id)).and(flow_call::next_at.le(now.0))))
        .set((flow_call::next_at.eq(until.0), flow_call::tries.eq(flow_call::tries + 1)))
        .execute(c))?;
    if taken == 0 {
        return Ok(None);
    }
    let row: Option<(String, String, i64, String, i64)> = on!(conn, c => flow_call::table
        .filter(flow_call::tenant.eq(tenant).and(flow_call::call.eq(id)))
        .select((flow_call::session, flow_call::purpose, flow_call::version, flow_call::body, flow_call::deadline))
        .first(c)
        .optional())?;
    let parse = |(session, purpose, version, body, deadline): (String, String, i64, String, i64)| {
        let (call, session) = (id.to_owned(), read("session", &session)?);
        Ok(Call { call, session, purpose, version, body, deadline: Millis(deadline) })
    };
    row.map(parse).transpose()
}

/// Lets a call go that was claimed until then and not made: whoever looks next makes it.
///
/// # Errors
/// When the statement fails.
pub fn give_back(tx: &mut Tx<'_>, id: &str, until: Millis, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let mine = flow_call::tenant.eq(tenant).and(flow_call::call.eq(id)).and(flow_call::next_at.eq(until.0));
    put!(conn, diesel::update(flow_call::table.filter(mine)).set(flow_call::next_at.eq(now.0)))?;
    Ok(())
}

/// A call is over; `false` when it was already.
///
/// # Errors
/// When the statement fails.
pub fn answered(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let gone = on!(conn, c => diesel::delete(flow_call::table
            .filter(flow_call::tenant.eq(tenant).and(flow_call::call.eq(id))))
        .execute(c))?;
    Ok(gone == 1)
}
