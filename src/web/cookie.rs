//! The one cookie: the token of a browser's sign-in.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, InvalidHeaderValue};

/// The cookie's name. Over https the prefix makes browsers keep it to this host and to https.
#[must_use]
pub fn name(secure: bool) -> &'static str {
    if secure { "__Host-yizhan_session" } else { "yizhan_session" }
}

/// The token that a request brings.
#[must_use]
pub fn read(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let all = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name(secure)).map(|(_, value)| value)
}

/// The header that gives a browser its token; an empty one takes it away.
///
/// # Errors
/// When the token is no header value; ours always are.
pub fn write(token: &str, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    let https = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{https}{age}", name(secure)))
}
