//! Language models behind the OpenAI API, which many servers speak. Knows requests and streams, no index.
//!
//! The model gets the conversation, the passages and one tool, `transfer_to_human`. It has no other way to reach
//! anything, so that whatever a customer talks it into stays in this conversation.

mod request;
mod stream;

use std::time::Duration;

use crate::model::robot::OpenAiSetting;

use super::error::{RobotError, SettingError};
use super::guard::{Endpoint, Guard};
use super::http::{Http, Key, Post, Reply};
use super::line::Line;
use super::sse::Parser;
use super::turn::{Finish, Turn};
use stream::{Assembly, Chunk};

/// Shown behind a text that the model had to break off.
const BROKEN_OFF: &str = "……";
const MAX_PROMPT: usize = 8_000;

/// A model on a server.
#[derive(Debug)]
pub struct OpenAi {
    http: Http,
    to: Endpoint,
    key: Option<Key>,
    model: String,
    prompt: String,
    require_context: bool,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    pub(super) timeout: Duration,
}

impl OpenAi {
    pub(super) fn new(setting: &OpenAiSetting, guard: &Guard, http: Http) -> Result<Self, SettingError> {
        if setting.model.trim().is_empty() {
            return Err(SettingError::new("model", "is empty"));
        }
        if setting.prompt.chars().count() > MAX_PROMPT {
            return Err(SettingError::new("prompt", format!("is longer than {MAX_PROMPT} characters")));
        }
        if setting.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(SettingError::new("temperature", "must be from 0 to 2"));
        }
        Ok(Self {
            http,
            to: super::address(&setting.url, guard)?.below(&["chat", "completions"]),
            key: setting.key.as_ref().map(Key::new).transpose()?,
            model: setting.model.clone(),
            prompt: setting.prompt.clone(),
            require_context: setting.require_context,
            temperature: setting.temperature,
            max_tokens: setting.max_tokens,
            timeout: super::timeout(setting.timeout)?,
        })
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        if self.require_context && turn.context.is_empty() {
            return Ok(line.finish(None));
        }
        line.typing().await?;
        let post = Post::keyed(&self.to, self.key.as_ref(), &self.request(turn));
        let reply = self.http.post(&line, post).await?.success(&line).await?;
        let assembly = if reply.is("application/json") {
            // A server that cannot stream sends the same in one piece.
            let mut assembly = Assembly::default();
            self.take(&mut assembly, reply.json(&line).await?, &mut line).await?;
            assembly
        } else {
            self.listen(reply, &mut line).await?
        };
        finish(assembly, line).await
    }

    async fn listen(&self, mut reply: Reply, line: &mut Line<'_>) -> Result<Assembly, RobotError> {
        let mut parser = Parser::default();
        let mut assembly = Assembly::default();
        while let Some(bytes) = reply.chunk(line).await? {
            parser.push(&bytes).map_err(|_too_long| RobotError::Garbled("an event without end"))?;
            while let Some(event) = parser.next() {
                if event.data == "[DONE]" {
                    return Ok(assembly);
                }
                if !event.data.is_empty() {
                    self.take(&mut assembly, chunk(&event.data)?, line).await?;
                }
            }
        }
        // Some servers end without the last word; that the answer is complete they have said.
        if assembly.reason.is_some() { Ok(assembly) } else { Err(RobotError::Broken(None)) }
    }

    async fn take(&self, assembly: &mut Assembly, chunk: Chunk, line: &mut Line<'_>) -> Result<(), RobotError> {
        if let Some(error) = &chunk.error {
            let said = super::http::complaint(error).unwrap_or("no words");
            let message = super::http::without(said, self.key.as_ref().map(Key::secret));
            return Err(RobotError::Failed { message });
        }
        let more = assembly.add(chunk)?;
        if more.is_empty() { Ok(()) } else { line.delta(&more).await }
    }
}

fn chunk(data: &str) -> Result<Chunk, RobotError> {
    serde_json::from_str(data).map_err(|_source| RobotError::Garbled("a chunk is no JSON"))
}

async fn finish(mut assembly: Assembly, mut line: Line<'_>) -> Result<Finish, RobotError> {
    let tokens = assembly.tokens;
    let mut text = assembly.take_text();
    match assembly.reason.as_deref() {
        Some("content_filter") => text.clear(),
        Some("length") if !text.is_empty() => text.push_str(BROKEN_OFF),
        _ => {}
    }
    line.say([text]).await?;
    if let Some(wish) = assembly.wish() {
        line.hand_over(wish).await?;
    }
    Ok(line.finish(tokens))
}

#[cfg(test)]
mod tests;
