//! The life of a service episode and the token that says who answers in it. Knows no storage: states and moves only.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::id::AgentId;

/// Where a session stands, as its customer experiences it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Started; nobody has taken it up.
    New,
    /// A machine answers, or records a message for later.
    Bot,
    /// Waits in a queue.
    Queued,
    /// An agent answers.
    Active,
    /// Over, for good.
    Ended,
}

impl State {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Bot => "bot",
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::New, Self::Bot, Self::Queued, Self::Active, Self::Ended].into_iter().find(|s| s.as_str() == text)
    }
}

/// Who may speak to the customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Nobody: not taken up yet, or over.
    None,
    /// The queue: prompts only.
    Queue,
    /// The next words of the customer are kept as a message for later.
    LeaveMessage,
    /// A robot.
    Robot,
    /// A multi-step form.
    Flow,
    /// A person.
    Agent(AgentId),
}

impl Holder {
    /// The kind of holder, in written form.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Queue => "queue",
            Self::LeaveMessage => "leave_message",
            Self::Robot => "robot",
            Self::Flow => "flow",
            Self::Agent(_) => "agent",
        }
    }

    /// Reads the written form; an agent needs the name beside it.
    #[must_use]
    pub fn parse(kind: &str, agent: Option<AgentId>) -> Option<Self> {
        match kind {
            "none" => Some(Self::None),
            "queue" => Some(Self::Queue),
            "leave_message" => Some(Self::LeaveMessage),
            "robot" => Some(Self::Robot),
            "flow" => Some(Self::Flow),
            "agent" => agent.map(Self::Agent),
            _ => None,
        }
    }

    /// The person, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            _ => None,
        }
    }
}

/// The right to speak to the customer. The epoch tells an old right from a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Who has it.
    pub holder: Holder,
    /// Raised with every change of the holder; never lowered.
    pub epoch: i64,
}

impl Control {
    /// The control of a session that nobody has taken up.
    #[must_use]
    pub fn nobody() -> Self {
        Self { holder: Holder::None, epoch: 0 }
    }

    /// The control after it passed to `holder`. Passing it to who has it changes nothing.
    #[must_use]
    pub fn passed(self, holder: Holder) -> Self {
        if self.holder == holder { self } else { Self { holder, epoch: self.epoch.saturating_add(1) } }
    }
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// It enters a queue for the first time.
    Enqueue,
    /// It goes back to a queue because its agent was lost.
    Requeue,
    /// Nobody can take it: the customer may leave a message.
    LeaveMessage,
    /// A robot answers: from the start, or again after its agent passed it back.
    Robot,
    /// A multi-step form asks.
    Flow,
    /// An agent takes it: from a queue or from a colleague.
    Connect(AgentId),
    /// It ends.
    End,
}

/// A move that is not possible from where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not possible in state {}", .0.as_str())]
pub struct Refused(pub State);

/// Where a session stands and who answers in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Who answers.
    pub control: Control,
}

impl Standing {
    /// A session that has just started.
    #[must_use]
    pub fn started() -> Self {
        Self { state: State::New, control: Control::nobody() }
    }

    /// The standing after `step`.
    ///
    /// # Errors
    /// When the step is not possible from here; an ended session refuses everything.
    pub fn after(&self, step: Move) -> Result<Self, Refused> {
        let (state, holder) = match (self.state, step) {
            (State::New | State::Bot, Move::Enqueue) | (State::Active, Move::Requeue) => (State::Queued, Holder::Queue),
            (State::New | State::Bot | State::Queued, Move::LeaveMessage) => (State::Bot, Holder::LeaveMessage),
            (State::New | State::Bot | State::Active, Move::Robot) => (State::Bot, Holder::Robot),
            (State::New | State::Bot, Move::Flow) => (State::Bot, Holder::Flow),
            (State::New | State::Bot | State::Queued | State::Active, Move::Connect(agent)) => {
                (State::Active, Holder::Agent(agent))
            }
            (State::New | State::Bot | State::Queued | State::Active, Move::End) => (State::Ended, Holder::None),
            (state, _) => return Err(Refused(state)),
        };
        Ok(Self { state, control: self.control.clone().passed(holder) })
    }
}

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer.
    Contact,
    /// The agent.
    Agent,
    /// A rule.
    System,
    /// A deadline.
    Timer,
    /// An agent with oversight.
    Supervisor,
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "contact",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Timer => "timer",
            Self::Supervisor => "supervisor",
        })
    }
}

/// Whether a customer's words mean that they no longer want to wait.
#[must_use]
pub fn means_cancel(text: &str) -> bool {
    let text = text.trim();
    ["取消", "取消排队"].contains(&text) || text.eq_ignore_ascii_case("cancel")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_move() -> impl Strategy<Value = Move> {
        prop_oneof![
            Just(Move::Enqueue),
            Just(Move::Requeue),
            Just(Move::LeaveMessage),
            Just(Move::Robot),
            Just(Move::Flow),
            (0..3_u8).prop_map(|n| Move::Connect(AgentId::parse(&format!("a{n}")).unwrap())),
            Just(Move::End),
        ]
    }

    proptest! {
        #[test]
        fn the_epoch_follows_the_holder_and_the_end_is_final(moves in prop::collection::vec(any_move(), 0..40)) {
            let mut at = Standing::started();
            for step in moves {
                let Ok(next) = at.after(step) else { continue };
                prop_assert_ne!(at.state, State::Ended);
                let changed = next.control.holder != at.control.holder;
                prop_assert_eq!(next.control.epoch, at.control.epoch + i64::from(changed));
                prop_assert_eq!(next.state == State::Active, next.control.holder.agent().is_some());
                prop_assert_eq!(next.state == State::Queued, next.control.holder == Holder::Queue);
                at = next;
            }
        }
    }

    #[test]
    fn written_forms_are_read_back() {
        for state in [State::New, State::Bot, State::Queued, State::Active, State::Ended] {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        let li = AgentId::parse("li").unwrap();
        for holder in [Holder::None, Holder::Queue, Holder::LeaveMessage, Holder::Robot, Holder::Agent(li.clone())] {
            assert_eq!(Holder::parse(holder.as_str(), holder.agent().cloned()), Some(holder));
        }
        assert_eq!(Holder::parse("agent", None), None);
    }

    #[test]
    fn only_the_bare_word_cancels() {
        assert!(means_cancel(" 取消 "));
        assert!(means_cancel("Cancel"));
        assert!(!means_cancel("我想取消信用卡"));
    }
}
