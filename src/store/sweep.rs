//! What a node looks up every few seconds for everybody who is attached to it: many recipients per statement, and of
//! each row only what shows whether something is new.

use std::collections::HashMap;

use diesel::prelude::*;

use super::conn::on;
use super::schema::{assignment, conversation, delivery, lease, login, reader, session};
use super::stored::{damaged, read};
use super::{Conn, Error, Tx};
use crate::model::delivery::DeliveryState;
use crate::model::envelope::ChannelKind;
use crate::model::id::{AgentId, AssignmentId, ConnectionId, ContactId, ConversationId, NodeId, SessionId};
use crate::model::time::Millis;
use crate::model::window::Window;

/// The newest of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The kind of its channel.
    pub kind: ChannelKind,
    /// Its newest message.
    pub seq: i64,
    /// What the channel lets us send.
    pub window: Window,
    /// When something last happened in it.
    pub updated_at: Millis,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversation)]
struct HeadRow {
    conv: String,
    contact: String,
    kind: String,
    last_seq: i64,
    window_left: i32,
    window_until: i64,
    updated_at: i64,
}

fn head(row: &HeadRow) -> Result<Head, Error> {
    let window = Window { left: u32::try_from(row.window_left).unwrap_or(0), until: Millis(row.window_until) };
    let (conv, contact) = (read("conversation", &row.conv)?, read("contact", &row.contact)?);
    let kind = ChannelKind::parse(&row.kind).ok_or_else(|| damaged("channel kind", &row.kind))?;
    Ok(Head { conv, contact, kind, seq: row.last_seq, window, updated_at: Millis(row.updated_at) })
}

/// The conversations of these customers on the web.
///
/// # Errors
/// When the statement fails.
pub fn heads_of(tx: &mut Tx<'_>, contacts: &[ContactId]) -> Result<Vec<Head>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = contacts.iter().map(ToString::to_string).collect();
    let rows: Vec<HeadRow> = on!(conn, c => conversation::table
        .filter(conversation::tenant.eq(tenant)
            .and(conversation::contact.eq_any(&ids))
            .and(conversation::kind.eq("web")))
        .select(HeadRow::as_select())
        .load(c))?;
    rows.iter().map(head).collect()
}

/// These conversations.
///
/// # Errors
/// When the statement fails.
pub fn heads(tx: &mut Tx<'_>, convs: &[ConversationId]) -> Result<Vec<Head>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = convs.iter().map(ToString::to_string).collect();
    let rows: Vec<HeadRow> = on!(conn, c => conversation::table
        .filter(conversation::tenant.eq(tenant).and(conversation::conv.eq_any(&ids)))
        .select(HeadRow::as_select())
        .load(c))?;
    rows.iter().map(head).collect()
}

/// The open sessions of these conversations, with their versions.
///
/// # Errors
/// When the statement fails.
pub fn open_sessions(
    tx: &mut Tx<'_>,
    convs: &[ConversationId],
) -> Result<HashMap<ConversationId, (SessionId, i64)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = convs.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, String, i64)> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::conv.eq_any(&ids)).and(session::ended_at.is_null()))
        .select((session::conv, session::id, session::version))
        .load(c))?;
    rows.iter()
        .map(|(conv, session, version)| Ok((read("conversation", conv)?, (read("session", session)?, *version))))
        .collect()
}

/// The versions of these sessions.
///
/// # Errors
/// When the statement fails.
pub fn versions(tx: &mut Tx<'_>, sessions: &[SessionId]) -> Result<HashMap<SessionId, i64>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = sessions.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, i64)> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::id.eq_any(&ids)))
        .select((session::id, session::version))
        .load(c))?;
    rows.iter().map(|(session, version)| Ok((read("session", session)?, *version))).collect()
}

/// How a message stands on its channel, and why.
pub type Stand = (String, Option<String>);

/// How messages stand that have not reached a final state.
pub const ON_THEIR_WAY: [DeliveryState; 3] = [DeliveryState::Pending, DeliveryState::Sending, DeliveryState::Held];

/// One agent's share of a session, offered or held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which.
    pub assignment: AssignmentId,
    /// The agent.
    pub agent: AgentId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// `offered`, `active` or `wrapup`.
    pub state: String,
    /// When the offer, or the wrap-up, ends.
    pub deadline: Millis,
}

/// The live shares of these agents, oldest first.
///
/// # Errors
/// When the statement fails.
pub fn shares_of(tx: &mut Tx<'_>, agents: &[AgentId]) -> Result<Vec<Share>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
    let rows: Vec<(String, String, String, String, String, i64)> = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::agent.eq_any(&ids))
            .and(assignment::state.eq_any(["offered", "active", "wrapup"])))
        .order(assignment::id.asc())
        .select((
            assignment::id,
            assignment::agent,
            assignment::session,
            assignment::conv,
            assignment::state,
            assignment::deadline,
        ))
        .load(c))?;
    rows.into_iter()
        .map(|(id, agent, session, conv, state, deadline)| {
            Ok(Share {
                assignment: read("assignment", &id)?,
                agent: read("agent", &agent)?,
                session: read("session", &session)?,
                conv: read("conversation", &conv)?,
                state,
                deadline: Millis(deadline),
            })
        })
        .collect()
}

/// The messages of these conversations that have not reached a final state on their channel: conversation, place, and
/// state with its reason.
///
/// # Errors
/// When the statement fails.
pub fn unsettled(tx: &mut Tx<'_>, convs: &[ConversationId]) -> Result<Vec<(ConversationId, i64, Stand)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = convs.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, i64, String, Option<String>)> = on!(conn, c => delivery::table
        .filter(delivery::tenant.eq(tenant)
            .and(delivery::conv.eq_any(&ids))
            .and(delivery::state.eq_any(ON_THEIR_WAY.map(DeliveryState::as_str))))
        .select((delivery::conv, delivery::seq, delivery::state, delivery::code))
        .load(c))?;
    rows.into_iter().map(|(conv, seq, state, code)| Ok((read("conversation", &conv)?, seq, (state, code)))).collect()
}

/// How far the customers of these conversations are, with the device that is furthest: delivered and seen.
///
/// # Errors
/// When the statement fails.
pub fn customers_at(tx: &mut Tx<'_>, convs: &[ConversationId]) -> Result<HashMap<ConversationId, (i64, i64)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = convs.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, i64, i64)> = on!(conn, c => reader::table
        .filter(reader::tenant.eq(tenant)
            .and(reader::conv.eq_any(&ids))
            .and(reader::participant.like("contact:%")))
        .select((reader::conv, reader::delivered, reader::seen))
        .load(c))?;
    let mut furthest: HashMap<ConversationId, (i64, i64)> = HashMap::new();
    for (conv, delivered, seen) in rows {
        let place = furthest.entry(read("conversation", &conv)?).or_default();
        *place = (place.0.max(delivered), place.1.max(seen));
    }
    Ok(furthest)
}

/// The sign-ins of these agents: agent and hash, in order.
///
/// # Errors
/// When the statement fails.
pub fn sign_ins(tx: &mut Tx<'_>, agents: &[AgentId]) -> Result<Vec<(AgentId, String)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
    let rows: Vec<(String, String)> = on!(conn, c => login::table
        .filter(login::tenant.eq(tenant).and(login::agent.eq_any(&ids)))
        .order((login::agent.asc(), login::token_hash.asc()))
        .select((login::agent, login::token_hash))
        .load(c))?;
    rows.into_iter().map(|(agent, hash)| Ok((read("agent", &agent)?, hash))).collect()
}

/// At most `limit` connections whose leases a node holds, those that it took first, behind that one; and what the next
/// page is behind.
///
/// # Errors
/// When the statement fails.
pub fn leases_of(
    conn: &mut Conn,
    node: NodeId,
    behind: Option<(Millis, ConnectionId)>,
    limit: i64,
) -> Result<Vec<(Millis, ConnectionId)>, Error> {
    let (until, connection) = behind.map_or((i64::MIN, String::new()), |(until, last)| (until.0, last.to_string()));
    let later = lease::until.gt(until).or(lease::until.eq(until).and(lease::connection.gt(connection)));
    let rows: Vec<(i64, String)> = on!(conn, c => lease::table
        .filter(lease::node.eq(node.to_string()).and(lease::until.ge(until)).and(later))
        .order((lease::until.asc(), lease::connection.asc()))
        .limit(limit)
        .select((lease::until, lease::connection))
        .load(c))?;
    rows.into_iter().map(|(until, connection)| Ok((Millis(until), read("connection", &connection)?))).collect()
}
