//! Blobs: what is known of them, and which have still to be fetched or put. The bytes are in `media/`.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::media;
use super::{Conn, Error, Tx};
use crate::model::id::MediaId;
use crate::model::time::Millis;

/// A blob, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Blob {
    /// `pending`, `ready` or `failed`.
    pub state: String,
    /// Sniffed when `ready`, claimed before.
    pub mime: String,
    /// A label.
    pub name: Option<String>,
    /// Bytes, when `ready`.
    pub size: Option<i64>,
    /// Who puts it: a participant.
    pub owner: Option<String>,
    /// Where it is shown, if that is known already.
    pub conv: Option<String>,
}

impl Blob {
    /// Whether the bytes are here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == "ready"
    }
}

/// Expects a blob that `owner` is going to put.
///
/// # Errors
/// When the statement fails.
pub fn expect(tx: &mut Tx<'_>, id: MediaId, owner: &str, name: &str, mime: &str, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(media::table).values((
            media::tenant.eq(tenant),
            media::id.eq(id.to_string()),
            media::state.eq("pending"),
            media::mime.eq(mime),
            media::name.eq(name),
            media::owner.eq(owner),
            media::attempts.eq(0),
            media::next_at.eq(0_i64),
            media::created_at.eq(now.0),
        ))
    )?;
    Ok(())
}

/// The blob, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: MediaId) -> Result<Option<Blob>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => media::table
        .filter(media::tenant.eq(tenant).and(media::id.eq(id.to_string())))
        .select((media::state, media::mime, media::name, media::size, media::owner, media::conv))
        .first(c)
        .optional())?)
}

/// The bytes are here. Whether the blob was waiting for them.
///
/// # Errors
/// When the statement fails.
pub fn arrived(tx: &mut Tx<'_>, id: MediaId, mime: &'static str, size: u64) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let changed = on!(conn, c => diesel::update(media::table.filter(media::tenant.eq(tenant)
            .and(media::id.eq(id.to_string()))
            .and(media::state.eq("pending"))))
        .set((media::state.eq("ready"), media::mime.eq(mime), media::size.eq(size)))
        .execute(c))?;
    Ok(changed == 1)
}

/// Takes away every tenant's blobs that were to be put before `since` and never came.
///
/// # Errors
/// When the statement fails.
pub fn sweep(conn: &mut Conn, since: Millis) -> Result<usize, Error> {
    Ok(on!(conn, c => diesel::delete(media::table.filter(media::state.eq("pending")
            .and(media::remote.is_null())
            .and(media::created_at.lt(since.0))))
        .execute(c))?)
}
