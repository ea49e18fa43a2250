//! The query parameters of a callback, each at most once. Knows no signature.

use std::borrow::Cow;

use super::callback::Reject;

/// Longest query; the longest legitimate one carries an `echostr`.
const MAX_QUERY: usize = 4096;
/// Most parameters; the platform sends six.
const MAX_PARAMETERS: usize = 16;
/// Longest `echostr`, bytes.
const MAX_ECHO: usize = 512;

/// The parameters that matter. An empty one counts as missing.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) signature: Option<Cow<'a, str>>,
    pub(super) timestamp: Option<Cow<'a, str>>,
    pub(super) nonce: Option<Cow<'a, str>>,
    pub(super) echostr: Option<Cow<'a, str>>,
    pub(super) encrypt_type: Option<Cow<'a, str>>,
    pub(super) msg_signature: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    /// Reads the raw query; refuses repeated and oversized parameters.
    pub(super) fn parse(raw: &'a str) -> Result<Self, Reject> {
        if raw.len() > MAX_QUERY {
            return Err(Reject::TooLong);
        }
        let mut query = Self::default();
        let mut names: Vec<Cow<'a, str>> = Vec::with_capacity(6);
        for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
            if names.contains(&name) {
                return Err(Reject::Repeated);
            }
            if names.len() == MAX_PARAMETERS {
                return Err(Reject::TooLong);
            }
            if let Some(slot) = query.slot(&name) {
                *slot = (!value.is_empty()).then_some(value);
            }
            names.push(name);
        }
        if query.echostr.as_ref().is_some_and(|echo| echo.len() > MAX_ECHO) {
            return Err(Reject::TooLong);
        }
        Ok(query)
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        match name {
            "signature" => Some(&mut self.signature),
            "timestamp" => Some(&mut self.timestamp),
            "nonce" => Some(&mut self.nonce),
            "echostr" => Some(&mut self.echostr),
            "encrypt_type" => Some(&mut self.encrypt_type),
            "msg_signature" => Some(&mut self.msg_signature),
            _ => None,
        }
    }
}
