//! Declarations of tenants, and what they say about agents. The body is sealed by the caller and not read here.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{agent, agent_queue, tenant};
use super::{Conn, Error, Tx};
use crate::model::id::{AgentId, QueueId, TenantId};
use crate::model::time::Millis;

/// A declaration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The tenant.
    pub tenant: TenantId,
    /// The declaration, secrets sealed.
    pub body: String,
    /// 1 for the first declaration that was applied, then one more for each.
    pub version: i64,
    /// When it was applied.
    pub applied_at: Millis,
}

/// What a declaration says about one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredAgent {
    /// The name inside the tenant.
    pub id: AgentId,
    /// What is typed to sign in.
    pub login: String,
    /// What customers and colleagues see.
    pub name: String,
    /// Argon2id, PHC form.
    pub password_hash: String,
    /// The written form of the role.
    pub role: &'static str,
    /// Chats at the same time.
    pub capacity: i32,
    /// The queues that are answered.
    pub queues: Vec<QueueId>,
}

/// Puts a declaration in place of the one before and brings the agents in line with it: new ones are added, those
/// that are no longer declared may not sign in any more. What agents do right now (status, load) is left alone.
///
/// Returns the new version.
///
/// # Errors
/// When a statement fails.
pub fn apply(tx: &mut Tx<'_>, body: &str, agents: &[DeclaredAgent], now: Millis) -> Result<i64, Error> {
    let version = find(tx)?.map_or(0, |stored| stored.version).saturating_add(1);
    let (conn, id) = tx.parts();
    let values = (tenant::body.eq(body), tenant::version.eq(version), tenant::applied_at.eq(now.0));
    let changed = on!(conn, c => diesel::update(tenant::table.filter(tenant::id.eq(id))).set(values).execute(c))?;
    if changed == 0 {
        on!(conn, c => diesel::insert_into(tenant::table).values((tenant::id.eq(id), values)).execute(c))?;
    }
    free_logins(tx)?;
    for declared in agents {
        put_agent(tx, declared)?;
    }
    Ok(version)
}

/// Takes every agent out of service and gives the logins free, so that the declared ones can be put in any order.
/// A declared login has no space, so `" <id>"` never meets one.
fn free_logins(tx: &mut Tx<'_>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = on!(conn, c => agent::table.filter(agent::tenant.eq(tenant)).select(agent::id).load(c))?;
    for id in &ids {
        let freed = (agent::enabled.eq(false), agent::login.eq(format!(" {id}")));
        put!(conn, diesel::update(agent::table.filter(agent::tenant.eq(tenant).and(agent::id.eq(id)))).set(freed))?;
    }
    put!(conn, diesel::delete(agent_queue::table.filter(agent_queue::tenant.eq(tenant))))?;
    Ok(())
}

fn put_agent(tx: &mut Tx<'_>, declared: &DeclaredAgent) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let id = declared.id.as_str();
    let says = (
        agent::login.eq(&declared.login),
        agent::name.eq(&declared.name),
        agent::password_hash.eq(&declared.password_hash),
        agent::role.eq(declared.role),
        agent::enabled.eq(true),
        agent::capacity.eq(declared.capacity),
    );
    let changed = on!(conn, c => diesel::update(agent::table.filter(agent::tenant.eq(tenant).and(agent::id.eq(id))))
        .set(says)
        .execute(c))?;
    if changed == 0 {
        let idle = (
            agent::status.eq("offline"),
            agent::load.eq(0),
            agent::online.eq(false),
            agent::not_before.eq(0_i64),
            agent::misses.eq(0),
            agent::last_offer_at.eq(0_i64),
        );
        put!(conn, diesel::insert_into(agent::table).values((agent::tenant.eq(tenant), agent::id.eq(id), says, idle)))?;
    }
    for queue in &declared.queues {
        let row = (agent_queue::tenant.eq(tenant), agent_queue::agent.eq(id), agent_queue::queue.eq(queue.as_str()));
        put!(conn, diesel::insert_into(agent_queue::table).values(row).on_conflict_do_nothing())?;
    }
    Ok(())
}

type Row = (String, String, i64, i64);

fn parse((id, body, version, applied_at): Row) -> Result<Stored, Error> {
    let tenant = TenantId::parse(&id).map_err(|_source| Error::Damaged { what: "tenant", value: id })?;
    Ok(Stored { tenant, body, version, applied_at: Millis(applied_at) })
}

/// The tenant's declaration, if one was applied.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>) -> Result<Option<Stored>, Error> {
    let (conn, id) = tx.parts();
    let row: Option<Row> = on!(conn, c => tenant::table
        .filter(tenant::id.eq(id))
        .select((tenant::id, tenant::body, tenant::version, tenant::applied_at))
        .first(c)
        .optional())?;
    row.map(parse).transpose()
}

/// The declarations of all tenants, by name.
///
/// # Errors
/// When the statement fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Stored>, Error> {
    let rows: Vec<Row> = on!(conn, c => tenant::table
        .order(tenant::id.asc())
        .select((tenant::id, tenant::body, tenant::version, tenant::applied_at))
        .load(c))?;
    rows.into_iter().map(parse).collect()
}

/// The versions in force, by name: cheap enough to ask every few seconds.
///
/// # Errors
/// When the statement fails.
pub fn versions(conn: &mut Conn) -> Result<Vec<(TenantId, i64)>, Error> {
    let rows: Vec<(String, i64)> =
        on!(conn, c => tenant::table.order(tenant::id.asc()).select((tenant::id, tenant::version)).load(c))?;
    let parse = |(id, version): (String, i64)| match TenantId::parse(&id) {
        Ok(tenant) => Ok((tenant, version)),
        Err(_source) => Err(Error::Damaged { what: "tenant", value: id }),
    };
    rows.into_iter().map(parse).collect()
}

/// Replaces the body without changing what it says: the step of a key rotation. `false` when another declaration was
/// applied meanwhile.
///
/// # Errors
/// When the statement fails.
pub fn reseal(tx: &mut Tx<'_>, body: &str, version: i64) -> Result<bool, Error> {
    let (conn, id) = tx.parts();
    let same = tenant::id.eq(id).and(tenant::version.eq(version));
    let rows = on!(conn, c => diesel::update(tenant::table.filter(same)).set(tenant::body.eq(body)).execute(c))?;
    Ok(rows == 1)
}
