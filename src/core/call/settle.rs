//! What a step of a call means to everybody else: the row, the timer, both sides, the log, other modules.

use serde_json::json;

use super::push::{self, CallPush, Start};
use super::{limits, policy};
use crate::core::effect::{Effect, Effects};
use crate::core::event::emit;
use crate::core::session::conflict;
use crate::core::switchboard::{Draft, append};
use crate::core::timer::{self, Kind};
use crate::core::{Error, Scene};
use crate::model::call::{Call as Life, End, Recording, Side, State};
use crate::model::content::Content;
use crate::model::event::call::{
    Accepted, Connected, Ended, Held, Progress, Reconnecting, RecordingStarted, Resumed, Ringing, Upgraded,
};
use crate::store::Tx;
use crate::store::call::{self as store, Call, recording, side};

/// Writes a call that has changed and tells what that means. `before` is what it was.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    scene: &Scene,
    before: &Life,
    call: &mut Call,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !store::save(tx, call)? {
        return Err(conflict());
    }
    watch(tx, scene, Some(before), call, fx)?;
    report(tx, scene, before, call, fx)?;
    show(scene, before, call, fx)?;
    match call.life.end {
        Some(end) => finish(tx, scene, call, end, fx),
        None => Ok(()),
    }
}

/// Moves the call's timer to the next time at which something is decided.
pub(super) fn watch(
    tx: &mut Tx<'_>,
    scene: &Scene,
    before: Option<&Life>,
    call: &Call,
    fx: &mut Effects,
) -> Result<(), Error> {
    let limits = limits(scene);
    let next = call.life.deadline(&limits).map(|(at, _)| at);
    if before.is_some_and(|before| before.deadline(&limits).map(|(at, _)| at) == next) {
        return Ok(());
    }
    match next {
        Some(at) => timer::set(tx, Kind::Call, call.call, at, fx),
        None => timer::cancel(tx, &[Kind::Call], call.call),
    }
}

/// What other modules read of a call while it lives.
pub(super) fn progress(call: &Call) -> Progress {
    Progress {
        call: call.call,
        session: call.session,
        conv: call.conv,
        contact: call.contact,
        agent: call.agent.clone(),
        direction: call.life.caller,
        media: call.life.media,
        leg: call.life.leg,
    }
}

fn report(tx: &mut Tx<'_>, scene: &Scene, before: &Life, call: &Call, fx: &mut Effects) -> Result<(), Error> {
    let now = &call.life;
    let of = || progress(call);
    if before.state != State::Ringing && now.state == State::Ringing {
        emit(tx, scene, &Ringing(of()))?;
    }
    if before.accepted_at.is_none() && now.accepted_at.is_some() {
        emit(tx, scene, &Accepted(of()))?;
    }
    if before.connected_at.is_none() && now.connected_at.is_some() {
        emit(tx, scene, &Connected(of()))?;
        let data = json!({ "call_id": call.call, "media": now.media, "direction": now.caller });
        log(tx, scene, call, "call.started", data, fx)?;
        tracing::info!(tenant = %tx.tenant(), call = %call.call, ring_ms = now.ring_ms(scene.now), "call connected");
    }
    match (before.state, now.state) {
        (State::Connected, State::Held) => emit(tx, scene, &Held(of()))?,
        (State::Held, State::Connected) => emit(tx, scene, &Resumed(of()))?,
        (from, State::Reconnecting) if from != State::Reconnecting => emit(tx, scene, &Reconnecting(of()))?,
        _ => {}
    }
    if !before.media.video && now.media.video {
        emit(tx, scene, &Upgraded(of()))?;
    }
    if let (Recording::Asked(_), Recording::On(recording)) = (before.recording, now.recording) {
        emit(tx, scene, &RecordingStarted { of: of(), recording, consent: true })?;
    }
    Ok(())
}

/// Writes a line into the log that both sides read.
fn log(
    tx: &mut Tx<'_>,
    scene: &Scene,
    call: &Call,
    name: &str,
    data: serde_json::Value,
    fx: &mut Effects,
) -> Result<(), Error> {
    let content = Content::Event { name: name.to_owned(), data };
    append(tx, scene, Draft::system(call.conv, Some(call.session), content), fx).map(drop)
}

/// Tells both sides what they have to do, and how the call stands.
fn show(scene: &Scene, before: &Life, call: &Call, fx: &mut Effects) -> Result<(), Error> {
    let (id, now) = (call.call, &call.life);
    let mut say = |told| fx.push(Effect::Call(Box::new(told)));
    if before.muted != now.muted && now.leg == before.leg {
        for side in Side::BOTH.into_iter().filter(|side| before.muted.of(*side) != now.muted.of(*side)) {
            let push = CallPush::Mute { call_id: id, side, muted: *now.muted.of(side) };
            say(push::to_device(call, side.other(), push));
        }
        return Ok(());
    }
    if before.state == State::Inviting && now.state == State::Ringing {
        say(push::to_device(call, now.caller, CallPush::Ringing { call_id: id }));
        return Ok(());
    }
    if before.leg != now.leg || (before.accepted_at.is_none() && now.accepted_at.is_some()) {
        begin(scene, before, call, &mut say)?;
        return Ok(());
    }
    if before.rings() && now.end.is_some() {
        let reason = now.end.map_or("cancelled", |end| end.reason.as_str());
        say(push::to_all(call, now.caller.other(), CallPush::Cancel { call_id: id, reason }));
    }
    ask(before, call, &mut say);
    Side::BOTH.into_iter().flat_map(|side| push::states(scene, call, side)).for_each(say);
    Ok(())
}

/// Both devices are known, for the first time or anew.
fn begin(scene: &Scene, before: &Life, call: &Call, say: &mut impl FnMut(push::Told)) -> Result<(), Error> {
    let policy = policy(scene)?;
    for side in Side::BOTH {
        say(push::to_device(call, side, CallPush::Start(Box::new(Start::of(scene, policy, call, side)))));
        say(push::to_others(call, side, push::state(scene, call, side)));
    }
    if before.rings() {
        let push = CallPush::Cancel { call_id: call.call, reason: "answered_elsewhere" };
        say(push::to_others(call, call.life.caller.other(), push));
    }
    Ok(())
}

/// Questions of one side to the other, and their answers.
fn ask(before: &Life, call: &Call, say: &mut impl FnMut(push::Told)) {
    let (id, now) = (call.call, &call.life);
    match (before.upgrade, now.upgrade) {
        (None, Some(asked)) => {
            let (media, expires_at) = (crate::model::call::Media::VIDEO, asked.until);
            say(push::to_device(call, asked.by.other(), CallPush::Upgrade { call_id: id, media, expires_at }));
        }
        (Some(asked), None) if now.media.video => {
            say(push::to_device(call, asked.by, CallPush::Agreed { call_id: id }));
        }
        (Some(asked), None) => say(push::to_device(call, asked.by, CallPush::Denied { call_id: id })),
        _ => {}
    }
    let told = |on, denied, recording| CallPush::Recording { call_id: id, on, denied, recording };
    match (before.recording, now.recording) {
        (Recording::Off | Recording::Asked(_), Recording::Asked(_)) if before.recording != now.recording => {
            say(push::to_device(call, Side::Contact, CallPush::AskRecord { call_id: id }));
        }
        (Recording::Asked(_), Recording::On(recording)) => {
            say(push::to_device(call, Side::Agent, told(true, false, Some(recording))));
            say(push::to_device(call, Side::Contact, told(true, false, None)));
        }
        (Recording::Asked(_) | Recording::On(_), Recording::Off) => {
            let denied = now.refusals > before.refusals;
            for side in Side::BOTH {
                say(push::to_device(call, side, told(false, denied, None)));
            }
        }
        _ => {}
    }
}

/// The call is over: its line in the log, its record for other modules, and nothing kept that nobody needs.
pub(super) fn finish(tx: &mut Tx<'_>, scene: &Scene, call: &Call, end: End, fx: &mut Effects) -> Result<(), Error> {
    side::forget(tx, call.call)?;
    // The agent may be offered more again.
    fx.push(Effect::Route);
    let life = &call.life;
    let talk_ms = life.talk_ms(end.at);
    let data = json!({
        "call_id": call.call, "media": life.media, "direction": life.caller,
        "reason": end.reason, "by": end.by, "talk_ms": talk_ms,
    });
    log(tx, scene, call, "call.ended", data, fx)?;
    let recordings = recording::of_call(tx, call.call)?;
    emit(tx, scene, &Ended(super::quality::record_of(call, &recordings)))?;
    tracing::info!(
        tenant = %tx.tenant(), call = %call.call, reason = end.reason.as_str(), talk_ms, restarts = life.restarts,
        "call ended"
    );
    Ok(())
}
