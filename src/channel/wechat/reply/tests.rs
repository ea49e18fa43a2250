//! Byte-exact replies.

use super::super::crypto::Key;
use super::super::fixture::{APPID, GH_ID, KEY, NOW, TOKEN, credentials};
use super::*;
use crate::model::account::WechatMode;
use crate::model::content::MenuOption;
use crate::model::secret::Secret;

fn context(seal: Option<(&str, &str)>) -> ReplyContext {
    ReplyContext {
        openid: "o1".into(),
        nonce: "415670741".into(),
        to_message: true,
        seal: seal.map(|(key, token)| (Key::parse(key).unwrap(), Secret::new(token.into()))),
    }
}

fn clear(message: &Passive, format: WechatFormat) -> String {
    render(&credentials(WechatMode::Plain, format), &context(None), message, NOW, [0; 16])
}

fn xml(message: &Passive) -> String {
    let whole = clear(message, WechatFormat::Xml);
    let head = format!(
        "<xml><ToUserName><![CDATA[o1]]></ToUserName><FromUserName><![CDATA[{GH_ID}]]></FromUserName>\
         <CreateTime>1751000000</CreateTime><MsgType>"
    );
    whole.strip_prefix(&head).and_then(|rest| rest.strip_suffix("</xml>")).unwrap().to_owned()
}

#[test]
fn every_type_has_its_published_shape() {
    let media_id = || "m1".to_owned();
    let item = ArticleItem { title: "t".into(), desc: "d".into(), url: "u".into(), pic: None };
    for (message, expected) in [
        (
            Passive::Text("hi ]]> 你".into()),
            "<![CDATA[text]]></MsgType><Content><![CDATA[hi ]]]]><![CDATA[> 你]]></Content>",
        ),
        (
            Passive::Image { media_id: media_id() },
            "<![CDATA[image]]></MsgType><Image><MediaId><![CDATA[m1]]></MediaId></Image>",
        ),
        (
            Passive::Voice { media_id: media_id() },
            "<![CDATA[voice]]></MsgType><Voice><MediaId><![CDATA[m1]]></MediaId></Voice>",
        ),
        (
            Passive::Video { media_id: media_id(), title: "t".into(), description: String::new() },
            "<![CDATA[video]]></MsgType><Video><MediaId><![CDATA[m1]]></MediaId><Title><![CDATA[t]]></Title><Description><![CDATA[]]></Description></Video>",
        ),
        (
            Passive::News(vec![item]),
            "<![CDATA[news]]></MsgType><ArticleCount>1</ArticleCount><Articles><item><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description><PicUrl><![CDATA[]]></PicUrl><Url><![CDATA[u]]></Url></item></Articles>",
        ),
    ] {
        assert_eq!(xml(&message), expected);
    }
    assert_eq!(
        clear(&Passive::Text("hi".into()), WechatFormat::Json),
        format!(
            r#"{{"ToUserName":"o1","FromUserName":"{GH_ID}","CreateTime":1751000000,"MsgType":"text","Content":"hi"}}"#
        )
    );
}

#[test]
fn published_replies_are_sealed_to_the_same_bytes() {
    let mut account = credentials(WechatMode::Safe, WechatFormat::Json);
    account.appid = "wxba5fad812f8e6fb9".into();
    let context = context(Some((&"A".repeat(43), "AAAAA")));
    let now = Millis::from_seconds(1_713_424_427);
    let sealed = |account: &Credentials, text: &str, random| seal(account, &context, text.into(), now, random);
    assert_eq!(
        sealed(&account, r#"{"demo_resp":"good luck"}"#, *b"707722b803182950"),
        r#"{"Encrypt":"ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==","MsgSignature":"1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1","TimeStamp":1713424427,"Nonce":"415670741"}"#
    );
    account.format = WechatFormat::Xml;
    account.appid = "wx134c8103faa5a59e".into();
    let xml = sealed(&account, "<xml><demo_resp>[CDATA[good luck]]</demo_resp></xml>", *b"999951349e8ee746");
    assert!(xml.starts_with("<xml><Encrypt><![CDATA[hE8R6mGXHkJJjU72KxzKUd1GEkKJaEZq7vRL8XgK3o+00k8JGq6+pZJUIlTSyhsX+bxIBQ72g3GyvDdIZcr6+3HAZbSvPT9t/o11MI7d6WELwqrGd7jMnV0zv3Zc9Nq7]]></Encrypt><MsgSignature><![CDATA["));
    assert!(
        xml.ends_with("]]></MsgSignature><TimeStamp>1713424427</TimeStamp><Nonce><![CDATA[415670741]]></Nonce></xml>")
    );
}

#[test]
fn a_sealed_reply_opens_with_key_and_token_of_the_request() {
    let account = credentials(WechatMode::Safe, WechatFormat::Xml);
    let message = Passive::Text("您好".into());
    let body = render(&account, &context(Some((KEY, TOKEN))), &message, NOW, [7; 16]);
    let envelope = document::parse(&body, WechatFormat::Xml).unwrap();
    let encrypt = envelope.text("Encrypt").unwrap();
    let signature = sign(&[TOKEN, envelope.text("TimeStamp").unwrap(), envelope.text("Nonce").unwrap(), encrypt]);
    assert_eq!(envelope.text("MsgSignature"), Some(signature.as_str()));
    let opened = Key::parse(KEY).unwrap().decrypt_text(encrypt, APPID).unwrap();
    assert_eq!(opened, clear(&message, WechatFormat::Xml));
}

#[test]
fn success_is_never_encrypted_and_a_reply_has_the_type_of_its_format() {
    for format in [WechatFormat::Xml, WechatFormat::Json] {
        let account = credentials(WechatMode::Safe, format);
        let answer = |answer: &Answer| body(&account, &context(Some((KEY, TOKEN))), answer, NOW, [7; 16]);
        let accepted = answer(&Answer::Accepted);
        assert_eq!((accepted.text.as_str(), accepted.content_type), ("success", "text/plain; charset=utf-8"));
        let said = answer(&Answer::Passive(Box::new(Content::text("x".repeat(2001)))));
        assert_eq!(said.rest, Some(Content::text("x")));
        assert!(said.content_type.starts_with("application/") && said.text.contains("Encrypt"));
    }
}

#[test]
fn what_does_not_fit_is_left_over() {
    let long = "长".repeat(1000);
    let (first, rest) = Passive::of(&Content::text(&long), true);
    let Some(Passive::Text(first)) = first else { panic!("no text") };
    assert_eq!(first.len(), 1998);
    assert_eq!(rest, Some(Content::text("长".repeat(334))));
    let item = ArticleItem { title: "t".into(), desc: String::new(), url: "u".into(), pic: None };
    let articles = Content::Article { items: vec![item; 10] };
    for (to_message, fit) in [(true, 1), (false, 8)] {
        let (first, rest) = Passive::of(&articles, to_message);
        assert!(matches!(first, Some(Passive::News(items)) if items.len() == fit));
        assert!(matches!(rest, Some(Content::Article { items }) if items.len() == 10 - fit));
    }
    let menu = Content::Menu {
        prompt: "请选择".into(),
        options: vec![MenuOption { key: "1".into(), label: "贷款".into() }],
        tail: None,
    };
    assert_eq!(Passive::of(&menu, true), (Some(Passive::Text("请选择\n1. 贷款".into())), None));
    assert_eq!(Passive::of(&Content::text(""), true), (None, None));
}
