//! The pieces of a model's answer, and the answer out of them. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::id::QueueId;

use super::super::error::RobotError;
use super::super::thought::Thought;
use super::super::turn::Handoff;
use super::request::TOOL;

/// Most calls of tools in one answer.
const MAX_CALLS: usize = 4;
/// Longest arguments of one call, bytes.
const MAX_ARGUMENTS: usize = 16 * 1024;

/// One piece: a chunk of a stream, or a whole answer, whose `message` is written like a `delta`.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Vec<Piece>,
    usage: Option<Usage>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Piece {
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Debug, Deserialize)]
struct CallPiece {
    index: Option<usize>,
    function: Option<FunctionPiece>,
}

#[derive(Debug, Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    thought: Thought,
    pub(super) reason: Option<String>,
    pub(super) tokens: Option<u64>,
    /// By their place in the answer: name and arguments.
    calls: BTreeMap<usize, (String, String)>,
}

/// The arguments of the one tool.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Transfer {
    reason: Option<String>,
    queue: Option<String>,
    summary: Option<String>,
}

impl Assembly {
    /// Takes a piece; returns the text in it that the customer may see.
    pub(super) fn add(&mut self, chunk: Chunk) -> Result<String, RobotError> {
        self.tokens = chunk.usage.and_then(|usage| usage.total_tokens).or(self.tokens);
        // One answer was asked for. The piece that tells the usage has none.
        let Some(piece) = chunk.choices.into_iter().next() else { return Ok(String::new()) };
        self.reason = piece.finish_reason.or(self.reason.take());
        let Some(delta) = piece.delta else { return Ok(String::new()) };
        for (call, place) in delta.tool_calls.unwrap_or_default().into_iter().zip(0..) {
            self.call(call, place)?;
        }
        let more = self.thought.pass(delta.content.unwrap_or_default());
        self.text.push_str(&more);
        Ok(more)
    }

    /// The whole text, once everything has come.
    pub(super) fn take_text(&mut self) -> String {
        let rest = self.thought.rest();
        self.text.push_str(&rest);
        self.text.truncate(self.text.trim_end().len());
        std::mem::take(&mut self.text)
    }

    fn call(&mut self, piece: CallPiece, place: usize) -> Result<(), RobotError> {
        let Some(function) = piece.function else { return Ok(()) };
        let (name, arguments) = self.calls.entry(piece.index.unwrap_or(place)).or_default();
        // The name comes once, but some servers repeat it with every piece.
        if let Some(given) = function.name.filter(|given| !given.is_empty()) {
            *name = given;
        }
        arguments.push_str(function.arguments.as_deref().unwrap_or_default());
        if arguments.len() > MAX_ARGUMENTS || self.calls.len() > MAX_CALLS {
            return Err(RobotError::Garbled("a tool call without end"));
        }
        Ok(())
    }

    /// The wish for a person, if the model called the tool. That it was called counts, even with broken arguments.
    pub(super) fn wish(&self) -> Option<Handoff> {
        let (_, arguments) = self.calls.values().find(|(name, _)| name == TOOL)?;
        let transfer: Transfer = serde_json::from_str(arguments).unwrap_or_default();
        Some(Handoff {
            reason: transfer.reason.unwrap_or_else(|| TOOL.to_owned()),
            queue: transfer.queue.and_then(|queue| QueueId::parse(queue.trim()).ok()),
            summary: transfer.summary.unwrap_or_default(),
            slots: BTreeMap::new(),
        })
    }
}
