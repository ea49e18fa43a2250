//! Rasa assistants with the REST channel. Knows their messages and the tracker's two events for hand-overs.
//!
//! Rasa keeps the conversation under our conversation's id, so no memory travels. The forms are those of
//! <https://rasa.com/docs/reference/channels/your-own-website> and `rasa/core/channels/{channel,rest}.py`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::model::id::ConversationId;
use crate::model::robot::RasaSetting;
use crate::model::secret::Secret;
use crate::runtime::Stop;

use super::answer::MAX_PARTS;
use super::error::{RobotError, SettingError};
use super::guard::{Endpoint, Guard};
use super::http::{Http, Key, Post};
use super::line::Line;
use super::turn::{Choice, Finish, Handoff, Turn};
use super::{Control, webhook};

/// An assistant on a server.
#[derive(Debug)]
pub struct Rasa {
    http: Http,
    base: Endpoint,
    webhook: Endpoint,
    token: Option<Secret>,
    pub(super) timeout: Duration,
}

/// One thing that the assistant says. Absent fields are left out by Rasa.
#[derive(Debug, Deserialize)]
struct Said {
    text: Option<String>,
    image: Option<String>,
    attachment: Option<Value>,
    buttons: Option<Vec<Button>>,
    custom: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Button {
    #[serde(default)]
    title: String,
    payload: Option<String>,
}

/// What the assistant says, in the order of telling.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Texts(Vec<String>),
    Question(String, Vec<Choice>),
    Handoff(Handoff),
}

impl Rasa {
    pub(super) fn new(setting: &RasaSetting, guard: &Guard, http: Http) -> Result<Self, SettingError> {
        let name = setting.channel.as_str();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
            return Err(SettingError::new("channel", "must be the name of a Rasa channel, for example rest"));
        }
        if let Some(token) = &setting.token {
            Key::new(token)?;
        }
        let base = super::address(&setting.url, guard)?;
        let webhook = base.below(&["webhooks", name, "webhook"]);
        let (token, timeout) = (setting.token.clone(), super::timeout(setting.timeout)?);
        Ok(Self { http, base, webhook, token, timeout })
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        line.typing().await?;
        let body = json!({
            "sender": turn.conv,
            "message": turn.text,
            "metadata": {
                "tenant": turn.tenant,
                "session": turn.session,
                "epoch": turn.epoch,
                "locale": turn.locale,
            },
        });
        let reply = self.http.post(&line, Post::keyed(&self.webhook, None, &body)).await?;
        let said: Vec<Said> = reply.success(&line).await?.json(&line).await?;
        for step in steps(said) {
            match step {
                Step::Texts(texts) => line.say(texts).await?,
                Step::Question(prompt, options) => line.clarify(&prompt, options).await?,
                Step::Handoff(wish) => line.hand_over(wish).await?,
            }
        }
        Ok(line.finish(None))
    }

    /// Appends `pause` or `resume` to the tracker: a paused assistant predicts nothing.
    pub(super) async fn control(&self, conv: ConversationId, now: Control, stop: &Stop) -> Result<(), RobotError> {
        let event = if now == Control::Person { "pause" } else { "resume" };
        let conv = conv.to_string();
        let mut to = self.base.below(&["conversations", &conv, "tracker", "events"]).with("include_events", "NONE");
        if let Some(token) = &self.token {
            to = to.with("token", token.expose());
        }
        // Nothing is told here; the line only keeps the time.
        let (out, _ears) = mpsc::channel(1);
        let line = Line::silent(out, stop, Instant::now() + self.timeout);
        let post = Post { key: self.token.as_ref(), ..Post::keyed(&to, None, &json!({"event": event})) };
        self.http.post(&line, post).await?.success(&line).await.map(drop)
    }
}

fn steps(said: Vec<Said>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut texts = Vec::new();
    for said in said {
        let wish = said.custom.as_ref().and_then(|custom| custom.get("handoff")).and_then(wish);
        let buttons = said.buttons.unwrap_or_default();
        let text = said.text.unwrap_or_default();
        if buttons.is_empty() {
            texts.push(text);
        } else {
            steps.extend(told(&mut texts));
            steps.push(Step::Question(text, buttons.into_iter().map(choice).collect()));
        }
        texts.extend(said.image.map(|address| format!("[图片] {address}")));
        texts.extend(said.attachment.as_ref().and_then(Value::as_str).map(|address| format!("[文件] {address}")));
        if let Some(wish) = wish {
            steps.extend(told(&mut texts));
            steps.push(Step::Handoff(wish));
        }
    }
    steps.extend(told(&mut texts));
    steps
}

/// Rasa makes a message of every paragraph: what is too much for single messages is put together again.
fn told(texts: &mut Vec<String>) -> Option<Step> {
    texts.retain(|text| !text.trim().is_empty());
    if texts.len() > MAX_PARTS {
        let rest = texts.split_off(MAX_PARTS - 1).join("\n\n");
        texts.push(rest);
    }
    (!texts.is_empty()).then(|| Step::Texts(std::mem::take(texts)))
}

fn choice(button: Button) -> Choice {
    Choice { key: button.payload.unwrap_or_default(), label: button.title }
}

/// `true`, a reason, or an object like that of a webhook.
fn wish(custom: &Value) -> Option<Handoff> {
    let reason = |reason: &str| Handoff { reason: reason.to_owned(), ..Handoff::default() };
    match custom {
        Value::Bool(true) => Some(reason("custom.handoff")),
        Value::String(text) if !text.is_empty() => Some(reason(text)),
        Value::Object(_) => serde_json::from_value(custom.clone()).ok().map(webhook::Transfer::wish),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
