//! Messages on their way out through channels that are called: one row per message, worked in order per conversation.

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::delivery;
use super::{Conn, Error, Tx};
use crate::model::delivery::DeliveryState;
use crate::model::id::{AccountId, ConversationId, NodeId, TenantId};
use crate::model::time::Millis;

/// One message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The conversation.
    pub conv: ConversationId,
    /// The message's place in it.
    pub seq: i64,
    /// The account it leaves through.
    pub account: AccountId,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many parts of it the channel has taken.
    pub part: i32,
    /// How many calls were made for the part that is next.
    pub attempts: i32,
    /// When it may be tried next.
    pub next_at: Millis,
    /// Why it failed, is held or is uncertain.
    pub code: Option<String>,
    /// The channel's own words.
    pub detail: Option<String>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = delivery, treat_none_as_null = true)]
struct Row {
    tenant: String,
    conv: String,
    seq: i64,
    account: String,
    state: String,
    part: i32,
    attempts: i32,
    next_at: i64,
    code: Option<String>,
    detail: Option<String>,
    node: Option<String>,
}

impl Row {
    fn of(tenant: &str, d: &Delivery, node: Option<NodeId>) -> Self {
        Self {
            tenant: tenant.to_owned(),
            conv: d.conv.to_string(),
            seq: d.seq,
            account: d.account.to_string(),
            state: d.state.as_str().to_owned(),
            part: d.part,
            attempts: d.attempts,
            next_at: d.next_at.0,
            code: d.code.clone(),
            detail: d.detail.clone(),
            node: node.map(|node| node.to_string()),
        }
    }

    fn parse(self) -> Result<Delivery, Error> {
        let damaged = |what, value: &str| Error::Damaged { what, value: value.to_owned() };
        Ok(Delivery {
            conv: ConversationId::parse(&self.conv).map_err(|_source| damaged("conversation", &self.conv))?,
            seq: self.seq,
            account: AccountId::parse(&self.account).map_err(|_source| damaged("account", &self.account))?,
            state: DeliveryState::parse(&self.state).ok_or_else(|| damaged("delivery state", &self.state))?,
            part: self.part,
            attempts: self.attempts,
            next_at: Millis(self.next_at),
            code: self.code,
            detail: self.detail,
        })
    }
}

/// Notes a message that has to leave.
///
/// # Errors
/// When the statement fails.
pub fn insert(tx: &mut Tx<'_>, item: &Delivery) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, item, None);
    put!(conn, diesel::insert_into(delivery::table).values(&row))?;
    Ok(())
}

/// Writes how a message stands that nobody is sending.
///
/// # Errors
/// When the statement fails.
pub fn save(tx: &mut Tx<'_>, item: &Delivery) -> Result<(), Error> {
    write(tx, item, None)
}

/// Writes that this node is sending a message, until `next_at` and as long as it lives.
///
/// # Errors
/// When the statement fails.
pub fn send(tx: &mut Tx<'_>, item: &Delivery, node: NodeId) -> Result<(), Error> {
    write(tx, item, Some(node))
}

fn write(tx: &mut Tx<'_>, item: &Delivery, node: Option<NodeId>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, item, node);
    put!(
        conn,
        diesel::update(delivery::table.filter(
            delivery::tenant.eq(tenant).and(delivery::conv.eq(item.conv.to_string())).and(delivery::seq.eq(item.seq))
        ))
        .set(&row)
    )?;
    Ok(())
}

/// The first `limit` messages of a conversation that have not reached a final state, in order.
///
/// # Errors
/// When the statement fails.
pub fn unfinished(tx: &mut Tx<'_>, conv: ConversationId, limit: i64) -> Result<Vec<Delivery>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => delivery::table
        .filter(delivery::tenant.eq(tenant)
            .and(delivery::conv.eq(conv.to_string()))
            .and(delivery::state.eq_any(["pending", "sending", "held"])))
        .order(delivery::seq.asc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// The messages of a conversation that wait for their turn and are not being sent, in order.
///
/// # Errors
/// When the statement fails.
pub fn pending(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Vec<Delivery>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => delivery::table
        .filter(delivery::tenant.eq(tenant)
            .and(delivery::conv.eq(conv.to_string()))
            .and(delivery::state.eq("pending")))
        .order(delivery::seq.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// How the messages of a conversation in `from..=to` stand.
///
/// # Errors
/// When the statement fails.
pub fn between(tx: &mut Tx<'_>, conv: ConversationId, from: i64, to: i64) -> Result<Vec<Delivery>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => delivery::table
        .filter(delivery::tenant.eq(tenant)
            .and(delivery::conv.eq(conv.to_string()))
            .and(delivery::seq.between(from, to)))
        .order(delivery::seq.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// Parts of logs that are asked for at a time.
pub const PARTS: usize = 64;

/// How the messages of these parts of logs stand, each part a conversation with its first and its last place. A few
/// statements, however many parts there are.
///
/// # Errors
/// When a statement fails.
pub fn of_parts(tx: &mut Tx<'_>, parts: &[(ConversationId, i64, i64)]) -> Result<Vec<Delivery>, Error> {
    let (conn, tenant) = tx.parts();
    let mut all = Vec::new();
    for some in parts.chunks(PARTS) {
        // The last one again, up to a power of two: a connection keeps few forms of the statement.
        let again = some.last().into_iter().cycle();
        let padded: Vec<_> = some.iter().chain(again).take(some.len().next_power_of_two()).collect();
        let rows: Vec<Row> = on!(conn, c => {
            let mut query = delivery::table.select(Row::as_select()).into_boxed();
            for (conv, from, to) in &padded {
                query = query.or_filter(delivery::tenant.eq(tenant)
                    .and(delivery::conv.eq(conv.to_string()))
                    .and(delivery::seq.between(*from, *to)));
            }
            query.order((delivery::conv.asc(), delivery::seq.asc())).load(c)
        })?;
        for row in rows {
            all.push(row.parse()?);
        }
    }
    Ok(all)
}

/// Lets go what was held back, because the customer wrote again. Says how many messages that were.
///
/// # Errors
/// When the statement fails.
pub fn release(tx: &mut Tx<'_>, conv: ConversationId, now: Millis) -> Result<usize, Error> {
    let (conn, tenant) = tx.parts();
    let rows = on!(conn, c => diesel::update(delivery::table.filter(delivery::tenant.eq(tenant)
            .and(delivery::conv.eq(conv.to_string()))
            .and(delivery::state.eq("held"))))
        .set((delivery::state.eq("pending"), delivery::next_at.eq(now.0)))
        .execute(c))?;
    Ok(rows)
}

/// Makes due what this node was sending, as it is dead; or, without one, all that is being sent. Says how many there were.
///
/// # Errors
/// When the statement fails.
pub fn orphan(conn: &mut Conn, of: Option<NodeId>, now: Millis) -> Result<usize, Error> {
    let of = of.map(|node| node.to_string());
    Ok(on!(conn, c => {
        // What is settled has no time: the index leads past it.
        let under_way = delivery::next_at.gt(now.0).and(delivery::next_at.lt(i64::MAX));
        let mut orphans = diesel::update(delivery::table)
            .filter(delivery::state.eq("sending").and(under_way))
            .set(delivery::next_at.eq(now.0))
            .into_boxed();
        if let Some(node) = &of {
            orphans = orphans.filter(delivery::node.eq(node));
        }
        orphans.execute(c)
    })?)
}

/// The conversations, of all tenants but `without`, in which something can be done, but for those of accounts that others
/// send for; the longest waiting first. What comes behind a message that has its time later waits with it.
///
/// # Errors
/// When the statement fails.
pub fn due(
    conn: &mut Conn,
    now: Millis,
    limit: i64,
    (without, others): (&[TenantId], &[(TenantId, AccountId)]),
) -> Result<Vec<(TenantId, ConversationId)>, Error> {
    let without: Vec<&str> = without.iter().map(TenantId::as_str).collect();
    let earlier = diesel::alias!(delivery as earlier);
    let rows: Vec<(String, String)> = on!(conn, c => {
        let waits_behind = exists(
            earlier.filter(
                earlier
                    .field(delivery::tenant)
                    .eq(delivery::tenant)
                    .and(earlier.field(delivery::conv).eq(delivery::conv))
                    .and(earlier.field(delivery::seq).lt(delivery::seq))
                    .and(earlier.field(delivery::state).eq_any(["pending", "sending"]))
                    .and(earlier.field(delivery::next_at).gt(now.0)),
            ),
        );
        let mut due = delivery::table
            .filter(delivery::state.eq_any(["pending", "sending"]).and(delivery::next_at.le(now.0)))
            .filter(not(waits_behind))
            .filter(delivery::tenant.ne_all(&without))
            .group_by((delivery::tenant, delivery::conv))
            .select((delivery::tenant, delivery::conv))
            .order(min(delivery::next_at).asc())
            .limit(limit)
            .into_boxed();
        for (tenant, account) in others {
            due = due.filter(delivery::tenant.ne(tenant.as_str()).or(delivery::account.ne(account.as_str())));
        }
        due.load(c)
    })?;
    rows.into_iter()
        .map(|(tenant, conv)| {
            let damaged = |what, value: &str| Error::Damaged { what, value: value.to_owned() };
            Ok((
                TenantId::parse(&tenant).map_err(|_source| damaged("tenant", &tenant))?,
                ConversationId::parse(&conv).map_err(|_source| damaged("conversation", &conv))?,
            ))
        })
        .collect()
}
