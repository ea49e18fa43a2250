//! A push as it goes over the wire: signed, encrypted by mode, in the account's format. Knows no timing.

use rand::RngExt;

use super::Push;
use super::client::Request;
use crate::channel::wechat::crypto::sign;
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::time::Millis;

/// The time and nonce that a delivery is signed with.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) timestamp: String,
    pub(crate) nonce: String,
}

impl Signature {
    pub(crate) fn fresh(now: Millis) -> Self {
        let nonce = rand::random_range(100_000_000..2_000_000_000_u32).to_string();
        Self { timestamp: now.seconds().to_string(), nonce }
    }

    pub(crate) fn plain(&self, token: &str) -> String {
        sign(&[token, &self.timestamp, &self.nonce])
    }
}

/// The request of one delivery. An error only when the account lacks a key that its mode needs.
pub(crate) fn seal(push: &Push, signature: &Signature) -> Result<Request, String> {
    let token = push.seal.token.expose();
    let mut query = vec![
        ("signature", signature.plain(token)),
        ("timestamp", signature.timestamp.clone()),
        ("nonce", signature.nonce.clone()),
        ("openid", push.openid.clone()),
    ];
    let content_type = match push.format {
        WechatFormat::Xml => "text/xml",
        WechatFormat::Json => "application/json",
    };
    let body = if push.mode == WechatMode::Plain {
        push.body.clone()
    } else {
        let key = push.seal.key.as_ref().ok_or("the account has no EncodingAESKey")?;
        let encrypt = key.encrypt(random_hex(), &push.body, &push.appid);
        query.push(("encrypt_type", "aes".to_owned()));
        query.push(("msg_signature", sign(&[token, &signature.timestamp, &signature.nonce, &encrypt])));
        envelope(push, &encrypt)
    };
    Ok(Request { url: with_query(&push.callback_url, &query)?, content_type, body })
}

/// The address with the parameters after those it has already.
pub(super) fn with_query(address: &str, query: &[(&str, String)]) -> Result<url::Url, String> {
    let mut url = url::Url::parse(address).map_err(|error| format!("the callback address is not one: {error}"))?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// Safe mode carries only the account and the ciphertext; compatible mode the clear fields as well.
fn envelope(push: &Push, encrypt: &str) -> Vec<u8> {
    let gh_id = &push.gh_id;
    match (push.mode, push.format) {
        (WechatMode::Compatible, WechatFormat::Xml) => {
            let element = format!("<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
            insert_before_end(&push.body, b"</xml>", element.as_bytes())
        }
        (WechatMode::Compatible, WechatFormat::Json) => {
            insert_before_end(&push.body, b"}", format!(",\"Encrypt\":\"{encrypt}\"}}").as_bytes())
        }
        (_, WechatFormat::Xml) => {
            format!("<xml><ToUserName><![CDATA[{gh_id}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>")
                .into_bytes()
        }
        (_, WechatFormat::Json) => format!("{{\"ToUserName\":\"{gh_id}\",\"Encrypt\":\"{encrypt}\"}}").into_bytes(),
    }
}

fn insert_before_end(body: &[u8], end: &[u8], replacement: &[u8]) -> Vec<u8> {
    let kept = body.strip_suffix(end).unwrap_or(body);
    [kept, replacement].concat()
}

/// Sixteen hexadecimal digits, as the platform puts before the message.
fn random_hex() -> [u8; 16] {
    let mut rng = rand::rng();
    std::array::from_fn(|_| b"0123456789abcdef".get(rng.random_range(0..16_usize)).copied().unwrap_or(b'0'))
}
