//! A command as it came in, read strictly: what cannot be read is told apart from what may not be done.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::kind::{Actor, NAMES, Order};
use crate::core::Error;
use crate::model::code::Code;
use crate::model::id::TenantId;

/// The longest body, bytes.
pub(super) const BODY_MAX: usize = 65_536;
/// The longest id, bytes.
const ID_MAX: usize = 128;

/// An order with who gives it, for which tenant, under which id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) tenant: TenantId,
    pub(super) actor: Actor,
    pub(super) order: Order,
}

/// The body of a command.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "Command")]
pub struct Body {
    /// The enterprise that it is about; `_` for orders to processes.
    pub tenant: TenantId,
    /// Who orders it.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub order: Order,
}

/// Why a command can never be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// A word for whoever sorts parked commands.
    pub(super) reason: &'static str,
    /// What its sender is told.
    pub(super) code: Code,
    /// What exactly is wrong; names fields, not their values.
    pub(super) detail: String,
}

fn unreadable(reason: &'static str, code: Code, detail: impl Into<String>) -> Unreadable {
    Unreadable { reason, code, detail: detail.into() }
}

impl From<Unreadable> for Error {
    fn from(found: Unreadable) -> Self {
        Self::new(found.code, format!("指令无法执行 / the command cannot be read: {}", found.detail))
    }
}

impl Letter {
    /// Reads a command.
    pub(super) fn read(id: Option<&str>, body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > BODY_MAX {
            return Err(unreadable("too_large", Code::TooLarge, format!("over {BODY_MAX} bytes")));
        }
        let mut value: Value = serde_json::from_slice(body).map_err(|error| {
            unreadable("invalid_json", Code::BadRequest, format!("not JSON, line {}", error.line()))
        })?;
        let Some(fields) = value.as_object_mut() else {
            return Err(unreadable("invalid_json", Code::BadRequest, "not a JSON object"));
        };
        let command = fields.get("cmd").and_then(Value::as_str).unwrap_or_default();
        if !NAMES.contains(&command) {
            return Err(unreadable("unknown_command", Code::UnsupportedOp, "cmd names no command"));
        }
        let id = id.filter(|id| (1..=ID_MAX).contains(&id.len()));
        let id =
            id.ok_or_else(|| unreadable("no_message_id", Code::BadRequest, "message_id is missing or too long"))?;
        fields.entry("args").or_insert_with(|| json!({}));
        // Maps are sorted, so that the same order is the same text however its sender arranges it.
        let digest = hex(&Sha256::digest(value.to_string()));
        let Body { tenant, actor, order } = serde_json::from_value(value)
            .map_err(|error| unreadable("bad_arguments", Code::BadRequest, plain(&error.to_string())))?;
        if let Actor::Module(name) = &actor
            && TenantId::parse(name).is_err()
        {
            return Err(unreadable("bad_arguments", Code::BadRequest, "actor.module is no plain name"));
        }
        Ok(Self { id: id.to_owned(), digest, tenant, actor, order })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a parser says, without the values that it quotes.
fn plain(told: &str) -> String {
    let end = told.find(['`', '"']).filter(|_quoted| !told.starts_with("missing field"));
    let kept = end.and_then(|end| told.get(..end)).unwrap_or(told);
    kept.trim_end_matches([' ', ',', ':']).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Letter, Unreadable> {
        Letter::read(Some("1"), body.as_bytes())
    }

    #[test]
    fn an_order_is_the_same_however_it_is_arranged() {
        let one = read(r#"{"cmd":"session.end","tenant":"bank","actor":{"module":"crm"},"args":{"session":"s_01ARZ3NDEKTSV4RRFFQ69G5FAV"}}"#).unwrap();
        let two = read(r#"{ "args":{"session":"s_01ARZ3NDEKTSV4RRFFQ69G5FAV"},"actor":{"module":"crm"},"tenant":"bank","cmd":"session.end"}"#).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.order.name(), "session.end");
    }

    #[test]
    fn every_name_is_an_order() {
        for name in NAMES {
            let found = read(&format!(r#"{{"cmd":"{name}","tenant":"_","actor":{{"module":"crm"}}}}"#));
            assert!(found.as_ref().err().is_none_or(|found| found.reason == "bad_arguments"), "{name}: {found:?}");
            if let Ok(letter) = found {
                assert!(letter.order.is_for_node() && letter.order.name() == name);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_says_why_and_quotes_nothing() {
        let body = |more: &str| format!(r#"{{"tenant":"bank","actor":{{"module":"crm"}},{more}}}"#);
        let cases = [
            ("{".to_owned(), "invalid_json"),
            ("[]".to_owned(), "invalid_json"),
            (body(r#""cmd":"agent.praise""#), "unknown_command"),
            (body(r#""cmd":7"#), "unknown_command"),
            (body(r#""cmd":"session.end","args":{"session":"geheim"}"#), "bad_arguments"),
            (body(r#""cmd":"agent.set_status","args":{"agent":"li","status":"geheim"}"#), "bad_arguments"),
            (r#"{"tenant":"bank","actor":{"module":"a b"},"cmd":"node.drain"}"#.to_owned(), "bad_arguments"),
            (r#"{"tenant":"bank","cmd":"node.drain"}"#.to_owned(), "bad_arguments"),
            ("x".repeat(BODY_MAX + 1), "too_large"),
        ];
        for (body, reason) in cases {
            let found = read(&body).expect_err(reason);
            assert_eq!(found.reason, reason, "{found:?}");
            assert!(!found.detail.contains("geheim"), "{found:?}");
        }
        let body = body(r#""cmd":"node.drain""#);
        assert_eq!(Letter::read(None, body.as_bytes()).unwrap_err().reason, "no_message_id");
        let long = "x".repeat(ID_MAX + 1);
        assert_eq!(Letter::read(Some(&long), body.as_bytes()).unwrap_err().reason, "no_message_id");
    }
}
