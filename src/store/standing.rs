//! How all queues of all tenants stand at a moment: who waits, who serves.

use std::collections::BTreeMap;

use diesel::dsl::{case_when, count_star, min, sum};
use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::conn::on;
use super::schema::{agent, agent_queue, queue_entry};
use super::stored::read;
use super::{Conn, Error};
use crate::model::id::{QueueId, TenantId};
use crate::model::presence::Status;
use crate::model::time::Millis;

/// How one queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The tenant.
    pub tenant: TenantId,
    /// The queue.
    pub queue: QueueId,
    /// Sessions that wait.
    pub waiting: i64,
    /// Since when the first of them does.
    pub since: Option<Millis>,
    /// Agents who take new sessions now.
    pub ready: i64,
    /// Chats that its agents have.
    pub serving: i64,
    /// Chats that its signed-in agents take at most.
    pub capacity: i64,
}

type Sums = (String, String, Option<i64>, Option<i64>, Option<i64>);

/// Every queue that somebody serves or waits in.
///
/// # Errors
/// When a statement fails.
pub fn all(conn: &mut Conn, now: Millis) -> Result<Vec<Standing>, Error> {
    let one = || 1_i32.into_sql::<Integer>();
    let none = || 0_i32.into_sql::<Integer>();
    let routable = || {
        agent::online
            .eq(true)
            .and(agent::status.eq(Status::Ready.as_str()))
            .and(agent::not_before.le(now.0))
            .and(agent::load.lt(agent::capacity))
    };
    let signed_in = || agent::status.ne(Status::Offline.as_str());
    let served: Vec<Sums> = on!(&mut *conn, c => agent::table
        .inner_join(agent_queue::table.on(agent_queue::tenant.eq(agent::tenant).and(agent_queue::agent.eq(agent::id))))
        .filter(agent::enabled.eq(true))
        .group_by((agent_queue::tenant, agent_queue::queue))
        .select((
            agent_queue::tenant,
            agent_queue::queue,
            sum(case_when(routable(), one()).otherwise(none())),
            sum(agent::load),
            sum(case_when(signed_in(), agent::capacity).otherwise(none())),
        ))
        .load(c))?;
    let waiting: Vec<(String, String, i64, Option<i64>)> = on!(conn, c => queue_entry::table
        .group_by((queue_entry::tenant, queue_entry::queue))
        .select((queue_entry::tenant, queue_entry::queue, count_star(), min(queue_entry::enqueued_at)))
        .load(c))?;
    let mut found: BTreeMap<(String, String), Standing> = BTreeMap::new();
    for (tenant, queue, ready, serving, capacity) in served {
        let standing = entry(&mut found, tenant, queue)?;
        standing.ready = ready.unwrap_or(0);
        standing.serving = serving.unwrap_or(0);
        standing.capacity = capacity.unwrap_or(0);
    }
    for (tenant, queue, count, since) in waiting {
        let standing = entry(&mut found, tenant, queue)?;
        standing.waiting = count;
        standing.since = since.map(Millis);
    }
    Ok(found.into_values().collect())
}

/// The queue's place in the list, empty if it is new there.
fn entry(
    found: &mut BTreeMap<(String, String), Standing>,
    tenant: String,
    queue: String,
) -> Result<&mut Standing, Error> {
    let empty = Standing {
        tenant: read("tenant", &tenant)?,
        queue: read("queue", &queue)?,
        waiting: 0,
        since: None,
        ready: 0,
        serving: 0,
        capacity: 0,
    };
    Ok(found.entry((tenant, queue)).or_insert(empty))
}
