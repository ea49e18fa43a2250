//! Sign-ins of agents: one row per browser, found by the hash of its token.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{agent, login};
use super::{Conn, Error, Tx};
use crate::model::id::AgentId;
use crate::model::time::Millis;

/// What signing in needs to know of a person.
#[derive(Debug, Clone, Queryable)]
pub struct Person {
    /// The person's name in keys.
    pub id: String,
    /// The name that others see.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// `agent`, `supervisor` or `admin`.
    pub role: String,
    /// Whether the person may sign in.
    pub enabled: bool,
}

/// A sign-in with the person it belongs to.
#[derive(Debug, Clone, Queryable)]
pub struct SignedIn {
    /// The person's name in keys.
    pub agent: String,
    /// The name that others see.
    pub name: String,
    /// `agent`, `supervisor` or `admin`.
    pub role: String,
    /// Whether the person may still be signed in.
    pub enabled: bool,
    /// The token that writes by cookie have to show.
    pub csrf: String,
    /// When it began.
    pub created_at: i64,
    /// When it was last used.
    pub seen_at: i64,
}

/// The person with this login name.
///
/// # Errors
/// When the statement fails.
pub fn person(tx: &mut Tx<'_>, name: &str) -> Result<Option<Person>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => agent::table
        .filter(agent::tenant.eq(tenant).and(agent::login.eq(name)))
        .select((agent::id, agent::name, agent::password_hash, agent::role, agent::enabled))
        .first(c)
        .optional())?)
}

/// Adds a sign-in and takes away the oldest of the same person beyond `most`.
///
/// # Errors
/// When a statement fails.
pub fn add(tx: &mut Tx<'_>, hash: &str, person: &AgentId, csrf: &str, now: Millis, most: i64) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(login::table).values((
            login::tenant.eq(tenant),
            login::token_hash.eq(hash),
            login::agent.eq(person.as_str()),
            login::csrf.eq(csrf),
            login::created_at.eq(now.0),
            login::seen_at.eq(now.0),
        ))
    )?;
    let hashes: Vec<String> = on!(conn, c => login::table
        .filter(login::tenant.eq(tenant).and(login::agent.eq(person.as_str())))
        .order((login::created_at.desc(), login::token_hash.ne(hash), login::token_hash))
        .offset(most)
        .limit(1_000)
        .select(login::token_hash)
        .load(c))?;
    if !hashes.is_empty() {
        put!(
            conn,
            diesel::delete(login::table.filter(login::tenant.eq(tenant).and(login::token_hash.eq_any(&hashes))))
        )?;
    }
    Ok(())
}

/// The sign-in with this token hash.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, hash: &str) -> Result<Option<SignedIn>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => login::table
        .inner_join(agent::table.on(agent::tenant.eq(login::tenant).and(agent::id.eq(login::agent))))
        .filter(login::tenant.eq(tenant).and(login::token_hash.eq(hash)))
        .select((
            login::agent, agent::name, agent::role, agent::enabled, login::csrf, login::created_at, login::seen_at,
        ))
        .first(c)
        .optional())?)
}

/// Notes that a sign-in was used.
///
/// # Errors
/// When the statement fails.
pub fn touch(tx: &mut Tx<'_>, hash: &str, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(login::table.filter(login::tenant.eq(tenant).and(login::token_hash.eq(hash))))
            .set(login::seen_at.eq(now.0))
    )?;
    Ok(())
}

/// Ends a sign-in.
///
/// # Errors
/// When the statement fails.
pub fn remove(tx: &mut Tx<'_>, hash: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::delete(login::table.filter(login::tenant.eq(tenant).and(login::token_hash.eq(hash)))))?;
    Ok(())
}

/// Takes away every tenant's sign-ins that began before `oldest` or were last used before `idle`.
///
/// # Errors
/// When the statement fails.
pub fn sweep(conn: &mut Conn, oldest: Millis, idle: Millis) -> Result<usize, Error> {
    Ok(on!(conn, c => diesel::delete(login::table.filter(login::created_at.lt(oldest.0).or(login::seen_at.lt(idle.0))))
        .execute(c))?)
}
