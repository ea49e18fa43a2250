//! What two browsers tell each other to find a way: passed on at once and unread, and kept behind that for a socket that
//! was lost meanwhile.

use std::time::Duration;

use serde_json::Value;

use super::push::{self, CallPush, Told};
use super::request::{Candidates, Describe, DescriptionKind, Way};
use super::view::{CallView, Snapshot};
use super::{bad, gone_error, participant, party, policy, servers, step};
use crate::core::{Client, Core, Error, Scene, access};
use crate::model::call::{Move, Pair, Side};
use crate::model::code::Code;
use crate::model::id::CallId;
use crate::store::Tx;
use crate::store::call::Call;
use crate::store::call::side::{self, Description, Said};

/// Bytes of a description. By default a whole frame may be as long, escapes and all, so that longer ones do not even get here.
const SDP: usize = 64 * 1024;
/// Media sections of a description.
const SECTIONS: usize = 16;
/// Candidates of one frame, and since the sender's last description.
const BATCH: usize = 10;
const CANDIDATES: i64 = 100;
/// Fresh servers of one side of a call in a minute: a network that comes and goes every few seconds needs half of them.
pub(in crate::core) const FRESH_PER_MINUTE: u32 = 30;
/// An answer may overtake the note of its offer between two nodes: how often, and after what pause, it is looked for.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// A call, whose side, and what both have said in its leg.
type Place = (Call, Side, Pair<Said>);

fn place(tx: &mut Tx<'_>, client: &Client, (id, leg): (CallId, i64)) -> Result<Place, Error> {
    let (call, side) = participant(tx, client, id)?;
    if call.life.rings() {
        return Err(bad("尚未接听 / not accepted yet"));
    }
    if leg != call.life.leg {
        return Err(gone_error());
    }
    let said = side::both(tx, id, leg)?;
    Ok((call, side, said))
}

fn fits(describe: &Describe) -> Result<(), Error> {
    let sdp = &describe.sdp;
    let sections = || sdp.split(['\n', '\r']).filter(|line| line.starts_with("m=")).count();
    if describe.n < 1 || sdp.is_empty() {
        return Err(bad("n 从 1 起，sdp 不可为空 / n counts from 1, sdp must not be empty"));
    }
    if sdp.len() > SDP || sections() > SECTIONS {
        return Err(Error::new(Code::TooLarge, "SDP 过大 / the description is too large"));
    }
    Ok(())
}

/// Keeps what a side has said, unless it is known already.
fn note(
    tx: &mut Tx<'_>,
    (id, side, leg, n): (CallId, Side, i64, i64),
    change: impl FnOnce(&mut Said),
) -> Result<(), Error> {
    let mut both = side::both(tx, id, leg)?;
    let said = both.of_mut(side);
    if n <= said.n {
        return Ok(());
    }
    (said.leg, said.n) = (leg, n);
    change(said);
    Ok(side::keep(tx, id, side, said)?)
}

impl Core {
    async fn place(&self, client: &Client, at: (CallId, i64)) -> Result<Place, Error> {
        let owned = client.clone();
        self.scope(&client.tenant).read(move |tx| place(tx, &owned, at)).await
    }

    /// Looks for the offer that an answer answers. It was passed on before it was noted: what is not there yet is
    /// waited for in the writer's queue, which has the note of an offer on this node in front of whatever answers it.
    async fn offered(&self, client: &Client, at: (CallId, i64)) -> Result<Place, Error> {
        let known = |found: &Place| found.2.of(found.1.other()).desc.is_some();
        let found = self.place(client, at).await?;
        if known(&found) {
            return Ok(found);
        }
        let looks = if self.hub().spans_nodes() { LOOKS } else { 1 };
        for look in 1..=looks {
            let owned = client.clone();
            let found = self.scope(&client.tenant).write(move |tx| place(tx, &owned, at)).await?;
            if known(&found) {
                return Ok(found);
            }
            if look < looks {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(bad("没有可应答的 offer / nothing was offered"))
    }

    /// Passes a description on.
    ///
    /// # Errors
    /// `not_found`, `call_gone`, `too_large`; `bad_request` for an answer where nothing was offered.
    pub(super) async fn describe(&self, client: &Client, describe: Describe) -> Result<(), Error> {
        fits(&describe)?;
        let Describe { call_id, leg, n, kind, sdp } = describe;
        let (call, side, said) = match kind {
            DescriptionKind::Offer => self.place(client, (call_id, leg)).await?,
            DescriptionKind::Answer => self.offered(client, (call_id, leg)).await?,
        };
        if n <= said.of(side).n {
            return Ok(());
        }
        let kind = match kind {
            DescriptionKind::Offer => "offer",
            DescriptionKind::Answer => "answer",
        };
        let desc = Description { n, kind: kind.to_owned(), sdp };
        let push = CallPush::Describe { call_id, leg, desc: desc.clone() };
        self.pass_on(client, &push::to_device(&call, side.other(), push));
        self.scope(&client.tenant)
            .write(move |tx| {
                note(tx, (call_id, side, leg, n), |said| {
                    said.desc = Some(desc);
                    said.ice_count = 0;
                })
            })
            .await
    }

    /// Passes candidates on.
    ///
    /// # Errors
    /// `not_found`, `call_gone`; `rate_limited` for too many; `bad_request`.
    pub(super) async fn pass_candidates(&self, client: &Client, some: Candidates) -> Result<(), Error> {
        let Candidates { call_id, leg, n, candidates } = some;
        let plain = |candidate: &Value| candidate.is_null() || candidate.is_object();
        if n < 1 || candidates.is_empty() || !candidates.iter().all(plain) {
            return Err(bad("n 从 1 起，candidates 为对象或 null / n counts from 1, candidates are objects or null"));
        }
        if candidates.len() > BATCH {
            return Err(Error::new(Code::TooLarge, "一次至多 10 个 / at most 10 at a time"));
        }
        let count = i64::try_from(candidates.len()).unwrap_or(CANDIDATES);
        let (call, side, said) = self.place(client, (call_id, leg)).await?;
        let said = said.of(side);
        if n <= said.n {
            return Ok(());
        }
        if said.ice_count + count > CANDIDATES {
            return Err(Error::new(Code::RateLimited, "候选过多 / too many candidates"));
        }
        let push = CallPush::Candidates { call_id, leg, n, candidates: candidates.clone() };
        self.pass_on(client, &push::to_device(&call, side.other(), push));
        self.scope(&client.tenant)
            .write(move |tx| {
                note(tx, (call_id, side, leg, n), |said| {
                    said.ice.push(side::Candidates { n, candidates });
                    said.ice_count += count;
                })
            })
            .await
    }

    fn pass_on(&self, client: &Client, told: &Told) {
        self.tell_call(&client.tenant, told);
    }

    /// A device has found the way.
    ///
    /// # Errors
    /// `not_found`, `call_gone`, `bad_request` before it is accepted.
    pub(super) async fn linked(&self, client: &Client, way: Way) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = in_leg(tx, &owned, way)?;
            step(tx, scene, &mut call, Move::Linked(side), fx).map(drop)
        })
        .await
    }

    /// A device has lost the way and looks for a new one: it gets fresh servers for that.
    ///
    /// # Errors
    /// `not_found`, `call_gone`, `bad_request` before it is accepted; `rate_limited`.
    pub(super) async fn unlinked(&self, client: &Client, way: Way) -> Result<Value, Error> {
        let (core, owned) = (self.clone(), client.clone());
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, side) = in_leg(tx, &owned, way)?;
            core.admit_fresh(&call, side)?;
            step(tx, scene, &mut call, Move::Trouble(side), fx)?;
            fresh(scene, &call, side)
        })
        .await
    }

    /// Counts how often a side asks for fresh servers. What else carries servers comes with a step of the call, or is
    /// counted as any request is; the credentials in it are the same for minutes.
    fn admit_fresh(&self, call: &Call, side: Side) -> Result<(), Error> {
        self.inner.call_servers.admit(&(call.call, side), self.clock().now()).map_err(access::too_often)
    }

    /// Fresh servers for a call.
    ///
    /// # Errors
    /// `not_found`, `call_gone`; `rate_limited`.
    pub(super) async fn fresh_servers(&self, client: &Client, id: CallId) -> Result<Value, Error> {
        let (core, scene, owned) = (self.clone(), self.scene(&client.tenant)?, client.clone());
        self.scope(&client.tenant)
            .read(move |tx| {
                let (call, side) = participant(tx, &owned, id)?;
                core.admit_fresh(&call, side)?;
                fresh(&scene, &call, side)
            })
            .await
    }

    /// How a call stands: on the device that takes part with all that it needs to go on.
    ///
    /// # Errors
    /// `not_found`.
    pub(super) async fn call_state(&self, client: &Client, id: CallId) -> Result<Value, Error> {
        let (scene, owned) = (self.scene(&client.tenant)?, client.clone());
        self.scope(&client.tenant)
            .read(move |tx| {
                let (call, side) = party(tx, &owned, id)?;
                serde_json::to_value(live(tx, &scene, &owned, (&call, side))?).map_err(Error::internal)
            })
            .await
    }
}

fn in_leg(tx: &mut Tx<'_>, client: &Client, way: Way) -> Result<(Call, Side), Error> {
    let (call, side) = participant(tx, client, way.call_id)?;
    if way.leg == call.life.leg { Ok((call, side)) } else { Err(gone_error()) }
}

fn fresh(scene: &Scene, call: &Call, side: Side) -> Result<Value, Error> {
    serde_json::to_value(servers(scene, policy(scene)?, call.call, side)).map_err(Error::internal)
}

/// A call as a client sees it that has just arrived, or asks.
pub(super) fn live(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    (call, side): (&Call, Side),
) -> Result<push::Live, Error> {
    let here = call.life.is_live() && call.life.takes_part(side, &client.device);
    match (&scene.tenant.call, here) {
        (Some(policy), true) => {
            let said = side::both(tx, call.call, call.life.leg)?;
            Ok(push::Live::Here(Box::new(Snapshot::of(scene, policy, call, side, said))))
        }
        _ => Ok(push::Live::Elsewhere(Box::new(CallView::of(scene, call, side)))),
    }
}
