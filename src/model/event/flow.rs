//! The details of events of multi-step forms.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::{ConversationId, SessionId};

/// A customer began a form.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FlowStarted")]
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The form.
    pub flow: String,
    /// Its version.
    pub version: i64,
}

/// A form is over.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FlowEnded")]
pub struct Ended {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The form.
    pub flow: String,
    /// Its version.
    pub version: i64,
    /// `completed`, `robot`, `handoff`, `cancelled`, `failed`, `expired`, `trouble`, `taken_over`, `replaced`, `gone`,
    /// `ended`.
    pub outcome: String,
}
