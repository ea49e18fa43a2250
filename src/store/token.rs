//! Access tokens of accounts on platforms that are called: one for all nodes. Sealed by the caller; who may fetch one,
//! and when, is the channel's business.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::access_token;
use super::{Error, Tx};
use crate::model::id::AccountId;
use crate::model::time::Millis;

/// What is kept of an account's token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The token, sealed; `None` before the first.
    pub token: Option<String>,
    /// When it should be replaced.
    pub due: Millis,
    /// When it is no longer good.
    pub expires: Millis,
    /// When one that the platform refused was last replaced.
    pub replaced_at: Millis,
    /// Who fetches one.
    pub holder: String,
    /// As long as nobody else may.
    pub until: Millis,
    /// How often a new one was forced since `forced_since`.
    pub forced: i32,
    /// The start of the day that is counted.
    pub forced_since: Millis,
}

type Row = (Option<String>, i64, i64, i64, String, i64, i32, i64);

/// What is kept for an account under its id on the platform, if anything is.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, app: &str) -> Result<Option<Kept>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => access_token::table
        .filter(access_token::tenant.eq(tenant)
            .and(access_token::account.eq(account.as_str()))
            .and(access_token::app.eq(app)))
        .select((
            access_token::token,
            access_token::due,
            access_token::expires,
            access_token::replaced_at,
            access_token::holder,
            access_token::until,
            access_token::forced,
            access_token::forced_since,
        ))
        .first(c)
        .optional())?;
    Ok(row.map(|(token, due, expires, replaced_at, holder, until, forced, forced_since)| Kept {
        token,
        due: Millis(due),
        expires: Millis(expires),
        replaced_at: Millis(replaced_at),
        holder,
        until: Millis(until),
        forced,
        forced_since: Millis(forced_since),
    }))
}

/// Keeps it.
///
/// # Errors
/// When the statement fails.
pub fn save(tx: &mut Tx<'_>, account: &AccountId, app: &str, kept: &Kept) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let values = (
        access_token::token.eq(kept.token.as_deref()),
        access_token::due.eq(kept.due.0),
        access_token::expires.eq(kept.expires.0),
        access_token::replaced_at.eq(kept.replaced_at.0),
        access_token::holder.eq(&kept.holder),
        access_token::until.eq(kept.until.0),
        access_token::forced.eq(kept.forced),
        access_token::forced_since.eq(kept.forced_since.0),
    );
    put!(
        conn,
        diesel::insert_into(access_token::table)
            .values((
                access_token::tenant.eq(tenant),
                access_token::account.eq(account.as_str()),
                access_token::app.eq(app),
                values,
            ))
            .on_conflict((access_token::tenant, access_token::account, access_token::app))
            .do_update()
            .set(values)
    )?;
    Ok(())
}
