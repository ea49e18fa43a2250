//! The trail of what was refused and of what supervisors did. Rows are added and, once old, cleared away.

use diesel::prelude::*;

use super::conn::{on, put};
use super::fixed::Forget;
use super::schema::audit;
use super::{Conn, Error, Tx};
use crate::model::time::Millis;

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Millis,
    /// Who: `agent:<id>` or `contact:<id>`.
    pub actor: String,
    /// What they asked for: the request's `op`.
    pub action: String,
    /// The conversation, session or assignment that it was about.
    pub subject: Option<String>,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
}

/// Adds a line under an id that grows with time.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, id: &str, entry: &Entry) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(audit::table).values((
            audit::tenant.eq(tenant),
            audit::id.eq(id),
            audit::at.eq(entry.at.0),
            audit::actor.eq(&entry.actor),
            audit::action.eq(&entry.action),
            audit::subject.eq(entry.subject.as_deref()),
            audit::outcome.eq(&entry.outcome),
        ))
    )?;
    Ok(())
}

/// At most `limit` of the newest lines, newest first.
///
/// # Errors
/// When the statement fails.
pub fn latest(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(i64, String, String, Option<String>, String)> = on!(conn, c => audit::table
        .filter(audit::tenant.eq(tenant))
        .order(audit::id.desc())
        .limit(limit)
        .select((audit::at, audit::actor, audit::action, audit::subject, audit::outcome))
        .load(c))?;
    let entry = |(at, actor, action, subject, outcome)| Entry { at: Millis(at), actor, action, subject, outcome };
    Ok(rows.into_iter().map(entry).collect())
}

/// Clears away lines from before `before`, of all tenants: about `limit` of them, oldest first, so that nobody waits for
/// it. Returns how many went.
///
/// # Errors
/// When the statement fails.
pub fn forget(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize, Error> {
    Ok(on!(conn, c => Forget { table: "audit", at: "at", before, limit }.execute(c))?)
}
