//! Where agents can take calls: who of them has a client open that has calls. Reads the leases of sockets.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::model::id::AgentId;
use crate::store::conn::on;
use crate::store::schema::lease;
use crate::store::{Error, Tx};

/// Those of these agents who have another device open than `but`.
///
/// # Errors
/// When the statement fails.
pub fn open(tx: &mut Tx<'_>, agents: &[AgentId], but: &str) -> Result<HashSet<AgentId>, Error> {
    let participants: Vec<String> = agents.iter().map(|agent| format!("agent:{agent}")).collect();
    let (conn, tenant) = tx.parts();
    let rows: Vec<String> = on!(conn, c => lease::table
        .filter(lease::tenant.eq(tenant)
            .and(lease::participant.eq_any(&participants))
            .and(lease::device.ne(but)))
        .select(lease::participant)
        .load(c))?;
    let found: HashSet<String> = rows.into_iter().collect();
    let there = agents.iter().zip(&participants).filter(|(_, participant)| found.contains(*participant));
    Ok(there.map(|(agent, _)| agent.clone()).collect())
}
