//! When a call has waited long enough, and what that means. One time at a time: the next one.

use std::time::Duration;

use super::{Call, Reason, Recording, State};
use crate::model::time::Millis;

/// How long each state may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To be accepted; also for questions of one side to the other.
    pub ring: Duration,
    /// To find a way.
    pub connecting: Duration,
    /// To come back.
    pub reconnecting: Duration,
    /// On hold at a time.
    pub held: Duration,
    /// From the first connection to the end.
    pub max: Duration,
}

impl Limits {
    /// For calls of a tenant that has none any more: what lives may live on.
    pub const USUAL: Self = Self {
        ring: Duration::from_secs(30),
        connecting: Duration::from_secs(15),
        reconnecting: Duration::from_secs(20),
        held: Duration::from_secs(300),
        max: Duration::from_secs(3_600),
    };
}

/// What time has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// The call is over.
    End(Reason),
    /// The question for video is.
    Upgrade,
    /// The question whether it may be recorded is.
    Record,
}

impl Call {
    /// The next time at which something is decided, unless something happens before. `None` once it is over.
    #[must_use]
    pub fn deadline(&self, limits: &Limits) -> Option<(Millis, Overdue)> {
        let end = |at: Millis, reason| Some((at, Overdue::End(reason)));
        let state = match self.state {
            State::Ended => return None,
            State::Inviting | State::Ringing => end(self.invited_at.plus(limits.ring), Reason::NoAnswer),
            State::Connecting => end(self.since.plus(limits.connecting), Reason::IceFailed),
            State::Reconnecting => end(self.since.plus(limits.reconnecting), Reason::Lost),
            State::Held | State::Connected => None,
        };
        let held = self.held_since.and_then(|since| end(since.plus(limits.held), Reason::MaxDuration));
        let longest = self.connected_at.and_then(|at| end(at.plus(limits.max), Reason::MaxDuration));
        let upgrade = self.upgrade.map(|asked| (asked.until, Overdue::Upgrade));
        let record = match self.recording {
            Recording::Asked(until) => Some((until, Overdue::Record)),
            Recording::Off | Recording::On(_) => None,
        };
        [state, held, longest, upgrade, record].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What time has decided by `now`, if it has.
    #[must_use]
    pub fn overdue(&self, now: Millis, limits: &Limits) -> Option<Overdue> {
        self.deadline(limits).filter(|(at, _)| *at <= now).map(|(_, what)| what)
    }
}
