//! Calls: the row and its version, what a side said last, recordings. What may happen to a call is decided in
//! `model::call`.

pub mod console;
pub mod recording;
pub mod side;
pub mod wish;

use std::collections::HashSet;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::conn::on;
use super::schema::call;
use super::stored::{damaged, read};
use super::{Conn, Error, Tx};
use crate::model::call::{Call as Life, Media, Pair};
use crate::model::id::{AgentId, CallId, ContactId, ConversationId, RecordingId, SessionId, TenantId};
use crate::model::time::Millis;

/// What a call's record has to say besides its life.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Samples of quality that told the round trip.
    #[serde(alias = "samples")]
    pub rtts: u32,
    /// Their round trips, milliseconds, added up.
    pub rtt_ms: f64,
    /// Samples that told the share of lost packets.
    pub losses: u32,
    /// Their shares of lost packets, added up.
    pub loss: f64,
    /// The way that was found: kinds of both candidates and the protocol.
    pub pair: Option<String>,
    /// What each side thought of it, 1 to 5, with problems in words.
    pub quality: Pair<Option<(u8, Vec<String>)>>,
    /// The agent who had the call before.
    pub transfer_from: Option<AgentId>,
    /// What was asked for at first.
    pub wanted: Media,
    /// What each side is called, as the other one reads it.
    pub names: Pair<String>,
    /// Recordings that the customer agreed to. There are no others: a recording begins with the word of consent.
    pub recordings: Vec<RecordingId>,
    /// Those of them that ended because the customer no longer agreed.
    pub withdrawn: Vec<RecordingId>,
}

/// A call, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Identity.
    pub call: CallId,
    /// Its session.
    pub session: SessionId,
    /// The session's conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The agent.
    pub agent: AgentId,
    /// What the rules see.
    pub life: Life,
    /// What its record has to say.
    pub tally: Tally,
    /// Raised with every change of the row.
    pub version: i64,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    life: std::borrow::Cow<'a, Life>,
    tally: std::borrow::Cow<'a, Tally>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = call, treat_none_as_null = true)]
struct Row {
    tenant: String,
    id: String,
    session: String,
    conv: String,
    contact: String,
    agent: String,
    state: String,
    invited_at: i64,
    connected_at: Option<i64>,
    ended_at: Option<i64>,
    ended_reason: Option<String>,
    talk_ms: i64,
    body: String,
    version: i64,
}

impl Row {
    fn of(tenant: &str, from: &Call) -> Result<Self, Error> {
        use std::borrow::Cow::Borrowed;
        let body = Body { life: Borrowed(&from.life), tally: Borrowed(&from.tally) };
        let end = from.life.end;
        let talk_ms = end.map_or(0, |end| from.life.talk_ms(end.at));
        Ok(Self {
            tenant: tenant.to_owned(),
            id: from.call.to_string(),
            session: from.session.to_string(),
            conv: from.conv.to_string(),
            contact: from.contact.to_string(),
            agent: from.agent.to_string(),
            state: from.life.state.as_str().to_owned(),
            invited_at: from.life.invited_at.0,
            connected_at: from.life.connected_at.map(|at| at.0),
            ended_at: end.map(|end| end.at.0),
            ended_reason: end.map(|end| end.reason.as_str().to_owned()),
            talk_ms: i64::try_from(talk_ms).unwrap_or(i64::MAX),
            body: serde_json::to_string(&body).map_err(|source| damaged("call", &source.to_string()))?,
            version: from.version,
        })
    }

    fn parse(self) -> Result<Call, Error> {
        let body: Body<'_> = serde_json::from_str(&self.body).map_err(|_form| damaged("call", &self.body))?;
        Ok(Call {
            call: read("call", &self.id)?,
            session: read("session", &self.session)?,
            conv: read("conversation", &self.conv)?,
            contact: read("contact", &self.contact)?,
            agent: read("agent", &self.agent)?,
            life: body.life.into_owned(),
            tally: body.tally.into_owned(),
            version: self.version,
        })
    }
}

/// The call, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: CallId) -> Result<Option<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::id.eq(id.to_string())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The live call of a session.
///
/// # Errors
/// When the statement fails.
pub fn of_session(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::session.eq(session.to_string())).and(call::ended_at.is_null()))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The live call of an agent.
///
/// # Errors
/// When the statement fails.
pub fn of_agent(tx: &mut Tx<'_>, agent: &AgentId) -> Result<Option<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::agent.eq(agent.as_str())).and(call::ended_at.is_null()))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The live calls of a customer: one for each session at the most.
///
/// # Errors
/// When the statement fails.
pub fn of_contact(tx: &mut Tx<'_>, contact: ContactId) -> Result<Vec<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::contact.eq(contact.to_string())).and(call::ended_at.is_null()))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The live calls of the tenant, the newest first.
///
/// # Errors
/// When the statement fails.
pub fn live(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Call>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::ended_at.is_null()))
        .order(call::invited_at.desc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The agents who are in a call.
///
/// # Errors
/// When the statement fails.
pub fn engaged(tx: &mut Tx<'_>) -> Result<HashSet<AgentId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => call::table
        .filter(call::tenant.eq(tenant).and(call::ended_at.is_null()))
        .select(call::agent)
        .load(c))?;
    rows.iter().map(|agent| read("agent", agent)).collect()
}

/// How many calls of a session began since then.
///
/// # Errors
/// When the statement fails.
pub fn begun(tx: &mut Tx<'_>, session: SessionId, since: Millis) -> Result<i64, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => call::table
        .filter(call::tenant.eq(tenant)
            .and(call::session.eq(session.to_string()))
            .and(call::invited_at.gt(since.0)))
        .count()
        .get_result(c))?)
}

/// Adds a call.
///
/// # Errors
/// A duplicate when the session or the agent has a live call already ([`Error::is_duplicate`]).
pub fn insert(tx: &mut Tx<'_>, new: &Call) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, new)?;
    on!(conn, c => diesel::insert_into(call::table).values(&row).execute(c))?;
    Ok(())
}

/// Writes a changed call if nobody has changed it since it was read, and raises its version.
///
/// `false` means that somebody was faster and nothing was written.
///
/// # Errors
/// When the statement fails; a duplicate when its new agent has a live call already.
pub fn save(tx: &mut Tx<'_>, changed: &mut Call) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let read_as = changed.version;
    let row = Row { version: read_as.saturating_add(1), ..Row::of(tenant, changed)? };
    let written = on!(conn, c => diesel::update(call::table.filter(call::tenant.eq(tenant)
            .and(call::id.eq(&row.id))
            .and(call::version.eq(read_as))))
        .set(&row)
        .execute(c))?;
    changed.version = row.version;
    Ok(written == 1)
}

/// Live calls of all tenants, the oldest first: for whoever looks for those that nobody looks after.
///
/// # Errors
/// When the statement fails.
pub fn live_since(conn: &mut Conn, before: Millis, limit: i64) -> Result<Vec<(TenantId, CallId)>, Error> {
    let rows: Vec<(String, String)> = on!(conn, c => call::table
        .filter(call::ended_at.is_null().and(call::invited_at.lt(before.0)))
        .order(call::invited_at.asc())
        .limit(limit)
        .select((call::tenant, call::id))
        .load(c))?;
    rows.into_iter().map(|(tenant, id)| Ok((read("tenant", &tenant)?, read("call", &id)?))).collect()
}
