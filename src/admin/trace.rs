//! What robots did in a session, for whoever wants to know why. Reads only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::office::{Author, Office};
use super::problem::Error;
use crate::model::id::{ConversationId, FaqId, SessionId};
use crate::store::{Tx, session, turn};

/// Turns that are shown, the latest.
const SHOWN: i64 = 200;

/// A robot's part in a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RobotTrace")]
pub struct Trace {
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The turns, in order; the latest 200.
    pub turns: Vec<Turn>,
}

/// A turn: what a customer said to a robot, and what became of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RobotTurn")]
pub struct Turn {
    /// The customer's message.
    pub seq: i64,
    /// Who answered: `faq`, `openai`, `rasa`, `dify`, `webhook`, `script`.
    pub adapter: String,
    /// What was understood as the question.
    pub query: String,
    /// What was done; `waiting` while it is being answered.
    pub decision: String,
    /// Entries of the question base that were near, the nearest first.
    pub hits: Vec<Near>,
    /// The answer's place in the log.
    pub reply_seq: Option<i64>,
    /// From the question to the answer, milliseconds.
    pub latency_ms: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the answer came too late and was dropped.
    pub stale: bool,
    /// What the customer thought of it.
    pub helpful: Option<bool>,
}

/// An entry that was near.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Near {
    /// The entry.
    pub faq: FaqId,
    /// Its question, as it was then.
    pub question: String,
    /// How probable it was that it was meant.
    pub p: f64,
}

impl Office {
    /// A robot's part in a session.
    ///
    /// # Errors
    /// [`Error::Absent`] when the tenant has no such session.
    pub async fn trace(&self, author: &Author, id: SessionId) -> Result<Trace, Error> {
        let read = move |tx: &mut Tx<'_>| {
            let found = session::find(tx, id)?.ok_or(Error::Absent)?;
            let turns = turn::of_session(tx, id, SHOWN)?.into_iter().map(view).collect::<Result<_, _>>()?;
            Ok(Trace { session: id, conv: found.conv, turns })
        };
        self.read(author, read).await
    }
}

fn view(row: turn::Trace) -> Result<Turn, Error> {
    let hits: Option<Vec<Near>> = row.hits.as_deref().map(serde_json::from_str).transpose()?;
    Ok(Turn {
        seq: row.seq,
        adapter: row.adapter,
        query: row.query,
        decision: row.decision.unwrap_or(row.state),
        hits: hits.unwrap_or_default(),
        reply_seq: row.reply_seq,
        latency_ms: row.latency_ms,
        error: row.error,
        stale: row.stale,
        helpful: row.helpful,
    })
}
