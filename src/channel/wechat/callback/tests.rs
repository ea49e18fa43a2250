//! The rows of `tests/fixture/bad_input` on the pure functions: every row has its exact outcome.

use super::super::crypto::sign;
use super::super::document::ParseError;
use super::super::fixture::{
    APPID, GH_ID, KEY, NOW, OLD_KEY, OLD_TOKEN, TOKEN, credentials, encrypted, encrypted_query, plain_query, text_xml,
};
use super::*;
use crate::model::account::WechatFormat;
use crate::model::content::Content;

fn safe() -> Credentials {
    credentials(WechatMode::Safe, WechatFormat::Xml)
}

fn plain() -> Credentials {
    credentials(WechatMode::Plain, WechatFormat::Xml)
}

fn run(credentials: &Credentials, query: &str, body: &[u8]) -> Received {
    receive(credentials, &ReplayCache::default(), query, body, NOW)
}

fn outcome(received: &Received) -> String {
    match received {
        Received::Reject(reason) => format!("403 {}", reason.label()),
        Received::TooLarge => "413".into(),
        Received::Quarantine { reason, .. } => format!("quarantine {}", reason.label()),
        Received::Inbound(_) => "inbound".into(),
    }
}

fn accepted(received: Received) -> Accepted {
    match received {
        Received::Inbound(accepted) => *accepted,
        other => panic!("{}", outcome(&other)),
    }
}

/// The outcome of an encrypted payload with a valid signature.
fn payload(payload: &[u8]) -> String {
    let (query, body) = encrypted(TOKEN, KEY, payload, "");
    outcome(&run(&safe(), &query, body.as_bytes()))
}

#[test]
fn address_verification() {
    let query = |rest: &str| format!("{}&{rest}", plain_query(TOKEN));
    let signature = sign(&[TOKEN, "1751000000", "n1"]);
    let signature = signature.as_str();
    let short = signature.get(..39).unwrap();
    let last = if signature.ends_with('0') { '1' } else { '0' };
    let good = query("echostr=4375120948345356249");
    let upper = good.replace(signature, &signature.to_uppercase());
    let wrong = good.replace(signature, &format!("{short}{last}"));
    for (id, query, answer) in [
        ("xA1", good.clone(), Ok("4375120948345356249")),
        ("previous token", format!("{}&echostr=1", plain_query(OLD_TOKEN)), Ok("1")),
        ("xA2", wrong, Err("signature")),
        ("xA3", upper, Ok("4375120948345356249")),
        ("xA4 short", good.replace(signature, short), Err("signature")),
        ("xA4 long", good.replace(signature, &format!("{signature}0")), Err("signature")),
        ("xA4 no hex", good.replace(signature, &"g".repeat(40)), Err("signature")),
        ("xA5", good.replace(signature, ""), Err("missing")),
        ("xA6 echostr", plain_query(TOKEN), Err("missing")),
        ("xA6 nonce", good.replace("&nonce=n1", ""), Err("missing")),
        ("xA6 timestamp", good.replace("&timestamp=1751000000", ""), Err("missing")),
        ("xA6 signature", good.replace(&format!("signature={signature}&"), ""), Err("missing")),
        ("xA7", format!("{good}&nonce=n2"), Err("repeated")),
        ("xA8", query("echostr=%3Cscript%3Ealert(1)%3C/script%3E"), Ok("<script>alert(1)</script>")),
        ("xA9", query(&format!("echostr={}", "e".repeat(10_000))), Err("too_long")),
        ("xA9 513", query(&format!("echostr={}", "e".repeat(513))), Err("too_long")),
        ("512", query(&format!("echostr={}", "e".repeat(512))), Ok(&"e".repeat(512))),
        ("empty", String::new(), Err("missing")),
        ("many", (0..20).map(|i| format!("a{i}=1&")).collect(), Err("too_long")),
    ] {
        let result = verify_url(&safe(), &query, NOW).map_err(Reject::label);
        assert_eq!(result.as_deref().map_err(|label| *label), answer, "{id}");
    }
}

#[test]
fn the_published_address_verification_passes() {
    let mut account = safe();
    account.tokens = vec![Secret::new("AAAAA".into())];
    let query = "signature=f464b24fc39322e44b38aa78f5edd27bd1441696&timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249";
    let at = Millis::from_seconds(1_714_036_504);
    assert_eq!(verify_url(&account, query, at).as_deref(), Ok("4375120948345356249"));
    assert_eq!(verify_url(&account, query, NOW), Err(Reject::Timestamp));
    account.window_s = 0;
    assert!(verify_url(&account, query, NOW).is_ok());
}

#[test]
fn timestamps_outside_the_window_are_refused() {
    let (query, body) = encrypted(TOKEN, KEY, text_xml("").as_bytes(), "");
    let at = |seconds: i64| {
        outcome(&receive(&safe(), &ReplayCache::default(), &query, body.as_bytes(), Millis::from_seconds(seconds)))
    };
    assert_eq!(at(1_751_000_600), "inbound");
    assert_eq!(at(1_751_000_601), "403 timestamp");
    assert_eq!(at(1_750_999_400), "inbound");
    assert_eq!(at(1_750_999_399), "403 timestamp");
    let odd = query.replace("timestamp=1751000000", "timestamp=99999999999999999999");
    assert_eq!(outcome(&run(&safe(), &odd, body.as_bytes())), "403 timestamp");
}

#[test]
fn envelopes_and_cryptography() {
    let message = text_xml("");
    let (query, body) = encrypted(TOKEN, KEY, message.as_bytes(), "");
    let signed = |encrypt: &str| {
        let body = format!("<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
        outcome(&run(&safe(), &encrypted_query(TOKEN, encrypt), body.as_bytes()))
    };
    let key = Key::parse(KEY).unwrap();
    let for_id = |id: &str| signed(&key.encrypt([1; 16], message.as_bytes(), id));
    let flipped = query.replace("msg_signature=", "msg_signature=0");
    let check = |query: &str, body: &str| outcome(&run(&safe(), query, body.as_bytes()));
    assert_eq!(check(&query, &body), "inbound");
    assert_eq!(check(&flipped, &body), "403 signature", "xB1");
    assert_eq!(check(&query.to_uppercase().replace("AES", "aes"), &body), "403 downgrade");
    assert_eq!(check(&plain_query(TOKEN), &message), "403 downgrade", "xB2");
    assert_eq!(check(&query.replace("=aes", "=raw"), &body), "403 downgrade", "xB2");
    assert_eq!(check(&query.replace("&msg_signature", "&x"), &body), "403 missing");
    assert_eq!(check(&format!("{query}&nonce=n1"), &body), "403 repeated");
    assert_eq!(check(&query, "garbage"), "403 envelope");
    assert_eq!(check(&query, "<xml><Other>1</Other></xml>"), "403 envelope");
    assert_eq!(check(&query, &message), "403 envelope");
    assert_eq!(signed("no base 64!"), "403 base64", "xB5");
    assert_eq!(signed(""), "403 length");
    assert_eq!(signed("AAAA"), "403 length");
    assert_eq!(for_id("wxffffffffffffffff"), "403 appid", "xB9");
    assert_eq!(for_id(""), "403 appid", "xB10");
    assert_eq!(for_id(&format!("{APPID}\0")), "403 appid", "xB10");
    assert!(Reject::Crypto(CryptoError::ReceiveId).is_misrouting());
    let upper = query.rsplit_once('=').map(|(head, tail)| format!("{head}={}", tail.to_uppercase())).unwrap();
    assert_eq!(check(&upper, &body), "403 signature");
    assert_eq!(outcome(&run(&safe(), &query, &vec![b'<'; 65_537])), "413", "xB15");
}

#[test]
fn negative_vectors_are_rejected_whole() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/fixture/wechat/vectors.json")).unwrap();
    let mut refused = 0;
    for v in vectors["negative"].as_array().unwrap() {
        let text = |name: &str| v[name].as_str().unwrap();
        let Ok(key) = Key::parse(text("encoding_aes_key")) else { continue };
        let mut account = safe();
        account.tokens = vec![Secret::new(text("token").into())];
        account.keys = vec![key];
        account.appid = text("receive_id").into();
        account.window_s = 0;
        let query = format!(
            "timestamp={}&nonce={}&encrypt_type=aes&msg_signature={}",
            text("timestamp"),
            text("nonce"),
            text("msg_signature")
        );
        let body = format!("<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>", text("encrypt"));
        let Received::Reject(Reject::Crypto(error)) = run(&account, &query, body.as_bytes()) else {
            panic!("{}", text("name"))
        };
        assert_eq!(Some(i64::from(error.code())), v["expect_error"].as_i64(), "{}", text("name"));
        refused += 1;
    }
    assert_eq!(refused, 29);
}

#[test]
fn rotation_accepts_the_previous_key_and_token_and_replies_with_them() {
    for (token, key) in [(TOKEN, OLD_KEY), (OLD_TOKEN, KEY), (OLD_TOKEN, OLD_KEY)] {
        let (query, body) = encrypted(token, key, text_xml("").as_bytes(), "");
        let accepted = accepted(run(&safe(), &query, body.as_bytes()));
        let (seal_key, seal_token) = accepted.reply.seal.unwrap();
        assert_eq!(seal_token.expose(), token);
        let sealed = seal_key.encrypt([0; 16], b"x", APPID);
        assert!(Key::parse(key).unwrap().decrypt(&sealed, APPID).is_ok());
    }
}

#[test]
fn compatible_mode_believes_only_the_encrypted_part() {
    let account = credentials(WechatMode::Compatible, WechatFormat::Xml);
    let clear =
        |content: &str| format!("<ToUserName>{GH_ID}</ToUserName><MsgType>text</MsgType><Content>{content}</Content>");
    for (content, mismatch) in [("hello", false), ("forged", true)] {
        let (query, body) = encrypted(TOKEN, KEY, text_xml("").as_bytes(), &clear(content));
        let accepted = accepted(run(&account, &query, body.as_bytes()));
        assert_eq!(accepted.inbound.kind, InboundKind::Message(Content::text("hello")), "xB3");
        assert_eq!(accepted.compat_mismatch, mismatch);
    }
    assert_eq!(outcome(&run(&account, &plain_query(TOKEN), text_xml("").as_bytes())), "403 downgrade");
}

#[test]
fn plain_mode_verifies_and_remembers() {
    let account = plain();
    let cache = ReplayCache::default();
    let body = text_xml("");
    let go = |query: &str, body: &str| outcome(&receive(&account, &cache, query, body.as_bytes(), NOW));
    assert_eq!(go(&plain_query("wrong"), &body), "403 signature");
    assert_eq!(go(&plain_query(TOKEN), &body), "inbound");
    assert_eq!(go(&plain_query(TOKEN), &body), "inbound");
    assert_eq!(go(&plain_query(TOKEN), &text_xml("<X>1</X>")), "403 replay", "xB4");
    assert_eq!(go(&plain_query(OLD_TOKEN), &text_xml("<X>1</X>")), "403 replay", "xB4");
    assert!(accepted(run(&account, &plain_query(OLD_TOKEN), body.as_bytes())).reply.seal.is_none());
}

#[test]
fn formats_are_those_of_the_account() {
    let json = format!(
        r#"{{"ToUserName":"{GH_ID}","FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"hello","MsgId":1}}"#
    );
    let encrypt = Key::parse(KEY).unwrap().encrypt([2; 16], json.as_bytes(), APPID);
    let envelope = format!(r#"{{"ToUserName":"{GH_ID}","Encrypt":"{encrypt}"}}"#);
    let query = encrypted_query(TOKEN, &encrypt);
    let json_account = credentials(WechatMode::Safe, WechatFormat::Json);
    assert_eq!(outcome(&run(&json_account, &query, envelope.as_bytes())), "inbound", "xB19");
    assert_eq!(outcome(&run(&safe(), &query, envelope.as_bytes())), "quarantine format", "xB19");
    assert_eq!(outcome(&run(&safe(), &query.replace("n1", "n2"), envelope.as_bytes())), "403 signature", "xB19");
    assert_eq!(payload(json.as_bytes()), "quarantine format");
}

#[test]
fn documents_that_cannot_be_used_are_kept_for_operators() {
    let with = |extra: &str| text_xml(extra);
    for (id, document, expected) in [
        ("xC1", format!("<!DOCTYPE xml SYSTEM \"file:///etc/passwd\">{}", with("")), "quarantine doctype"),
        ("xC4", with("").replacen("<xml>", "<xml a='1'>", 1), "quarantine attributes"),
        ("xC7", with("<FromUserName>o2</FromUserName>"), "quarantine duplicate"),
        ("xC8", format!("{}<xml></xml>", with("")), "quarantine second_root"),
        ("xC10", with("<X><![CDATA[a]]]]><![CDATA[>b]]></X>"), "inbound"),
        ("xC11", with("<X>&#0;</X>"), "quarantine entity"),
        ("xC11", with("<X>&#xD800;</X>"), "quarantine entity"),
        ("xC12 BOM", format!("\u{feff}{}", with("")), "inbound"),
        ("xC12", format!("<?xml version='1.0' encoding='UTF-7'?>{}", with("")), "quarantine encoding"),
        ("xC13", "<xml><ToUserName>".into(), "quarantine malformed"),
        ("xC13", String::new(), "quarantine malformed"),
        ("xC14", with("").replace("[text]", "[hologram]"), "inbound"),
        ("xC14", with("").replace("MsgType", "Type"), "quarantine type"),
        ("xC21", with("").replace(GH_ID, "gh_000000000000"), "quarantine routing"),
        ("xC21", with("").replace("ToUserName", "To"), "quarantine routing"),
        ("xC22", with("").replace("[o1]", &format!("[{}]", "o".repeat(65))), "quarantine sender"),
        ("xC22", with("").replace("[o1]", "[o'%/ 😀]"), "inbound"),
        ("xC23", with("").replace("hello", &"长".repeat(7000)), "inbound"),
        ("debug tool", with("").replace("[text]", "[event]").replace("Content", "Event"), "inbound"),
    ] {
        assert_eq!(payload(document.as_bytes()), expected, "{id}");
    }
    let mut utf16: Vec<u8> = text_xml("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let account = plain();
    assert_eq!(outcome(&run(&account, &plain_query(TOKEN), &utf16)), "quarantine encoding", "xC12");
    utf16.splice(0..0, [0xff, 0xfe]);
    assert_eq!(outcome(&run(&account, &plain_query(TOKEN), &utf16)), "quarantine encoding", "xC12");
    let Received::Quarantine { reason, raw } = run(&account, &plain_query(TOKEN), b"<xml>") else { panic!("kept") };
    assert_eq!((reason, raw.as_slice()), (Unusable::Document(ParseError::Malformed), &b"<xml>"[..]));
}

#[test]
fn control_characters_are_removed_and_told() {
    let (query, body) = encrypted(TOKEN, KEY, text_xml("").replace("hello", "a\0\u{1d}b\t").as_bytes(), "");
    let accepted = accepted(run(&safe(), &query, body.as_bytes()));
    assert_eq!(accepted.inbound.kind, InboundKind::Message(Content::text("ab\t")));
    assert!(accepted.sanitized);
    assert_eq!((accepted.reply.openid.as_str(), accepted.reply.nonce.as_str()), ("o1", "n1"));
    assert!(accepted.reply.to_message);
}
