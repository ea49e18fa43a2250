//! What a tenant's program answers, at once or by a call of its own. Pure but for telling it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::model::id::{QueueId, SessionId};
use crate::model::time::Millis;

use super::super::compose::Composer;
use super::super::error::RobotError;
use super::super::line::Line;
use super::super::turn::{Caps, Choice, Handoff, RobotEvent, Turn};
use super::sign::{Signed, SigningKeys};

/// How far the clocks may be apart, and how long a signed request may be on its way.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Longest `webhook-id`, bytes.
const MAX_ID: usize = 256;

/// An answer, as it is written. All of it is optional; an answer without anything says nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Reply {
    session: Option<SessionId>,
    epoch: Option<i64>,
    #[serde(default)]
    messages: Vec<String>,
    clarify: Option<Question>,
    handoff: Option<Transfer>,
    end: Option<Ending>,
    memory: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Question {
    prompt: String,
    options: Vec<Choosable>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Choosable {
    #[serde(default)]
    key: String,
    label: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Ending {
    #[serde(default)]
    reason: String,
}

/// A wish for a person, as several robots write it.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default)]
pub(in crate::robot) struct Transfer {
    reason: String,
    queue: Option<String>,
    summary: String,
    slots: BTreeMap<String, serde_json::Value>,
}

impl Transfer {
    pub(in crate::robot) fn wish(self) -> Handoff {
        let slots = self.slots.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        });
        Handoff {
            reason: self.reason,
            queue: self.queue.and_then(|queue| QueueId::parse(queue.trim()).ok()),
            summary: self.summary,
            slots: slots.collect(),
        }
    }
}

impl Reply {
    /// Whether it names something else than this turn.
    pub(super) fn is_for_another(&self, turn: &Turn) -> bool {
        self.session.is_some_and(|session| session != turn.session)
            || self.epoch.is_some_and(|epoch| epoch != turn.epoch)
    }

    /// Tells everything in it.
    pub(super) async fn tell(self, line: &mut Line<'_>) -> Result<(), RobotError> {
        for event in self.events(line.composer()) {
            line.tell(event).await?;
        }
        Ok(())
    }

    fn events(self, composer: &mut Composer) -> Vec<RobotEvent> {
        let mut events = Vec::new();
        events.extend(self.memory.as_deref().and_then(Composer::remember));
        events.extend(composer.say(self.messages));
        if let Some(question) = self.clarify {
            events.extend(composer.clarify(&question.prompt, question.options.into_iter().map(choice).collect()));
        }
        events.extend(self.handoff.map(|transfer| Composer::hand_over(transfer.wish())));
        events.extend(self.end.map(|ending| Composer::end(&ending.reason)));
        events
    }
}

fn choice(choosable: Choosable) -> Choice {
    Choice { key: choosable.key, label: choosable.label }
}

/// What a program says by a call of its own. It is valid while the session's control epoch is still this one.
#[derive(Debug, Clone, PartialEq)]
pub struct AsyncAnswer {
    /// The `webhook-id`. Whoever has seen it before answers 409 and does nothing.
    pub id: String,
    /// The session.
    pub session: SessionId,
    /// The epoch of the turn that is answered.
    pub epoch: i64,
    reply: Reply,
}

impl AsyncAnswer {
    /// What is said and done, in order, within the limits of an answer and of the customer's channel. Never a delta.
    #[must_use]
    pub fn into_events(self, caps: Caps) -> Vec<RobotEvent> {
        self.reply.events(&mut Composer::new(caps))
    }
}

/// Why such a call is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The signature is not that of the tenant's program: 401.
    #[error("the signature is missing or wrong")]
    Signature,
    /// It was signed more than five minutes ago, or in the future: 401.
    #[error("the timestamp is more than five minutes off")]
    Time,
    /// It is authentic, but not an answer: 422.
    #[error("the body is no answer: it needs session and epoch")]
    Body,
}

/// Verifies a call of a tenant's program and reads it. Pure: whether the `webhook-id` was seen before, whether the
/// session exists and whether the epoch is still the current one is for the caller to find out.
///
/// # Errors
/// See [`Refused`]. Nothing in an unsigned body is looked at.
pub fn verify(signed: &Signed<'_>, body: &[u8], keys: &SigningKeys, now: Millis) -> Result<AsyncAnswer, Refused> {
    if signed.id.is_empty() || signed.id.len() > MAX_ID || !keys.signed(signed, body) {
        return Err(Refused::Signature);
    }
    let Ok(seconds) = signed.timestamp.parse() else { return Err(Refused::Time) };
    let at = Millis::from_seconds(seconds);
    if now.since(at).max(at.since(now)) > TOLERANCE {
        return Err(Refused::Time);
    }
    let Ok(reply) = serde_json::from_slice::<Reply>(body) else { return Err(Refused::Body) };
    let (Some(session), Some(epoch)) = (reply.session, reply.epoch) else { return Err(Refused::Body) };
    Ok(AsyncAnswer { id: signed.id.to_owned(), session, epoch, reply })
}
