//! The life of an audio or video call between a contact and an agent. Knows no storage, no sockets and no media:
//! states, moves and deadlines only.
//!
//! ```text
//!             invite            ring              accept             both linked
//!      none ─────────▶ inviting ─────▶ ringing ─────────▶ connecting ───────────▶ connected ⇄ held
//!        ▲                │ cancel, no answer, reject          │ not in time          │ trouble, a socket lost
//!        └──── ended ◀────┴─────────────────────────────────────┴──── reconnecting ◀──┘
//! ```

mod deadline;
mod part;
mod step;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use deadline::{Limits, Overdue};
pub use part::{Author, Media, Pair, Reason, Side};
pub use step::{Move, Refused};

use super::id::{DeviceId, RecordingId};
use super::time::Millis;

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for; no device of the callee has said that it rings.
    Inviting,
    /// Rings.
    Ringing,
    /// Accepted; the two devices look for a way.
    Connecting,
    /// Media goes from device to device.
    Connected,
    /// The agent has put it on hold.
    Held,
    /// A side has lost its socket or its way.
    Reconnecting,
    /// Over, for good.
    Ended,
}

impl State {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inviting => "inviting",
            Self::Ringing => "ringing",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Held => "held",
            Self::Reconnecting => "reconnecting",
            Self::Ended => "ended",
        }
    }
}

/// Who asked for video, and until when the other side may agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Who asked.
    pub by: Side,
    /// The question stands until then.
    pub until: Millis,
}

/// Whether the agent's browser records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// No.
    Off,
    /// The contact was asked, and may answer until then.
    Asked(Millis),
    /// Yes, under this id.
    On(RecordingId),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub reason: Reason,
    /// Who ended it.
    pub by: Author,
    /// When.
    pub at: Millis,
}

/// A call, as the rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Millis,
    /// Who called.
    pub caller: Side,
    /// What it carries.
    pub media: Media,
    /// Raised when the call gets another agent: everything between the devices begins anew.
    pub leg: i64,
    /// The devices that take part.
    pub devices: Pair<Option<DeviceId>>,
    /// Who has found the way, in this leg.
    pub linked: Pair<bool>,
    /// Whose socket is lost.
    pub away: Pair<bool>,
    /// What each side has muted.
    pub muted: Pair<Media>,
    /// Since when it is on hold; kept while a side reconnects.
    pub held_since: Option<Millis>,
    /// How long it was on hold before.
    pub hold_ms: u64,
    /// When it was asked for.
    pub invited_at: Millis,
    /// When it first rang.
    pub ringing_at: Option<Millis>,
    /// When it was accepted.
    pub accepted_at: Option<Millis>,
    /// When both sides first had a way.
    pub connected_at: Option<Millis>,
    /// A question for video.
    pub upgrade: Option<Upgrade>,
    /// Whether the agent shows the screen.
    pub screen: bool,
    /// Whether it is recorded.
    pub recording: Recording,
    /// Whether the contact agreed to any recording; `None` while nobody has asked, or nothing was answered. What was agreed
    /// to once stays so: a later refusal is about what would have come after it.
    pub consent: Option<bool>,
    /// How often the contact would not be recorded, or not any longer. A question without an answer is a refusal, too.
    #[serde(default)]
    pub refusals: u32,
    /// How often a side had to look for a new way.
    pub restarts: u32,
    /// How it ended.
    pub end: Option<End>,
}

impl Call {
    /// A call that one side asks for.
    #[must_use]
    pub fn invited(caller: Side, device: DeviceId, media: Media, now: Millis) -> Self {
        let mut devices = Pair::default();
        *devices.of_mut(caller) = Some(device);
        Self {
            state: State::Inviting,
            since: now,
            caller,
            media,
            leg: 1,
            devices,
            linked: Pair::default(),
            away: Pair::default(),
            muted: Pair::default(),
            held_since: None,
            hold_ms: 0,
            invited_at: now,
            ringing_at: None,
            accepted_at: None,
            connected_at: None,
            upgrade: None,
            screen: false,
            recording: Recording::Off,
            consent: None,
            refusals: 0,
            restarts: 0,
            end: None,
        }
    }

    /// A call that both sides have agreed to before: the contact asked for it, and the agent took it out of a queue.
    #[must_use]
    pub fn agreed(contact: DeviceId, agent: DeviceId, media: Media, now: Millis) -> Self {
        let mut call = Self::invited(Side::Contact, contact, media, now);
        call.devices.agent = Some(agent);
        call.accepted_at = Some(now);
        call.state = State::Connecting;
        call
    }

    /// Whether it waits to be accepted.
    #[must_use]
    pub fn rings(&self) -> bool {
        matches!(self.state, State::Inviting | State::Ringing)
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state != State::Ended
    }

    /// The side of a device that takes part.
    #[must_use]
    pub fn takes_part(&self, side: Side, device: &DeviceId) -> bool {
        self.devices.of(side).as_ref() == Some(device)
    }

    /// How long it was on hold so far, milliseconds.
    #[must_use]
    pub fn held_ms(&self, now: Millis) -> u64 {
        let until = self.end.map_or(now, |end| end.at);
        self.hold_ms + self.held_since.map_or(0, |since| span(since, until))
    }

    /// How long it rang, milliseconds.
    #[must_use]
    pub fn ring_ms(&self, now: Millis) -> u64 {
        let until = self.accepted_at.or(self.end.map(|end| end.at)).unwrap_or(now);
        span(self.invited_at, until)
    }

    /// How long both sides could talk, without what was on hold, milliseconds.
    #[must_use]
    pub fn talk_ms(&self, now: Millis) -> u64 {
        let until = self.end.map_or(now, |end| end.at);
        self.connected_at.map_or(0, |from| span(from, until)).saturating_sub(self.held_ms(now))
    }
}

fn span(from: Millis, until: Millis) -> u64 {
    u64::try_from(until.since(from).as_millis()).unwrap_or(u64::MAX)
}
