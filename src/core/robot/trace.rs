//! A robot's turns as agents see them. Reads only.

use serde::Serialize;

use super::reply::Near;
use crate::core::Error;
use crate::model::id::SessionId;
use crate::store::{Tx, turn};

/// Turns that are shown.
const SHOWN: i64 = 50;

/// One turn.
#[derive(Debug, Clone, Serialize)]
pub(in crate::core) struct TurnView {
    /// The customer's message.
    seq: i64,
    /// Who answered: `faq`, `openai`, `rasa`, `dify`, `webhook`, `script`.
    adapter: String,
    /// What was understood as the question.
    query: String,
    /// What was done; `waiting` while it is being answered.
    decision: String,
    /// Questions of the base that were near, the nearest first.
    hits: Vec<Near>,
    /// The answer's place in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_seq: Option<i64>,
    /// From the question to the answer, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<i64>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Whether the answer came too late and was dropped.
    stale: bool,
    /// What the customer thought of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    helpful: Option<bool>,
}

/// The turns of a session, in order.
pub(super) fn of(tx: &mut Tx<'_>, session: SessionId) -> Result<Vec<TurnView>, Error> {
    let view = |trace: turn::Trace| {
        let hits = trace.hits.as_deref().map(serde_json::from_str).transpose();
        Ok(TurnView {
            seq: trace.seq,
            adapter: trace.adapter,
            query: trace.query,
            decision: trace.decision.unwrap_or(trace.state),
            hits: hits.map_err(Error::internal)?.unwrap_or_default(),
            reply_seq: trace.reply_seq,
            latency_ms: trace.latency_ms,
            error: trace.error,
            stale: trace.stale,
            helpful: trace.helpful,
        })
    };
    turn::of_session(tx, session, SHOWN)?.into_iter().map(view).collect()
}
