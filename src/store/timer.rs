//! Durable timers: what is due when. Whoever deletes the row owns the firing; what it means is the core's business.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::timer;
use super::stored::read;
use super::{Conn, Error, Tx};
use crate::model::id::TenantId;
use crate::model::time::Millis;

/// A timer that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The tenant.
    pub tenant: TenantId,
    /// What it is for.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Tells a timer from the one that replaced it.
    pub version: i64,
}

/// The row of one timer.
macro_rules! one {
    ($tenant:expr, $kind:expr, $subject:expr) => {
        timer::table.filter(timer::tenant.eq($tenant).and(timer::kind.eq($kind)).and(timer::subject.eq($subject)))
    };
}

/// Sets a timer, or moves it: there is one of each kind for a subject.
///
/// # Errors
/// When the statement fails.
pub fn set(tx: &mut Tx<'_>, kind: &str, subject: &str, due: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(timer::table)
            .values((
                timer::tenant.eq(tenant),
                timer::kind.eq(kind),
                timer::subject.eq(subject),
                timer::due.eq(due.0),
                timer::version.eq(1_i64),
            ))
            .on_conflict((timer::tenant, timer::kind, timer::subject))
            .do_update()
            .set((timer::due.eq(due.0), timer::version.eq(timer::version + 1)))
    )?;
    Ok(())
}

/// Removes timers of one subject.
///
/// # Errors
/// When the statement fails.
pub fn cancel(tx: &mut Tx<'_>, kinds: &[&str], subject: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    // One by one, each by its whole key: a plan for a list may read all timers of the tenant while the server has not
    // counted them yet.
    for kind in kinds {
        put!(conn, diesel::delete(one!(tenant, *kind, subject)))?;
    }
    Ok(())
}

/// When the next timer of all tenants is due.
///
/// # Errors
/// When the statement fails.
pub fn next(conn: &mut Conn) -> Result<Option<Millis>, Error> {
    let due: Option<i64> = on!(conn, c => timer::table.order(timer::due.asc()).select(timer::due).first(c).optional())?;
    Ok(due.map(Millis))
}

/// At most `limit` timers of all tenants that are due, earliest first.
///
/// # Errors
/// When the statement fails.
pub fn due(conn: &mut Conn, now: Millis, limit: i64) -> Result<Vec<Due>, Error> {
    let rows: Vec<(String, String, String, i64)> = on!(conn, c => timer::table
        .filter(timer::due.le(now.0))
        .order(timer::due.asc())
        .limit(limit)
        .select((timer::tenant, timer::kind, timer::subject, timer::version))
        .load(c))?;
    rows.into_iter()
        .map(|(tenant, kind, subject, version)| Ok(Due { tenant: read("tenant", &tenant)?, kind, subject, version }))
        .collect()
}

/// Takes a due timer for oneself by deleting it; `false` when another was faster or it was moved.
///
/// # Errors
/// When the statement fails.
pub fn claim(tx: &mut Tx<'_>, due: &Due, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let deleted = on!(conn, c => diesel::delete(one!(tenant, &due.kind, &due.subject)
            .filter(timer::version.eq(due.version).and(timer::due.le(now.0))))
        .execute(c))?;
    Ok(deleted == 1)
}

/// Moves a timer whose work failed, unless it was moved already.
///
/// # Errors
/// When the statement fails.
pub fn postpone(tx: &mut Tx<'_>, due: &Due, to: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(one!(tenant, &due.kind, &due.subject).filter(timer::version.eq(due.version)))
            .set(timer::due.eq(to.0))
    )?;
    Ok(())
}
