//! Assignments: one agent's share of a session. Knows rows and conditional changes, not what they mean to people.
//!
//! The unique partial indexes are the last word: at most one active and one offered assignment per session.

mod claim;
#[cfg(test)]
mod tests;

use diesel::prelude::*;

pub use claim::{Terms, claim, claim_by, claim_fit, claim_for};

use super::conn::{on, put};
use super::schema::assignment;
use super::stored::{damaged, read, read_option};
use super::{Error, Tx};
use crate::model::assignment::{Move, State};
use crate::model::id::{AgentId, AssignmentId, ConversationId, QueueId, SessionId};
use crate::model::time::Millis;

/// One agent's share of a session, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Identity.
    pub assignment: AssignmentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The agent.
    pub agent: AgentId,
    /// Where it stands.
    pub state: State,
    /// The queue that it came from.
    pub queue: Option<QueueId>,
    /// The proof that it was offered to this agent.
    pub token: String,
    /// When it was offered.
    pub offered_at: Millis,
    /// When the offer, or the wrap-up, ends.
    pub deadline: Millis,
    /// When the agent took it.
    pub accepted_at: Option<Millis>,
    /// When it was over.
    pub ended_at: Option<Millis>,
    /// Why it was over.
    pub reason: Option<String>,
    /// How it ended, in the tenant's own words.
    pub disposition: Option<String>,
    /// Who passed the session on.
    pub transfer_from: Option<AgentId>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = assignment)]
struct Row {
    tenant: String,
    id: String,
    session: String,
    conv: String,
    agent: String,
    state: String,
    queue: Option<String>,
    token: String,
    offered_at: i64,
    deadline: i64,
    accepted_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
    disposition: Option<String>,
    transfer_from: Option<String>,
}

impl Row {
    fn of(tenant: &str, from: &Assignment) -> Self {
        Self {
            tenant: tenant.to_owned(),
            id: from.assignment.to_string(),
            session: from.session.to_string(),
            conv: from.conv.to_string(),
            agent: from.agent.to_string(),
            state: from.state.as_str().to_owned(),
            queue: from.queue.as_ref().map(ToString::to_string),
            token: from.token.clone(),
            offered_at: from.offered_at.0,
            deadline: from.deadline.0,
            accepted_at: from.accepted_at.map(|at| at.0),
            ended_at: from.ended_at.map(|at| at.0),
            reason: from.reason.clone(),
            disposition: from.disposition.clone(),
            transfer_from: from.transfer_from.as_ref().map(ToString::to_string),
        }
    }

    fn parse(self) -> Result<Assignment, Error> {
        Ok(Assignment {
            assignment: read("assignment", &self.id)?,
            session: read("session", &self.session)?,
            conv: read("conversation", &self.conv)?,
            agent: read("agent", &self.agent)?,
            state: State::parse(&self.state).ok_or_else(|| damaged("assignment state", &self.state))?,
            queue: read_option("queue", self.queue.as_deref())?,
            token: self.token,
            offered_at: Millis(self.offered_at),
            deadline: Millis(self.deadline),
            accepted_at: self.accepted_at.map(Millis),
            ended_at: self.ended_at.map(Millis),
            reason: self.reason,
            disposition: self.disposition,
            transfer_from: read_option("agent", self.transfer_from.as_deref())?,
        })
    }
}

/// The row of one assignment of one tenant.
macro_rules! one {
    ($tenant:expr, $id:expr) => {
        assignment::table.filter(assignment::tenant.eq($tenant).and(assignment::id.eq($id.to_string())))
    };
}

/// The assignment, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: AssignmentId) -> Result<Option<Assignment>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => one!(tenant, id).select(Row::as_select()).first(c).optional())?;
    row.map(Row::parse).transpose()
}

/// Adds an assignment.
///
/// # Errors
/// A duplicate when the session has one in the same live state ([`Error::is_duplicate`]).
pub fn insert(tx: &mut Tx<'_>, new: &Assignment) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, new);
    on!(conn, c => diesel::insert_into(assignment::table).values(&row).execute(c))?;
    Ok(())
}

/// Takes an offer for the agent who shows its token in time; `false` when it no longer stands.
///
/// # Errors
/// When the statement fails.
pub fn accept(tx: &mut Tx<'_>, id: AssignmentId, agent: &AgentId, token: &str, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, id).filter(assignment::state.eq("offered")
            .and(assignment::agent.eq(agent.as_str()))
            .and(assignment::token.eq(token))
            .and(assignment::deadline.gt(now.0))))
        .set((assignment::state.eq("active"), assignment::accepted_at.eq(now.0)))
        .execute(c))?;
    Ok(changed == 1)
}

/// Takes a step from the state in which the assignment was read; `false` when it is no longer in it, or the step is
/// not possible from there.
///
/// # Errors
/// When the statement fails.
pub fn step(tx: &mut Tx<'_>, from: &Assignment, step: Move, reason: Option<&str>, now: Millis) -> Result<bool, Error> {
    let Some(next) = from.state.after(step) else { return Ok(false) };
    let (conn, tenant) = tx.parts();
    let ended = (!next.holds_slot() && from.ended_at.is_none()).then_some(now.0).or(from.ended_at.map(|at| at.0));
    let reason = reason.or(from.reason.as_deref());
    let changed = on!(conn, c => diesel::update(one!(tenant, from.assignment)
            .filter(assignment::state.eq(from.state.as_str())))
        .set((
            assignment::state.eq(next.as_str()),
            assignment::ended_at.eq(ended),
            assignment::reason.eq(reason),
        ))
        .execute(c))?;
    Ok(changed == 1)
}

/// Writes when the wrap-up ends.
///
/// # Errors
/// When the statement fails.
pub fn set_deadline(tx: &mut Tx<'_>, id: AssignmentId, deadline: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id)).set(assignment::deadline.eq(deadline.0)))?;
    Ok(())
}

/// Writes how it ended, in the tenant's own words.
///
/// # Errors
/// When the statement fails.
pub fn set_disposition(tx: &mut Tx<'_>, id: AssignmentId, disposition: Option<&str>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id)).set(assignment::disposition.eq(disposition)))?;
    Ok(())
}

/// The assignments of these sessions that are offered, active or in wrap-up.
///
/// # Errors
/// When the statement fails.
pub fn of_sessions(tx: &mut Tx<'_>, sessions: &[SessionId]) -> Result<Vec<Assignment>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = sessions.iter().map(ToString::to_string).collect();
    let rows: Vec<Row> = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::session.eq_any(&ids))
            .and(assignment::state.eq_any(["offered", "active", "wrapup"])))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// An agent's assignments that are offered, active or in wrap-up, oldest first.
///
/// # Errors
/// When the statement fails.
pub fn of_agent(tx: &mut Tx<'_>, agent: &AgentId) -> Result<Vec<Assignment>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::agent.eq(agent.as_str()))
            .and(assignment::state.eq_any(["offered", "active", "wrapup"])))
        .order(assignment::id.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The agents who answer in a conversation now.
///
/// # Errors
/// When the statement fails.
pub fn holders(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Vec<AgentId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::conv.eq(conv.to_string()))
            .and(assignment::state.eq("active")))
        .select(assignment::agent)
        .distinct()
        .load(c))?;
    rows.iter().map(|agent| read("agent", agent)).collect()
}

/// Whether an agent has ever answered in a conversation.
///
/// # Errors
/// When the statement fails.
pub fn ever_held(tx: &mut Tx<'_>, agent: &AgentId, conv: ConversationId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let found: i64 = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::conv.eq(conv.to_string()))
            .and(assignment::agent.eq(agent.as_str()))
            .and(assignment::accepted_at.is_not_null()))
        .count()
        .get_result(c))?;
    Ok(found > 0)
}
