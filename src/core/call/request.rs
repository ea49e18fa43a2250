//! What clients ask of calls, as parsed from a frame's `op` and `d`. Knows the shape, not the rules.

use serde::Deserialize;
use serde_json::Value;

use crate::core::request::Target;
use crate::model::call::Media;
use crate::model::id::{CallId, QueueId, SessionId};

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Of {
    /// The call.
    pub call_id: CallId,
}

/// Which call, in which leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Way {
    /// The call.
    pub call_id: CallId,
    /// The leg.
    pub leg: i64,
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Switch {
    /// The call.
    pub call_id: CallId,
    /// Whether.
    pub on: bool,
}

/// A session description for the other device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Describe {
    /// The call.
    pub call_id: CallId,
    /// The leg.
    pub leg: i64,
    /// The sender's own number.
    pub n: i64,
    /// `offer` or `answer`.
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    /// The description, opaque.
    pub sdp: String,
}

/// The kinds of descriptions that are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionKind {
    /// What a side would like.
    Offer,
    /// What the other side makes of it.
    Answer,
}

/// Ways that the other device may try.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Candidates {
    /// The call.
    pub call_id: CallId,
    /// The leg.
    pub leg: i64,
    /// The sender's own number.
    pub n: i64,
    /// The candidates, opaque; `null`: there are no more.
    pub candidates: Vec<Value>,
}

/// A sample of quality.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sample {
    /// The call.
    pub call_id: CallId,
    /// Round trip, milliseconds.
    pub rtt_ms: Option<f64>,
    /// Share of lost packets, 0 to 1.
    pub loss: Option<f64>,
    /// The way.
    pub pair: Option<Pair>,
}

/// The way that media takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pair {
    /// Kind of the sender's own candidate.
    pub local: String,
    /// Kind of the peer's.
    pub remote: String,
    /// `udp` or `tcp`.
    pub proto: String,
}

/// A request about calls.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "op", content = "d")]
pub enum Request {
    /// Call the other side.
    #[serde(rename = "call.invite")]
    Invite {
        /// The session; contacts have one only and name none.
        session: Option<SessionId>,
        /// What it shall carry.
        media: Media,
    },
    /// Wait for an agent who takes calls.
    #[serde(rename = "call.request")]
    Wait {
        /// What it shall carry.
        media: Media,
        /// A wish for a queue.
        queue: Option<QueueId>,
    },
    /// It rings here.
    #[serde(rename = "call.ringing")]
    Ringing(Of),
    /// Take it.
    #[serde(rename = "call.accept")]
    Accept {
        /// The call.
        call_id: CallId,
        /// What can be sent from here.
        media: Media,
    },
    /// Rather not.
    #[serde(rename = "call.reject")]
    Reject {
        /// The call.
        call_id: CallId,
        /// Why.
        reason: Excuse,
    },
    /// No longer wanted.
    #[serde(rename = "call.cancel")]
    Cancel(Of),
    /// A session description.
    #[serde(rename = "call.desc")]
    Describe(Describe),
    /// Candidates.
    #[serde(rename = "call.ice")]
    Candidates(Candidates),
    /// The way is found.
    #[serde(rename = "call.connected")]
    Connected(Way),
    /// The way is lost; a new one is looked for.
    #[serde(rename = "call.reconnecting")]
    Reconnecting(Way),
    /// Fresh servers.
    #[serde(rename = "call.ice_servers")]
    Servers(Of),
    /// What is muted here.
    #[serde(rename = "call.mute")]
    Mute {
        /// The call.
        call_id: CallId,
        /// Whether sound is, if it changes.
        audio: Option<bool>,
        /// Whether pictures are, if it changes.
        video: Option<bool>,
    },
    /// The screen is shown.
    #[serde(rename = "call.screen")]
    Screen(Switch),
    /// On hold.
    #[serde(rename = "call.hold")]
    Hold(Of),
    /// No longer on hold.
    #[serde(rename = "call.resume")]
    Resume(Of),
    /// Pictures, please.
    #[serde(rename = "call.upgrade")]
    Upgrade(Of),
    /// Agreed.
    #[serde(rename = "call.upgrade.ok")]
    Agree(Of),
    /// Rather not.
    #[serde(rename = "call.upgrade.deny")]
    Deny(Of),
    /// Sound alone.
    #[serde(rename = "call.downgrade")]
    Downgrade(Of),
    /// Record, or stop.
    #[serde(rename = "call.record")]
    Record(Switch),
    /// Whether it may be recorded.
    #[serde(rename = "call.consent")]
    Consent {
        /// The call.
        call_id: CallId,
        /// Whether.
        ok: bool,
    },
    /// Give it to somebody else.
    #[serde(rename = "call.transfer")]
    Transfer {
        /// The call.
        call_id: CallId,
        /// To whom.
        to: Target,
        /// A note for whoever takes it.
        note: Option<String>,
    },
    /// How well it goes.
    #[serde(rename = "call.stats")]
    Sample(Sample),
    /// How well it went.
    #[serde(rename = "call.quality")]
    Quality {
        /// The call.
        call_id: CallId,
        /// 1 to 5.
        score: u8,
        /// What was wrong, in short words.
        #[serde(default)]
        problems: Vec<String>,
    },
    /// Hang up.
    #[serde(rename = "call.hangup")]
    Hangup {
        /// The call.
        call_id: CallId,
        /// Why, where it could not be helped.
        reason: Option<Trouble>,
    },
    /// How it stands, with all that a device needs to go on.
    #[serde(rename = "call.state")]
    State(Of),
    /// Send a link to a call into the conversation.
    #[serde(rename = "call.link")]
    Link {
        /// The session.
        session: SessionId,
        /// What it shall carry.
        media: Media,
    },
    /// Servers to try the way with.
    #[serde(rename = "call.test")]
    Test {},
}

/// Why a callee does not take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excuse {
    /// Would not.
    Declined,
    /// In another call.
    Busy,
    /// The browser cannot.
    Unsupported,
    /// The browser was not allowed to.
    NoPermission,
}

/// Why a side cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No camera or microphone.
    MediaDenied,
    /// No way.
    IceFailed,
}

impl Request {
    /// Whether it is a description of media for the other device.
    #[must_use]
    pub fn describes(&self) -> bool {
        matches!(self, Self::Describe(_))
    }

    /// The name of the operation in a frame.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Invite { .. } => "call.invite",
            Self::Wait { .. } => "call.request",
            Self::Ringing(_) => "call.ringing",
            Self::Accept { .. } => "call.accept",
            Self::Reject { .. } => "call.reject",
            Self::Cancel(_) => "call.cancel",
            Self::Describe(_) => "call.desc",
            Self::Candidates(_) => "call.ice",
            Self::Connected(_) => "call.connected",
            Self::Reconnecting(_) => "call.reconnecting",
            Self::Servers(_) => "call.ice_servers",
            Self::Mute { .. } => "call.mute",
            Self::Screen(_) => "call.screen",
            Self::Hold(_) => "call.hold",
            Self::Resume(_) => "call.resume",
            Self::Upgrade(_) => "call.upgrade",
            Self::Agree(_) => "call.upgrade.ok",
            Self::Deny(_) => "call.upgrade.deny",
            Self::Downgrade(_) => "call.downgrade",
            Self::Record(_) => "call.record",
            Self::Consent { .. } => "call.consent",
            Self::Transfer { .. } => "call.transfer",
            Self::Sample(_) => "call.stats",
            Self::Quality { .. } => "call.quality",
            Self::Hangup { .. } => "call.hangup",
            Self::State(_) => "call.state",
            Self::Link { .. } => "call.link",
            Self::Test {} => "call.test",
        }
    }
}

/// Every operation of calls.
pub const OPS: [&str; 28] = [
    "call.invite",
    "call.request",
    "call.ringing",
    "call.accept",
    "call.reject",
    "call.cancel",
    "call.desc",
    "call.ice",
    "call.connected",
    "call.reconnecting",
    "call.ice_servers",
    "call.mute",
    "call.screen",
    "call.hold",
    "call.resume",
    "call.upgrade",
    "call.upgrade.ok",
    "call.upgrade.deny",
    "call.downgrade",
    "call.record",
    "call.consent",
    "call.transfer",
    "call.stats",
    "call.quality",
    "call.hangup",
    "call.state",
    "call.link",
    "call.test",
];
