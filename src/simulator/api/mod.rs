//! The platform's API: which end points there are and what every call has to pass before it is carried out.
//! Knows no HTTP library; `serve` translates.

mod base;
mod custom;
mod media;
mod menu;
mod outgoing;
mod serve;
mod token;
mod user;

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use self::serve::{answer, picture};
use super::errcode::Refusal;
use super::token::Standing;
use super::world::{Account, World};
use crate::model::time::Millis;

/// A call as it came.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) post: bool,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) content_type: String,
    /// Sent in chunks, without a length.
    pub(crate) chunked: bool,
    pub(crate) peer: String,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Value),
    File { content_type: &'static str, filename: String, bytes: Bytes },
    Status(u16),
}

impl Answer {
    pub(crate) fn ok() -> Self {
        Self::Json(json!({ "errcode": 0, "errmsg": "ok" }))
    }
}

/// A call that has been admitted, with the account it is for.
pub(crate) struct Visit<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) appid: &'a str,
    pub(crate) now: Millis,
    pub(crate) call: &'a Call,
}

impl Visit<'_> {
    /// The account. It was there a moment ago, under the same lock.
    pub(crate) fn account(&mut self) -> Result<&mut Account, Refusal> {
        self.world.account_mut(self.appid).ok_or_else(|| Refusal::new(40013))
    }

    /// The body as JSON. `escapes` is the code for texts written as `\uXXXX`, which the platform does not take.
    pub(crate) fn json(&self, escapes: i64) -> Result<Value, Refusal> {
        if has_escapes(&self.call.body) {
            return Err(Refusal::new(escapes));
        }
        match serde_json::from_slice(&self.call.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(Refusal::new(47001)),
        }
    }
}

/// Whether a JSON text writes characters as `\uXXXX`. Control characters have no other form in JSON and are let pass.
pub(crate) fn has_escapes(body: &[u8]) -> bool {
    let mut rest = body.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == b'\\' && rest.next() == Some(b'u') {
            let digits: Vec<u8> = rest.clone().take(3).collect();
            if digits != b"000" && digits != b"001" {
                return true;
            }
        }
    }
    false
}

type Run = fn(&mut Visit<'_>) -> Result<Answer, Refusal>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Credentials are in the call itself.
    Open,
    /// An access token.
    Token,
    /// An access token of a verified account.
    Verified,
}

struct Endpoint {
    path: &'static str,
    verb: Verb,
    access: Access,
    /// Daily limit of a new account; 0 means none.
    daily: u32,
    run: Run,
}

const fn endpoint(path: &'static str, verb: Verb, access: Access, daily: u32, run: Run) -> Endpoint {
    Endpoint { path, verb, access, daily, run }
}

/// Limits: <https://developers.weixin.qq.com/doc/service/Message_Management/API_Call_Limits.html>.
const ENDPOINTS: &[Endpoint] = &[
    endpoint("/cgi-bin/token", Verb::Either, Access::Open, 2_000, token::classic),
    endpoint("/cgi-bin/stable_token", Verb::Post, Access::Open, 500_000, token::stable),
    endpoint("/cgi-bin/message/custom/send", Verb::Post, Access::Verified, 500_000, custom::send),
    endpoint("/cgi-bin/message/custom/typing", Verb::Post, Access::Verified, 500_000, custom::typing),
    endpoint("/cgi-bin/media/upload", Verb::Post, Access::Token, 100_000, media::upload),
    endpoint("/cgi-bin/media/get", Verb::Get, Access::Token, 200_000, media::get),
    endpoint("/cgi-bin/media/get/jssdk", Verb::Get, Access::Verified, 200_000, media::get_speex),
    endpoint("/cgi-bin/media/uploadimg", Verb::Post, Access::Token, 100_000, media::upload_image),
    endpoint("/cgi-bin/user/info", Verb::Get, Access::Token, 5_000_000, user::info),
    endpoint("/cgi-bin/user/info/batchget", Verb::Post, Access::Token, 5_000_000, user::batch),
    endpoint("/cgi-bin/user/info/updateremark", Verb::Post, Access::Token, 10_000, user::remark),
    endpoint("/cgi-bin/user/get", Verb::Get, Access::Token, 500, user::list),
    endpoint("/cgi-bin/menu/create", Verb::Post, Access::Token, 1_000, menu::create),
    endpoint("/cgi-bin/menu/get", Verb::Get, Access::Token, 10_000, menu::get),
    endpoint("/cgi-bin/menu/delete", Verb::Get, Access::Token, 1_000, menu::delete),
    endpoint("/cgi-bin/get_current_selfmenu_info", Verb::Get, Access::Token, 10_000, menu::current),
    endpoint("/cgi-bin/qrcode/create", Verb::Post, Access::Token, 100_000, menu::code),
    endpoint("/cgi-bin/getcallbackip", Verb::Get, Access::Token, 0, base::addresses),
    endpoint("/cgi-bin/get_api_domain_ip", Verb::Get, Access::Token, 0, base::addresses),
    endpoint("/cgi-bin/clear_quota", Verb::Post, Access::Token, 0, base::clear_quota),
    endpoint("/cgi-bin/clear_quota/v2", Verb::Post, Access::Open, 0, base::clear_quota_v2),
    endpoint("/cgi-bin/openapi/quota/get", Verb::Post, Access::Token, 0, base::quota),
    endpoint("/cgi-bin/openapi/rid/get", Verb::Post, Access::Token, 0, base::rid),
];

fn find(path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.path == path)
}

/// Which account a call is for, as far as its token or its own fields tell. For the ledger and the faults.
pub(crate) fn account_of(world: &World, call: &Call, now: Millis) -> Option<String> {
    if let Some(token) = call.param("access_token") {
        return world.owner(token, now).map(|(account, _)| account.settings.appid.clone());
    }
    if let Some(appid) = call.param("appid") {
        return Some(appid.to_owned());
    }
    let body: Value = serde_json::from_slice(&call.body).ok()?;
    body.get("appid").and_then(Value::as_str).map(str::to_owned)
}

/// Carries a call out.
pub(crate) fn run(world: &mut World, call: &Call, now: Millis) -> Result<Answer, Refusal> {
    let Some(endpoint) = find(&call.path) else { return Ok(Answer::Status(404)) };
    match (endpoint.verb, call.post) {
        (Verb::Get, true) => return Err(Refusal::new(43001)),
        (Verb::Post, false) => return Err(Refusal::new(43002)),
        _ => {}
    }
    let is_upload = matches!(endpoint.path, "/cgi-bin/media/upload" | "/cgi-bin/media/uploadimg");
    let appid = match endpoint.access {
        Access::Open => String::new(),
        Access::Token | Access::Verified => authenticate(world, call, now)?,
    };
    if endpoint.access == Access::Verified && !world.account(&appid).is_some_and(|a| a.settings.temper.verified) {
        return Err(Refusal::new(48001));
    }
    if endpoint.access != Access::Open {
        count(world, &appid, endpoint.path, now)?;
    }
    if endpoint.verb == Verb::Post && call.body.is_empty() && !is_upload && call.query.len() <= 1 {
        return Err(Refusal::new(44002));
    }
    (endpoint.run)(&mut Visit { world, appid: &appid, now, call })
}

fn authenticate(world: &World, call: &Call, now: Millis) -> Result<String, Refusal> {
    let token = call.param("access_token").ok_or_else(|| Refusal::new(41001))?;
    match world.owner(token, now) {
        Some((account, Standing::Valid)) => Ok(account.settings.appid.clone()),
        Some((_, Standing::Expired)) => Err(Refusal::new(42001)),
        Some((_, Standing::Superseded)) => Err(Refusal::new(40001)),
        None if well_formed(token) => Err(Refusal::new(40001)),
        None => Err(Refusal::new(40014)),
    }
}

fn well_formed(token: &str) -> bool {
    let prefix = token.split_once('_').map_or("", |(digits, _)| digits);
    token.len() >= 100 && !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit())
}

/// Counts a call against the limits of its path. The day is that of Beijing.
pub(crate) fn count(world: &mut World, appid: &str, path: &str, now: Millis) -> Result<(), Refusal> {
    let Some(endpoint) = find(path) else { return Ok(()) };
    let Some(account) = world.account_mut(appid) else { return Ok(()) };
    let per_minute = account.settings.temper.per_minute;
    let daily = account.settings.temper.quotas.get(path).copied().unwrap_or(endpoint.daily);
    let (day, minute) = (base::day(now), now.seconds() / 60);
    let usage = account.usage.entry(endpoint.path).or_default();
    if usage.day != day {
        (usage.day, usage.today) = (day, 0);
    }
    if usage.minute != minute {
        (usage.minute, usage.this_minute) = (minute, 0);
    }
    if usage.this_minute >= per_minute {
        return Err(Refusal::new(45011));
    }
    if daily > 0 && usage.today >= daily {
        return Err(Refusal::new(45009));
    }
    usage.this_minute += 1;
    usage.today += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_seen_unless_they_are_themselves_escaped_or_control_characters() {
        assert!(has_escapes(br#"{"a":"\u4f60"}"#));
        assert!(has_escapes(br#"{"a":"\\\u003c"}"#));
        assert!(!has_escapes(br#"{"a":"\\u4f60"}"#));
        assert!(!has_escapes(br#"{"a":"\u001d\n"}"#));
        assert!(!has_escapes("{\"a\":\"你\"}".as_bytes()));
    }

    #[test]
    fn every_path_is_there_once() {
        let mut paths: Vec<_> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), ENDPOINTS.len());
    }
}
