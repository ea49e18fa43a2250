//! What clients are told of calls, and which of their devices.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::ice::Servers;
use super::view::{CallView, PolicyView, Snapshot};
use crate::core::Scene;
use crate::hub::{Audience, Frame, Recipient};
use crate::model::call::{Media, Side, State};
use crate::model::id::{AgentId, CallId, ContactId, RecordingId, TenantId};
use crate::model::time::Millis;
use crate::store::call::Call;
use crate::store::call::side::Description;
use crate::tenant::CallPolicy;

/// Who calls.
#[derive(Debug, Clone, Serialize)]
pub struct Caller {
    side: Side,
    name: String,
}

/// It rings.
#[derive(Debug, Clone, Serialize)]
pub struct Ring {
    call: CallView,
    from: Caller,
    expires_at: Millis,
}

impl Ring {
    pub(super) fn of(scene: &Scene, call: &Call) -> Self {
        let from = call.life.caller;
        Self {
            call: CallView::of(scene, call, from.other()),
            from: Caller { side: from, name: call.tally.names.of(from).clone() },
            expires_at: call.life.invited_at.plus(super::limits(scene).ring),
        }
    }
}

/// Both devices are known: they begin.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    call: CallView,
    side: Side,
    polite: bool,
    leg: i64,
    #[serde(flatten)]
    servers: Servers,
    policy: PolicyView,
}

impl Start {
    pub(super) fn of(scene: &Scene, policy: &CallPolicy, call: &Call, side: Side) -> Self {
        Self {
            call: CallView::here(scene, call, side),
            side,
            polite: side == Side::Contact,
            leg: call.life.leg,
            servers: super::servers(scene, policy, call.call, side),
            policy: PolicyView::of(policy),
        }
    }
}

/// A push about calls; in JSON `{"op": …, "d": {…}}`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "op", content = "d")]
pub enum CallPush {
    /// It rings.
    #[serde(rename = "call.ring")]
    Ring(Box<Ring>),
    /// It rings on the other side.
    #[serde(rename = "call.ringing")]
    Ringing {
        /// The call.
        call_id: CallId,
    },
    /// Both devices are known.
    #[serde(rename = "call.start")]
    Start(Box<Start>),
    /// The peer's description.
    #[serde(rename = "call.desc")]
    Describe {
        /// The call.
        call_id: CallId,
        /// The leg.
        leg: i64,
        /// The description.
        #[serde(flatten)]
        desc: Description,
    },
    /// The peer's candidates.
    #[serde(rename = "call.ice")]
    Candidates {
        /// The call.
        call_id: CallId,
        /// The leg.
        leg: i64,
        /// The peer's number.
        n: i64,
        /// The candidates.
        candidates: Vec<Value>,
    },
    /// What the peer has muted.
    #[serde(rename = "call.mute")]
    Mute {
        /// The call.
        call_id: CallId,
        /// Whose.
        side: Side,
        /// What.
        #[serde(flatten)]
        muted: Media,
    },
    /// The peer asks for video.
    #[serde(rename = "call.upgrade")]
    Upgrade {
        /// The call.
        call_id: CallId,
        /// What it would carry.
        media: Media,
        /// Until when it may be answered.
        expires_at: Millis,
    },
    /// The peer agrees.
    #[serde(rename = "call.upgrade.ok")]
    Agreed {
        /// The call.
        call_id: CallId,
    },
    /// The peer would rather not, or did not answer.
    #[serde(rename = "call.upgrade.deny")]
    Denied {
        /// The call.
        call_id: CallId,
    },
    /// May this be recorded?
    #[serde(rename = "call.record")]
    AskRecord {
        /// The call.
        call_id: CallId,
    },
    /// It is recorded, or no longer.
    #[serde(rename = "call.recording")]
    Recording {
        /// The call.
        call_id: CallId,
        /// Whether.
        on: bool,
        /// The contact said no, or nothing in time, or no longer agrees.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        denied: bool,
        /// Under which id, for the device that records.
        #[serde(skip_serializing_if = "Option::is_none")]
        recording: Option<RecordingId>,
    },
    /// It rings here no more.
    #[serde(rename = "call.cancel")]
    Cancel {
        /// The call.
        call_id: CallId,
        /// Why.
        reason: &'static str,
    },
    /// How it stands.
    #[serde(rename = "call.state")]
    State(Box<CallView>),
}

/// A push on its way: to which side, and to which of its devices.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which party.
    pub(in crate::core) to: Party,
    /// Which devices.
    pub(in crate::core) audience: Audience,
    /// What.
    pub(in crate::core) push: CallPush,
}

impl Told {
    /// Whom the hub tells.
    pub(in crate::core) fn recipient(&self, tenant: &TenantId) -> Recipient {
        match &self.to {
            Party::Agent(agent) => Recipient::Agent(tenant.clone(), agent.clone()),
            Party::Contact(contact) => Recipient::Contact(tenant.clone(), *contact),
        }
    }

    /// The frame for sockets; with the mark by which a sweep can tell the same without repeating it.
    ///
    /// # Errors
    /// Never in practice: everything in it has a written form.
    pub(in crate::core) fn frame(&self, marked: bool) -> Result<Arc<Frame>, serde_json::Error> {
        let view = match &self.push {
            CallPush::Ring(ring) => Some(&ring.call),
            CallPush::Start(start) => Some(&start.call),
            CallPush::State(view) => Some(&**view),
            _ => None,
        };
        let mark = view.filter(|_| marked).map(CallView::mark);
        let text = serde_json::to_string(&self.push)?.into();
        Ok(Arc::new(Frame { text, mark, place: None, audience: self.audience.clone() }))
    }
}

/// A party of a call.
#[derive(Debug, Clone)]
pub(in crate::core) enum Party {
    /// The agent.
    Agent(AgentId),
    /// The customer.
    Contact(ContactId),
}

impl Party {
    pub(super) fn of(call: &Call, side: Side) -> Self {
        match side {
            Side::Agent => Self::Agent(call.agent.clone()),
            Side::Contact => Self::Contact(call.contact),
        }
    }
}

/// A push to the device of a side that takes part; to all devices while none does.
pub(super) fn to_device(call: &Call, side: Side, push: CallPush) -> Told {
    let audience = call.life.devices.of(side).clone().map_or(Audience::All, Audience::Only);
    Told { to: Party::of(call, side), audience, push }
}

/// A push to all devices of a side.
pub(super) fn to_all(call: &Call, side: Side, push: CallPush) -> Told {
    Told { to: Party::of(call, side), audience: Audience::All, push }
}

/// A push to the devices of a side that take no part.
pub(super) fn to_others(call: &Call, side: Side, push: CallPush) -> Told {
    let audience = call.life.devices.of(side).clone().map_or(Audience::All, Audience::But);
    Told { to: Party::of(call, side), audience, push }
}

/// How the call stands, for any device of a side.
pub(super) fn state(scene: &Scene, call: &Call, side: Side) -> CallPush {
    CallPush::State(Box::new(CallView::of(scene, call, side)))
}

/// How the call stands, to all devices of a side: to the one that takes part with what is only for it.
pub(super) fn states(scene: &Scene, call: &Call, side: Side) -> Vec<Told> {
    let here = CallView::here(scene, call, side);
    if !here.is_private() {
        return vec![to_all(call, side, CallPush::State(Box::new(here)))];
    }
    let others = to_others(call, side, state(scene, call, side));
    vec![to_device(call, side, CallPush::State(Box::new(here))), others]
}

/// What a client that has just arrived has to know of calls.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    pub(super) may_start: bool,
    pub(super) video: bool,
    pub(super) record: &'static str,
    /// The whole snapshot on the device that takes part, elsewhere the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) live: Option<Live>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ringing: Option<Ring>,
}

/// A live call, as a client that has just arrived sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Live {
    /// On the device that takes part.
    Here(Box<Snapshot>),
    /// Elsewhere.
    Elsewhere(Box<CallView>),
}

/// Whether a state is one in which the callee may still be called on all devices.
pub(super) fn rings_for(call: &Call, side: Side) -> bool {
    call.life.rings() && call.life.caller != side && call.life.state != State::Ended
}
