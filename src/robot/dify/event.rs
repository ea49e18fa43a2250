//! The events of a Dify answer, and the answer out of them. Pure.

use serde::Deserialize;
use serde_json::Value;

use crate::model::secret::Secret;

use super::super::error::RobotError;
use super::super::http::without;
use super::super::thought::Thought;
use super::super::turn::Handoff;
use super::super::webhook::Transfer;

/// The tool of an agent that asks for a person.
const TOOL: &str = "transfer_to_human";
/// Longest id that is taken, bytes.
const MAX_ID: usize = 64;

/// One event; which fields there are depends on its name.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    event: String,
    task_id: Option<String>,
    conversation_id: Option<String>,
    answer: Option<String>,
    metadata: Option<Value>,
    /// Of `agent_thought`.
    tool: Option<String>,
    tool_input: Option<String>,
    /// Of `node_finished` and `workflow_finished`.
    data: Option<Value>,
    /// Of `error`.
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What a stop has to name.
    pub(super) task: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) text: String,
    pub(super) wish: Option<Handoff>,
    pub(super) tokens: Option<u64>,
    /// Whether the last event was there.
    pub(super) ended: bool,
    thought: Thought,
}

impl Progress {
    /// Takes an event; returns the text that it adds. `handoff` is the variable that asks for a person.
    pub(super) fn take(&mut self, event: Event, handoff: &str, key: &Secret) -> Result<String, RobotError> {
        keep(&mut self.task, event.task_id);
        keep(&mut self.conversation, event.conversation_id);
        match event.event.as_str() {
            "message" | "agent_message" => {
                let more = self.thought.pass(event.answer.unwrap_or_default());
                self.text.push_str(&more);
                return Ok(more);
            }
            // Moderation: what was said so far must not be said.
            "message_replace" => {
                self.thought = Thought::default();
                self.text = self.thought.pass(event.answer.unwrap_or_default());
            }
            "agent_thought" if event.tool.as_deref().is_some_and(calls) => {
                self.wish = Some(called(event.tool_input.as_deref().unwrap_or_default()));
            }
            "node_finished" | "workflow_finished" => {
                let data = event.data.unwrap_or_default();
                if let Some(wish) = data.get("outputs").and_then(|out| out.get(handoff)).and_then(asked) {
                    self.wish = Some(wish);
                }
            }
            "message_end" => {
                let usage = event.metadata.as_ref().and_then(|metadata| metadata.get("usage"));
                self.tokens = usage.and_then(|usage| usage.get("total_tokens")).and_then(Value::as_u64);
                return Ok(self.end());
            }
            // The flow waits until somebody has filled in a form. The stream ends here, and goes on for nobody.
            "workflow_paused" => {
                self.wish.get_or_insert_with(|| because("workflow_paused"));
                return Ok(self.end());
            }
            "error" => return Err(failed(event.status, event.code.as_deref(), event.message.as_deref(), key)),
            _ => {}
        }
        Ok(String::new())
    }

    /// Nothing more comes; returns what was held back.
    fn end(&mut self) -> String {
        let rest = self.thought.rest();
        self.text.push_str(&rest);
        self.ended = true;
        rest
    }
}

fn keep(place: &mut Option<String>, id: Option<String>) {
    if let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= MAX_ID) {
        *place = Some(id);
    }
}

/// An agent's tools are written `a;b`.
fn calls(tools: &str) -> bool {
    tools.split(';').any(|tool| tool.trim() == TOOL)
}

/// The input of the tool: its arguments, or the arguments under its name.
fn called(input: &str) -> Handoff {
    let value: Value = serde_json::from_str(input).unwrap_or_default();
    let arguments = value.get(TOOL).cloned().unwrap_or(value);
    serde_json::from_value::<Transfer>(arguments).map_or_else(|_other_form| because(TOOL), Transfer::wish)
}

/// A variable that asks: `true`, a number that is not 0, a reason, or an object.
fn asked(value: &Value) -> Option<Handoff> {
    match value {
        Value::Bool(true) => Some(because("dify")),
        Value::Number(number) if number.as_f64() != Some(0.0) => Some(because("dify")),
        Value::String(text) if !["", "0", "false", "no"].contains(&text.trim()) => {
            Some(serde_json::from_str::<Transfer>(text).map_or_else(|_plain| because(text), Transfer::wish))
        }
        Value::Object(_) => serde_json::from_value(value.clone()).ok().map(Transfer::wish),
        _ => None,
    }
}

fn because(reason: &str) -> Handoff {
    Handoff { reason: reason.to_owned(), ..Handoff::default() }
}

fn failed(status: Option<u16>, code: Option<&str>, message: Option<&str>, key: &Secret) -> RobotError {
    let words = format!("{}: {}", code.unwrap_or("error"), message.unwrap_or("no words"));
    let message = without(&words, Some(key));
    match status {
        Some(429) => RobotError::Busy { after: None },
        Some(status @ 400..=499) => RobotError::Refused { status, message },
        _ => RobotError::Failed { message },
    }
}
