//! The details of events of robots: they begin, answer, do not know, hand over.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::dialogue::Reason;
use crate::model::id::{ConversationId, QueueId, SessionId};

/// A robot answers a session now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionRobotStarted")]
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Which one.
    pub adapter: String,
    /// The control epoch under which it answers.
    pub epoch: i64,
}

/// A robot no longer answers a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionRobotEnded")]
pub struct Ended {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer's questions, ten at the most.
    pub turns: u32,
    /// Why, in a word: the reason of a hand-over, `taken_over`.
    pub outcome: String,
}

/// A robot wants a person to take over.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SessionHandoffRequested")]
pub struct HandoffRequested {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// Why.
    pub reason: Reason,
    /// Where to, if that is certain.
    pub queue: Option<QueueId>,
    /// What the agent should know.
    pub summary: Option<String>,
    /// Questions that were not answered.
    pub missed: u32,
}

/// What became of a customer's words to a robot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RobotTurn")]
pub struct Turn {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer's message.
    pub seq: i64,
    /// `answer`, `clarify`, `chitchat`, `fallback`, `handoff`, `end`, `flow`, `stale`.
    pub decision: String,
    /// Probability of the best hit, if the question base was asked.
    pub p1: Option<f64>,
    /// Probability of the second best.
    pub p2: Option<f64>,
    /// From the question to the answer, milliseconds.
    pub latency_ms: i64,
}

/// The customer said whether an answer was of help.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RobotFeedback")]
pub struct Feedback {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The answer.
    pub seq: i64,
    /// Whether it was.
    pub helpful: bool,
}

/// No answer was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RobotUnknownQuestion")]
pub struct Unknown {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer's message.
    pub seq: i64,
}
