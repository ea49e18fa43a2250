//! On what footing somebody stands in a conversation: all that a send or a mark has to know, in one question. Knows rows,
//! not who may do what.
//!
//! Both happen for every message, and a tenant has one writer: each question of theirs is a wait of all others.

use diesel::dsl::{exists, max};
use diesel::prelude::*;

use super::conn::{ahead, on};
use super::conversation::{self, Conversation};
use super::cursor::Cursor;
use super::fixed::GoesOn;
use super::lease::Lease;
use super::schema::{assignment, conversation as head, lease, message, reader, session as episode, timer};
use super::session::{self, Session};
use super::socket::OfSocket;
use super::stored::read_option;
use super::{Error, Tx};
use crate::model::id::{AgentId, ConnectionId, ConversationId};

diesel::alias!(assignment as share: Share, reader as own: Own);

/// Whose send it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSend {
    /// Into which conversation.
    pub conv: ConversationId,
    /// By which agent, if it is one's.
    pub agent: Option<AgentId>,
    /// From which device.
    pub device: String,
    /// Under which client id.
    pub cid: String,
    /// Kinds of timers of the session that it may end.
    pub timers: [&'static str; 2],
}

/// Whose mark it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfMark {
    /// In which conversation.
    pub conv: ConversationId,
    /// Of which agent, if it is one's.
    pub agent: Option<AgentId>,
    /// The lease of the device.
    pub lease: Lease,
}

/// A question that a job is going to begin with: those of a whole group are asked at once, so that it waits for one
/// answer and not for one each.
#[derive(Debug, Clone)]
pub enum Foresight {
    /// That of [`of_send`].
    Send(OfSend),
    /// That of [`of_mark`].
    Mark(OfMark),
    /// That of [`socket::around`](super::socket::around).
    Socket(OfSocket),
}

impl OfSend {
    /// What the answer depends on, besides what hardly ever changes.
    #[must_use]
    pub fn depends(&self) -> Vec<String> {
        vec![self.conv.to_string(), format!("{} {}", self.device, self.cid)]
    }
}

impl OfMark {
    /// What the answer depends on, besides what hardly ever changes.
    #[must_use]
    pub fn depends(&self) -> Vec<String> {
        vec![self.conv.to_string(), self.lease.participant.clone()]
    }
}

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
    /// Which of the timers that were asked for stand.
    pub timers: [bool; 2],
}

/// The rows of a [`Footing`].
type Stands = (conversation::Row, Option<session::Row>, Option<String>, bool, bool, (bool, bool));

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

/// Whether a timer of the session of the query around it stands.
macro_rules! ticks {
    ($kind:expr) => {
        exists(
            timer::table.filter(
                timer::tenant
                    .eq(head::tenant)
                    .and(timer::kind.eq($kind))
                    .and(timer::subject.nullable().eq(episode::id.nullable())),
            ),
        )
    };
}

/// The question of [`of_send`]. A macro, as diesel's type of it cannot be written down.
macro_rules! question_of_send {
    ($tenant:expr, $of:expr) => {{
        let (tenant, of): (_, &OfSend) = ($tenant, $of);
        // No agent has an empty name.
        let agent = of.agent.as_ref().map_or("", AgentId::as_str);
        let [one, other] = of.timers;
        let earlier = message::table
            .filter(message::tenant.eq(tenant).and(message::device.eq(&of.device)).and(message::cid.eq(&of.cid)));
        head::table
            .left_join(episode::table.on(
                episode::tenant.eq(head::tenant).and(episode::conv.eq(head::conv)).and(episode::ended_at.is_null()),
            ))
            .left_join(
                assignment::table.on(assignment::tenant
                    .eq(head::tenant)
                    .and(assignment::session.nullable().eq(episode::id.nullable()))
                    .and(GoesOn)),
            )
            .filter(head::tenant.eq(tenant).and(head::conv.eq(of.conv.to_string())))
            .select((
                conversation::Row::as_select(),
                Option::<session::Row>::as_select(),
                assignment::agent.nullable(),
                held!(agent),
                exists(earlier),
                (ticks!(one), ticks!(other)),
            ))
            .limit(1)
    }};
}

/// How things stand for a send. `None` when there is no such conversation.
///
/// # Errors
/// When the statement fails.
pub fn of_send(tx: &mut Tx<'_>, of: &OfSend) -> Result<Option<Footing>, Error> {
    let (conn, tenant) = tx.parts();
    let found: Option<Stands> = on!(conn, c => question_of_send!(tenant, of).get_result(c).optional())?;
    let Some((row, open, active, held, repeated, timers)) = found else { return Ok(None) };
    Ok(Some(Footing {
        conversation: row.parse()?,
        session: open.map(session::Row::parse).transpose()?,
        agent: read_option("agent", active.as_deref())?,
        held,
        repeated,
        timers: timers.into(),
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

/// The question of [`of_mark`].
macro_rules! question_of_mark {
    ($tenant:expr, $of:expr) => {{
        let (tenant, of): (_, &OfMark) = ($tenant, $of);
        let agent = of.agent.as_ref().map_or("", AgentId::as_str);
        // diesel takes conditions of joins and subqueries as values only if they borrow nothing.
        let participant = || of.lease.participant.clone();
        let device = || of.lease.device.clone();
        let all = || {
            reader::table.filter(
                reader::tenant
                    .eq(head::tenant)
                    .and(reader::conv.eq(head::conv))
                    .and(reader::participant.eq(participant())),
            )
        };
        head::table
            .left_join(
                lease::table.on(lease::tenant
                    .eq(head::tenant)
                    .and(lease::participant.eq(participant()))
                    .and(lease::device.eq(device()))),
            )
            .left_join(
                own.on(own
                    .field(reader::tenant)
                    .eq(head::tenant)
                    .and(own.field(reader::conv).eq(head::conv))
                    .and(own.field(reader::participant).eq(participant()))
                    .and(own.field(reader::device).eq(device()))),
            )
            .filter(head::tenant.eq(tenant).and(head::conv.eq(of.conv.to_string())))
            .select((
                conversation::Row::as_select(),
                held!(agent),
                lease::connection.nullable(),
                (own.field(reader::delivered).nullable(), own.field(reader::seen).nullable()),
                (all().select(max(reader::delivered)).single_value(), all().select(max(reader::seen)).single_value()),
            ))
            .limit(1)
    }};
}

/// How things stand for a mark. `None` when there is no such conversation.
///
/// # Errors
/// When the statement fails.
pub fn of_mark(tx: &mut Tx<'_>, of: &OfMark) -> Result<Option<Place>, Error> {
    let (conn, tenant) = tx.parts();
    let found: Option<(conversation::Row, bool, Option<String>, Marks, Marks)> =
        on!(conn, c => question_of_mark!(tenant, of).get_result(c).optional())?;
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

impl Foresight {
    /// Lays the question ready to be asked before the job runs. The answer is there for whoever asks the same in this transaction, once, unless something
    /// was changed meanwhile that it may depend on ([`Tx::changes_only`]).
    ///
    /// # Errors
    /// When it could not be asked; the transaction is lost then.
    pub(in crate::store) fn ask(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let (conn, tenant) = tx.parts();
        match self {
            Self::Send(of) => ahead!(conn, of.depends(), question_of_send!(tenant, of)),
            Self::Mark(of) => ahead!(conn, of.depends(), question_of_mark!(tenant, of)),
            Self::Socket(of) => of.ask(tx),
        }
    }
}
