//! One agent's share of a session, from the offer to the end of the wrap-up. States and moves only.

/// Where an assignment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Shown to the agent, who has not answered yet.
    Offered,
    /// The agent answers the customer.
    Active,
    /// The conversation is over or passed on; the agent does the paperwork.
    Wrapup,
    /// Over.
    Done,
    /// The agent declined.
    Rejected,
    /// The agent did not answer in time.
    Expired,
    /// Taken back before the agent answered.
    Revoked,
    /// The agent went away and did not come back in time.
    Lost,
}

/// What can happen to an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The agent takes it.
    Accept,
    /// The agent declines it.
    Reject,
    /// The deadline passes.
    Expire,
    /// The offer is taken back.
    Revoke,
    /// The conversation ends or is passed on.
    Finish,
    /// The agent is gone.
    Lose,
    /// The paperwork is done.
    Complete,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Offered,
        Self::Active,
        Self::Wrapup,
        Self::Done,
        Self::Rejected,
        Self::Expired,
        Self::Revoked,
        Self::Lost,
    ];

    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Active => "active",
            Self::Wrapup => "wrapup",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Whether it takes one of the agent's places. Wrap-up does not keep chats away.
    #[must_use]
    pub fn holds_slot(self) -> bool {
        matches!(self, Self::Offered | Self::Active)
    }

    /// The state after `step`; `None` when the step is not possible from here.
    #[must_use]
    pub fn after(self, step: Move) -> Option<Self> {
        match (self, step) {
            (Self::Offered, Move::Accept) => Some(Self::Active),
            (Self::Offered, Move::Reject) => Some(Self::Rejected),
            (Self::Offered, Move::Expire) => Some(Self::Expired),
            (Self::Offered, Move::Revoke) => Some(Self::Revoked),
            (Self::Active, Move::Finish) => Some(Self::Wrapup),
            (Self::Active, Move::Lose) => Some(Self::Lost),
            (Self::Wrapup, Move::Complete) => Some(Self::Done),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOVES: [Move; 7] =
        [Move::Accept, Move::Reject, Move::Expire, Move::Revoke, Move::Finish, Move::Lose, Move::Complete];

    proptest! {
        #[test]
        fn a_slot_is_taken_once_and_given_back_once(steps in prop::collection::vec(0..MOVES.len(), 0..30)) {
            let mut at = State::Offered;
            let mut given_back = 0;
            for step in steps {
                let Some(next) = at.after(MOVES[step]) else { continue };
                given_back += i32::from(at.holds_slot() && !next.holds_slot());
                prop_assert!(at.holds_slot() || !next.holds_slot(), "a slot comes back from nowhere");
                at = next;
            }
            prop_assert_eq!(given_back, i32::from(!at.holds_slot()));
        }
    }

    #[test]
    fn written_forms_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
