//! What channels delivered. The primary key makes a repeated delivery harmless, on any node, for a day and more.

use diesel::prelude::*;

use super::conn::{on, put};
use super::fixed::Forget;
use super::schema::{inbox, quarantine};
use super::{Conn, Error, Tx};
use crate::config::{Bug, planted};
use crate::model::id::AccountId;
use crate::model::inbound::Answer;
use crate::model::time::Millis;

/// Notes a delivery; `false` when it was noted before.
///
/// # Errors
/// When the statement fails.
pub fn note(tx: &mut Tx<'_>, account: &AccountId, dedupe: &str, now: Millis) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let rows = on!(conn, c => diesel::insert_into(inbox::table)
        .values((
            inbox::tenant.eq(tenant),
            inbox::account.eq(account.as_str()),
            inbox::dedupe.eq(dedupe),
            inbox::answer.eq("\"accepted\""),
            inbox::at.eq(now.0),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(rows == 1 || planted(Bug::DedupeForgotten))
}

/// Keeps what the delivery was answered, for the channel's next try.
///
/// # Errors
/// When the statement fails.
pub fn answered(tx: &mut Tx<'_>, account: &AccountId, dedupe: &str, answer: &Answer) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let text = serde_json::to_string(answer)
        .map_err(|_source| Error::Damaged { what: "answer", value: "unwritable".into() })?;
    put!(
        conn,
        diesel::update(
            inbox::table.filter(
                inbox::tenant.eq(tenant).and(inbox::account.eq(account.as_str())).and(inbox::dedupe.eq(dedupe))
            )
        )
        .set(inbox::answer.eq(text))
    )?;
    Ok(())
}

/// What the delivery was answered, if it was noted.
///
/// # Errors
/// When the statement fails.
pub fn answer(tx: &mut Tx<'_>, account: &AccountId, dedupe: &str) -> Result<Option<Answer>, Error> {
    let (conn, tenant) = tx.parts();
    let text: Option<String> = on!(conn, c => inbox::table
        .filter(inbox::tenant.eq(tenant)
            .and(inbox::account.eq(account.as_str()))
            .and(inbox::dedupe.eq(dedupe)))
        .select(inbox::answer)
        .first(c)
        .optional())?;
    text.map(|text| serde_json::from_str(&text).map_err(|_source| Error::Damaged { what: "answer", value: text }))
        .transpose()
}

/// Keeps input that is authentic but unusable, once for each `id`. `body` is sealed by the caller.
///
/// # Errors
/// When the statement fails.
pub fn quarantine(
    tx: &mut Tx<'_>,
    id: &str,
    account: &AccountId,
    reason: &str,
    body: &str,
    now: Millis,
) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(quarantine::table)
            .values((
                quarantine::tenant.eq(tenant),
                quarantine::id.eq(id),
                quarantine::account.eq(account.as_str()),
                quarantine::reason.eq(reason),
                quarantine::body.eq(body),
                quarantine::at.eq(now.0),
            ))
            .on_conflict_do_nothing()
    )?;
    Ok(())
}

/// Forgets deliveries noted before `inbox_before` and quarantined input from before `quarantine_before`, of all
/// tenants: about `limit` rows of each, oldest first, so that nobody waits for it. Returns how many rows went.
///
/// # Errors
/// When a statement fails.
pub fn forget(conn: &mut Conn, inbox_before: Millis, quarantine_before: Millis, limit: i64) -> Result<usize, Error> {
    let noted = on!(conn, c => Forget { table: "inbox", at: "at", before: inbox_before, limit }.execute(c))?;
    let kept = on!(conn, c => Forget { table: "quarantine", at: "at", before: quarantine_before, limit }.execute(c))?;
    Ok(noted.saturating_add(kept))
}
