//! What each side of a call has said about its media last, for a socket that was lost meanwhile.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::call::{Pair, Side};
use crate::model::id::CallId;
use crate::store::conn::{on, put};
use crate::store::schema::call_side;
use crate::store::stored::damaged;
use crate::store::{Error, Tx};

/// Batches of candidates that are kept: whoever has more has far too many ways already.
const KEPT: usize = 64;

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its number.
    pub n: i64,
    /// `offer` or `answer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The description itself, opaque.
    pub sdp: String,
}

/// Candidates that came together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Candidates {
    /// Their number.
    pub n: i64,
    /// They themselves, opaque; `null` says that there are no more.
    pub candidates: Vec<Value>,
}

/// What one side has said.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// In which leg.
    pub leg: i64,
    /// The newest number.
    pub n: i64,
    /// The last description.
    pub desc: Option<Description>,
    /// The last candidates.
    pub ice: Vec<Candidates>,
    /// Candidates since the last description.
    pub ice_count: i64,
}

type Row = (String, i64, i64, Option<i64>, Option<String>, Option<String>, String, i64);

fn parse(row: Row) -> Result<(String, Said), Error> {
    let (side, leg, n, desc_n, kind, sdp, ice, ice_count) = row;
    let ice = serde_json::from_str(&ice).map_err(|_form| damaged("candidates", &ice))?;
    let desc = match (desc_n, kind, sdp) {
        (Some(n), Some(kind), Some(sdp)) => Some(Description { n, kind, sdp }),
        _ => None,
    };
    Ok((side, Said { leg, n, desc, ice, ice_count }))
}

/// What both sides have said in this leg.
///
/// # Errors
/// When the statement fails.
pub fn both(tx: &mut Tx<'_>, call: CallId, leg: i64) -> Result<Pair<Said>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => call_side::table
        .filter(call_side::tenant.eq(tenant)
            .and(call_side::call.eq(call.to_string()))
            .and(call_side::leg.eq(leg)))
        .select((
            call_side::side,
            call_side::leg,
            call_side::n,
            call_side::desc_n,
            call_side::desc_type,
            call_side::sdp,
            call_side::ice,
            call_side::ice_count,
        ))
        .load(c))?;
    let mut both = Pair::<Said>::default();
    for row in rows {
        let (side, said) = parse(row)?;
        let side = if side == Side::Agent.as_str() { Side::Agent } else { Side::Contact };
        *both.of_mut(side) = said;
    }
    Ok(both)
}

/// Keeps what a side has said, in place of what it said before.
///
/// # Errors
/// When the statement fails.
pub fn keep(tx: &mut Tx<'_>, call: CallId, side: Side, said: &mut Said) -> Result<(), Error> {
    let excess = said.ice.len().saturating_sub(KEPT);
    said.ice.drain(..excess);
    let ice = serde_json::to_string(&said.ice).map_err(|source| damaged("candidates", &source.to_string()))?;
    let (conn, tenant) = tx.parts();
    let desc = said.desc.as_ref();
    let values = (
        call_side::leg.eq(said.leg),
        call_side::n.eq(said.n),
        call_side::desc_n.eq(desc.map(|desc| desc.n)),
        call_side::desc_type.eq(desc.map(|desc| desc.kind.as_str())),
        call_side::sdp.eq(desc.map(|desc| desc.sdp.as_str())),
        call_side::ice.eq(ice.as_str()),
        call_side::ice_count.eq(said.ice_count),
    );
    put!(
        conn,
        diesel::insert_into(call_side::table)
            .values((
                call_side::tenant.eq(tenant),
                call_side::call.eq(call.to_string()),
                call_side::side.eq(side.as_str()),
                values,
            ))
            .on_conflict((call_side::tenant, call_side::call, call_side::side))
            .do_update()
            .set(values)
    )?;
    Ok(())
}

/// Forgets what both sides of a call have said.
///
/// # Errors
/// When the statement fails.
pub fn forget(tx: &mut Tx<'_>, call: CallId) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::delete(call_side::table.filter(call_side::tenant.eq(tenant).and(call_side::call.eq(call.to_string()))))
    )?;
    Ok(())
}
