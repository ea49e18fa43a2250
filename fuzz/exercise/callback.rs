//! One delivery to the WeChat callback, and what must hold afterwards. The ordinary tests replay the corpus with the
//! same code; whoever includes this file has the library in scope as `yizhan`.

use super::yizhan;

use yizhan::channel::wechat::crypto::{Key, sign};
use yizhan::channel::wechat::{Credentials, Received, ReplayCache, receive, verify_url};
use yizhan::model::account::{WechatAccount, WechatFormat, WechatMode, WechatTokenKind};
use yizhan::model::id::{AccountId, TenantId};
use yizhan::model::secret::Secret;
use yizhan::model::time::Millis;

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const APPID: &str = "wxd930ea5d5a258f4f";
const NOW: Millis = Millis(1_751_000_000_000);

/// The first byte says what the rest is: a query, a line feed and a body as anybody could send them (`u`), or a payload
/// that the platform signed: encrypted XML (`x`) or JSON (`j`), or in the clear (`p`).
pub(super) fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind {
        b'u' => unsigned(rest),
        b'x' => sealed(rest, WechatFormat::Xml),
        b'j' => sealed(rest, WechatFormat::Json),
        b'p' => plain(rest),
        _ => {}
    }
}

fn unsigned(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (query, body) = data.split_at(end);
    let query = String::from_utf8_lossy(query);
    for mode in [WechatMode::Plain, WechatMode::Compatible, WechatMode::Safe] {
        let Some(account) = account(mode, WechatFormat::Xml) else { return };
        assert!(verify_url(&account, &query, NOW).is_err(), "nobody signed this");
        let received = receive(&account, &ReplayCache::default(), &query, body, NOW);
        assert!(matches!(received, Received::Reject(_) | Received::TooLarge), "nobody signed this");
    }
}

fn sealed(payload: &[u8], format: WechatFormat) {
    let (Ok(key), Some(account)) = (Key::parse(KEY), account(WechatMode::Safe, format)) else { return };
    let encrypt = key.encrypt([7; 16], payload, APPID);
    let signature = sign(&["token", "1751000000", "1", &encrypt]);
    let query = format!("timestamp=1751000000&nonce=1&encrypt_type=aes&msg_signature={signature}");
    let body = match format {
        WechatFormat::Xml => format!("<xml><Encrypt>{encrypt}</Encrypt></xml>"),
        WechatFormat::Json => format!("{{\"Encrypt\":\"{encrypt}\"}}"),
    };
    let received = receive(&account, &ReplayCache::default(), &query, body.as_bytes(), NOW);
    let text = std::str::from_utf8(payload).is_ok();
    match received {
        Received::Reject(_) => assert!(!text, "text with a valid signature is never turned away"),
        Received::TooLarge => assert!(body.len() > 60_000, "only long bodies are too large"),
        Received::Quarantine { raw, .. } => assert_eq!(raw, payload, "what cannot be used is kept as it came"),
        Received::Inbound(accepted) => {
            assert!(!accepted.inbound.dedupe.is_empty(), "every message has a key");
            assert!(payload.len() <= 65_536, "nothing longer is parsed");
        }
    }
}

fn plain(body: &[u8]) {
    let Some(account) = account(WechatMode::Plain, WechatFormat::Xml) else { return };
    let signature = sign(&["token", "1751000000", "1"]);
    let query = format!("signature={signature}&timestamp=1751000000&nonce=1");
    let received = receive(&account, &ReplayCache::default(), &query, body, NOW);
    assert!(!matches!(received, Received::Reject(_)), "a valid signature is never turned away");
}

fn account(mode: WechatMode, format: WechatFormat) -> Option<Credentials> {
    let settings = WechatAccount {
        appid: APPID.into(),
        gh_id: "gh_0123456789ab".into(),
        secret: Secret::new("secret".into()),
        token: Secret::new("token".into()),
        token_previous: None,
        aes_key: Some(Secret::new(KEY.into())),
        aes_key_previous: None,
        mode,
        format,
        token_kind: WechatTokenKind::Stable,
        replay_window_s: 600,
        enforce_sources: false,
    };
    let (tenant, name) = (TenantId::parse("t").ok()?, AccountId::parse("a").ok()?);
    Credentials::new(&tenant, &name, &settings).ok()
}
