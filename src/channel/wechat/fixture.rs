//! Accounts and signed requests for the tests of this folder.

use crate::model::account::{WechatAccount, WechatFormat, WechatMode, WechatTokenKind};
use crate::model::id::{AccountId, TenantId};
use crate::model::secret::Secret;
use crate::model::time::Millis;

use super::Credentials;
use super::crypto::{Key, sign};

pub(super) const GH_ID: &str = "gh_0123456789ab";
pub(super) const APPID: &str = "wxd930ea5d5a258f4f";
pub(super) const TOKEN: &str = "gatewaytoken";
pub(super) const OLD_TOKEN: &str = "oldtoken";
pub(super) const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
pub(super) const OLD_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
pub(super) const NOW: Millis = Millis(1_751_000_000_500);

pub(super) fn settings() -> WechatAccount {
    let secret = |text: &str| Secret::new(text.to_owned());
    WechatAccount {
        appid: APPID.into(),
        gh_id: GH_ID.into(),
        secret: secret("0123456789abcdef0123456789abcdef"),
        token: secret(TOKEN),
        token_previous: Some(secret(OLD_TOKEN)),
        aes_key: Some(secret(KEY)),
        aes_key_previous: Some(secret(OLD_KEY)),
        mode: WechatMode::Safe,
        format: WechatFormat::Xml,
        token_kind: WechatTokenKind::Stable,
        replay_window_s: 600,
        enforce_sources: false,
    }
}

pub(super) fn credentials(mode: WechatMode, format: WechatFormat) -> Credentials {
    let settings = WechatAccount { mode, format, ..settings() };
    Credentials::new(&TenantId::parse("demo").unwrap(), &AccountId::parse("oa").unwrap(), &settings).unwrap()
}

/// The query of a plain delivery.
pub(super) fn plain_query(token: &str) -> String {
    let signature = sign(&[token, "1751000000", "n1"]);
    format!("signature={signature}&timestamp=1751000000&nonce=n1")
}

/// An encrypted delivery: query and body. `extra` goes into the XML envelope beside `Encrypt`.
pub(super) fn encrypted(token: &str, key: &str, payload: &[u8], extra: &str) -> (String, String) {
    let encrypt = Key::parse(key).unwrap().encrypt(*b"0123456789abcdef", payload, APPID);
    let query = encrypted_query(token, &encrypt);
    (query, format!("<xml>{extra}<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"))
}

/// The query that signs this ciphertext.
pub(super) fn encrypted_query(token: &str, encrypt: &str) -> String {
    let signature = sign(&[token, "1751000000", "n1", encrypt]);
    format!("{}&openid=o1&encrypt_type=aes&msg_signature={signature}", plain_query(token))
}

/// A text message in XML with these extra fields.
pub(super) fn text_xml(extra: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[{GH_ID}]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>\
         <CreateTime>1751000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content>\
         <MsgId>24000000000000001</MsgId>{extra}</xml>"
    )
}
