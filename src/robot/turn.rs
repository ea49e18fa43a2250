//! What a robot is asked, and what it may say. Knows no robot, no session and no channel's own format.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::model::id::{ConversationId, QueueId, SessionId, TenantId};

use super::answer::Answer;

/// Who said something earlier in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The customer.
    Contact,
    /// This or another robot.
    Robot,
    /// A person of the enterprise.
    Agent,
}

impl Who {
    /// The written form, as robots of others read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Robot => "robot",
            Self::Agent => "agent",
        }
    }
}

/// An earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub who: Who,
    /// What, masked like [`Turn::text`].
    pub text: String,
}

/// Something that the enterprise knows and that may answer the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What it is about, for example the standard question.
    pub title: String,
    /// What it says.
    pub text: String,
}

/// What the customer's channel can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Whether a text may be shown while it grows. Without it no [`RobotEvent::Delta`] is told.
    pub streaming: bool,
    /// Whether choices can be buttons.
    pub rich: bool,
    /// Most choices of one question; with 0 there are no [`RobotEvent::Clarify`] but plain texts.
    pub max_options: usize,
}

/// One message of a customer, for a robot to answer.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The enterprise.
    pub tenant: TenantId,
    /// The conversation; robots of others know the customer by it.
    pub conv: ConversationId,
    /// The service episode.
    pub session: SessionId,
    /// The control epoch under which the answer will be valid.
    pub epoch: i64,
    /// The message that is answered. With the conversation and the epoch it names this turn: a second try has the same.
    pub seq: i64,
    /// What the customer said, without card, identity and telephone numbers; or the key of the choice that was made.
    pub text: String,
    /// Whether the text is the robot's own: one of the choices that it gave.
    pub chosen: bool,
    /// The customer's language, for example `zh-CN`.
    pub locale: String,
    /// What was said before, oldest first.
    pub history: Vec<Said>,
    /// What the index found, best first.
    pub context: Vec<Passage>,
    /// What the robot asked to be reminded of in this session ([`RobotEvent::Memory`]).
    pub memory: Option<String>,
    /// When nobody waits for the answer any more.
    pub deadline: Instant,
    /// What the channel can show.
    pub caps: Caps,
}

/// One of several answers to a question of the robot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What comes back as the text of the next turn.
    pub key: String,
    /// What the customer reads.
    pub label: String,
}

/// A robot's wish that a person takes over. A wish: the rules of the core decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handoff {
    /// Why, in the robot's words.
    pub reason: String,
    /// To whom, if the robot named a queue. Whether there is such a queue is not known here.
    pub queue: Option<QueueId>,
    /// What the agent should know.
    pub summary: String,
    /// What the robot found out, by name.
    pub slots: BTreeMap<String, String>,
}

/// What a robot says or does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotEvent {
    /// It is thinking.
    Typing,
    /// More of a text that [`RobotEvent::Message`] will say as a whole, and perhaps differently.
    Delta(String),
    /// It says something.
    Message(Answer),
    /// It asks which of several things was meant.
    Clarify {
        /// The question.
        prompt: String,
        /// The possible answers, at least one.
        options: Vec<Choice>,
    },
    /// It wants a person to take over.
    Handoff(Handoff),
    /// It considers the conversation to be over.
    End {
        /// Why.
        reason: String,
    },
    /// What it wants to find in [`Turn::memory`] next time; replaces what was there.
    Memory(String),
}

/// What came of a turn whose robot did its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It said something.
    Answered,
    /// It has nothing to say: the customer hears the fallback text.
    Nothing,
    /// It will answer by a call of its own.
    Later,
    /// It asked for a person.
    HandedOver,
    /// It ended the conversation.
    Ended,
}

/// The end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// What came of it.
    pub outcome: Outcome,
    /// Whether something was left out because it was too long, or too much.
    pub cut: bool,
    /// What it cost, if the robot counts in tokens.
    pub tokens: Option<u64>,
}
