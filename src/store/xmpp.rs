//! What is known of XMPP accounts: how a link stands, whom an agent's account lets see, whom a customer wrote to.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{xmpp_agent, xmpp_contact, xmpp_link};
use super::{Error, Tx};
use crate::model::id::{AccountId, AgentId, NodeId, RemoteId};
use crate::model::time::Millis;

/// How the link of an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The account.
    pub account: String,
    /// The node that said so.
    pub node: String,
    /// `up` or `down`.
    pub state: String,
    /// Why it is down, in a word that does not change; empty while it is up.
    pub code: String,
    /// The same for people.
    pub reason: String,
    /// Since when.
    pub at: Millis,
}

/// An agent's XMPP account as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The agent.
    pub agent: String,
    /// Their address.
    pub jid: String,
    /// The address of ours that subscribes to their presence.
    pub home: String,
    /// `asked`, `granted`, `denied`, `invalid`.
    pub subscription: String,
    /// The presence that was followed last; empty while there is none.
    pub shown: String,
    /// Since when.
    pub at: Millis,
}

/// Notes how a link stands.
///
/// # Errors
/// When the statement fails.
pub fn set_link(
    tx: &mut Tx<'_>,
    account: &AccountId,
    node: NodeId,
    (state, code, reason): (&str, &str, &str),
    at: Millis,
) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let how = (
        xmpp_link::node.eq(node.to_string()),
        xmpp_link::state.eq(state),
        xmpp_link::code.eq(code),
        xmpp_link::reason.eq(reason),
        xmpp_link::at.eq(at.0),
    );
    put!(
        conn,
        diesel::insert_into(xmpp_link::table)
            .values((xmpp_link::tenant.eq(tenant), xmpp_link::account.eq(account.as_str()), how.clone()))
            .on_conflict((xmpp_link::tenant, xmpp_link::account))
            .do_update()
            .set(how)
    )?;
    Ok(())
}

/// How the links of a tenant stand.
///
/// # Errors
/// When the statement fails.
pub fn links(tx: &mut Tx<'_>) -> Result<Vec<Link>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(String, String, String, String, String, i64)> = on!(conn, c => xmpp_link::table
        .filter(xmpp_link::tenant.eq(tenant))
        .select((xmpp_link::account, xmpp_link::node, xmpp_link::state, xmpp_link::code, xmpp_link::reason, xmpp_link::at))
        .load(c))?;
    let link = |(account, node, state, code, reason, at)| Link { account, node, state, code, reason, at: Millis(at) };
    Ok(rows.into_iter().map(link).collect())
}

/// Notes what is known of an agent's account.
///
/// # Errors
/// When the statement fails.
pub fn set_seat(tx: &mut Tx<'_>, account: &AccountId, seat: &Seat) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let how = (
        xmpp_agent::jid.eq(&seat.jid),
        xmpp_agent::home.eq(&seat.home),
        xmpp_agent::subscription.eq(&seat.subscription),
        xmpp_agent::shown.eq(&seat.shown),
        xmpp_agent::at.eq(seat.at.0),
    );
    let key =
        (xmpp_agent::tenant.eq(tenant), xmpp_agent::account.eq(account.as_str()), xmpp_agent::agent.eq(&seat.agent));
    put!(
        conn,
        diesel::insert_into(xmpp_agent::table)
            .values((key, how))
            .on_conflict((xmpp_agent::tenant, xmpp_agent::account, xmpp_agent::agent))
            .do_update()
            .set(how)
    )?;
    Ok(())
}

/// What is known of the agents' accounts, by agent.
///
/// # Errors
/// When the statement fails.
pub fn seats(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Seat>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(String, String, String, String, String, i64)> = on!(conn, c => xmpp_agent::table
        .filter(xmpp_agent::tenant.eq(tenant).and(xmpp_agent::account.eq(account.as_str())))
        .order(xmpp_agent::agent.asc())
        .select((
            xmpp_agent::agent,
            xmpp_agent::jid,
            xmpp_agent::home,
            xmpp_agent::subscription,
            xmpp_agent::shown,
            xmpp_agent::at,
        ))
        .load(c))?;
    let seat =
        |(agent, jid, home, subscription, shown, at)| Seat { agent, jid, home, subscription, shown, at: Millis(at) };
    Ok(rows.into_iter().map(seat).collect())
}

/// What is known of one agent's account.
///
/// # Errors
/// When the statement fails.
pub fn seat(tx: &mut Tx<'_>, account: &AccountId, agent: &AgentId) -> Result<Option<Seat>, Error> {
    Ok(seats(tx, account)?.into_iter().find(|seat| seat.agent == agent.as_str()))
}

/// Notes which address a customer wrote to.
///
/// # Errors
/// When the statement fails.
pub fn set_address(tx: &mut Tx<'_>, account: &AccountId, jid: &RemoteId, local: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(xmpp_contact::table)
            .values((
                xmpp_contact::tenant.eq(tenant),
                xmpp_contact::account.eq(account.as_str()),
                xmpp_contact::jid.eq(jid.as_str()),
                xmpp_contact::local.eq(local),
            ))
            .on_conflict((xmpp_contact::tenant, xmpp_contact::account, xmpp_contact::jid))
            .do_update()
            .set(xmpp_contact::local.eq(local))
    )?;
    Ok(())
}

/// Which address a customer wrote to last.
///
/// # Errors
/// When the statement fails.
pub fn address(tx: &mut Tx<'_>, account: &AccountId, jid: &RemoteId) -> Result<Option<String>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => xmpp_contact::table
        .filter(xmpp_contact::tenant.eq(tenant)
            .and(xmpp_contact::account.eq(account.as_str()))
            .and(xmpp_contact::jid.eq(jid.as_str())))
        .select(xmpp_contact::local)
        .first(c)
        .optional())?)
}
