//! Questions to other modules: what is asked, and what may come back. Knows no broker and no session.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::id::TenantId;

/// The longest time that an answer is waited for. A longer [`Ask::timeout`] is cut to it.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// The largest question and the largest answer, bytes.
pub const BYTES_MAX: usize = 65_536;
/// The longest service and operation together.
const ROUTE_MAX: usize = 200;
/// The longest idempotency key: what the protocol can carry.
pub const ID_MAX: usize = 255;

/// A question to another module.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who is asked: a word of letters, digits, `_` and `-`, as `crm`.
    pub service: String,
    /// What for: such words with dots between them, as `ticket.create`.
    pub op: String,
    /// With what.
    pub args: Map<String, Value>,
    /// For whom.
    pub tenant: TenantId,
    /// The asker's key, up to 255 bytes: the same one means the same question, which the service does not do twice.
    pub id: String,
    /// How long the answer is waited for, up to [`TIMEOUT_MAX`].
    pub timeout: Duration,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It was asked, and did not answer in time. It may have done it, or do it yet: ask again with the same id.
    #[error("no answer in time")]
    Timeout,
    /// Nobody serves this operation now: no queue is bound to its key.
    #[error("nobody serves this operation: no queue is bound to its key on the exchange yizhan.rpc")]
    NoService,
    /// The service will not do it, and says why.
    #[error("refused ({code}): {message}")]
    Refused {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// The broker is away, or the service is left alone for a while because it did not answer again and again. If the
    /// broker was lost in the middle, the service may have done it: ask again with the same id.
    #[error("away: {0}")]
    Away(String),
    /// The question, its id or the answer is larger than can be carried. Asking again does not help.
    #[error("the question or its answer is larger than {max} bytes, or its id too long", max = BYTES_MAX)]
    TooLarge,
    /// The answer cannot be read: the service does not keep to the contract.
    #[error("the answer is neither an \"ok\" nor an \"err\" with code and message")]
    Garbled,
    /// Too many questions wait already, here or in the queue of the service. Nothing was asked.
    #[error("too many questions wait for their answers already")]
    Busy,
}

/// A question in the form in which it travels.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) service: String,
    /// `<service>.<op>`.
    pub(super) route: String,
    pub(super) tenant: TenantId,
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

/// A question to a module that serves.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Question")]
pub struct Asked<'a> {
    /// What for: the routing key without the service.
    op: &'a str,
    /// For whom.
    tenant: &'a TenantId,
    /// With what, as the form says.
    args: &'a Map<String, Value>,
}

/// What a module answers. Anything else is garbled: it counts as a failure of the module.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Reply")]
pub enum Answer {
    /// It was done: what the form goes on with.
    Ok(Value),
    /// It will not be done.
    Err {
        /// For programs.
        code: String,
        /// For people; forms can show it to customers.
        message: String,
    },
}

impl Question {
    /// # Errors
    /// [`AskError::TooLarge`]; [`AskError::NoService`] for names that no service can have.
    pub(super) fn of(ask: Ask) -> Result<Self, AskError> {
        let Ask { service, op, args, tenant, id, .. } = ask;
        let route = format!("{service}.{op}");
        if !is_word(&service) || !op.split('.').all(is_word) || route.len() > ROUTE_MAX {
            return Err(AskError::NoService);
        }
        let said = Asked { op: &op, tenant: &tenant, args: &args };
        // Text and JSON values always have a form as JSON; what has none cannot be carried.
        let body = serde_json::to_vec(&said).map_err(|_unwritable| AskError::TooLarge)?;
        if body.len() > BYTES_MAX || id.len() > ID_MAX {
            return Err(AskError::TooLarge);
        }
        Ok(Self { service, route, tenant, id, body })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Reads an answer.
///
/// # Errors
/// [`AskError::Refused`], [`AskError::TooLarge`], [`AskError::Garbled`].
pub(super) fn read(answer: &[u8]) -> Result<Value, AskError> {
    if answer.len() > BYTES_MAX {
        return Err(AskError::TooLarge);
    }
    match serde_json::from_slice(answer) {
        Ok(Answer::Ok(value)) => Ok(value),
        Ok(Answer::Err { code, message }) => Err(AskError::Refused { code, message }),
        Err(_unreadable) => Err(AskError::Garbled),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(service: &str, op: &str) -> Ask {
        Ask {
            service: service.into(),
            op: op.into(),
            args: Map::new(),
            tenant: TenantId::parse("demo").unwrap(),
            id: "r-1".into(),
            timeout: Duration::from_secs(3),
        }
    }

    #[test]
    fn a_question_names_operation_tenant_and_arguments() {
        let mut asked = ask("crm", "ticket.create");
        asked.args.insert("title".into(), json!("退款"));
        let question = Question::of(asked).unwrap();
        assert_eq!(question.route, "crm.ticket.create");
        let body: Value = serde_json::from_slice(&question.body).unwrap();
        assert_eq!(body, json!({ "op": "ticket.create", "tenant": "demo", "args": { "title": "退款" } }));
    }

    #[test]
    fn no_service_has_a_name_of_other_signs() {
        let long = "x".repeat(ROUTE_MAX);
        for (service, op) in [("", "a"), ("crm", ""), ("crm.a", "b"), ("crm", "a..b"), ("c*", "#"), ("crm", &long)] {
            assert_eq!(Question::of(ask(service, op)).unwrap_err(), AskError::NoService, "{service} {op}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_asked() {
        let mut asked = ask("crm", "a");
        asked.id = "x".repeat(ID_MAX + 1);
        assert_eq!(Question::of(asked).unwrap_err(), AskError::TooLarge);
        let mut asked = ask("crm", "a");
        asked.args.insert("text".into(), Value::from("x".repeat(BYTES_MAX)));
        assert_eq!(Question::of(asked).unwrap_err(), AskError::TooLarge);
    }

    #[test]
    fn an_answer_is_one_of_two_or_garbled() {
        assert_eq!(read(br#"{"ok":{"ticket":7}}"#), Ok(json!({ "ticket": 7 })));
        assert_eq!(read(br#"{"ok":null}"#), Ok(Value::Null));
        let refused = AskError::Refused { code: "not_found".into(), message: "查无此户".into() };
        assert_eq!(read(r#"{"err":{"code":"not_found","message":"查无此户"}}"#.as_bytes()), Err(refused));
        for garbage in ["", "null", "7", "{}", "\"ok\"", r#"{"err":"no"}"#, r#"{"ok":1,"err":2}"#, r#"{"ok":1} x"#] {
            assert_eq!(read(garbage.as_bytes()), Err(AskError::Garbled), "{garbage}");
        }
        assert_eq!(read("[".repeat(1_000).as_bytes()), Err(AskError::Garbled));
        assert_eq!(read(&vec![b' '; BYTES_MAX + 1]), Err(AskError::TooLarge));
    }
}
