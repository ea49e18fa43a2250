//! What customers thought of sessions: one rating for each, the last one counts.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::rating;
use super::{Error, Tx};
use crate::model::id::SessionId;
use crate::model::time::Millis;

/// Keeps a rating.
///
/// # Errors
/// When the statement fails.
pub fn keep(tx: &mut Tx<'_>, session: SessionId, score: i32, words: Option<&str>, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let values = (rating::score.eq(score), rating::words.eq(words), rating::at.eq(now.0));
    put!(
        conn,
        diesel::insert_into(rating::table)
            .values((rating::tenant.eq(tenant), rating::session.eq(session.to_string()), values))
            .on_conflict((rating::tenant, rating::session))
            .do_update()
            .set(values)
    )?;
    Ok(())
}

/// The score of a session, if it was rated.
///
/// # Errors
/// When the statement fails.
pub fn score(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<i32>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => rating::table
        .filter(rating::tenant.eq(tenant).and(rating::session.eq(session.to_string())))
        .select(rating::score)
        .first(c)
        .optional())?)
}
