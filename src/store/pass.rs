//! One-time tickets and resume tokens: who may open a socket. Only hashes of them are stored.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::pass;
use super::{Conn, Error, Tx};
use crate::model::id::DeviceId;
use crate::model::time::Millis;

/// The two kinds of passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lets in once.
    Ticket,
    /// Lets the device that lost its connection in again.
    Resume,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Resume => "resume",
        }
    }
}

/// A pass, as stored.
#[derive(Debug, Clone, Queryable)]
pub struct Pass {
    /// Who, as JSON.
    pub party: String,
    /// The device that it belongs to, if it belongs to one.
    pub device: Option<String>,
    /// The sign-in behind it.
    pub login_hash: Option<String>,
    /// Until when it is good.
    pub expires_at: i64,
}

/// A pass to be stored.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The hash of the token.
    pub hash: &'a str,
    /// Which kind.
    pub kind: Kind,
    /// Who, as JSON.
    pub party: &'a str,
    /// The device that it belongs to.
    pub device: Option<&'a DeviceId>,
    /// The sign-in behind it.
    pub login_hash: Option<&'a str>,
    /// Until when it is good.
    pub expires_at: Millis,
}

/// Adds a pass.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, new: &New<'_>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(pass::table).values((
            pass::tenant.eq(tenant),
            pass::token_hash.eq(new.hash),
            pass::kind.eq(new.kind.as_str()),
            pass::party.eq(new.party),
            pass::device.eq(new.device.map(DeviceId::as_str)),
            pass::login_hash.eq(new.login_hash),
            pass::expires_at.eq(new.expires_at.0),
        ))
    )?;
    Ok(())
}

/// Takes a ticket that is still good; whoever comes second finds none.
///
/// # Errors
/// When the statement fails.
pub fn take(tx: &mut Tx<'_>, hash: &str, now: Millis) -> Result<Option<Pass>, Error> {
    let (conn, tenant) = tx.parts();
    let found: Option<Pass> = on!(conn, c => diesel::delete(pass::table
            .filter(pass::tenant.eq(tenant).and(pass::token_hash.eq(hash)).and(pass::kind.eq(Kind::Ticket.as_str()))))
        .returning((pass::party, pass::device, pass::login_hash, pass::expires_at))
        .get_result(c)
        .optional())?;
    Ok(found.filter(|pass| pass.expires_at > now.0))
}

/// The resume token that is still good.
///
/// # Errors
/// When the statement fails.
pub fn resumable(tx: &mut Tx<'_>, hash: &str, now: Millis) -> Result<Option<Pass>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => pass::table
        .filter(pass::tenant.eq(tenant)
            .and(pass::token_hash.eq(hash))
            .and(pass::kind.eq(Kind::Resume.as_str()))
            .and(pass::expires_at.gt(now.0)))
        .select((pass::party, pass::device, pass::login_hash, pass::expires_at))
        .first(c)
        .optional())?)
}

/// Lets a pass end at `at`, if that is earlier than it would.
///
/// # Errors
/// When the statement fails.
pub fn end(tx: &mut Tx<'_>, hash: &str, at: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(
            pass::table.filter(pass::tenant.eq(tenant).and(pass::token_hash.eq(hash)).and(pass::expires_at.gt(at.0)))
        )
        .set(pass::expires_at.eq(at.0))
    )?;
    Ok(())
}

/// Takes away every pass that leans on a sign-in.
///
/// # Errors
/// When the statement fails.
pub fn revoke(tx: &mut Tx<'_>, login_hash: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(conn, diesel::delete(pass::table.filter(pass::tenant.eq(tenant).and(pass::login_hash.eq(login_hash)))))?;
    Ok(())
}

/// Takes away every tenant's passes that have expired.
///
/// # Errors
/// When the statement fails.
pub fn sweep(conn: &mut Conn, now: Millis) -> Result<usize, Error> {
    Ok(on!(conn, c => diesel::delete(pass::table.filter(pass::expires_at.le(now.0))).execute(c))?)
}

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub fn probe(conn: &mut Conn) -> Result<(), Error> {
    let _any: Option<i64> = on!(conn, c => pass::table.select(pass::expires_at).first(c).optional())?;
    Ok(())
}
