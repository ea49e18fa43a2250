//! Whether an agent can be offered work, which agent is offered it first, and which session is served first.

use std::cmp::{Ordering, Reverse};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Millis;

/// What the agent chose, or what a rule chose for the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not working.
    Offline,
    /// Takes new sessions.
    Ready,
    /// Takes no new sessions; at the desk.
    Busy,
    /// Takes no new sessions; away from the desk.
    Break,
}

impl Status {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Break => "break",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Offline, Self::Ready, Self::Busy, Self::Break].into_iter().find(|s| s.as_str() == text)
    }
}

/// Everything that decides whether an agent is offered work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Chosen.
    pub status: Status,
    /// Whether a socket is open.
    pub online: bool,
    /// No offers before this instant.
    pub not_before: Millis,
    /// Chats at the moment, offered ones included.
    pub load: i32,
    /// Chats at most.
    pub capacity: i32,
}

impl Presence {
    /// Whether a session may be offered now.
    #[must_use]
    pub fn routable(&self, now: Millis) -> bool {
        self.online && self.status == Status::Ready && self.not_before <= now && self.load < self.capacity
    }

    /// Whether the agent counts as signed in: a connection that was just lost still does.
    #[must_use]
    pub fn signed_in(&self) -> bool {
        self.status != Status::Offline
    }

    /// Whether the connection is lost and the agent is expected back.
    #[must_use]
    pub fn in_grace(&self) -> bool {
        !self.online && self.signed_in()
    }

    /// One word for a badge.
    #[must_use]
    pub fn display(&self) -> &'static str {
        match self.status {
            Status::Offline => "offline",
            _ if self.in_grace() => "grace",
            Status::Break => "break",
            Status::Busy => "busy",
            Status::Ready if self.load > 0 => "serving",
            Status::Ready => "ready",
        }
    }

    /// The status of an agent whose first socket opens: after being offline nobody is ready by accident.
    #[must_use]
    pub fn status_on_arrival(&self) -> Status {
        if self.status == Status::Offline { Status::Busy } else { self.status }
    }
}

/// An agent who could take a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Chats at the moment.
    pub load: i32,
    /// Chats at most; more than zero.
    pub capacity: i32,
    /// When something was last offered.
    pub last_offer_at: Millis,
    /// Whether the agent is ready and away: asked only when nobody else is there.
    pub last_choice: bool,
}

/// The reason of a status that makes its agent the last choice.
pub const LAST_CHOICE: &str = "away";

impl Candidate {
    /// Whoever is the last choice goes last; otherwise least loaded first (by share of the capacity), then who waited
    /// longest for an offer.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let share = |load: i32, capacity: i32| i64::from(load).saturating_mul(i64::from(capacity));
        self.last_choice
            .cmp(&other.last_choice)
            .then(share(self.load, other.capacity).cmp(&share(other.load, self.capacity)))
            .then(self.last_offer_at.cmp(&other.last_offer_at))
    }
}

/// The place of a session in its queue: higher priority first, then who came first.
#[must_use]
pub fn queue_order(priority: i32, enqueued_at: Millis) -> impl Ord {
    (Reverse(priority), enqueued_at)
}

/// Priority of a session that comes from outside.
pub const PRIORITY_NORMAL: i32 = 0;
/// Priority of a session that an agent passes on.
pub const PRIORITY_TRANSFER: i32 = 10;
/// Priority of a session that lost its agent.
pub const PRIORITY_LOST: i32 = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready() -> Presence {
        Presence { status: Status::Ready, online: true, not_before: Millis(0), load: 0, capacity: 2 }
    }

    #[test]
    fn routable_needs_everything() {
        let now = Millis(100);
        assert!(ready().routable(now));
        assert!(!Presence { online: false, ..ready() }.routable(now));
        assert!(!Presence { status: Status::Break, ..ready() }.routable(now));
        assert!(!Presence { not_before: Millis(101), ..ready() }.routable(now));
        assert!(!Presence { load: 2, ..ready() }.routable(now));
        assert!(!Presence { load: 3, ..ready() }.routable(now), "capacity lowered below the load");
    }

    #[test]
    fn a_badge_says_one_thing() {
        assert_eq!(ready().display(), "ready");
        assert_eq!(Presence { load: 1, ..ready() }.display(), "serving");
        assert_eq!(Presence { load: 1, status: Status::Break, ..ready() }.display(), "break");
        assert_eq!(Presence { online: false, ..ready() }.display(), "grace");
        assert_eq!(Presence { online: false, status: Status::Offline, ..ready() }.display(), "offline");
    }

    #[test]
    fn the_share_of_the_capacity_counts_not_the_number() {
        let half = Candidate { load: 1, capacity: 2, last_offer_at: Millis(0), last_choice: false };
        let third = Candidate { load: 2, capacity: 6, last_offer_at: Millis(9), last_choice: false };
        assert_eq!(third.order(&half), Ordering::Less);
        let later = Candidate { last_offer_at: Millis(5), ..half };
        assert_eq!(half.order(&later), Ordering::Less);
        let away = Candidate { last_choice: true, load: 0, ..half };
        assert_eq!(half.order(&away), Ordering::Less, "even if the other one has nothing to do");
    }

    #[test]
    fn priority_goes_before_time() {
        assert!(queue_order(20, Millis(9)) < queue_order(0, Millis(1)));
        assert!(queue_order(0, Millis(1)) < queue_order(0, Millis(2)));
    }

    proptest! {
        #[test]
        fn the_order_of_candidates_is_total(a in candidate(), b in candidate(), c in candidate()) {
            prop_assert_eq!(a.order(&b), b.order(&a).reverse());
            if a.order(&b).is_le() && b.order(&c).is_le() {
                prop_assert!(a.order(&c).is_le());
            }
        }
    }

    fn candidate() -> impl Strategy<Value = Candidate> {
        (0..10_i32, 1..10_i32, 0..5_i64, any::<bool>()).prop_map(|(load, capacity, at, last_choice)| Candidate {
            load,
            capacity,
            last_offer_at: Millis(at),
            last_choice,
        })
    }
}
