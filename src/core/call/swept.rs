//! Calls as a sweep finds them: how those stand that have changed since it looked last.

use std::collections::HashMap;

use super::push::{self, CallPush, Ring, Told};
use crate::core::{Error, Scene};
use crate::model::call::Side;
use crate::model::id::CallId;
use crate::store::Tx;
use crate::store::call::{self as store, Call};

/// Calls that are looked at.
const MOST: i64 = 500;

/// What the last look saw: the version of every live call.
pub(in crate::core) type CallsSeen = HashMap<CallId, i64>;

/// How one call stands, to both sides.
fn told(scene: &Scene, call: &Call) -> Vec<Told> {
    let mut all = Vec::new();
    if call.life.rings() {
        all.push(push::to_all(call, call.life.caller.other(), CallPush::Ring(Box::new(Ring::of(scene, call)))));
    }
    all.extend(Side::BOTH.into_iter().flat_map(|side| push::states(scene, call, side)));
    all
}

/// Looks at a tenant's calls: what is live now, and what may have to be told.
pub(in crate::core) fn look(
    tx: &mut Tx<'_>,
    scene: &Scene,
    known: &CallsSeen,
) -> Result<(CallsSeen, Vec<Told>), Error> {
    let live = store::live(tx, MOST)?;
    let seen: CallsSeen = live.iter().map(|call| (call.call, call.version)).collect();
    let mut news = Vec::new();
    for call in live.iter().filter(|call| known.get(&call.call) != Some(&call.version)) {
        news.extend(told(scene, call));
    }
    for id in known.keys().filter(|id| !seen.contains_key(id)) {
        if let Some(call) = store::find(tx, *id)? {
            news.extend(told(scene, &call));
        }
    }
    Ok((seen, news))
}
