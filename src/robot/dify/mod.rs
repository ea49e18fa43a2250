//! Dify applications over `chat-messages`. Knows their events, and how to stop what nobody waits for any more.
//!
//! The forms are those of Dify's own page (`web/app/components/develop/template/template_chat.en.mdx`) and of
//! `api/core/app/entities/task_entities.py`. The conversation there is remembered for the session ([`Turn::memory`]).

mod event;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::model::robot::DifySetting;
use crate::runtime::Stop;

use super::error::{RobotError, SettingError};
use super::guard::{Endpoint, Guard};
use super::http::{Http, Key, Post, Reply};
use super::line::Line;
use super::sse::Parser;
use super::turn::{Finish, Turn};
use event::{Event, Progress};

/// How long telling it to stop may take.
const STOP: Duration = Duration::from_secs(2);

/// An application on a server.
#[derive(Debug)]
pub struct Dify {
    http: Http,
    to: Endpoint,
    key: Key,
    inputs: BTreeMap<String, String>,
    handoff: String,
    pub(super) timeout: Duration,
}

impl Dify {
    pub(super) fn new(setting: &DifySetting, guard: &Guard, http: Http) -> Result<Self, SettingError> {
        Ok(Self {
            http,
            to: super::address(&setting.url, guard)?.below(&["chat-messages"]),
            key: Key::new(&setting.key)?,
            inputs: setting.inputs.clone(),
            handoff: setting.handoff_variable.clone(),
            timeout: super::timeout(setting.timeout)?,
        })
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        let mut progress = Progress::default();
        match self.ask(turn, &mut line, &mut progress).await {
            Ok(()) => finish(progress, line).await,
            Err(error) => {
                // Dify goes on thinking, and on the account of the tenant, when a connection only closes.
                if matches!(error, RobotError::Stopped | RobotError::Late | RobotError::TooLarge { .. }) {
                    self.stop(turn, &progress).await;
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, turn: &Turn, line: &mut Line<'_>, progress: &mut Progress) -> Result<(), RobotError> {
        line.typing().await?;
        // Another robot's memory is none of Dify's, which takes ids of its own form alone.
        let memory = turn.memory.as_deref().filter(|memory| uuid::Uuid::try_parse(memory).is_ok());
        let reply = match self.open(turn, memory, line).await {
            // The conversation was deleted or closed there: a new one is better than none.
            Err(RobotError::Refused { status, message }) if memory.is_some() && is_over(status, &message) => {
                self.open(turn, None, line).await?
            }
            other => other?,
        };
        self.listen(reply, line, progress).await
    }

    async fn open(&self, turn: &Turn, memory: Option<&str>, line: &Line<'_>) -> Result<Reply, RobotError> {
        let body = json!({
            "inputs": self.inputs,
            "query": turn.text,
            "response_mode": "streaming",
            "conversation_id": memory.unwrap_or_default(),
            "user": turn.conv,
            "auto_generate_name": false,
        });
        self.http.post(line, Post::keyed(&self.to, Some(&self.key), &body)).await?.success(line).await
    }

    async fn listen(&self, mut reply: Reply, line: &mut Line<'_>, progress: &mut Progress) -> Result<(), RobotError> {
        let mut parser = Parser::default();
        while let Some(bytes) = reply.chunk(line).await? {
            parser.push(&bytes).map_err(|_too_long| RobotError::Garbled("an event without end"))?;
            while let Some(event) = parser.next() {
                if event.data.is_empty() {
                    continue;
                }
                let event: Event =
                    serde_json::from_str(&event.data).map_err(|_source| RobotError::Garbled("an event is no JSON"))?;
                let more = progress.take(event, &self.handoff, self.key.secret())?;
                line.delta(&more).await?;
            }
            if progress.ended {
                return Ok(());
            }
        }
        Err(RobotError::Broken(None))
    }

    /// Tells the application to stop. Nobody waits for the outcome, and nothing depends on it.
    async fn stop(&self, turn: &Turn, progress: &Progress) {
        let Some(task) = progress.task.as_deref() else { return };
        let (out, _ears) = mpsc::channel(1);
        let never = Stop::new();
        let line = Line::silent(out, &never, Instant::now() + STOP);
        let to = self.to.below(&[task, "stop"]);
        let body = json!({"user": turn.conv});
        if let Err(error) = self.http.post(&line, Post::keyed(&to, Some(&self.key), &body)).await {
            tracing::debug!(tenant.id = %turn.tenant, error = %error, "Dify could not be told to stop");
        }
    }
}

/// Whether a refusal means that there is no such conversation any more.
fn is_over(status: u16, words: &str) -> bool {
    // `conversation_completed`: the code itself is not among the words.
    status == 404 || (status == 400 && words.starts_with("The conversation has ended."))
}

async fn finish(progress: Progress, mut line: Line<'_>) -> Result<Finish, RobotError> {
    if let Some(conversation) = &progress.conversation {
        line.remember(conversation).await?;
    }
    line.say([progress.text]).await?;
    if let Some(wish) = progress.wish {
        line.hand_over(wish).await?;
    }
    Ok(line.finish(progress.tokens))
}

#[cfg(test)]
mod tests;
