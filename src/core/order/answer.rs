//! What the sender of an order is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::Error;
use crate::model::code::Code;
use crate::model::id::{AssignmentId, CallId, ContactId, ConversationId, MessageId, NodeId, SessionId};
use crate::model::time::Millis;

/// The body of an answer: `{"ok": …}` or `{"err": …}`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub enum Answer {
    /// It is done.
    #[serde(rename = "ok")]
    Done(Done),
    /// It is refused, or may be tried again.
    #[serde(rename = "err")]
    Refused(Fault),
}

/// What came of an order, by what was ordered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Done {
    /// `conversation.send`: the message and its place in the log.
    Sent {
        /// The conversation.
        conv: ConversationId,
        /// The message.
        id: MessageId,
        /// Its place in the log.
        seq: i64,
        /// When it was accepted.
        ts: Millis,
    },
    /// `conversation.open`: the session.
    Opened {
        /// The conversation.
        conv: ConversationId,
        /// The session.
        session: SessionId,
        /// `new`, `bot`, `queued` or `active`.
        state: String,
    },
    /// `session.assign`: the offer; none when an answered session is passed on.
    Offered {
        /// The assignment that it would be.
        assignment: Option<AssignmentId>,
    },
    /// `call.start`: the call.
    Called {
        /// The call.
        call: CallId,
    },
    /// `contact.upsert`: the customer.
    Known {
        /// The customer.
        contact: ContactId,
        /// Their conversation on the named account.
        conv: Option<ConversationId>,
        /// Whether they were not known before.
        created: bool,
    },
    /// `config.reload`, `node.drain`: the process that does it.
    Node {
        /// The process.
        node: NodeId,
        /// Declarations that are new in force, after a reload.
        changed: Option<usize>,
    },
    /// The others: nothing more to say.
    Plain {},
}

/// Why an order was not done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fault {
    /// What the sender can act on.
    pub code: Code,
    /// What a person can read.
    pub message: String,
    /// Whether the same order may succeed later. Send it again under the same id.
    pub retry: bool,
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let Error { code, message, .. } = error;
        Self::Refused(Fault { code, message, retry: code.retry() })
    }
}

impl Answer {
    /// The answer as JSON.
    ///
    /// # Errors
    /// Never in practice: everything in it has a written form.
    pub(super) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

/// What came of an order, out of its answer.
pub(super) fn read(answer: &str) -> Result<Value, Error> {
    let mut answer: Value = serde_json::from_str(answer).map_err(Error::internal)?;
    match answer.get_mut("err").map(Value::take) {
        None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
        Some(fault) => {
            let Refusal { code, message } = serde_json::from_value(fault).map_err(Error::internal)?;
            Err(Error::new(code, message))
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    code: Code,
    message: String,
}

/// The answer as JSON, or, if that fails, a fault of ours.
pub(super) fn refusal(error: Error) -> String {
    let answer = Answer::from(error);
    answer.text().unwrap_or_else(|_unwritable| Value::Null.to_string())
}
