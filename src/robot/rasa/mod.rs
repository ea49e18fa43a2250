//! Rasa assistants with the REST channel. Knows their messages, and how a paused one is woken.
//!
//! Rasa keeps the conversation under our conversation's id, so no memory travels. The forms are those of
//! `rasa/core/channels/{channel,rest}.py` and `rasa/server.py`; `tests/fixture/rasa` has what a server says.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::robot::RasaSetting;

use super::answer::MAX_PARTS;
use super::error::{RobotError, SettingError};
use super::guard::{Endpoint, Guard};
use super::http::{Http, Key, Post};
use super::line::Line;
use super::turn::{Choice, Finish, Handoff, Turn};
use super::webhook;

/// An assistant on a server.
#[derive(Debug)]
pub struct Rasa {
    http: Http,
    base: Endpoint,
    webhook: Endpoint,
    key: Option<Key>,
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

/// What is asked of the state of a conversation.
#[derive(Debug, Deserialize)]
struct Tracker {
    paused: bool,
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
        let base = super::address(&setting.url, guard)?;
        let webhook = base.below(&["webhooks", name, "webhook"]);
        let key = setting.token.as_ref().map(Key::new).transpose()?;
        Ok(Self { http, base, webhook, key, timeout: super::timeout(setting.timeout)? })
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        line.typing().await?;
        let text = if turn.chosen { turn.text.as_str() } else { words(&turn.text) };
        if text.is_empty() {
            // Rasa would fail over it, and would not say so.
            return Ok(line.finish(None));
        }
        let mut said = self.ask(turn, text, &line).await?;
        if said.is_empty() && self.wake(turn, &line).await? {
            said = self.ask(turn, text, &line).await?;
        }
        for step in steps(said) {
            match step {
                Step::Texts(texts) => line.say(texts).await?,
                Step::Question(prompt, options) => line.clarify(&prompt, options).await?,
                Step::Handoff(wish) => line.hand_over(wish).await?,
            }
        }
        Ok(line.finish(None))
    }

    async fn ask(&self, turn: &Turn, text: &str, line: &Line<'_>) -> Result<Vec<Said>, RobotError> {
        let body = json!({
            "sender": turn.conv,
            "message": text,
            "metadata": {
                "tenant": turn.tenant,
                "session": turn.session,
                "epoch": turn.epoch,
                "locale": turn.locale,
            },
        });
        let reply = self.http.post(line, Post::keyed(&self.webhook, self.key.as_ref(), &body)).await?;
        reply.success(line).await?.json(line).await
    }

    /// Lets the assistant go on if it has paused itself for a person: paused it hears everything and says nothing. Says
    /// whether that was so.
    async fn wake(&self, turn: &Turn, line: &Line<'_>) -> Result<bool, RobotError> {
        let asked = match self.http.get(line, &self.tracker(turn, &[]), self.key.as_ref()).await?.success(line).await {
            Ok(reply) => reply,
            // It runs without a model, and answers nothing at all.
            Err(RobotError::Refused { status: 409, message }) => return Err(RobotError::Failed { message }),
            // Its HTTP API is switched off: then nothing is known.
            Err(RobotError::Refused { status: 404, .. }) => return Ok(false),
            Err(error @ RobotError::Refused { .. }) => {
                tracing::warn!(tenant.id = %turn.tenant, error = %error, "Rasa does not show its tracker: is `key` its auth_token?");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if !asked.json::<Tracker>(line).await?.paused {
            return Ok(false);
        }
        let to = self.tracker(turn, &["events"]);
        let post = Post::keyed(&to, self.key.as_ref(), &json!({"event": "resume"}));
        self.http.post(line, post).await?.success(line).await.map(|_told| true)
    }

    /// The conversation's place in the HTTP API.
    fn tracker(&self, turn: &Turn, below: &[&str]) -> Endpoint {
        let conv = turn.conv.to_string();
        let place = [&["conversations", conv.as_str(), "tracker"], below].concat();
        let to = self.base.below(&place).with("include_events", "NONE");
        match self.key.as_ref().map(|key| key.secret().expose()).filter(|token| !is_jwt(token)) {
            Some(token) => to.with("token", token),
            None => to,
        }
    }
}

/// Rasa takes its `auth_token` in the address, and a JWT in a header only.
fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}

/// What a customer may say: words. With a slash Rasa's own orders begin, `/intent{"slot": "value"}`, and they are for its
/// buttons.
fn words(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == '/' || c.is_whitespace() || c.is_control())
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
