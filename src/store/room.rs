//! The rooms that are open on an XMPP service: whichever node has the link next goes on with them. Knows no stanza.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::xmpp_room;
use super::stored::{damaged, read};
use super::{Error, Tx};
use crate::model::id::{AccountId, AgentId, ConversationId, SessionId};
use crate::model::jid::Jid;

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its address.
    pub jid: Jid,
    /// Whose it is: who answers, or who watches.
    pub agent: AgentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Whether it was opened by somebody who watches.
    pub watched: bool,
    /// The customer's channel.
    pub channel: String,
    /// The customer's name in the room.
    pub name: String,
    /// The agent's name in the room, once the agent has come.
    pub nick: Option<String>,
    /// Who was invited beside the agent.
    pub guests: Vec<Jid>,
}

type Row = (String, String, String, String, bool, String, String, String, String);

/// Notes how a room stands.
///
/// # Errors
/// When the statement fails.
pub fn keep(tx: &mut Tx<'_>, account: &AccountId, room: &Room) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let guests: Vec<String> = room.guests.iter().map(Jid::to_string).collect();
    let how = (
        xmpp_room::agent.eq(room.agent.as_str()),
        xmpp_room::session.eq(room.session.to_string()),
        xmpp_room::conv.eq(room.conv.to_string()),
        xmpp_room::watched.eq(room.watched),
        xmpp_room::channel.eq(&room.channel),
        xmpp_room::name.eq(&room.name),
        xmpp_room::nick.eq(room.nick.clone().unwrap_or_default()),
        xmpp_room::guests.eq(guests.join("\n")),
    );
    let key = (
        xmpp_room::tenant.eq(tenant),
        xmpp_room::account.eq(account.as_str()),
        xmpp_room::room.eq(room.jid.to_string()),
    );
    put!(
        conn,
        diesel::insert_into(xmpp_room::table)
            .values((key, how.clone()))
            .on_conflict((xmpp_room::tenant, xmpp_room::account, xmpp_room::room))
            .do_update()
            .set(how)
    )?;
    Ok(())
}

/// A room is closed.
///
/// # Errors
/// When the statement fails.
pub fn forget(tx: &mut Tx<'_>, account: &AccountId, room: &Jid) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let one = xmpp_room::table.filter(
        xmpp_room::tenant
            .eq(tenant)
            .and(xmpp_room::account.eq(account.as_str()))
            .and(xmpp_room::room.eq(room.to_string())),
    );
    put!(conn, diesel::delete(one))?;
    Ok(())
}

/// The rooms of an agent.
///
/// # Errors
/// When the statement fails, or a row does not hold what it should.
pub fn of(tx: &mut Tx<'_>, account: &AccountId, agent: &AgentId) -> Result<Vec<Room>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => xmpp_room::table
        .filter(xmpp_room::tenant.eq(tenant)
            .and(xmpp_room::account.eq(account.as_str()))
            .and(xmpp_room::agent.eq(agent.as_str())))
        .order(xmpp_room::room.asc())
        .select((
            xmpp_room::room,
            xmpp_room::agent,
            xmpp_room::session,
            xmpp_room::conv,
            xmpp_room::watched,
            xmpp_room::channel,
            xmpp_room::name,
            xmpp_room::nick,
            xmpp_room::guests,
        ))
        .load(c))?;
    rows.into_iter().map(parse).collect()
}

fn parse((room, agent, session, conv, watched, channel, name, nick, guests): Row) -> Result<Room, Error> {
    let address = |text: &str| Jid::parse(text).map_err(|_wrong| damaged("the address of a room", text));
    Ok(Room {
        jid: address(&room)?,
        agent: read("the agent of a room", &agent)?,
        session: read("the session of a room", &session)?,
        conv: read("the conversation of a room", &conv)?,
        watched,
        channel,
        name,
        nick: Some(nick).filter(|nick| !nick.is_empty()),
        guests: guests.lines().map(address).collect::<Result<_, _>>()?,
    })
}
