//! Blobs of inbound messages that have to be fetched from the channel. The rows are those of `media` with a remote id.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::media;
use super::stored::read;
use super::{Conn, Error, Tx};
use crate::model::id::{AccountId, ConversationId, MediaId, NodeId, TenantId};
use crate::model::time::Millis;

/// A blob to be fetched, as a message brought it.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The id under which the message refers to it.
    pub media: MediaId,
    /// What the channel claims that it is.
    pub mime: &'a str,
    /// The message's conversation.
    pub conv: ConversationId,
    /// The message's place.
    pub seq: i64,
    /// The account that has it.
    pub account: &'a AccountId,
    /// The channel's own id.
    pub remote: &'a str,
}

/// A blob that is being fetched.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The blob.
    pub media: MediaId,
    /// Where it is shown.
    pub conv: ConversationId,
    /// The message that shows it.
    pub seq: i64,
    /// The account that has it.
    pub account: AccountId,
    /// The channel's own id.
    pub remote: String,
    /// Tries so far, this one included.
    pub attempts: i32,
}

/// Notes a blob to be fetched.
///
/// # Errors
/// When the statement fails.
pub fn order(tx: &mut Tx<'_>, order: &Order<'_>, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(media::table).values((
            media::tenant.eq(tenant),
            media::id.eq(order.media.to_string()),
            media::state.eq("pending"),
            media::mime.eq(order.mime),
            media::conv.eq(order.conv.to_string()),
            media::seq.eq(order.seq),
            media::account.eq(order.account.as_str()),
            media::remote.eq(order.remote),
            media::attempts.eq(0),
            media::next_at.eq(now.0),
            media::created_at.eq(now.0),
        ))
    )?;
    Ok(())
}

type Row = (String, Option<String>, Option<i64>, Option<String>, Option<String>, i32);

fn parse(row: Row) -> Result<Fetch, Error> {
    let (id, conv, seq, account, remote, attempts) = row;
    let damaged = || Error::Damaged { what: "media row", value: id.clone() };
    Ok(Fetch {
        media: MediaId::parse(&id).map_err(|_source| damaged())?,
        conv: conv.as_deref().and_then(|c| ConversationId::parse(c).ok()).ok_or_else(damaged)?,
        seq: seq.ok_or_else(damaged)?,
        account: account.as_deref().and_then(|a| AccountId::parse(a).ok()).ok_or_else(damaged)?,
        remote: remote.ok_or_else(damaged)?,
        attempts,
    })
}

/// At most `limit` blobs of all tenants but `without` that are due, earliest first.
///
/// # Errors
/// When the statement fails.
pub fn due(conn: &mut Conn, now: Millis, limit: i64, without: &[TenantId]) -> Result<Vec<(TenantId, String)>, Error> {
    let without: Vec<&str> = without.iter().map(TenantId::as_str).collect();
    let rows: Vec<(String, String)> = on!(conn, c => media::table
        .filter(media::state.eq("pending").and(media::remote.is_not_null()).and(media::next_at.le(now.0)))
        .filter(media::tenant.ne_all(&without))
        .order(media::next_at.asc())
        .limit(limit)
        .select((media::tenant, media::id))
        .load(c))?;
    let known = |(tenant, id): (String, String)| {
        let tenant = read::<TenantId>("tenant", &tenant)
            .inspect_err(|error| tracing::error!(media = %id, error = %error, "a blob to be fetched is nobody's"));
        tenant.ok().map(|tenant| (tenant, id))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Claims a blob if it is still due: until `lease`, and as long as it lives, it belongs to this node. One that does not say what to fetch is given
/// up: it would stay the earliest for ever.
///
/// # Errors
/// When a statement fails.
pub fn claim(tx: &mut Tx<'_>, id: &str, node: NodeId, (now, lease): (Millis, Millis)) -> Result<Option<Fetch>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => diesel::update(media::table.filter(media::tenant.eq(tenant)
            .and(media::id.eq(id))
            .and(media::state.eq("pending"))
            .and(media::next_at.le(now.0))))
        .set((
            media::next_at.eq(lease.0),
            media::attempts.eq(media::attempts + 1),
            media::node.eq(node.to_string()),
        ))
        .returning((media::id, media::conv, media::seq, media::account, media::remote, media::attempts))
        .get_result(c)
        .optional())?;
    match row.map(parse).transpose() {
        Ok(claimed) => Ok(claimed),
        Err(error) => {
            tracing::error!(tenant = %tenant, error = %error, "a blob is given up");
            give_up(tx, id)?;
            Ok(None)
        }
    }
}

/// The blob is here.
///
/// # Errors
/// When the statement fails.
pub fn done(tx: &mut Tx<'_>, id: MediaId, mime: &str, size: u64) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    put!(
        conn,
        diesel::update(media::table.filter(media::tenant.eq(tenant).and(media::id.eq(id.to_string())))).set((
            media::state.eq("ready"),
            media::mime.eq(mime),
            media::size.eq(size),
            media::node.eq(None::<String>),
        ))
    )?;
    Ok(())
}

/// Another try, later.
///
/// # Errors
/// When the statement fails.
pub fn again(tx: &mut Tx<'_>, id: MediaId, at: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(media::table.filter(media::tenant.eq(tenant).and(media::id.eq(id.to_string()))))
            .set((media::next_at.eq(at.0), media::node.eq(None::<String>)))
    )?;
    Ok(())
}

/// Makes due what this node was fetching, as it is dead; or, without one, all that is being fetched. Says how many there were.
///
/// # Errors
/// When the statement fails.
pub fn orphan(conn: &mut Conn, of: Option<NodeId>, now: Millis) -> Result<usize, Error> {
    let of = of.map(|node| node.to_string());
    Ok(on!(conn, c => {
        let mut orphans = diesel::update(media::table)
            .filter(media::state.eq("pending").and(media::next_at.gt(now.0)).and(media::node.is_not_null()))
            .set((media::next_at.eq(now.0), media::node.eq(None::<String>)))
            .into_boxed();
        if let Some(node) = &of {
            orphans = orphans.filter(media::node.eq(node));
        }
        orphans.execute(c)
    })?)
}

/// The blob is not to be had.
///
/// # Errors
/// When the statement fails.
pub fn failed(tx: &mut Tx<'_>, id: MediaId) -> Result<(), Error> {
    give_up(tx, &id.to_string())
}

fn give_up(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(media::table.filter(media::tenant.eq(tenant).and(media::id.eq(id))))
            .set((media::state.eq("failed"), media::node.eq(None::<String>)))
    )?;
    Ok(())
}
