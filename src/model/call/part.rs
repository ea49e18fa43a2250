//! The two sides of a call, what it carries, and why it ends. Words only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A side of a call. Among themselves the contact is polite and the agent is not: that decides whose offer gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CallSide")]
pub enum Side {
    /// The agent.
    Agent,
    /// The customer.
    Contact,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Agent, Self::Contact];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Agent => Self::Contact,
            Self::Contact => Self::Agent,
        }
    }

    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Contact => "contact",
        }
    }
}

/// One of a thing for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pair<T> {
    /// The agent's.
    pub agent: T,
    /// The contact's.
    pub contact: T,
}

impl<T> Pair<T> {
    /// One side's.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Agent => &self.agent,
            Side::Contact => &self.contact,
        }
    }

    /// One side's, to be changed.
    pub fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Agent => &mut self.agent,
            Side::Contact => &mut self.contact,
        }
    }
}

impl Pair<bool> {
    /// Whether it holds of both.
    #[must_use]
    pub fn both(self) -> bool {
        self.agent && self.contact
    }

    /// Whether it holds of one of them at least.
    #[must_use]
    pub fn any(self) -> bool {
        self.agent || self.contact
    }
}

/// What a call carries, or what of it is muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CallMedia")]
pub struct Media {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

impl Media {
    /// Sound alone.
    pub const AUDIO: Self = Self { audio: true, video: false };
    /// Sound and pictures.
    pub const VIDEO: Self = Self { audio: true, video: true };

    /// What both want. There is always sound.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self { audio: true, video: self.video && other.video }
    }
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CallEndedBy")]
pub enum Author {
    /// The customer.
    Contact,
    /// The agent.
    Agent,
    /// The gateway.
    System,
    /// Another module, or an administrator.
    Admin,
}

impl From<Side> for Author {
    fn from(side: Side) -> Self {
        match side {
            Side::Agent => Self::Agent,
            Side::Contact => Self::Contact,
        }
    }
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CallEndReason")]
pub enum Reason {
    /// The customer hung up.
    HangupContact,
    /// The agent hung up.
    HangupAgent,
    /// The callee would not.
    Declined,
    /// Nobody answered in time.
    NoAnswer,
    /// The callee is in another call.
    Busy,
    /// The caller no longer wanted to.
    Cancelled,
    /// No way was found in time.
    IceFailed,
    /// A side has no device, or may not use it.
    MediaDenied,
    /// A side did not come back in time.
    Lost,
    /// Its session ended.
    SessionEnded,
    /// Its session went to somebody who could not take the call along.
    Replaced,
    /// It lasted, or was on hold, for as long as it may.
    MaxDuration,
    /// Another module, or an administrator, ended it.
    Admin,
    /// It was found without anybody to look after it.
    ServerRestart,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::HangupContact,
        Self::HangupAgent,
        Self::Declined,
        Self::NoAnswer,
        Self::Busy,
        Self::Cancelled,
        Self::IceFailed,
        Self::MediaDenied,
        Self::Lost,
        Self::SessionEnded,
        Self::Replaced,
        Self::MaxDuration,
        Self::Admin,
        Self::ServerRestart,
    ];

    /// A side that hangs up.
    #[must_use]
    pub fn hangup(side: Side) -> Self {
        match side {
            Side::Agent => Self::HangupAgent,
            Side::Contact => Self::HangupContact,
        }
    }

    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HangupContact => "hangup_contact",
            Self::HangupAgent => "hangup_agent",
            Self::Declined => "declined",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::IceFailed => "ice_failed",
            Self::MediaDenied => "media_denied",
            Self::Lost => "lost",
            Self::SessionEnded => "session_ended",
            Self::Replaced => "replaced",
            Self::MaxDuration => "max_duration",
            Self::Admin => "admin",
            Self::ServerRestart => "server_restart",
        }
    }
}
