//! Queue entries and who must not be offered them. Knows order and state; who serves them is in `assignment`.

use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{exclusion, queue_entry, session};
use super::stored::{read, read_option};
use super::{Conn, Error, Tx};
use crate::model::id::{AgentId, ConversationId, QueueId, SessionId, TenantId};
use crate::model::time::Millis;

/// A session's place in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The queue.
    pub queue: QueueId,
    /// Whether it is offered to somebody at the moment.
    pub offered: bool,
    /// Higher is served earlier.
    pub priority: i32,
    /// Waiting since then, also when it comes back.
    pub enqueued_at: Millis,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = queue_entry)]
struct Row {
    tenant: String,
    session: String,
    conv: String,
    queue: String,
    state: String,
    priority: i32,
    enqueued_at: i64,
    not_before: i64,
}

const WAITING: &str = "waiting";
const OFFERED: &str = "offered";

impl Row {
    fn parse(self) -> Result<Entry, Error> {
        Ok(Entry {
            session: read("session", &self.session)?,
            conv: read("conversation", &self.conv)?,
            queue: read("queue", &self.queue)?,
            offered: self.state == OFFERED,
            priority: self.priority,
            enqueued_at: Millis(self.enqueued_at),
        })
    }
}

/// The row of one session of one tenant.
macro_rules! one {
    ($tenant:expr, $session:expr) => {
        queue_entry::table.filter(queue_entry::tenant.eq($tenant).and(queue_entry::session.eq($session.to_string())))
    };
}

/// Puts a session into a queue.
///
/// # Errors
/// A duplicate when it waits already ([`Error::is_duplicate`]).
pub fn insert(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row {
        tenant: tenant.to_owned(),
        session: entry.session.to_string(),
        conv: entry.conv.to_string(),
        queue: entry.queue.to_string(),
        state: if entry.offered { OFFERED } else { WAITING }.to_owned(),
        priority: entry.priority,
        enqueued_at: entry.enqueued_at.0,
        not_before: 0,
    };
    on!(conn, c => diesel::insert_into(queue_entry::table).values(&row).execute(c))?;
    Ok(())
}

/// The session's place, if it waits.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => one!(tenant, session).select(Row::as_select()).first(c).optional())?;
    row.map(Row::parse).transpose()
}

/// Takes a session out of its queue; `false` when it was in none.
///
/// # Errors
/// When the statement fails.
pub fn remove(tx: &mut Tx<'_>, session: SessionId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => diesel::delete(one!(tenant, session)).execute(c))? == 1)
}

/// Marks an entry as offered if it waits. The check and the change are one statement.
///
/// # Errors
/// When the statement fails.
pub fn offer(tx: &mut Tx<'_>, session: SessionId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, session).filter(queue_entry::state.eq(WAITING)))
        .set(queue_entry::state.eq(OFFERED))
        .execute(c))?;
    Ok(changed == 1)
}

/// Lets an offered entry wait again. Its place is what it was.
///
/// # Errors
/// When the statement fails.
pub fn put_back(tx: &mut Tx<'_>, session: SessionId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, session).filter(queue_entry::state.eq(OFFERED)))
        .set(queue_entry::state.eq(WAITING))
        .execute(c))?;
    Ok(changed == 1)
}

/// Moves a waiting entry to another queue. Its time is kept.
///
/// # Errors
/// When the statement fails.
pub fn move_to(tx: &mut Tx<'_>, session: SessionId, queue: &QueueId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let changed = on!(conn, c => diesel::update(one!(tenant, session).filter(queue_entry::state.eq(WAITING)))
        .set(queue_entry::queue.eq(queue.as_str()))
        .execute(c))?;
    Ok(changed == 1)
}

/// How many sessions are in a queue, and since when the first of them waits.
///
/// # Errors
/// When the statement fails.
pub fn length(tx: &mut Tx<'_>, queue: &QueueId) -> Result<(i64, Option<Millis>), Error> {
    let (conn, tenant) = tx.parts();
    let (count, oldest): (i64, Option<i64>) = on!(conn, c => queue_entry::table
        .filter(queue_entry::tenant.eq(tenant).and(queue_entry::queue.eq(queue.as_str())))
        .select((count_star(), min(queue_entry::enqueued_at)))
        .first(c))?;
    Ok((count, oldest.map(Millis)))
}

/// The place of an entry in its queue, 1 for the next.
///
/// # Errors
/// When the statement fails.
pub fn position(tx: &mut Tx<'_>, entry: &Entry) -> Result<i64, Error> {
    let (conn, tenant) = tx.parts();
    let (priority, at) = (entry.priority, entry.enqueued_at.0);
    let earlier = queue_entry::enqueued_at
        .lt(at)
        .or(queue_entry::enqueued_at.eq(at).and(queue_entry::session.lt(entry.session.to_string())));
    let before: i64 = on!(conn, c => queue_entry::table
        .filter(queue_entry::tenant.eq(tenant).and(queue_entry::queue.eq(entry.queue.as_str())))
        .filter(queue_entry::priority.gt(priority).or(queue_entry::priority.eq(priority).and(earlier)))
        .count()
        .get_result(c))?;
    Ok(before.saturating_add(1))
}

/// The first entries of a queue, in the order in which they are served, offered ones included.
///
/// # Errors
/// When the statement fails.
pub fn first(tx: &mut Tx<'_>, queue: &QueueId, limit: i64) -> Result<Vec<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => queue_entry::table
        .filter(queue_entry::tenant.eq(tenant).and(queue_entry::queue.eq(queue.as_str())))
        .order((queue_entry::priority.desc(), queue_entry::enqueued_at.asc(), queue_entry::session.asc()))
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The first entries that wait for an offer, each with the agent who served the customer last.
///
/// # Errors
/// When the statement fails.
pub fn waiting(tx: &mut Tx<'_>, queue: &QueueId, limit: i64) -> Result<Vec<(Entry, Option<AgentId>)>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<(Row, Option<String>)> = on!(conn, c => queue_entry::table
        .inner_join(session::table.on(session::tenant.eq(queue_entry::tenant).and(session::id.eq(queue_entry::session))))
        .filter(queue_entry::tenant.eq(tenant)
            .and(queue_entry::queue.eq(queue.as_str()))
            .and(queue_entry::state.eq(WAITING)))
        .order((queue_entry::priority.desc(), queue_entry::enqueued_at.asc(), queue_entry::session.asc()))
        .limit(limit)
        .select((Row::as_select(), session::last_agent))
        .load(c))?;
    rows.into_iter().map(|(row, last)| Ok((row.parse()?, read_option("agent", last.as_deref())?))).collect()
}

/// The queues of a tenant in which somebody waits.
///
/// # Errors
/// When the statement fails.
pub fn busy(tx: &mut Tx<'_>) -> Result<Vec<QueueId>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => queue_entry::table
        .filter(queue_entry::tenant.eq(tenant).and(queue_entry::state.eq(WAITING)))
        .select(queue_entry::queue)
        .distinct()
        .order(queue_entry::queue.asc())
        .load(c))?;
    rows.iter().map(|queue| read("queue", queue)).collect()
}

/// The tenants in which somebody waits.
///
/// # Errors
/// When the statement fails.
pub fn busy_tenants(conn: &mut Conn) -> Result<Vec<TenantId>, Error> {
    let rows: Vec<String> = on!(conn, c => queue_entry::table
        .filter(queue_entry::state.eq(WAITING))
        .select(queue_entry::tenant)
        .distinct()
        .load(c))?;
    rows.iter().map(|tenant| read("tenant", tenant)).collect()
}

/// Keeps a session from being offered to an agent until then.
///
/// # Errors
/// When the statement fails.
pub fn exclude(tx: &mut Tx<'_>, session: SessionId, agent: &AgentId, until: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(exclusion::table)
            .values((
                exclusion::tenant.eq(tenant),
                exclusion::session.eq(session.to_string()),
                exclusion::agent.eq(agent.as_str()),
                exclusion::until.eq(until.0),
            ))
            .on_conflict((exclusion::tenant, exclusion::session, exclusion::agent))
            .do_update()
            .set(exclusion::until.eq(until.0))
    )?;
    Ok(())
}

/// Which of these sessions must not be offered to whom now.
///
/// # Errors
/// When the statement fails.
pub fn excluded(tx: &mut Tx<'_>, sessions: &[SessionId], now: Millis) -> Result<Vec<(SessionId, AgentId)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = sessions.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, String)> = on!(conn, c => exclusion::table
        .filter(exclusion::tenant.eq(tenant).and(exclusion::session.eq_any(&ids)).and(exclusion::until.gt(now.0)))
        .select((exclusion::session, exclusion::agent))
        .load(c))?;
    rows.iter().map(|(session, agent)| Ok((read("session", session)?, read("agent", agent)?))).collect()
}

/// Lets a session be offered to everybody again.
///
/// # Errors
/// When the statement fails.
pub fn forgive(tx: &mut Tx<'_>, session: SessionId) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::delete(
            exclusion::table.filter(exclusion::tenant.eq(tenant).and(exclusion::session.eq(session.to_string())))
        )
    )?;
    Ok(())
}
