//! Questions that no answer was found for, counted by their normalised wording.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::unknown_question;
use super::{Error, Tx};
use crate::model::time::Millis;

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Unknown {
    /// Its normalised wording.
    pub query: String,
    /// As it was said last.
    pub sample: String,
    /// How often.
    pub times: i64,
    /// `open`, `done`, `ignored`.
    pub state: String,
    /// When last, milliseconds since the epoch.
    pub last_at: i64,
}

/// Counts a question.
///
/// # Errors
/// When the statement fails.
pub fn count(tx: &mut Tx<'_>, query: &str, sample: &str, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(unknown_question::table)
            .values((
                unknown_question::tenant.eq(tenant),
                unknown_question::query.eq(query),
                unknown_question::sample.eq(sample),
                unknown_question::times.eq(1_i64),
                unknown_question::state.eq("open"),
                unknown_question::last_at.eq(now.0),
            ))
            .on_conflict((unknown_question::tenant, unknown_question::query))
            .do_update()
            .set((
                unknown_question::sample.eq(sample),
                unknown_question::times.eq(unknown_question::times + 1),
                unknown_question::last_at.eq(now.0),
            ))
    )?;
    Ok(())
}

/// At most `limit` questions of a state after a place (times, last, wording), the most frequent first.
///
/// # Errors
/// When the statement fails.
pub fn page(tx: &mut Tx<'_>, state: &str, after: Option<(i64, i64, &str)>, limit: i64) -> Result<Vec<Unknown>, Error> {
    let (conn, tenant) = tx.parts();
    let (times, last_at, query) = after.unwrap_or((i64::MAX, i64::MAX, ""));
    let later = unknown_question::last_at
        .lt(last_at)
        .or(unknown_question::last_at.eq(last_at).and(unknown_question::query.gt(query)));
    let further = unknown_question::times.lt(times).or(unknown_question::times.eq(times).and(later));
    Ok(on!(conn, c => unknown_question::table
        .filter(unknown_question::tenant.eq(tenant).and(unknown_question::state.eq(state)).and(further))
        .order((
            unknown_question::times.desc(),
            unknown_question::last_at.desc(),
            unknown_question::query.asc(),
        ))
        .limit(limit)
        .select((
            unknown_question::query,
            unknown_question::sample,
            unknown_question::times,
            unknown_question::state,
            unknown_question::last_at,
        ))
        .load(c))?)
}

/// Marks a question as dealt with; `false` when there is none of that wording.
///
/// # Errors
/// When the statement fails.
pub fn set_state(tx: &mut Tx<'_>, query: &str, state: &str) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(unknown_question::table
            .filter(unknown_question::tenant.eq(tenant).and(unknown_question::query.eq(query))))
        .set(unknown_question::state.eq(state))
        .execute(c))?;
    Ok(changed == 1)
}
