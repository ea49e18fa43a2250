//! Robots that are programs of the tenant's own: turns are posted to them, signed as Standard Webhooks are
//! (<https://www.standardwebhooks.com>), and they answer at once or later. Knows both forms and the signature.

mod reply;
mod sign;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::model::robot::WebhookSetting;

use super::error::{RobotError, SettingError};
use super::guard::{Endpoint, Guard};
use super::http::{Http, Post};
use super::line::Line;
use super::turn::{Finish, Turn};

pub(super) use reply::Transfer;
pub use reply::{AsyncAnswer, Refused, verify};
pub use sign::{Signed, SigningKeys};

use reply::Reply;

/// A program behind an address.
#[derive(Debug)]
pub struct Webhook {
    http: Http,
    to: Endpoint,
    keys: SigningKeys,
    pub(super) timeout: Duration,
    clock: Clock,
}

impl Webhook {
    pub(super) fn new(setting: &WebhookSetting, guard: &Guard, http: Http, clock: Clock) -> Result<Self, SettingError> {
        Ok(Self {
            http,
            to: super::address(&setting.url, guard)?,
            keys: SigningKeys::new(&setting.secret, setting.secret_previous.as_ref())?,
            timeout: super::timeout(setting.timeout)?,
            clock,
        })
    }

    /// The keys with which its later answers are verified.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        line.typing().await?;
        let body = Bytes::from(letter(turn, &self.clock, line.left()).to_string());
        // The same turn has the same id, so that a program that is asked twice can know it.
        let id = format!("turn_{}_{}_{}", turn.conv, turn.seq, turn.epoch);
        let headers = self.keys.headers(&id, self.clock.now().seconds(), &body)?;
        let reply = self.http.post(&line, Post { to: &self.to, headers, key: None, body }).await?;
        let reply = reply.success(&line).await?;
        match reply.status() {
            202 => return Ok(line.later()),
            204 => return Ok(line.finish(None)),
            _ => {}
        }
        let reply: Reply = reply.json(&line).await?;
        if reply.is_for_another(turn) {
            return Err(RobotError::Garbled("names another session or epoch than it was asked about"));
        }
        reply.tell(&mut line).await?;
        Ok(line.finish(None))
    }
}

fn letter(turn: &Turn, clock: &Clock, left: Duration) -> Value {
    let history: Vec<Value> =
        turn.history.iter().map(|said| json!({"who": said.who.as_str(), "text": said.text})).collect();
    let context: Vec<Value> =
        turn.context.iter().map(|passage| json!({"title": passage.title, "text": passage.text})).collect();
    json!({
        "type": "robot.turn",
        "timestamp": clock.now(),
        "data": {
            "tenant": turn.tenant,
            "conv": turn.conv,
            "session": turn.session,
            "epoch": turn.epoch,
            "seq": turn.seq,
            "text": turn.text,
            "locale": turn.locale,
            "history": history,
            "context": context,
            "memory": turn.memory,
            "channel": {
                "streaming": turn.caps.streaming,
                "rich": turn.caps.rich,
                "max_options": turn.caps.max_options,
            },
            "deadline_ms": u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
        },
    })
}

#[cfg(test)]
mod tests;
