//! Frames as JSON: from one text message to requests, and from answers to text. Knows shapes and sizes, no rules.
//!
//! A text is looked at three times: is it JSON at all (if not, the connection ends), is it sound (no key twice, not too
//! deep, no half characters), and is it a request. The first two are cheap next to the third and keep their answers
//! apart, because clients act on them differently.

mod content;
mod strict;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::core::call::request as call;
use crate::core::request::{Position, Request};
use crate::model::code::Code;
use crate::model::id::DeviceId;

/// The most requests in one text.
const MAX_BATCH: usize = 32;
/// An array this long is no batch but an attack.
const ABSURD_BATCH: usize = 1024;
/// A body may have so many bytes of JSON.
const MAX_BODY: usize = 32 * 1024;

/// The text is not even an object or an array of JSON: the connection ends with 4004.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAFrame;

/// Why one frame is refused; the connection stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The request's id, if it could be read.
    pub id: Option<u64>,
    /// What a client can act on.
    pub code: Code,
    /// Whether it was an `ack` or `read`, which get no answer.
    pub mark: bool,
}

impl Refusal {
    fn new(id: Option<u64>, code: Code) -> Self {
        Self { id, code, mark: false }
    }
}

/// What one frame asks for.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// The application's heartbeat.
    Ping,
    /// The answer to ours.
    Pong,
    /// Sign in with a ticket.
    Auth(Option<u64>, Auth),
    /// Go on with a lost connection.
    Resume(Option<u64>, Resume),
    /// Anything else.
    Request(Option<u64>, Request),
}

/// The `d` of `auth`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Auth {
    /// The one-time ticket.
    pub ticket: String,
    /// The client's own stable name.
    pub device: DeviceId,
}

/// The `d` of `resume`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Resume {
    /// The token that the lost connection was given.
    pub resume_token: String,
    /// The client's own stable name.
    pub device: DeviceId,
    /// How far it has come.
    #[serde(default)]
    pub convs: Vec<Position>,
}

/// One text message as frames, in order.
pub type Batch = Vec<Result<Frame, Refusal>>;

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(default)]
    id: Option<u64>,
    op: Option<String>,
    #[serde(borrow)]
    d: Option<&'a RawValue>,
}

/// Only the id, for answers to frames that are otherwise unusable.
#[derive(Deserialize)]
struct Only {
    #[serde(default)]
    id: Option<u64>,
}

/// Reads one text message.
///
/// # Errors
/// When it is not a JSON object or array, or an absurd one: the connection has to end.
pub fn parse(text: &str) -> Result<Batch, NotAFrame> {
    let body = text.trim_ascii_start();
    let object = body.starts_with('{');
    if !object && !body.starts_with('[') {
        return Err(NotAFrame);
    }
    serde_json::from_str::<serde::de::IgnoredAny>(body).map_err(|_grammar| NotAFrame)?;
    if object {
        return Ok(vec![single(body)]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(body).map_err(|_grammar| NotAFrame)?;
    if items.len() > ABSURD_BATCH {
        return Err(NotAFrame);
    }
    if items.len() > MAX_BATCH {
        return Ok(vec![Err(Refusal::new(None, Code::TooLarge))]);
    }
    Ok(items.into_iter().map(|item| single(item.get())).collect())
}

fn single(text: &str) -> Result<Frame, Refusal> {
    let id = || serde_json::from_str::<Only>(text).ok().and_then(|only| only.id);
    strict::check(text).map_err(|_unsound| Refusal::new(id(), Code::BadRequest))?;
    let outer: Outer<'_> = serde_json::from_str(text).map_err(|_shape| Refusal::new(id(), Code::BadRequest))?;
    let op = outer.op.as_deref().ok_or(Refusal::new(outer.id, Code::BadRequest))?;
    let d = outer.d.map_or("{}", RawValue::get);
    let bad = Refusal { mark: matches!(op, "ack" | "read"), ..Refusal::new(outer.id, Code::BadRequest) };
    match op {
        "ping" => Ok(Frame::Ping),
        "pong" => Ok(Frame::Pong),
        "auth" => serde_json::from_str(d).map(|auth| Frame::Auth(outer.id, auth)).or(Err(bad)),
        "resume" => serde_json::from_str(d).map(|resume| Frame::Resume(outer.id, resume)).or(Err(bad)),
        _ if op.starts_with("call.") => {
            about_call(op, d).map(|request| Frame::Request(outer.id, request)).map_err(|code| Refusal { code, ..bad })
        }
        _ if !OPS.contains(&op) => Err(Refusal::new(outer.id, Code::UnsupportedOp)),
        _ => request(op, d).map(|request| Frame::Request(outer.id, request)).map_err(|code| Refusal { code, ..bad }),
    }
}

/// Every `op` that becomes a [`Request`].
const OPS: [&str; 25] = [
    "send",
    "ack",
    "read",
    "typing",
    "history",
    "sync",
    "upload",
    "presence.set",
    "offer.accept",
    "offer.reject",
    "pull",
    "transfer",
    "transfer.cancel",
    "end",
    "wrapup.done",
    "tag",
    "open",
    "handoff",
    "cancel_queue",
    "leave_message",
    "robot.list",
    "robot.trace",
    "takeover",
    "robot.back",
    "feedback",
];

fn request(op: &str, d: &str) -> Result<Request, Code> {
    if d.len() > MAX_BODY {
        return Err(Code::TooLarge);
    }
    if op == "send" {
        content::known_type(d)?;
    }
    // `op` is one of OPS and needs no escaping; with the tag in front serde reads `d` without buffering it.
    let tagged = format!(r#"{{"op":"{op}","d":{d}}}"#);
    let mut request = serde_json::from_str::<Request>(&tagged).map_err(|_shape| Code::BadRequest)?;
    content::limit(&mut request)?;
    Ok(request)
}

/// A request about calls. Descriptions of media may fill a frame.
fn about_call(op: &str, d: &str) -> Result<Request, Code> {
    if !call::OPS.contains(&op) {
        return Err(Code::UnsupportedOp);
    }
    if d.len() > MAX_BODY && op != "call.desc" {
        return Err(Code::TooLarge);
    }
    let tagged = format!(r#"{{"op":"{op}","d":{d}}}"#);
    let request = serde_json::from_str::<call::Request>(&tagged).map_err(|_shape| Code::BadRequest)?;
    Ok(Request::Call(Box::new(request)))
}

/// A positive answer; `result` is JSON.
#[must_use]
pub fn ok(id: u64, result: &str) -> String {
    format!(r#"{{"id":{id},"ok":{result}}}"#)
}

/// A negative answer.
#[must_use]
pub fn err(id: Option<u64>, code: Code, message: &str, after_ms: Option<u64>) -> String {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        code: Code,
        msg: &'a str,
        retry: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    }
    #[derive(serde::Serialize)]
    struct Reply<'a> {
        id: Option<u64>,
        err: Body<'a>,
    }
    let body = Body { code, msg: message, retry: code.retry(), after_ms };
    // Plain fields only: this cannot fail, and an empty object would still be a frame.
    serde_json::to_string(&Reply { id, err: body }).unwrap_or_else(|_unserializable| "{}".into())
}

/// A message push: `prev` is the place of the message before it that this receiver may see; `envelope` is JSON.
#[must_use]
pub fn message(prev: i64, envelope: &str) -> String {
    format!(r#"{{"op":"msg","prev":{prev},"d":{envelope}}}"#)
}

/// What a person may read beside a refusal's code.
#[must_use]
pub fn explanation(code: Code) -> &'static str {
    match code {
        Code::BadRequest => "请求格式不正确 / malformed request",
        Code::UnsupportedOp => "不支持的操作 / unknown operation",
        Code::UnsupportedType => "不支持的消息类型 / unsupported content type",
        Code::TooLarge => "超出大小限制 / too large",
        Code::RateLimited => "操作过于频繁 / too many requests",
        Code::Forbidden => "没有权限 / not allowed",
        Code::Timeout => "处理超时，结果未知 / took too long, the outcome is unknown",
        _ => "无法处理 / cannot be done",
    }
}

#[cfg(test)]
mod tests;
