//! On what footing somebody stands in a conversation: all that a send or a mark has to know, in one question. Knows rows,
//! not who may do what.
//!
//! Both happen for every message, and a tenant has one writer: each question of theirs is a wait of all others.

use diesel::dsl::{exists, max, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::conn::on;
use super::conversation::{self, Conversation};
use super::cursor::Cursor;
use super::lease::Lease;
use super::schema::{assignment, conversation as head, lease, message, reader, session as episode};
use super::session::{self, Session};
use super::stored::read_option;
use super::{Error, Tx};
use crate::model::id::{AgentId, ConnectionId, ConversationId};

diesel::alias!(assignment as share: Share, reader as own: Own);

/// What somebody who sends has to know.
#[derive(Debug, Clone)]
pub struct Footing {
    /// The conversation, before the message.
    pub conversation: Conversation,
    /// Its open session.
    pub session: Option<Session>,
    /// The agent who answers in that session.
    pub agent: Option<AgentId>,
    /// Whether the sender is an agent who has ever answered in the conversation.
    pub held: bool,
    /// Whether the device has used the client id before, in whatever conversation.
    pub repeated: bool,
}

/// The rows of a [`Footing`].
type Stands = (conversation::Row, Option<session::Row>, Option<String>, bool, bool);

/// As [`super::assignment::ever_held`], for the conversation of the query around it.
macro_rules! held {
    ($agent:expr) => {
        exists(
            share.filter(
                share
                    .field(assignment::tenant)
                    .eq(head::tenant)
                    .and(share.field(assignment::conv).eq(head::conv))
                    .and(share.field(assignment::agent).eq($agent))
                    .and(share.field(assignment::accepted_at).is_not_null()),
            ),
        )
    };
}

/// How things stand for a send of `device` under `cid`, by `agent` if it is one's. `None` when there is no such conversation.
///
/// # Errors
/// When the statement fails.
pub fn of_send(
    tx: &mut Tx<'_>,
    conv: ConversationId,
    agent: Option<&AgentId>,
    device: &str,
    cid: &str,
) -> Result<Option<Footing>, Error> {
    let (conn, tenant) = tx.parts();
    // No agent has an empty name.
    let agent = agent.map_or("", AgentId::as_str);
    let earlier =
        message::table.filter(message::tenant.eq(tenant).and(message::device.eq(device)).and(message::cid.eq(cid)));
    // Written out, not given as a value: only so a plan that fits every value may use the index of active ones.
    let stands =
        head::table
            .left_join(episode::table.on(
                episode::tenant.eq(head::tenant).and(episode::conv.eq(head::conv)).and(episode::ended_at.is_null()),
            ))
            .left_join(
                assignment::table.on(assignment::tenant
                    .eq(head::tenant)
                    .and(assignment::session.nullable().eq(episode::id.nullable()))
                    .and(sql::<Bool>("assignment.state = 'active'"))),
            )
            .filter(head::tenant.eq(tenant).and(head::conv.eq(conv.to_string())));
    let found: Option<Stands> = on!(conn, c => stands
        .select((
            conversation::Row::as_select(),
            Option::<session::Row>::as_select(),
            assignment::agent.nullable(),
            held!(agent),
            exists(earlier),
        ))
        .first(c)
        .optional())?;
    let Some((row, open, active, held, repeated)) = found else { return Ok(None) };
    Ok(Some(Footing {
        conversation: row.parse()?,
        session: open.map(session::Row::parse).transpose()?,
        agent: read_option("agent", active.as_deref())?,
        held,
        repeated,
    }))
}

/// Delivered and seen, where there is a row.
type Marks = (Option<i64>, Option<i64>);

/// What somebody who says how far they are has to know.
#[derive(Debug, Clone)]
pub struct Place {
    /// The conversation.
    pub conversation: Conversation,
    /// Whether it is an agent who has ever answered in the conversation.
    pub held: bool,
    /// The connection that has the device's lease.
    pub connection: Option<ConnectionId>,
    /// How far the device was.
    pub device: Cursor,
    /// How far the participant was, with the device that was furthest.
    pub participant: Cursor,
}

/// How things stand for a mark of the device of this lease, by `agent` if it is one's. `None` when there is no such
/// conversation.
///
/// # Errors
/// When the statement fails.
pub fn of_mark(
    tx: &mut Tx<'_>,
    conv: ConversationId,
    agent: Option<&AgentId>,
    of: &Lease,
) -> Result<Option<Place>, Error> {
    let (conn, tenant) = tx.parts();
    let agent = agent.map_or("", AgentId::as_str);
    // diesel takes conditions of joins and subqueries as values only if they borrow nothing.
    let participant = || of.participant.clone();
    let device = || of.device.clone();
    let all = || {
        reader::table.filter(
            reader::tenant.eq(head::tenant).and(reader::conv.eq(head::conv)).and(reader::participant.eq(participant())),
        )
    };
    let stands = head::table
        .left_join(lease::table.on(
            lease::tenant.eq(head::tenant).and(lease::participant.eq(participant())).and(lease::device.eq(device())),
        ))
        .left_join(
            own.on(own
                .field(reader::tenant)
                .eq(head::tenant)
                .and(own.field(reader::conv).eq(head::conv))
                .and(own.field(reader::participant).eq(participant()))
                .and(own.field(reader::device).eq(device()))),
        )
        .filter(head::tenant.eq(tenant).and(head::conv.eq(conv.to_string())));
    let found: Option<(conversation::Row, bool, Option<String>, Marks, Marks)> = on!(conn, c => stands
        .select((
            conversation::Row::as_select(),
            held!(agent),
            lease::connection.nullable(),
            (own.field(reader::delivered).nullable(), own.field(reader::seen).nullable()),
            (all().select(max(reader::delivered)).single_value(), all().select(max(reader::seen)).single_value()),
        ))
        .first(c)
        .optional())?;
    let Some((row, held, connection, before, furthest)) = found else { return Ok(None) };
    let cursor =
        |(delivered, seen): Marks| Cursor { delivered: delivered.unwrap_or_default(), seen: seen.unwrap_or_default() };
    Ok(Some(Place {
        conversation: row.parse()?,
        held,
        connection: read_option("connection", connection.as_deref())?,
        device: cursor(before),
        participant: cursor(furthest),
    }))
}
