//! From a signed request to an [`Inbound`], or to the exact reason why not. Pure but for the replay cache; knows no
//! HTTP type, no store and no routing.
//!
//! Order of the checks: address, signature, decryption, document, routing. Nothing that an unsigned request says
//! reaches a parser except the envelope, which is needed to find what was signed.

use std::borrow::Cow;

use crate::model::account::WechatMode;
use crate::model::inbound::{Inbound, InboundKind};
use crate::model::secret::Secret;
use crate::model::time::Millis;

use super::Credentials;
use super::crypto::{CryptoError, Key, Signature};
use super::document::{self, Fields, ParseError};
use super::query::Query;
use super::replay::ReplayCache;
use super::translate::{self, Unusable};

/// Why a request is turned away with 403 and an empty body. Outside all of them look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// A parameter that must be there is not.
    #[error("a query parameter is missing")]
    Missing,
    /// A parameter occurs twice, so that two readers could see different ones.
    #[error("a query parameter occurs twice")]
    Repeated,
    /// Query or `echostr` exceed every legitimate size.
    #[error("the query is too long")]
    TooLong,
    /// The timestamp is no number, or too far from our clock.
    #[error("the timestamp is outside the accepted window")]
    Timestamp,
    /// An account with encryption got a request without.
    #[error("the request is not encrypted, but the account's mode is")]
    Downgrade,
    /// A signed address of plain mode came again with another body.
    #[error("the signed address was used before with another body")]
    Replay,
    /// Signature or encryption do not hold.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl Reject {
    /// A stable word for `yizhan_wechat_rejects_total{reason}`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::TooLong => "too_long",
            Self::Timestamp => "timestamp",
            Self::Downgrade => "downgrade",
            Self::Replay => "replay",
            Self::Crypto(CryptoError::LengthPrefix) => "length_prefix",
            Self::Crypto(error) => error.stage(),
        }
    }

    /// Whether an operator has to look: a message with a valid signature for another AppID means that two accounts
    /// share token and key, or that a delivery was routed to the wrong tenant.
    #[must_use]
    pub fn is_misrouting(self) -> bool {
        self == Self::Crypto(CryptoError::ReceiveId)
    }
}

/// What becomes of a delivery.
#[derive(Debug)]
pub enum Received {
    /// Answer 403 with an empty body and keep nothing.
    Reject(Reject),
    /// Answer 413 with an empty body.
    TooLarge,
    /// Authentic but unusable: keep the payload for operators and answer `success`, because neither a repetition nor
    /// the platform's failure text would help the customer.
    Quarantine {
        /// Why.
        reason: Unusable,
        /// The payload, decrypted.
        raw: Vec<u8>,
    },
    /// Authentic and understood.
    Inbound(Box<Accepted>),
}

/// A delivery that was understood.
#[derive(Debug)]
pub struct Accepted {
    /// What the customer said or did.
    pub inbound: Inbound,
    /// What a passive reply to this delivery needs.
    pub reply: ReplyContext,
    /// Characters had to be removed.
    pub sanitized: bool,
    /// In compatible mode: the unsigned clear fields differ from the encrypted ones, which won.
    pub compat_mismatch: bool,
}

/// What a passive reply to one delivery needs besides its content.
#[derive(Debug, Clone)]
pub struct ReplyContext {
    /// Who gets it.
    pub openid: String,
    /// The request's nonce, echoed.
    pub nonce: String,
    /// Whether the delivery was a message; an event allows up to eight articles, a message one.
    pub to_message: bool,
    /// Key and token that opened the request close the reply, so that a rotation breaks nothing; absent in plain mode.
    pub(super) seal: Option<(Key, Secret)>,
}

/// Checks the platform's trial request and returns the text to echo, as `text/plain` and byte for byte.
///
/// # Errors
/// Answer 403 with an empty body.
pub fn verify_url(credentials: &Credentials, raw_query: &str, now: Millis) -> Result<String, Reject> {
    let query = Query::parse(raw_query)?;
    let (timestamp, nonce) = signed(credentials, &query, now)?;
    let claimed = query.signature.as_deref().ok_or(Reject::Missing)?;
    let echo = query.echostr.as_deref().ok_or(Reject::Missing)?;
    let valid = credentials
        .tokens
        .iter()
        .any(|token| Signature::of([token.expose(), timestamp, nonce]).matches_any_case(claimed));
    if valid { Ok(echo.to_owned()) } else { Err(CryptoError::Signature.into()) }
}

/// Checks, decrypts and translates a delivery. The account's configuration decides what must be signed and
/// encrypted, never the request. The content type is of no interest: the platform does not keep it.
pub fn receive(credentials: &Credentials, replay: &ReplayCache, raw_query: &str, body: &[u8], now: Millis) -> Received {
    if body.len() > document::MAX_BYTES {
        return Received::TooLarge;
    }
    let opened = Query::parse(raw_query).and_then(|query| match credentials.mode {
        WechatMode::Plain => open_plain(credentials, replay, &query, body, now),
        WechatMode::Compatible | WechatMode::Safe => open_encrypted(credentials, &query, body, now),
    });
    match opened {
        Ok(opened) => understand(credentials, opened, now),
        Err(reason) => Received::Reject(reason),
    }
}

/// The parameters that every signature covers, checked against the clock.
fn signed<'q>(credentials: &Credentials, query: &'q Query<'_>, now: Millis) -> Result<(&'q str, &'q str), Reject> {
    let timestamp = query.timestamp.as_deref().ok_or(Reject::Missing)?;
    let nonce = query.nonce.as_deref().ok_or(Reject::Missing)?;
    if credentials.window_s > 0 {
        let seconds: i64 = timestamp.parse().map_err(|_not_a_number| Reject::Timestamp)?;
        if now.seconds().abs_diff(seconds) > u64::from(credentials.window_s) {
            return Err(Reject::Timestamp);
        }
    }
    Ok((timestamp, nonce))
}

/// An authentic payload.
struct Opened<'b> {
    payload: Cow<'b, [u8]>,
    /// The clear fields that came beside it in compatible mode.
    clear: Option<&'b [u8]>,
    /// The envelope is in the other format than configured.
    foreign_format: bool,
    nonce: String,
    seal: Option<(Key, Secret)>,
}

fn open_plain<'b>(
    credentials: &Credentials,
    replay: &ReplayCache,
    query: &Query<'_>,
    body: &'b [u8],
    now: Millis,
) -> Result<Opened<'b>, Reject> {
    let (timestamp, nonce) = signed(credentials, query, now)?;
    let claimed = query.signature.as_deref().ok_or(Reject::Missing)?;
    let valid = |token: &Secret| Signature::of([token.expose(), timestamp, nonce]).matches(claimed);
    if !credentials.tokens.iter().any(valid) {
        return Err(CryptoError::Signature.into());
    }
    let address = [credentials.tenant.as_str(), credentials.account.as_str(), timestamp, nonce];
    if !replay.admit(&address, body, now) {
        return Err(Reject::Replay);
    }
    Ok(Opened { payload: body.into(), clear: None, foreign_format: false, nonce: nonce.to_owned(), seal: None })
}

fn open_encrypted<'b>(
    credentials: &Credentials,
    query: &Query<'_>,
    body: &'b [u8],
    now: Millis,
) -> Result<Opened<'b>, Reject> {
    if query.encrypt_type.as_deref() != Some("aes") {
        return Err(Reject::Downgrade);
    }
    let (timestamp, nonce) = signed(credentials, query, now)?;
    let claimed = query.msg_signature.as_deref().ok_or(Reject::Missing)?;
    let text = document::clean(body).map_err(envelope)?;
    let format = document::sniff(&text).ok_or(CryptoError::Envelope)?;
    let fields = document::parse(&text, format).map_err(envelope)?;
    let encrypt = fields.text("Encrypt").ok_or(CryptoError::Envelope)?;
    let valid = |token: &&Secret| Signature::of([token.expose(), timestamp, nonce, encrypt]).matches(claimed);
    let token = credentials.tokens.iter().find(valid).ok_or(CryptoError::Signature)?;
    let (key, payload) = decrypt(credentials, encrypt)?;
    Ok(Opened {
        payload: payload.into_bytes().into(),
        clear: (credentials.mode == WechatMode::Compatible).then_some(body),
        foreign_format: format != credentials.format,
        nonce: nonce.to_owned(),
        seal: Some((key.clone(), token.clone())),
    })
}

fn envelope(_unreadable: ParseError) -> CryptoError {
    CryptoError::Envelope
}

/// Tries the current key, then the one before it. The first failure is the one that counts.
fn decrypt<'c>(credentials: &'c Credentials, encrypt: &str) -> Result<(&'c Key, String), CryptoError> {
    let mut failure = CryptoError::Key;
    for (i, key) in credentials.keys.iter().enumerate() {
        match key.decrypt_text(encrypt, &credentials.appid) {
            Ok(payload) => return Ok((key, payload)),
            Err(error) if i == 0 => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}

fn understand(credentials: &Credentials, opened: Opened<'_>, now: Millis) -> Received {
    match translate_payload(credentials, &opened, now) {
        Ok(accepted) => Received::Inbound(Box::new(accepted)),
        Err(reason) => Received::Quarantine { reason, raw: opened.payload.into_owned() },
    }
}

fn translate_payload(credentials: &Credentials, opened: &Opened<'_>, now: Millis) -> Result<Accepted, Unusable> {
    let text = document::clean(&opened.payload)?;
    if opened.foreign_format || document::sniff(&text).is_some_and(|format| format != credentials.format) {
        return Err(Unusable::Format);
    }
    let fields = document::parse(&text, credentials.format)?;
    if fields.text("ToUserName") != Some(credentials.gh_id.as_str()) {
        return Err(Unusable::Routing);
    }
    let inbound = translate::translate(&fields, now)?;
    let reply = ReplyContext {
        openid: inbound.from.as_str().to_owned(),
        nonce: opened.nonce.clone(),
        to_message: matches!(inbound.kind, InboundKind::Message(_)),
        seal: opened.seal.clone(),
    };
    let compat_mismatch = opened.clear.is_some_and(|clear| differs(credentials, clear, &fields));
    let sanitized = matches!(text, Cow::Owned(_));
    Ok(Accepted { inbound, reply, sanitized, compat_mismatch })
}

/// Whether the clear fields of a compatible envelope say anything else than the encrypted document.
fn differs(credentials: &Credentials, clear: &[u8], fields: &Fields<'_>) -> bool {
    let Ok(text) = document::clean(clear) else { return true };
    let Ok(clear) = document::parse(&text, credentials.format) else { return true };
    clear.iter().any(|(name, value)| name != "Encrypt" && fields.get(name) != Some(value))
}

#[cfg(test)]
mod tests;
