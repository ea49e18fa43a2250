//! What clients see of calls: the call itself, what a device may do, all that it needs to go on. Shapes only.

use serde::Serialize;

use super::ice::Servers;
use crate::core::Scene;
use crate::hub::Mark;
use crate::model::call::{Author, Media, Pair, Reason, Recording, Side, State};
use crate::model::id::{AgentId, CallId, ConversationId, DeviceId, RecordingId, SessionId};
use crate::model::time::Millis;
use crate::store::call::Call;
use crate::store::call::side::{Candidates, Description, Said};
use crate::tenant::CallPolicy;

/// How often browsers report how well it goes, seconds.
const STATS: u64 = 10;

/// A call, as one side sees it.
#[derive(Debug, Clone, Serialize)]
pub struct CallView {
    v: i64,
    call_id: CallId,
    conv: ConversationId,
    session: SessionId,
    state: &'static str,
    leg: i64,
    direction: Side,
    media: Media,
    agent: AgentId,
    agent_name: String,
    contact_name: String,
    /// The device of this side that takes part.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    invited_at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    ring_until: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<Millis>,
    held: bool,
    screen: bool,
    recording: bool,
    /// The contact was asked whether it may be recorded, and has not answered.
    record_asked: bool,
    /// The recording that the agent's browser is to make now, for the device that makes it; the push that said so may be lost.
    recording_id: Option<RecordingId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<UpgradeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<EndView>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct UpgradeView {
    by: Side,
    expires_at: Millis,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct EndView {
    reason: Reason,
    by: Author,
    at: Millis,
    talk_ms: u64,
}

impl CallView {
    /// For the device of a side that takes part.
    pub(super) fn here(scene: &Scene, call: &Call, side: Side) -> Self {
        let recording_id = match (side, call.life.recording) {
            (Side::Agent, Recording::On(id)) => Some(id),
            _ => None,
        };
        Self { recording_id, ..Self::of(scene, call, side) }
    }

    /// Whether it says something that is only for the device that takes part.
    pub(super) fn is_private(&self) -> bool {
        self.recording_id.is_some()
    }

    /// For any device of a side.
    pub(super) fn of(scene: &Scene, call: &Call, side: Side) -> Self {
        let life = &call.life;
        let ring_until = || life.invited_at.plus(super::limits(scene).ring);
        Self {
            v: call.version,
            call_id: call.call,
            conv: call.conv,
            session: call.session,
            state: life.state.as_str(),
            leg: life.leg,
            direction: life.caller,
            media: life.media,
            agent: call.agent.clone(),
            agent_name: call.tally.names.agent.clone(),
            contact_name: call.tally.names.contact.clone(),
            device: life.devices.of(side).clone(),
            invited_at: life.invited_at,
            ring_until: life.rings().then(ring_until),
            accepted_at: life.accepted_at,
            connected_at: life.connected_at,
            held: life.held_since.is_some(),
            screen: life.screen,
            recording: matches!(life.recording, Recording::On(_)),
            record_asked: matches!(life.recording, Recording::Asked(_)),
            recording_id: None,
            upgrade: life.upgrade.map(|asked| UpgradeView { by: asked.by, expires_at: asked.until }),
            end: life.end.map(|end| EndView {
                reason: end.reason,
                by: end.by,
                at: end.at,
                talk_ms: life.talk_ms(end.at),
            }),
        }
    }
}

impl CallView {
    /// How it stands, in a form that can be compared. That it rings is no news to the side on which it does.
    pub(in crate::core) fn mark(&self) -> Mark {
        let state = if self.state == State::Ringing.as_str() { State::Inviting.as_str() } else { self.state };
        let shown = (self.held, self.screen, self.upgrade.map(|asked| asked.expires_at));
        let recorded = (self.recording, self.record_asked, self.recording_id.map(|id| id.to_string()));
        Mark::of(("call", self.call_id.to_string()), (state, self.leg, self.media.video, shown, recorded))
    }
}

/// What a device that takes part may do, and for how long.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PolicyView {
    relay_only: bool,
    record: &'static str,
    connecting_s: u64,
    reconnecting_s: u64,
    max_s: u64,
    held_max_s: u64,
    stats_s: u64,
}

impl PolicyView {
    pub(super) fn of(policy: &CallPolicy) -> Self {
        Self {
            relay_only: policy.relay_only,
            record: policy.record.as_str(),
            connecting_s: policy.limits.connecting.as_secs(),
            reconnecting_s: policy.limits.reconnecting.as_secs(),
            max_s: policy.limits.max.as_secs(),
            held_max_s: policy.limits.held.as_secs(),
            stats_s: STATS,
        }
    }
}

/// All that a device needs to go on.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    #[serde(flatten)]
    call: CallView,
    side: Side,
    polite: bool,
    #[serde(flatten)]
    servers: Servers,
    policy: PolicyView,
    mine: Mine,
    peer: Peer,
}

#[derive(Debug, Clone, Serialize)]
struct Mine {
    n: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<Description>,
    muted: Media,
}

#[derive(Debug, Clone, Serialize)]
struct Peer {
    n: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<Description>,
    ice: Vec<Candidates>,
    muted: Media,
}

impl Snapshot {
    pub(super) fn of(scene: &Scene, policy: &CallPolicy, call: &Call, side: Side, mut said: Pair<Said>) -> Self {
        let (mine, peer) = (std::mem::take(said.of_mut(side)), std::mem::take(said.of_mut(side.other())));
        let muted = |side| *call.life.muted.of(side);
        Self {
            side,
            polite: side == Side::Contact,
            servers: super::servers(scene, policy, call.call, side),
            policy: PolicyView::of(policy),
            mine: Mine { n: mine.n, desc: mine.desc, muted: muted(side) },
            peer: Peer { n: peer.n, desc: peer.desc, ice: peer.ice, muted: muted(side.other()) },
            call: CallView::here(scene, call, side),
        }
    }
}
