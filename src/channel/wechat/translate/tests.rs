//! Every message type and event in both formats.

use serde_json::json;

use crate::model::account::WechatFormat;
use crate::model::content::Content;
use crate::model::inbound::ChannelEvent;
use crate::model::window::Trigger;

use super::super::document;
use super::*;

const NOW: Millis = Millis(1_800_000_000_000);
const HEAD_XML: &str = "<ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>\
                        <CreateTime>1751000000</CreateTime>";
const HEAD_JSON: &str = r#""ToUserName":"gh_1","FromUserName":"o1","CreateTime":1751000000"#;

fn read(text: &str, format: WechatFormat) -> Inbound {
    translate(&document::parse(text, format).unwrap(), NOW).unwrap()
}

/// Reads the same message written in XML and JSON and checks that they mean the same.
fn both(xml: &str, json: &str) -> Inbound {
    let xml = read(&format!("<xml>{HEAD_XML}{xml}</xml>"), WechatFormat::Xml);
    let json = read(&format!("{{{HEAD_JSON},{json}}}"), WechatFormat::Json);
    assert_eq!(xml.dedupe, json.dedupe);
    assert_eq!(xml.opens, json.opens);
    assert_eq!(xml.ext_id, json.ext_id);
    assert_eq!(without_media_ids(&xml), without_media_ids(&json));
    assert_eq!(xml.sent_at, Millis(1_751_000_000_000));
    assert_eq!(xml.from.as_str(), "o1");
    xml
}

fn without_media_ids(inbound: &Inbound) -> String {
    let ids = inbound.fetch.iter().map(|fetch| fetch.media.to_string());
    ids.fold(format!("{:?}", inbound.kind), |text, id| text.replace(&id, "m"))
        .split("Ulid(")
        .map(|part| part.split_once(')').map_or(part, |(_, rest)| rest))
        .collect()
}

fn message(inbound: &Inbound) -> &Content {
    match &inbound.kind {
        InboundKind::Message(content) => content,
        InboundKind::Event(event) => panic!("not a message: {event:?}"),
    }
}

fn event(inbound: &Inbound) -> &ChannelEvent {
    match &inbound.kind {
        InboundKind::Event(event) => event,
        InboundKind::Message(content) => panic!("not an event: {content:?}"),
    }
}

#[test]
fn text_and_menu_choice() {
    let text = both(
        "<MsgType>text</MsgType><Content><![CDATA[你好😀 a<b&c]]]]><![CDATA[>d]]></Content><MsgId>6349323426230210995</MsgId><MsgDataId>1</MsgDataId><Idx>1</Idx>",
        r#""MsgType":"text","Content":"你好😀 a<b&c]]>d","MsgId":6349323426230210995"#,
    );
    assert_eq!(message(&text), &Content::text("你好😀 a<b&c]]>d"));
    assert_eq!(text.ext_id.as_deref(), Some("6349323426230210995"));
    assert_eq!(text.dedupe, "1751000000.6349323426230210995.o1");
    assert_eq!((text.opens, text.raw_type.as_str()), (Some(Trigger::Message), "text"));
    let tap = both(
        "<MsgType>text</MsgType><Content>满意</Content><MsgId>1</MsgId><bizmsgmenuid>101</bizmsgmenuid>",
        r#""MsgType":"text","Content":"满意","MsgId":"1","bizmsgmenuid":101"#,
    );
    assert_eq!(message(&tap), &Content::Choice { key: "101".into(), label: "满意".into() });
    assert_eq!(tap.opens, Some(Trigger::Menu));
    let empty = both(
        "<MsgType>text</MsgType><Content></Content><MsgId>2</MsgId>",
        r#""MsgType":"text","Content":"","MsgId":2"#,
    );
    assert_eq!(message(&empty), &Content::text(""));
}

#[test]
fn media_messages_are_fetched_by_media_id_only() {
    for (msg_type, extra_xml, extra_json, mime) in [
        ("image", "<PicUrl>http://169.254.169.254/</PicUrl>", r#""PicUrl":"http://169.254.169.254/""#, "image/jpeg"),
        ("voice", "<Format>amr</Format><Recognition></Recognition>", r#""Format":"amr","Recognition":"""#, "audio/amr"),
        ("voice", "<Format>speex</Format>", r#""Format":"speex""#, "audio/speex"),
        ("video", "<ThumbMediaId>t</ThumbMediaId>", r#""ThumbMediaId":"t""#, "video/mp4"),
        ("shortvideo", "<ThumbMediaId>t</ThumbMediaId>", r#""ThumbMediaId":"t""#, "video/mp4"),
    ] {
        let inbound = both(
            &format!("<MsgType>{msg_type}</MsgType><MediaId>remote-1</MediaId>{extra_xml}<MsgId>3</MsgId>"),
            &format!(r#""MsgType":"{msg_type}","MediaId":"remote-1",{extra_json},"MsgId":3"#),
        );
        let media = message(&inbound).media().unwrap();
        assert_eq!(media.mime, mime);
        assert_eq!(inbound.fetch, [crate::model::inbound::Fetch { media: media.id, remote: "remote-1".into() }]);
        assert!(message(&inbound).kind().starts_with(msg_type.trim_start_matches("short")));
    }
    let heard = both(
        "<MsgType>voice</MsgType><MediaId>r</MediaId><Recognition>你好</Recognition><MsgId>3</MsgId>",
        r#""MsgType":"voice","MediaId":"r","Recognition":"你好","MsgId":3"#,
    );
    assert!(matches!(message(&heard), Content::Voice { asr_text: Some(text), .. } if text == "你好"));
    let lost = both("<MsgType>image</MsgType><MsgId>4</MsgId>", r#""MsgType":"image","MsgId":4"#);
    assert_eq!(message(&lost), &Content::Unsupported { raw_type: "image".into() });
}

#[test]
fn location_link_file_and_card() {
    let place = both(
        "<MsgType>location</MsgType><Location_X>39.9</Location_X><Location_Y>116.4</Location_Y><Scale>15</Scale><Label>北京</Label><MsgId>5</MsgId>",
        r#""MsgType":"location","Location_X":39.9,"Location_Y":"116.4","Scale":15,"Label":"北京","MsgId":5"#,
    );
    let expected = Content::Location { lat: Some(39.9), lon: Some(116.4), scale: Some(15.0), label: "北京".into() };
    assert_eq!(message(&place), &expected);
    let link = both(
        "<MsgType>link</MsgType><Title>t</Title><Description>d</Description><Url>https://e.x/?a=1&amp;b=2</Url><MsgId>6</MsgId>",
        r#""MsgType":"link","Title":"t","Description":"d","Url":"https://e.x/?a=1&b=2","MsgId":6"#,
    );
    let expected = Content::Link { title: "t".into(), desc: "d".into(), url: "https://e.x/?a=1&b=2".into() };
    assert_eq!(message(&link), &expected);
    let file = both(
        "<MsgType>file</MsgType><Title>合同.pdf</Title><Description>2.5 KB</Description><FileKey>k</FileKey><FileTotalLen>2560</FileTotalLen><MsgId>7</MsgId>",
        r#""MsgType":"file","Title":"合同.pdf","FileKey":"k","FileTotalLen":2560,"MsgId":7"#,
    );
    assert_eq!(message(&file), &Content::File { media: None, name: "合同.pdf".into() });
    let card = both(
        "<MsgType>miniprogrampage</MsgType><Title>t</Title><AppId>wx1</AppId><PagePath>p</PagePath><ThumbMediaId>th</ThumbMediaId><MsgId>8</MsgId>",
        r#""MsgType":"miniprogrampage","Title":"t","AppId":"wx1","PagePath":"p","ThumbMediaId":"th","MsgId":8"#,
    );
    assert_eq!(card.fetch.len(), 1);
    assert_eq!(message(&card).kind(), "card");
    let new = both("<MsgType>hologram</MsgType><MsgId>9</MsgId>", r#""MsgType":"hologram","MsgId":9"#);
    assert_eq!(message(&new), &Content::Unsupported { raw_type: "hologram".into() });
}

#[test]
fn impossible_coordinates_are_absent_and_told() {
    for (x, y) in [("NaN", "1"), ("1e999", "1"), ("91", "1"), ("1", "-181"), ("inf", "x"), ("", "")] {
        let xml = format!(
            "<xml>{HEAD_XML}<MsgType>location</MsgType><Location_X>{x}</Location_X><Location_Y>{y}</Location_Y><Scale>NaN</Scale><Label>L</Label></xml>"
        );
        let inbound = read(&xml, WechatFormat::Xml);
        let Content::Location { lat, lon, scale, label } = message(&inbound) else { panic!("no location") };
        assert!(lat.is_none() || lon.is_none(), "{x},{y}");
        assert_eq!(*scale, None);
        assert_eq!(label, &format!("L ({x}, {y})"));
    }
    let long = format!("<xml>{HEAD_XML}<MsgType>link</MsgType><Title>{}</Title></xml>", "长".repeat(4000));
    let Content::Link { title, .. } = message(&read(&long, WechatFormat::Xml)).clone() else { panic!("no link") };
    assert_eq!(title.len(), 1023);
}

#[test]
fn events_that_mean_something() {
    let of = |event: &str, key: &str| {
        both(
            &format!("<MsgType>event</MsgType><Event>{event}</Event><EventKey>{key}</EventKey><Ticket>T</Ticket>"),
            &format!(r#""MsgType":"event","Event":"{event}","EventKey":"{key}","Ticket":"T""#),
        )
    };
    let followed = |scene: Option<&str>| ChannelEvent::Followed { scene: scene.map(str::to_owned) };
    for (name, key, expected, opens) in [
        ("subscribe", "", followed(None), Some(Trigger::Follow)),
        ("subscribe", "qrscene_123", followed(Some("123")), Some(Trigger::Follow)),
        ("subscribe", "last_trade_no_1", followed(Some("last_trade_no_1")), Some(Trigger::Follow)),
        ("unsubscribe", "", ChannelEvent::Unfollowed, None),
        ("SCAN", "456", ChannelEvent::Scanned { scene: "456".into() }, Some(Trigger::Scan)),
        ("scan", "456", ChannelEvent::Scanned { scene: "456".into() }, Some(Trigger::Scan)),
        ("CLICK", "HELP", ChannelEvent::MenuClicked { key: "HELP".into() }, Some(Trigger::Menu)),
    ] {
        let inbound = of(name, key);
        assert_eq!((event(&inbound), inbound.opens), (&expected, opens), "{name}");
        assert_eq!(inbound.raw_type, format!("event:{name}"));
        assert!(inbound.fetch.is_empty());
    }
    let position = both(
        "<MsgType>event</MsgType><Event>LOCATION</Event><Latitude>23.1</Latitude><Longitude>NaN</Longitude><Precision>1</Precision>",
        r#""MsgType":"event","Event":"LOCATION","Latitude":"23.1","Longitude":"NaN","Precision":1"#,
    );
    assert_eq!((event(&position), position.opens), (&ChannelEvent::Position { lat: Some(23.1), lon: None }, None));
}

#[test]
fn every_other_event_is_kept_with_all_its_fields() {
    for name in [
        "VIEW",
        "view_miniprogram",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
        "TEMPLATESENDJOBFINISH",
        "MASSSENDJOBFINISH",
        "PUBLISHJOBFINISH",
        "subscribe_msg_popup_event",
        "subscribe_msg_change_event",
        "subscribe_msg_sent_event",
        "kf_create_session",
        "kf_close_session",
        "kf_switch_session",
        "qualification_verify_success",
        "qualification_verify_fail",
        "naming_verify_success",
        "naming_verify_fail",
        "annual_renew",
        "verify_expired",
        "user_info_modified",
        "user_authorization_revoke",
        "user_authorization_cancellation",
        "user_enter_tempsession",
        "wxa_media_check",
        "debug_demo",
        "never_heard_of",
    ] {
        let inbound = both(
            &format!("<MsgType>event</MsgType><Event>{name}</Event><X><List><Y>1</Y></List><List><Y>2</Y></List></X>"),
            &format!(r#""MsgType":"event","Event":"{name}","X":{{"List":[{{"Y":1}},{{"Y":"2"}}]}}"#),
        );
        let fields = json!({
            "ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": "1751000000", "MsgType": "event",
            "Event": name, "X": {"List": [{"Y": "1"}, {"Y": "2"}]},
        });
        assert_eq!(event(&inbound), &ChannelEvent::Reported { event: name.into(), fields });
        assert_eq!(inbound.opens, name.starts_with("scancode").then_some(Trigger::Menu), "{name}");
    }
    let sent = both(
        "<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>200163836</MsgID><Status>success</Status>",
        r#""MsgType":"event","Event":"TEMPLATESENDJOBFINISH","MsgID":200163836,"Status":"success""#,
    );
    assert_eq!(sent.ext_id.as_deref(), Some("200163836"));
}

#[test]
fn keys_tell_apart_what_is_different_and_nothing_else() {
    let key = |from: &str, rest: &str| {
        let xml = format!("<xml><FromUserName>{from}</FromUserName><CreateTime>5</CreateTime>{rest}</xml>");
        read(&xml, WechatFormat::Xml).dedupe
    };
    let text = "<MsgType>text</MsgType><MsgId>1</MsgId>";
    assert_eq!(key("o1", text), key("o1", text));
    assert_ne!(key("o1", text), key("o2", text));
    let event = |name: &str, rest: &str| key("o1", &format!("<MsgType>event</MsgType><Event>{name}</Event>{rest}"));
    assert_eq!(event("CLICK", "<EventKey>a</EventKey>"), event("click", "<EventKey>a</EventKey>"));
    let distinct = [
        event("CLICK", "<EventKey>a</EventKey>"),
        event("CLICK", "<EventKey>b</EventKey>"),
        event("VIEW", "<EventKey>a</EventKey>"),
        event("LOCATION", ""),
        event("wxa_media_check", "<trace_id>1</trace_id>"),
        event("wxa_media_check", "<trace_id>2</trace_id>"),
        event("MASSSENDJOBFINISH", "<MsgID>1</MsgID>"),
        event("SCAN", "<Ticket>1</Ticket>"),
        key("o1", "<MsgType>text</MsgType><Content>a</Content>"),
        key("o1", "<MsgType>text</MsgType><Content>b</Content>"),
    ];
    let unique: std::collections::HashSet<_> = distinct.iter().collect();
    assert_eq!(unique.len(), distinct.len());
}

#[test]
fn odd_times_and_senders() {
    let with = |from: &str, created: &str, rest: &str| {
        let xml = format!(
            "<xml><FromUserName><![CDATA[{from}]]></FromUserName><CreateTime>{created}</CreateTime>{rest}</xml>"
        );
        translate(&document::parse(&xml, WechatFormat::Xml).unwrap(), NOW).map(|inbound| inbound.sent_at)
    };
    let text = "<MsgType>text</MsgType>";
    for (created, at) in [("0", 0), ("4300000000", 4_300_000_000_000), ("-5", -5000), ("", NOW.0), ("x", NOW.0)] {
        assert_eq!(with("o1", created, text), Ok(Millis(at)), "{created}");
    }
    assert!(with("o'%/ 😀", "1", text).is_ok());
    assert_eq!(with(&"o".repeat(65), "1", text), Err(Unusable::Sender));
    assert_eq!(with("", "1", text), Err(Unusable::Sender));
    assert_eq!(with("o1", "1", ""), Err(Unusable::Type));
    assert_eq!(with("o1", "1", "<MsgType></MsgType>"), Err(Unusable::Type));
    assert_eq!(with("o1", "1", "<MsgType>event</MsgType>"), Err(Unusable::Type));
}
