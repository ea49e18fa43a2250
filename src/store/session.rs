//! Sessions. Knows the row and its version; what may happen to a session is decided in `model::session`.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::conn::on;
use super::schema::{assignment, conversation, session};
use super::stored::{damaged, read, read_option};
use super::{Error, Tx};
use crate::model::id::{AccountId, AgentId, AssignmentId, ContactId, ConversationId, QueueId, SessionId};
use crate::model::session::{Control, Holder, Move, Refused, Standing, State};
use crate::model::time::Millis;

/// A blind transfer under way. Until somebody takes it, `from` keeps the control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Who passes the session on.
    pub from: AgentId,
    /// The queue it waits in, when it goes to a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    /// The colleague it is offered to, when it goes to a colleague.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The colleague's offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Millis,
    /// Who ended it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One service episode, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identity.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Where it stands.
    pub state: State,
    /// Who may speak to the customer.
    pub holder: Holder,
    /// Raised with every change of the holder.
    pub control_epoch: i64,
    /// The queue it is or was in last.
    pub queue: Option<QueueId>,
    /// Who served the customer last, in this session or in the one it continues.
    pub last_agent: Option<AgentId>,
    /// The session that it continues.
    pub reopened_from: Option<SessionId>,
    /// A transfer under way.
    pub transfer: Option<Transfer>,
    /// Labels.
    pub tags: Vec<String>,
    /// Whether the customer has been greeted.
    pub greeted: bool,
    /// When it started.
    pub started_at: Millis,
    /// When it first entered a queue; kept when it goes back.
    pub queued_at: Option<Millis>,
    /// When an agent first took it.
    pub connected_at: Option<Millis>,
    /// When an agent first answered.
    pub first_reply_at: Option<Millis>,
    /// How it ended.
    pub ended: Option<End>,
    /// Raised with every change of the row.
    pub version: i64,
}

impl Session {
    /// A session that starts now.
    #[must_use]
    pub fn started(session: SessionId, conv: ConversationId, now: Millis) -> Self {
        let Standing { state, control } = Standing::started();
        Self {
            session,
            conv,
            state,
            holder: control.holder,
            control_epoch: control.epoch,
            queue: None,
            last_agent: None,
            reopened_from: None,
            transfer: None,
            tags: Vec::new(),
            greeted: false,
            started_at: now,
            queued_at: None,
            connected_at: None,
            first_reply_at: None,
            ended: None,
            version: 1,
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// When the step is not possible from where the session stands; then nothing has changed.
    pub fn step(&mut self, step: Move) -> Result<(), Refused> {
        let control = Control { holder: self.holder.clone(), epoch: self.control_epoch };
        let next = Standing { state: self.state, control }.after(step)?;
        self.state = next.state;
        self.holder = next.control.holder;
        self.control_epoch = next.control.epoch;
        Ok(())
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = session, treat_none_as_null = true)]
pub(in crate::store) struct Row {
    tenant: String,
    id: String,
    conv: String,
    state: String,
    holder: String,
    agent: Option<String>,
    control_epoch: i64,
    queue: Option<String>,
    last_agent: Option<String>,
    reopened_from: Option<String>,
    transfer: Option<String>,
    tags: String,
    greeted: bool,
    started_at: i64,
    queued_at: Option<i64>,
    connected_at: Option<i64>,
    first_reply_at: Option<i64>,
    ended_at: Option<i64>,
    ended_by: Option<String>,
    ended_reason: Option<String>,
    version: i64,
}

impl Row {
    fn of(tenant: &str, from: &Session) -> Result<Self, Error> {
        let transfer = from.transfer.as_ref().map(serde_json::to_string).transpose();
        Ok(Self {
            tenant: tenant.to_owned(),
            id: from.session.to_string(),
            conv: from.conv.to_string(),
            state: from.state.as_str().to_owned(),
            holder: from.holder.as_str().to_owned(),
            agent: from.holder.agent().map(ToString::to_string),
            control_epoch: from.control_epoch,
            queue: from.queue.as_ref().map(ToString::to_string),
            last_agent: from.last_agent.as_ref().map(ToString::to_string),
            reopened_from: from.reopened_from.map(|id| id.to_string()),
            transfer: transfer.map_err(|source| damaged("transfer", &source.to_string()))?,
            tags: serde_json::to_string(&from.tags).map_err(|source| damaged("tags", &source.to_string()))?,
            greeted: from.greeted,
            started_at: from.started_at.0,
            queued_at: from.queued_at.map(|at| at.0),
            connected_at: from.connected_at.map(|at| at.0),
            first_reply_at: from.first_reply_at.map(|at| at.0),
            ended_at: from.ended.as_ref().map(|end| end.at.0),
            ended_by: from.ended.as_ref().map(|end| end.by.clone()),
            ended_reason: from.ended.as_ref().map(|end| end.reason.clone()),
            version: from.version,
        })
    }

    pub(in crate::store) fn parse(self) -> Result<Session, Error> {
        let agent = read_option("agent", self.agent.as_deref())?;
        let transfer = self.transfer.as_deref().map(serde_json::from_str).transpose();
        let ended = self.ended_at.map(|at| End {
            at: Millis(at),
            by: self.ended_by.unwrap_or_default(),
            reason: self.ended_reason.unwrap_or_default(),
        });
        Ok(Session {
            session: read("session", &self.id)?,
            conv: read("conversation", &self.conv)?,
            state: State::parse(&self.state).ok_or_else(|| damaged("session state", &self.state))?,
            holder: Holder::parse(&self.holder, agent).ok_or_else(|| damaged("holder", &self.holder))?,
            control_epoch: self.control_epoch,
            queue: read_option("queue", self.queue.as_deref())?,
            last_agent: read_option("agent", self.last_agent.as_deref())?,
            reopened_from: read_option("session", self.reopened_from.as_deref())?,
            transfer: transfer.map_err(|source| damaged("transfer", &source.to_string()))?,
            tags: serde_json::from_str(&self.tags).map_err(|source| damaged("tags", &source.to_string()))?,
            greeted: self.greeted,
            started_at: Millis(self.started_at),
            queued_at: self.queued_at.map(Millis),
            connected_at: self.connected_at.map(Millis),
            first_reply_at: self.first_reply_at.map(Millis),
            ended,
            version: self.version,
        })
    }
}

/// The session, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: SessionId) -> Result<Option<Session>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::id.eq(id.to_string())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The conversation's open session.
///
/// # Errors
/// When the statement fails.
pub fn open_of(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Option<Session>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::conv.eq(conv.to_string())).and(session::ended_at.is_null()))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The conversation's open session, or else its last one.
///
/// # Errors
/// When the statement fails.
pub fn latest_of(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Option<Session>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::conv.eq(conv.to_string())))
        .order((session::started_at.desc(), session::id.desc()))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The conversation of a customer on an account, if there is one.
///
/// # Errors
/// When the statement fails.
pub fn conversation_of(
    tx: &mut Tx<'_>,
    contact: ContactId,
    account: &AccountId,
) -> Result<Option<ConversationId>, Error> {
    let (conn, tenant) = tx.parts();
    let found: Option<String> = on!(conn, c => conversation::table
        .filter(conversation::tenant.eq(tenant)
            .and(conversation::contact.eq(contact.to_string()))
            .and(conversation::account.eq(account.as_str())))
        .order(conversation::conv.asc())
        .select(conversation::conv)
        .first(c)
        .optional())?;
    read_option("conversation", found.as_deref())
}

/// These sessions, in no order.
///
/// # Errors
/// When the statement fails.
pub fn find_all(tx: &mut Tx<'_>, ids: &[SessionId]) -> Result<Vec<Session>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows: Vec<Row> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::id.eq_any(&ids)))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The newest sessions in a state.
///
/// # Errors
/// When the statement fails.
pub fn of_state(tx: &mut Tx<'_>, state: State, limit: i64) -> Result<Vec<Session>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => session::table
        .filter(session::tenant.eq(tenant).and(session::ended_at.is_null()).and(session::state.eq(state.as_str())))
        .order((session::started_at.desc(), session::id.desc()))
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// Adds a session.
///
/// # Errors
/// A duplicate when the conversation has an open session already ([`Error::is_duplicate`]).
pub fn insert(tx: &mut Tx<'_>, new: &Session) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, new)?;
    on!(conn, c => diesel::insert_into(session::table).values((&row, session::event_seq.eq(0_i64))).execute(c))?;
    Ok(())
}

/// Writes a changed session if nobody has changed it since it was read, and raises its version.
///
/// `false` means that somebody was faster and nothing was written.
///
/// # Errors
/// When the statement fails.
pub fn save(tx: &mut Tx<'_>, changed: &mut Session) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let read_as = changed.version;
    let row = Row { version: read_as.saturating_add(1), ..Row::of(tenant, changed)? };
    let written = on!(conn, c => diesel::update(session::table.filter(session::tenant.eq(tenant)
            .and(session::id.eq(&row.id))
            .and(session::version.eq(read_as))))
        .set(&row)
        .execute(c))?;
    changed.version = row.version;
    Ok(written == 1)
}

/// The agents who answer in a session now: who gets its messages.
///
/// # Errors
/// When the statement fails.
pub fn followers(tx: &mut Tx<'_>, id: SessionId) -> Result<Vec<AgentId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => assignment::table
        .filter(assignment::tenant.eq(tenant)
            .and(assignment::session.eq(id.to_string()))
            .and(assignment::state.eq("active")))
        .select(assignment::agent)
        .load(c))?;
    rows.iter().map(|agent| read("agent", agent)).collect()
}

/// The next number of an event of this session, from 1.
///
/// # Errors
/// When the statement fails, or there is no such session.
pub fn next_event(tx: &mut Tx<'_>, id: SessionId) -> Result<i64, Error> {
    let (conn, tenant) = tx.parts();
    let next = on!(conn, c => diesel::update(
            session::table.filter(session::tenant.eq(tenant).and(session::id.eq(id.to_string()))))
        .set(session::event_seq.eq(session::event_seq + 1))
        .returning(session::event_seq)
        .get_result(c))?;
    Ok(next)
}
