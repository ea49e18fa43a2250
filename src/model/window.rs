//! What WeChat lets us send to a customer, as far as we can know it. The platform's error codes are the truth;
//! this ledger is what the agent sees and what decides *before* a call. Pure: the caller brings the time.
//!
//! Source of the numbers: the customer-service message page of the 服务号 documentation
//! (five messages in 48 h since 2023-06-12).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Millis;

/// What a customer did that lets us write to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Sent a message: 5 in 48 h.
    Message,
    /// Tapped a menu item with a key, or an item of a menu message: 3 in 1 min.
    Menu,
    /// Followed the account: 3 in 1 min.
    Follow,
    /// Scanned a code: 3 in 1 min.
    Scan,
}

impl Trigger {
    /// How many messages it allows.
    #[must_use]
    pub fn allows(self) -> u32 {
        match self {
            Self::Message => 5,
            Self::Menu | Self::Follow | Self::Scan => 3,
        }
    }

    /// For how long.
    #[must_use]
    pub fn lasts(self) -> Duration {
        match self {
            Self::Message => Duration::from_secs(48 * 3600),
            Self::Menu | Self::Follow | Self::Scan => Duration::from_secs(60),
        }
    }
}

/// What is left to send, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Window {
    /// Messages left.
    pub left: u32,
    /// End of the permission.
    pub until: Millis,
}

impl Window {
    /// The window after the customer did something. Allowances do not add up: each trigger lifts the count to at
    /// least its own and the end to at least its own; a message resets both to the full five and 48 h.
    #[must_use]
    pub fn granted(self, trigger: Trigger, now: Millis) -> Self {
        let current = if self.until > now { self } else { Self::default() };
        Self { left: current.left.max(trigger.allows()), until: current.until.max(now.plus(trigger.lasts())) }
    }

    /// Whether one more message may be sent now.
    #[must_use]
    pub fn open(self, now: Millis) -> bool {
        self.left > 0 && self.until > now
    }

    /// The window after one message was sent.
    #[must_use]
    pub fn debited(self) -> Self {
        Self { left: self.left.saturating_sub(1), ..self }
    }

    /// The window after one message turned out not to count: the platform refused it.
    #[must_use]
    pub fn credited(self) -> Self {
        Self { left: self.left.saturating_add(1).min(Trigger::Message.allows()), ..self }
    }

    /// The window after the platform said that it is used up.
    #[must_use]
    pub fn used_up(self) -> Self {
        Self { left: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    #[test]
    fn a_message_opens_five_for_two_days() {
        let window = Window::default().granted(Trigger::Message, NOW);
        assert_eq!(window.left, 5);
        assert!(window.open(NOW.plus(Duration::from_secs(48 * 3600 - 1))));
        assert!(!window.open(NOW.plus(Duration::from_secs(48 * 3600))));
    }

    #[test]
    fn a_menu_tap_neither_shortens_nor_adds() {
        let used = Window::default().granted(Trigger::Message, NOW).debited().debited().debited();
        let after = used.granted(Trigger::Menu, NOW);
        assert_eq!(after.left, 3);
        assert_eq!(after.until, used.until);
        let full = Window::default().granted(Trigger::Message, NOW).granted(Trigger::Menu, NOW);
        assert_eq!(full.left, 5);
    }

    #[test]
    fn what_was_refused_is_given_back_up_to_the_most_that_is_ever_allowed() {
        let full = Window::default().granted(Trigger::Message, NOW);
        assert_eq!(full.debited().credited(), full);
        assert_eq!(full.credited(), full);
    }

    #[test]
    fn the_sixth_message_does_not_fit() {
        let mut window = Window::default().granted(Trigger::Message, NOW);
        for _ in 0..5 {
            assert!(window.open(NOW));
            window = window.debited();
        }
        assert!(!window.open(NOW));
    }
}
