//! What the rest of the house means to calls: sockets that come and go, sessions that end or get another agent. Calls that
//! are under way when calls are switched off are looked after like all others.

use super::push::{self, CallPush, Ring, Standing};
use super::settle::settle;
use super::{limits, reach, step, step_at, wait, way};
use crate::core::effect::{Effect, Effects};
use crate::core::{Client, Error, Party, Scene};
use crate::model::call::{Author, Move, Reason, Side};
use crate::model::id::{AgentId, ContactId, DeviceId, SessionId};
use crate::model::time::Millis;
use crate::store::call::{self as store, Call};
use crate::store::session::Session;
use crate::store::{Tx, agent};

/// The live calls of a party.
fn live_of(tx: &mut Tx<'_>, party: &Party) -> Result<Vec<Call>, Error> {
    Ok(match party {
        Party::Agent { agent, .. } => store::of_agent(tx, agent)?.into_iter().collect(),
        Party::Contact { contact, .. } => store::of_contact(tx, *contact)?,
    })
}

fn side_of(party: &Party) -> Side {
    match party {
        Party::Agent { .. } => Side::Agent,
        Party::Contact { .. } => Side::Contact,
    }
}

/// A device has a socket.
pub(in crate::core) fn attached(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    fx: &mut Effects,
) -> Result<(), Error> {
    let side = side_of(&client.party);
    for mut call in live_of(tx, &client.party)? {
        if call.life.takes_part(side, &client.device) {
            step(tx, scene, &mut call, Move::Back(side), fx)?;
        }
    }
    Ok(())
}

/// A device has lost its socket, and since when. `participant` is `agent:<id>` or `contact:<id>`.
///
/// What was noticed late counts from then on, so that a call ends in time; but whoever lost a socket has half of the time
/// to come back from now on, whatever had happened to us meanwhile.
pub(in crate::core) fn gone(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (participant, device, since): (&str, &str, Millis),
    fx: &mut Effects,
) -> Result<(), Error> {
    let (side, calls) = match participant.split_once(':') {
        Some(("agent", id)) => (Side::Agent, store::of_agent(tx, &AgentId::parse(id)?)?.into_iter().collect()),
        Some(("contact", id)) => (Side::Contact, store::of_contact(tx, ContactId::parse(id)?)?),
        _ => return Ok(()),
    };
    let device = DeviceId::parse(device)?;
    let earliest = scene.now.minus(limits(scene).reconnecting / 2);
    for mut call in calls {
        if call.life.takes_part(side, &device) {
            let at = since.max(earliest).max(call.life.since).min(scene.now);
            step_at(tx, scene, &mut call, (Move::Away(side), at), fx)?;
        }
    }
    Ok(())
}

/// Whether a session has a live call.
pub(in crate::core) fn talks(tx: &mut Tx<'_>, session: SessionId) -> Result<bool, Error> {
    Ok(store::of_session(tx, session)?.is_some())
}

/// A session ended: so does its call.
pub(in crate::core) fn ended(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: SessionId,
    fx: &mut Effects,
) -> Result<(), Error> {
    wait::forget(tx, session)?;
    over(tx, scene, session, Reason::SessionEnded, fx)
}

/// A session was taken from its agent and nobody has it yet: the call cannot go along.
pub(in crate::core) fn moved_on(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: SessionId,
    fx: &mut Effects,
) -> Result<(), Error> {
    over(tx, scene, session, Reason::Replaced, fx)
}

fn over(tx: &mut Tx<'_>, scene: &Scene, session: SessionId, reason: Reason, fx: &mut Effects) -> Result<(), Error> {
    if let Some(mut call) = store::of_session(tx, session)? {
        step(tx, scene, &mut call, Move::Over(reason, Author::System), fx)?;
    }
    Ok(())
}

/// An agent has taken a session: its call goes along, or the one that the customer waited for begins.
pub(in crate::core) fn taken(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    session: &Session,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Party::Agent { agent, .. } = &client.party else { return Ok(()) };
    match store::of_session(tx, session.session)? {
        Some(call) if call.agent != *agent => hand_over(tx, scene, (client, agent), call, fx),
        Some(_) => Ok(()),
        // Where calls were switched off meanwhile nobody waits for one any more.
        None if scene.tenant.call.is_none() => Ok(()),
        None => wait::begin(tx, scene, (client, agent), session, fx),
    }
}

fn hand_over(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (client, taker): (&Client, &AgentId),
    mut call: Call,
    fx: &mut Effects,
) -> Result<(), Error> {
    let can = scene.tenant.call.is_some() && reach::takes(scene, client, taker).is_ok();
    if call.life.rings() || !can || store::of_agent(tx, taker)?.is_some() {
        step(tx, scene, &mut call, Move::Over(Reason::Replaced, Author::System), fx)?;
        return Ok(());
    }
    let push = CallPush::Cancel { call_id: call.call, reason: "transferred" };
    fx.push(Effect::Call(Box::new(push::to_all(&call, Side::Agent, push))));
    let before = call.life.clone();
    call.tally.transfer_from = Some(std::mem::replace(&mut call.agent, taker.clone()));
    call.tally.names.agent = agent::find(tx, taker)?.map(|agent| agent.name).unwrap_or_default();
    let step = Move::HandOver(client.device.clone());
    call.life.step(step, scene.now, &limits(scene)).map_err(|_over| super::gone_error())?;
    settle(tx, scene, &before, &mut call, fx)
}

/// What a client that has just arrived has to know of calls; `None` where there are none.
pub(in crate::core) fn standing(tx: &mut Tx<'_>, scene: &Scene, client: &Client) -> Result<Option<Standing>, Error> {
    let Some(policy) = &scene.tenant.call else { return Ok(None) };
    let side = side_of(&client.party);
    let mut standing = Standing {
        may_start: client.calls_only || policy.may_start(side),
        video: policy.video,
        record: policy.record.as_str(),
        live: None,
        ringing: None,
    };
    for call in live_of(tx, &client.party)? {
        if push::rings_for(&call, side) {
            standing.ringing = Some(Ring::of(scene, &call));
        } else {
            standing.live = Some(way::live(tx, scene, client, (&call, side))?);
        }
    }
    Ok(Some(standing))
}
