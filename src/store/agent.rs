//! Agents: who they are, what they chose, and how many places they have left. Knows no sockets.

use std::collections::HashMap;

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{agent, agent_queue};
use super::stored::{damaged, read};
use super::{Error, Tx};
use crate::config::{Bug, planted};
use crate::model::id::{AgentId, QueueId};
use crate::model::presence::{Presence, Status};
use crate::model::time::Millis;

/// One agent, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Identity.
    pub agent: AgentId,
    /// What they sign in with.
    pub login: String,
    /// What customers and colleagues read.
    pub name: String,
    /// `agent`, `supervisor` or `admin`.
    pub role: String,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Everything that decides whether they are offered work.
    pub presence: Presence,
    /// Why they are in that status, if a reason was given.
    pub reason: Option<String>,
    /// Offers in a row that they did not answer.
    pub misses: i32,
    /// When something was last offered.
    pub last_offer_at: Millis,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = agent)]
struct Row {
    id: String,
    login: String,
    name: String,
    role: String,
    enabled: bool,
    status: String,
    reason: Option<String>,
    capacity: i32,
    load: i32,
    online: bool,
    not_before: i64,
    misses: i32,
    last_offer_at: i64,
}

impl Row {
    fn parse(self) -> Result<Agent, Error> {
        Ok(Agent {
            agent: read("agent", &self.id)?,
            login: self.login,
            name: self.name,
            role: self.role,
            enabled: self.enabled,
            presence: Presence {
                status: Status::parse(&self.status).ok_or_else(|| damaged("status", &self.status))?,
                online: self.online,
                not_before: Millis(self.not_before),
                load: self.load,
                capacity: self.capacity,
            },
            reason: self.reason,
            misses: self.misses,
            last_offer_at: Millis(self.last_offer_at),
        })
    }
}

/// The row of one agent of one tenant.
macro_rules! one {
    ($tenant:expr, $agent:expr) => {
        agent::table.filter(agent::tenant.eq($tenant).and(agent::id.eq($agent.as_str())))
    };
}

/// The agent, if this tenant has them.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: &AgentId) -> Result<Option<Agent>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => one!(tenant, id).select(Row::as_select()).first(c).optional())?;
    row.map(Row::parse).transpose()
}

/// Every agent of the tenant who may sign in, by id.
///
/// # Errors
/// When the statement fails.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Agent>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => agent::table
        .filter(agent::tenant.eq(tenant).and(agent::enabled.eq(true)))
        .order(agent::id.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The names of these agents.
///
/// # Errors
/// When the statement fails.
pub fn names(tx: &mut Tx<'_>, ids: &[AgentId]) -> Result<HashMap<AgentId, String>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<&str> = ids.iter().map(AgentId::as_str).collect();
    let rows: Vec<(String, String)> = on!(conn, c => agent::table
        .filter(agent::tenant.eq(tenant).and(agent::id.eq_any(&ids)))
        .select((agent::id, agent::name))
        .load(c))?;
    rows.into_iter().map(|(id, name)| Ok((read("agent", &id)?, name))).collect()
}

/// The agents who serve a queue and may sign in.
///
/// # Errors
/// When the statement fails.
pub fn of_queue(tx: &mut Tx<'_>, queue: &QueueId) -> Result<Vec<Agent>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => agent::table
        .inner_join(agent_queue::table.on(agent_queue::tenant.eq(agent::tenant).and(agent_queue::agent.eq(agent::id))))
        .filter(agent::tenant.eq(tenant).and(agent::enabled.eq(true)).and(agent_queue::queue.eq(queue.as_str())))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The queues that an agent serves.
///
/// # Errors
/// When the statement fails.
pub fn queues_of(tx: &mut Tx<'_>, id: &AgentId) -> Result<Vec<QueueId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => agent_queue::table
        .filter(agent_queue::tenant.eq(tenant).and(agent_queue::agent.eq(id.as_str())))
        .order(agent_queue::queue.asc())
        .select(agent_queue::queue)
        .load(c))?;
    rows.iter().map(|queue| read("queue", queue)).collect()
}

/// Takes one of an agent's places if the agent can be offered work now. The check and the change are one statement,
/// so that two claims cannot take the same place.
///
/// # Errors
/// When the statement fails.
pub fn take_slot(tx: &mut Tx<'_>, id: &AgentId, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let taken = on!(conn, c => diesel::update(one!(tenant, id)
            .filter(agent::load.lt(agent::capacity)
                .and(agent::enabled.eq(true))
                .and(agent::online.eq(true))
                .and(agent::status.eq(Status::Ready.as_str()))
                .and(agent::not_before.le(now.0))))
        .set((agent::load.eq(agent::load + 1), agent::last_offer_at.eq(now.0)))
        .execute(c))?;
    Ok(taken == 1)
}

/// Takes one of an agent's places for a session that the agent picks: the capacity counts, the status does not.
///
/// # Errors
/// When the statement fails.
pub fn pick_slot(tx: &mut Tx<'_>, id: &AgentId, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let taken = on!(conn, c => diesel::update(one!(tenant, id)
            .filter(agent::load.lt(agent::capacity).and(agent::enabled.eq(true)).and(agent::online.eq(true))))
        .set((agent::load.eq(agent::load + 1), agent::last_offer_at.eq(now.0)))
        .execute(c))?;
    Ok(taken == 1)
}

/// Gives a place back.
///
/// # Errors
/// When the statement fails.
pub fn give_slot(tx: &mut Tx<'_>, id: &AgentId) -> Result<(), Error> {
    if planted(Bug::PlaceNotGivenBack) {
        return Ok(());
    }
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id).filter(agent::load.gt(0))).set(agent::load.eq(agent::load - 1)))?;
    Ok(())
}

/// Writes what the agent chose, or what a rule chose for them. Being ready again forgives what was missed.
///
/// # Errors
/// When the statement fails.
pub fn set_status(tx: &mut Tx<'_>, id: &AgentId, status: Status, reason: Option<&str>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let chosen = (agent::status.eq(status.as_str()), agent::reason.eq(reason));
    if status == Status::Ready {
        let forgiven = (agent::misses.eq(0), agent::not_before.eq(0_i64));
        put!(conn, diesel::update(one!(tenant, id)).set((chosen, forgiven)))?;
    } else {
        put!(conn, diesel::update(one!(tenant, id)).set(chosen))?;
    }
    Ok(())
}

/// Writes how many chats the agent takes at most. Nothing is taken away when it is less than the load.
///
/// # Errors
/// When the statement fails.
pub fn set_capacity(tx: &mut Tx<'_>, id: &AgentId, capacity: i32) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id)).set(agent::capacity.eq(capacity)))?;
    Ok(())
}

/// Notes whether the agent has an open socket; `true` when that changed.
///
/// # Errors
/// When the statement fails.
pub fn set_online(tx: &mut Tx<'_>, id: &AgentId, online: bool) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, id).filter(agent::online.ne(online)))
        .set(agent::online.eq(online))
        .execute(c))?;
    Ok(changed == 1)
}

/// Counts an offer that the agent did not answer.
///
/// # Errors
/// When the statement fails.
pub fn missed(tx: &mut Tx<'_>, id: &AgentId) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id)).set(agent::misses.eq(agent::misses + 1)))?;
    Ok(())
}

/// Forgets the offers that the agent did not answer.
///
/// # Errors
/// When the statement fails.
pub fn answered(tx: &mut Tx<'_>, id: &AgentId) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::update(one!(tenant, id).filter(agent::misses.ne(0))).set(agent::misses.eq(0)))?;
    Ok(())
}
