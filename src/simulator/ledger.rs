//! What went over the wire, both ways, in rings of stated length. Knows no rule.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use super::token::Kind;
use crate::model::time::Millis;

/// Entries of each kind that are kept. At about 1 KB each the ledger stays below 10 MB.
pub(crate) const KEPT: usize = 2_000;
/// Of a body, so many bytes are kept at the most.
const BODY: usize = 8 << 10;

/// A text that fits the ledger: its beginning when it is long.
pub(crate) fn beginning(text: &str) -> String {
    text.get(..text.floor_char_boundary(BODY)).unwrap_or_default().to_owned()
}

/// A value that fits the ledger: the beginning of its text when it is long.
pub(crate) fn brief(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= BODY { value } else { Value::from(beginning(&text)) }
}

/// One push with its deliveries.
#[derive(Debug, Clone, Serialize)]
pub struct PushEntry {
    /// Unique on the platform; the id that the phone API answered with.
    pub id: String,
    /// When the person acted.
    pub at: Millis,
    /// The account.
    pub appid: String,
    /// The person.
    pub openid: String,
    /// `MsgType`.
    pub msg_type: String,
    /// `Event`, on events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// `MsgId`, on messages. A text, because it exceeds what JSON readers keep exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<String>,
    /// Whether it was encrypted with the key before the last change.
    pub old_key: bool,
    /// The body before encryption.
    pub body: String,
    /// The deliveries, in order.
    pub attempts: Vec<Attempt>,
    /// The answer that ended it; absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerEntry>,
}

/// One delivery of a push.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// When it left.
    pub at: Millis,
    /// How long it took, milliseconds.
    pub ms: u64,
    /// HTTP status, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How a push ended.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerEntry {
    /// `success`, `empty`, `reply`, `transfer` or `failed`.
    pub kind: &'static str,
    /// The reply, decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Value>,
    /// Why a reply was not shown as it was meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether something of it reached the phone.
    pub shown: bool,
}

/// One customer-service message that the gateway sent.
#[derive(Debug, Clone, Serialize)]
pub struct SendEntry {
    /// When it came.
    pub at: Millis,
    /// The account.
    pub appid: String,
    /// `touser`.
    pub openid: String,
    /// `msgtype`.
    pub msgtype: String,
    /// The request.
    pub body: Value,
    /// What the platform decided: 0 means that it reached the phone, whatever the caller heard.
    pub errcode: i64,
    /// The message on the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Messages that the window still allows.
    pub left: u32,
}

/// One issued token, without the token.
#[derive(Debug, Clone, Serialize)]
pub struct TokenEntry {
    /// When it was asked for.
    pub at: Millis,
    /// The account.
    pub appid: String,
    /// The end point.
    pub kind: &'static str,
    /// Whether this call made a new one.
    pub fresh: bool,
    /// Remaining life, seconds.
    pub expires_in: u64,
}

impl TokenEntry {
    pub(crate) fn kind_name(kind: Kind) -> &'static str {
        match kind {
            Kind::Classic => "token",
            Kind::Stable => "stable_token",
        }
    }
}

/// One call of the platform's API.
#[derive(Debug, Clone, Serialize)]
pub struct CallEntry {
    /// When it came.
    pub at: Millis,
    /// The account, when the call named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// Method and path without the query.
    pub request: String,
    /// HTTP status that was answered; absent when the connection was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Error code that was answered.
    pub errcode: i64,
    /// Whether a scripted fault had a part in the answer.
    pub fault: bool,
    /// How long it took, milliseconds.
    pub ms: u64,
    /// Request id, on refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// Beginning of the request body, for `openapi/rid/get`.
    #[serde(skip)]
    pub(crate) body: String,
    /// Where it came from.
    #[serde(skip)]
    pub(crate) peer: String,
}

/// The rings.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pushes: VecDeque<PushEntry>,
    sends: VecDeque<SendEntry>,
    tokens: VecDeque<TokenEntry>,
    calls: VecDeque<CallEntry>,
}

/// A copy of what is in the ledger, for one account or all.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerView {
    /// Pushes, oldest first.
    pub pushes: Vec<PushEntry>,
    /// Customer-service messages, oldest first.
    pub sends: Vec<SendEntry>,
    /// Issued tokens, oldest first.
    pub tokens: Vec<TokenEntry>,
    /// All calls of the API, oldest first.
    pub calls: Vec<CallEntry>,
}

fn keep<T>(ring: &mut VecDeque<T>, entry: T) {
    if ring.len() >= KEPT {
        ring.pop_front();
    }
    ring.push_back(entry);
}

impl Ledger {
    pub(crate) fn push(&mut self, entry: PushEntry) {
        keep(&mut self.pushes, entry);
    }

    pub(crate) fn send(&mut self, entry: SendEntry) {
        keep(&mut self.sends, entry);
    }

    pub(crate) fn token(&mut self, entry: TokenEntry) {
        keep(&mut self.tokens, entry);
    }

    pub(crate) fn call(&mut self, entry: CallEntry) {
        keep(&mut self.calls, entry);
    }

    /// The push with this id, unless it has scrolled away.
    pub(crate) fn push_mut(&mut self, id: &str) -> Option<&mut PushEntry> {
        self.pushes.iter_mut().rev().find(|entry| entry.id == id)
    }

    pub(crate) fn push_of(&self, id: &str) -> Option<&PushEntry> {
        self.pushes.iter().rev().find(|entry| entry.id == id)
    }

    /// The refused call with this request id.
    pub(crate) fn by_rid(&self, rid: &str) -> Option<&CallEntry> {
        self.calls.iter().rev().find(|entry| entry.rid.as_deref() == Some(rid))
    }

    pub(crate) fn view(&self, appid: Option<&str>) -> LedgerView {
        let is = |owner: &str| appid.is_none_or(|wanted| wanted == owner);
        LedgerView {
            pushes: self.pushes.iter().filter(|entry| is(&entry.appid)).cloned().collect(),
            sends: self.sends.iter().filter(|entry| is(&entry.appid)).cloned().collect(),
            tokens: self.tokens.iter().filter(|entry| is(&entry.appid)).cloned().collect(),
            calls: self.calls.iter().filter(|entry| is(entry.appid.as_deref().unwrap_or_default())).cloned().collect(),
        }
    }

    pub(crate) fn take(&mut self) -> LedgerView {
        let Self { pushes, sends, tokens, calls } = std::mem::take(self);
        LedgerView { pushes: pushes.into(), sends: sends.into(), tokens: tokens.into(), calls: calls.into() }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_a_ring_and_long_bodies_are_cut() {
        let mut ledger = Ledger::default();
        for number in 0..KEPT + 5 {
            let (at, appid, kind) = (Millis::default(), number.to_string(), "token");
            ledger.token(TokenEntry { at, appid, kind, fresh: true, expires_in: 1 });
        }
        let kept = ledger.view(None).tokens;
        assert_eq!((kept.len(), kept[0].appid.as_str()), (KEPT, "5"));
        let long = "好".repeat(BODY);
        assert!(brief(Value::from(long)).as_str().is_some_and(|text| text.len() <= BODY));
        assert_eq!(brief(Value::from("short")), "short");
    }
}
