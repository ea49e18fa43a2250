//! Whether an answer to a push is one, and what it shows on the phone. Knows no timing and no connection.

use serde_json::{Value, json};

use super::client::Response;
use super::{Passive, Push};
use crate::channel::wechat::crypto::sign;
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::time::Millis;
use crate::simulator::blob::BlobKind;
use crate::simulator::phone::{From, Kind, PhoneMessage, Via};
use crate::simulator::tree::Node;
use crate::simulator::world::World;
use crate::simulator::xml;

/// A text of more bytes is taken and not shown
/// (<https://github.com/dodgepudding/wechat-php-sdk/issues/363>).
const MAX_TEXT: usize = 2048;

/// An answer that ends a push.
#[derive(Debug)]
pub(crate) enum Judged {
    /// The word `success`.
    Success,
    /// No bytes at all.
    Empty,
    /// A message that passed every check of its shape.
    Reply(Node),
}

/// What the answer is, or why it counts as a failed delivery.
pub(crate) fn judge(push: &Push, response: &Response) -> Result<Judged, String> {
    if response.status != 200 {
        return Err(format!("status {}", response.status));
    }
    if response.body.is_empty() {
        return Ok(Judged::Empty);
    }
    if response.body.as_ref() == b"success" {
        return Ok(Judged::Success);
    }
    let text = std::str::from_utf8(&response.body).map_err(|_binary| "the answer is not UTF-8".to_owned())?;
    let tree = parse(text, push.format)?;
    let message = match (push.mode, tree.get("Encrypt").is_some()) {
        (WechatMode::Plain, true) => return Err("an encrypted reply in plain mode".to_owned()),
        (WechatMode::Safe, false) => return Err("a reply in clear in safe mode".to_owned()),
        (_, false) => tree,
        (_, true) => open(push, &tree)?,
    };
    check_parties(push, &message)?;
    check_shape(&message)?;
    Ok(Judged::Reply(message))
}

fn parse(text: &str, format: WechatFormat) -> Result<Node, String> {
    match format {
        WechatFormat::Xml => xml::read(text).map_err(|error| format!("abnormal answer: {error}")),
        WechatFormat::Json => match serde_json::from_str::<Value>(text) {
            Ok(value @ Value::Object(_)) => Ok(Node::from_json(&value)),
            Ok(_) => Err("abnormal answer: JSON, but not an object".to_owned()),
            Err(error) => Err(format!("abnormal answer: not JSON: {error}")),
        },
    }
}

/// Checks and decrypts the reply envelope.
fn open(push: &Push, envelope: &Node) -> Result<Node, String> {
    let field = |name: &str| envelope.str_of(name).ok_or_else(|| format!("the envelope has no {name}"));
    let (encrypt, signature) = (field("Encrypt")?, field("MsgSignature")?);
    let (timestamp, nonce) = (field("TimeStamp")?, field("Nonce")?);
    if sign(&[push.seal.token.expose(), timestamp, nonce, encrypt]) != signature {
        return Err("MsgSignature is wrong".to_owned());
    }
    let key = push.seal.key.as_ref().ok_or("the account has no EncodingAESKey")?;
    let plain = key.decrypt(encrypt, &push.appid).map_err(|error| format!("the reply cannot be decrypted: {error}"))?;
    let text = String::from_utf8(plain).map_err(|_binary| "the decrypted reply is not UTF-8".to_owned())?;
    parse(&text, push.format)
}

fn check_parties(push: &Push, message: &Node) -> Result<(), String> {
    if message.str_of("ToUserName") != Some(push.openid.as_str()) {
        return Err("ToUserName is not the sender".to_owned());
    }
    if message.str_of("FromUserName") != Some(push.gh_id.as_str()) {
        return Err("FromUserName is not the account".to_owned());
    }
    let created = message.str_of("CreateTime").and_then(|text| text.trim().parse::<i64>().ok());
    created.map(drop).ok_or_else(|| "CreateTime is not a number".to_owned())
}

fn check_shape(message: &Node) -> Result<(), String> {
    let inner = |object: &str, field: &str| {
        let value = message.get(object).and_then(|object| object.str_of(field));
        value.filter(|text| !text.is_empty()).map(drop).ok_or_else(|| format!("{object}/{field} is missing"))
    };
    match message.str_of("MsgType").unwrap_or_default() {
        "text" => match message.str_of("Content") {
            Some(content) if !content.is_empty() => Ok(()),
            _ => Err("Content is missing".to_owned()),
        },
        "image" => inner("Image", "MediaId"),
        "voice" => inner("Voice", "MediaId"),
        "video" => inner("Video", "MediaId"),
        "music" => inner("Music", "ThumbMediaId"),
        "news" => {
            let count = message.str_of("ArticleCount").and_then(|text| text.trim().parse::<usize>().ok());
            match count {
                Some(count) if count > 0 && count <= articles(message).len() => Ok(()),
                _ => Err("ArticleCount does not fit the articles".to_owned()),
            }
        }
        "transfer_customer_service" => Ok(()),
        other => Err(format!("MsgType {other:?} cannot be replied")),
    }
}

fn articles(message: &Node) -> Vec<&Node> {
    match message.get("Articles") {
        Some(Node::List(items)) => items.iter().collect(),
        Some(node) => node.all("item"),
        None => Vec::new(),
    }
}

/// Whether the reply hands the person over to the platform's own agent tool.
pub(crate) fn is_transfer(message: &Node) -> bool {
    message.str_of("MsgType") == Some("transfer_customer_service")
}

/// What the person sees of a reply, and what was wrong with it.
pub(crate) fn render(
    message: &Node,
    push: &Push,
    world: &World,
    now: Millis,
) -> (Option<PhoneMessage>, Option<String>) {
    let problem = |text: &str| (None, Some(text.to_owned()));
    let Passive::Articles(most) = push.passive else {
        return problem("this event takes no reply");
    };
    let draft = |kind| PhoneMessage::draft(From::Account, kind, Via::Passive);
    let media = |object: &str, kind: BlobKind| {
        let id = message.get(object).and_then(|object| object.str_of("MediaId")).unwrap_or_default();
        world.media(id, &push.appid, &[kind], now)
    };
    let with_media = |shown, object: &str, kind: BlobKind| match media(object, kind) {
        Some(url) => (Some(draft(shown).url(url)), None),
        None => problem("invalid MediaId"),
    };
    match message.str_of("MsgType").unwrap_or_default() {
        "text" => match message.str_of("Content").unwrap_or_default() {
            long if long.len() > MAX_TEXT => problem("a text of more than 2048 bytes is not shown"),
            content => (Some(draft(Kind::Text).text(content)), None),
        },
        "image" => with_media(Kind::Image, "Image", BlobKind::Image),
        "voice" => with_media(Kind::Voice, "Voice", BlobKind::Voice),
        "video" => with_media(Kind::Video, "Video", BlobKind::Video),
        "music" => (Some(draft(Kind::Link).items(music(message))), None),
        "news" => {
            let all = articles(message);
            let dropped = (all.len() > most).then(|| format!("{} articles were dropped", all.len() - most));
            let shown: Vec<Value> = all.into_iter().take(most).map(article).collect();
            (Some(draft(Kind::News).items(Value::from(shown))), dropped)
        }
        _ => (None, None),
    }
}

fn article(item: &Node) -> Value {
    let field = |name: &str| item.str_of(name).unwrap_or_default();
    json!({ "title": field("Title"), "desc": field("Description"), "url": field("Url"), "pic_url": field("PicUrl") })
}

fn music(message: &Node) -> Value {
    let field = |name: &str| message.get("Music").and_then(|music| music.str_of(name)).unwrap_or_default();
    json!([{ "title": field("Title"), "desc": field("Description"), "url": field("MusicUrl") }])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::channel::wechat::crypto::Key;
    use crate::model::secret::Secret;
    use crate::simulator::world::Seal;

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    const TEXT: &str = "<xml><ToUserName>o1</ToUserName><FromUserName>gh_1</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>hi</Content></xml>";

    fn push(mode: WechatMode, format: WechatFormat) -> Push {
        let seal = Seal { token: Secret::new("T".into()), key: Key::parse(KEY).ok(), old: false };
        Push {
            id: "p1".into(),
            appid: "wx1".into(),
            gh_id: "gh_1".into(),
            openid: "o1".into(),
            callback_url: String::new(),
            mode,
            format,
            seal: Arc::new(seal),
            passive: Passive::Articles(1),
            body: Vec::new(),
        }
    }

    fn judged(push: &Push, body: &str) -> Result<Judged, String> {
        judge(push, &Response { status: 200, body: Bytes::from(body.to_owned()) })
    }

    fn sealed(message: &str, appid: &str, token: &str) -> String {
        let encrypt = Key::parse(KEY).unwrap().encrypt([7; 16], message.as_bytes(), appid);
        let signature = sign(&[token, "5", "n", &encrypt]);
        format!(
            "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature>{signature}</MsgSignature><TimeStamp>5</TimeStamp><Nonce>n</Nonce></xml>"
        )
    }

    #[test]
    fn success_and_nothing_end_a_push_in_every_mode() {
        for mode in [WechatMode::Plain, WechatMode::Compatible, WechatMode::Safe] {
            let push = push(mode, WechatFormat::Xml);
            assert!(matches!(judged(&push, "success"), Ok(Judged::Success)));
            assert!(matches!(judged(&push, ""), Ok(Judged::Empty)));
            assert!(judged(&push, "ok").is_err());
            assert!(judge(&push, &Response { status: 500, body: Bytes::new() }).is_err());
        }
    }

    #[test]
    fn a_reply_has_to_be_in_the_mode_of_the_account() {
        let cases =
            [(WechatMode::Plain, true, false), (WechatMode::Compatible, true, true), (WechatMode::Safe, false, true)];
        for (mode, clear, encrypted) in cases {
            let push = push(mode, WechatFormat::Xml);
            assert_eq!(judged(&push, TEXT).is_ok(), clear, "{mode:?}");
            assert_eq!(judged(&push, &sealed(TEXT, "wx1", "T")).is_ok(), encrypted, "{mode:?}");
        }
    }

    #[test]
    fn a_reply_sealed_wrongly_is_none() {
        let push = push(WechatMode::Safe, WechatFormat::Xml);
        assert_eq!(judged(&push, &sealed(TEXT, "wx1", "U")).unwrap_err(), "MsgSignature is wrong");
        assert!(judged(&push, &sealed(TEXT, "wx2", "T")).unwrap_err().contains("cannot be decrypted"));
    }

    #[test]
    fn abnormal_replies_are_failures() {
        let push = push(WechatMode::Plain, WechatFormat::Xml);
        for (what, with, reason) in [
            ("o1", "o2", "ToUserName is not the sender"),
            ("gh_1", "gh_2", "FromUserName is not the account"),
            (">1<", ">soon<", "CreateTime is not a number"),
            ("hi", "", "Content is missing"),
            (">text<", ">sticker<", "MsgType \"sticker\" cannot be replied"),
            (">text<", ">image<", "Image/MediaId is missing"),
            (">text<", ">news<", "ArticleCount does not fit the articles"),
            ("<xml>", "<xml><xml>", "abnormal answer: not well-formed XML"),
        ] {
            assert_eq!(judged(&push, &TEXT.replace(what, with)).unwrap_err(), reason);
        }
        assert!(judged(&push, "{\"ToUserName\":\"o1\"}").unwrap_err().starts_with("abnormal answer"));
    }

    #[test]
    fn json_accounts_take_json() {
        let push = push(WechatMode::Plain, WechatFormat::Json);
        let text = r#"{"ToUserName":"o1","FromUserName":"gh_1","CreateTime":1,"MsgType":"text","Content":"hi"}"#;
        assert!(matches!(judged(&push, text), Ok(Judged::Reply(_))));
        assert!(judged(&push, TEXT).is_err());
    }
}
