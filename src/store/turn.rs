//! Turns of robots: what a customer said to one, as work while nobody has answered it, as a trace afterwards.

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use super::conn::{on, put};
use super::fixed::Forget;
use super::schema::robot_turn;
use super::stored::{damaged, read, read_option};
use super::{Conn, Error, Tx};
use crate::model::dialogue::Choice;
use crate::model::id::{AccountId, ConversationId, SessionId, TenantId};
use crate::model::time::Millis;

/// A turn that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The conversation.
    pub conv: ConversationId,
    /// The customer's message.
    pub seq: i64,
    /// The session.
    pub session: SessionId,
    /// The control under which it is answered: under another one it is too late.
    pub epoch: i64,
    /// Who answers.
    pub adapter: String,
    /// What was said, normalised.
    pub query: String,
    /// The line of a list that was meant.
    pub chosen: Option<Choice>,
    /// The delivery whose passive slot is open for the answer: its account and key.
    pub slot: Option<(AccountId, String)>,
    /// When it was said.
    pub asked_at: Millis,
    /// Times that somebody has begun to answer it.
    pub tries: i32,
}

/// What became of a turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Done {
    /// `answer`, `clarify`, `chitchat`, `fallback`, `handoff`, `end`, `flow`, `stale`.
    pub decision: &'static str,
    /// What was near, as JSON.
    pub hits: Option<String>,
    /// The answer's place in the log.
    pub reply_seq: Option<i64>,
    /// From the question to the answer, milliseconds.
    pub latency_ms: i64,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the answer came too late: another party had the control already.
    pub stale: bool,
}

/// A turn as a trace.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Trace {
    /// The customer's message.
    pub seq: i64,
    /// Who answered.
    pub adapter: String,
    /// What was said, normalised.
    pub query: String,
    /// `waiting` or `done`.
    pub state: String,
    /// As in [`Done`].
    pub decision: Option<String>,
    /// As in [`Done`].
    pub hits: Option<String>,
    /// As in [`Done`].
    pub reply_seq: Option<i64>,
    /// As in [`Done`].
    pub latency_ms: Option<i64>,
    /// As in [`Done`].
    pub error: Option<String>,
    /// As in [`Done`].
    pub stale: bool,
    /// What the customer thought of the answer.
    pub helpful: Option<bool>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = robot_turn)]
struct Row {
    conv: String,
    seq: i64,
    session: String,
    epoch: i64,
    adapter: String,
    query: String,
    chosen: Option<String>,
    account: Option<String>,
    dedupe: Option<String>,
    asked_at: i64,
    tries: i32,
}

impl Row {
    fn parse(self) -> Result<Turn, Error> {
        let chosen = self.chosen.as_deref().map(serde_json::from_str).transpose();
        let account: Option<AccountId> = read_option("account", self.account.as_deref())?;
        Ok(Turn {
            conv: read("conversation", &self.conv)?,
            seq: self.seq,
            session: read("session", &self.session)?,
            epoch: self.epoch,
            adapter: self.adapter,
            query: self.query,
            chosen: chosen.map_err(|source| damaged("choice", &source.to_string()))?,
            slot: account.zip(self.dedupe),
            asked_at: Millis(self.asked_at),
            tries: self.tries,
        })
    }
}

/// The row of one turn.
macro_rules! one {
    ($tenant:expr, $conv:expr, $seq:expr) => {
        robot_turn::table.filter(
            robot_turn::tenant.eq($tenant).and(robot_turn::conv.eq($conv.to_string())).and(robot_turn::seq.eq($seq)),
        )
    };
}

/// Adds a turn; whoever looks after `next_at` works on it.
///
/// # Errors
/// When the statement fails.
pub fn add(tx: &mut Tx<'_>, turn: &Turn, next_at: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let chosen = turn.chosen.as_ref().map(serde_json::to_string).transpose();
    let (account, dedupe) = turn.slot.as_ref().map(|(account, dedupe)| (account.as_str(), dedupe.as_str())).unzip();
    put!(
        conn,
        diesel::insert_into(robot_turn::table).values((
            robot_turn::tenant.eq(tenant),
            robot_turn::conv.eq(turn.conv.to_string()),
            robot_turn::seq.eq(turn.seq),
            robot_turn::session.eq(turn.session.to_string()),
            robot_turn::epoch.eq(turn.epoch),
            robot_turn::state.eq("waiting"),
            robot_turn::next_at.eq(next_at.0),
            robot_turn::tries.eq(turn.tries),
            robot_turn::account.eq(account),
            robot_turn::dedupe.eq(dedupe),
            robot_turn::chosen.eq(chosen.map_err(|source| damaged("choice", &source.to_string()))?),
            robot_turn::asked_at.eq(turn.asked_at.0),
            robot_turn::adapter.eq(&turn.adapter),
            robot_turn::query.eq(&turn.query),
            robot_turn::stale.eq(false),
        ))
    )?;
    Ok(())
}

/// Sessions whose first waiting turn nobody works on, of all tenants but `without`, the longest waiting first.
///
/// # Errors
/// When the statement fails.
pub fn due(
    conn: &mut Conn,
    now: Millis,
    limit: i64,
    without: &[TenantId],
) -> Result<Vec<(TenantId, SessionId)>, Error> {
    let without: Vec<&str> = without.iter().map(TenantId::as_str).collect();
    let earlier = diesel::alias!(robot_turn as earlier);
    let rows: Vec<(String, String)> = on!(conn, c => {
        let waits_behind = exists(
            earlier.filter(
                earlier
                    .field(robot_turn::tenant)
                    .eq(robot_turn::tenant)
                    .and(earlier.field(robot_turn::session).eq(robot_turn::session))
                    .and(earlier.field(robot_turn::seq).lt(robot_turn::seq))
                    .and(earlier.field(robot_turn::state).eq("waiting"))
                    .and(earlier.field(robot_turn::next_at).gt(now.0)),
            ),
        );
        robot_turn::table
            .filter(robot_turn::state.eq("waiting").and(robot_turn::next_at.le(now.0)))
            .filter(not(waits_behind))
            .filter(robot_turn::tenant.ne_all(&without))
            .group_by((robot_turn::tenant, robot_turn::session))
            .order(min(robot_turn::next_at).asc())
            .limit(limit)
            .select((robot_turn::tenant, robot_turn::session))
            .load(c)
    })?;
    rows.into_iter().map(|(tenant, session)| Ok((read("tenant", &tenant)?, read("session", &session)?))).collect()
}

/// The session's first waiting turn, if nobody works on it; from now on the caller does, until `until`.
///
/// # Errors
/// When a statement fails.
pub fn claim(tx: &mut Tx<'_>, session: SessionId, now: Millis, until: Millis) -> Result<Option<Turn>, Error> {
    let (conn, tenant) = tx.parts();
    let first: Option<(Row, i64)> = on!(conn, c => robot_turn::table
        .filter(robot_turn::tenant.eq(tenant)
            .and(robot_turn::session.eq(session.to_string()))
            .and(robot_turn::state.eq("waiting")))
        .order(robot_turn::seq.asc())
        .select((Row::as_select(), robot_turn::next_at))
        .first(c)
        .optional())?;
    let Some((row, next_at)) = first.filter(|(_, next_at)| *next_at <= now.0) else { return Ok(None) };
    let taken = on!(conn, c => diesel::update(one!(tenant, row.conv, row.seq)
            .filter(robot_turn::state.eq("waiting").and(robot_turn::next_at.eq(next_at))))
        .set((robot_turn::next_at.eq(until.0), robot_turn::tries.eq(robot_turn::tries + 1)))
        .execute(c))?;
    if taken == 1 { row.parse().map(Some) } else { Ok(None) }
}

/// Lets a turn go that was claimed until then and not answered: whoever looks next takes it.
///
/// # Errors
/// When the statement fails.
pub fn give_back(tx: &mut Tx<'_>, turn: &Turn, until: Millis, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let mine = robot_turn::state.eq("waiting").and(robot_turn::next_at.eq(until.0));
    put!(
        conn,
        diesel::update(one!(tenant, turn.conv, turn.seq).filter(mine))
            .set((robot_turn::next_at.eq(now.0), robot_turn::tries.eq(robot_turn::tries - 1)))
    )?;
    Ok(())
}

/// The session's newest turn of this epoch whose answer was to come later.
///
/// # Errors
/// When the statement fails.
pub fn later(tx: &mut Tx<'_>, session: SessionId, epoch: i64) -> Result<Option<Turn>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => robot_turn::table
        .filter(robot_turn::tenant.eq(tenant)
            .and(robot_turn::session.eq(session.to_string()))
            .and(robot_turn::epoch.eq(epoch))
            .and(robot_turn::decision.eq("later")))
        .order(robot_turn::seq.desc())
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// Notes what became of a turn; `false` when that is noted already.
///
/// # Errors
/// When the statement fails.
pub fn finish(tx: &mut Tx<'_>, turn: &Turn, done: &Done) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, turn.conv, turn.seq)
            .filter(robot_turn::state.eq("waiting").or(robot_turn::decision.eq("later"))))
        .set((
            robot_turn::state.eq("done"),
            robot_turn::decision.eq(done.decision),
            robot_turn::hits.eq(done.hits.as_deref()),
            robot_turn::reply_seq.eq(done.reply_seq),
            robot_turn::latency_ms.eq(done.latency_ms),
            robot_turn::error.eq(done.error.as_deref()),
            robot_turn::stale.eq(done.stale),
        ))
        .execute(c))?;
    Ok(changed == 1)
}

/// The session in which a robot answered at `reply_seq`.
///
/// # Errors
/// When the statement fails.
pub fn answered_at(tx: &mut Tx<'_>, conv: ConversationId, reply_seq: i64) -> Result<Option<SessionId>, Error> {
    let (conn, tenant) = tx.parts();
    let found: Option<String> = on!(conn, c => robot_turn::table
        .filter(robot_turn::tenant.eq(tenant)
            .and(robot_turn::conv.eq(conv.to_string()))
            .and(robot_turn::reply_seq.eq(reply_seq)))
        .select(robot_turn::session)
        .first(c)
        .optional())?;
    read_option("session", found.as_deref())
}

/// Keeps what the customer thought of the answer at `reply_seq`; `false` when no robot answered there, or it was rated
/// before.
///
/// # Errors
/// When the statement fails.
pub fn rate(tx: &mut Tx<'_>, conv: ConversationId, reply_seq: i64, helpful: bool) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(robot_turn::table
            .filter(robot_turn::tenant.eq(tenant)
                .and(robot_turn::conv.eq(conv.to_string()))
                .and(robot_turn::reply_seq.eq(reply_seq))
                .and(robot_turn::helpful.is_null())))
        .set(robot_turn::helpful.eq(helpful))
        .execute(c))?;
    Ok(changed == 1)
}

/// The turns of a session, in order.
///
/// # Errors
/// When the statement fails.
pub fn of_session(tx: &mut Tx<'_>, session: SessionId, limit: i64) -> Result<Vec<Trace>, Error> {
    let (conn, tenant) = tx.parts();
    let mut rows: Vec<Trace> = on!(conn, c => robot_turn::table
        .filter(robot_turn::tenant.eq(tenant).and(robot_turn::session.eq(session.to_string())))
        .order(robot_turn::seq.desc())
        .limit(limit)
        .select((
            robot_turn::seq,
            robot_turn::adapter,
            robot_turn::query,
            robot_turn::state,
            robot_turn::decision,
            robot_turn::hits,
            robot_turn::reply_seq,
            robot_turn::latency_ms,
            robot_turn::error,
            robot_turn::stale,
            robot_turn::helpful,
        ))
        .load(c))?;
    rows.reverse();
    Ok(rows)
}

/// Forgets turns of all tenants that were asked before then: about `limit` of them, oldest first. Returns how many.
///
/// # Errors
/// When the statement fails.
pub fn forget(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize, Error> {
    Ok(on!(conn, c => Forget { table: "robot_turn", at: "asked_at", before, limit }.execute(c))?)
}
