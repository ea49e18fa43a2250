//! Pushes: modes, formats, repeats, answers, keys, and inputs that no phone makes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::gateway::Tell;
use super::{APPID, GH_ID, House, SOON};
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::secret::Secret;
use crate::simulator::{Act, FAILURE_TEXT, From, Raw, State, Timing};

fn raw(fields: &Value) -> Raw {
    Raw { fields: fields.as_object().cloned(), ..Raw::default() }
}

#[tokio::test]
async fn a_text_arrives_in_every_mode_and_format() {
    for mode in [WechatMode::Plain, WechatMode::Compatible, WechatMode::Safe] {
        for format in [WechatFormat::Xml, WechatFormat::Json] {
            let house = House::with(|account| (account.mode, account.format) = (mode, format));
            let actor = house.follower("o1").await;
            let push = actor.says("你好 😀 ]]> <b>").unwrap();
            let entry = actor.settled(&push, SOON).await.unwrap();
            assert_eq!(entry.answer.unwrap().kind, "success");
            let received = house.gateway.received(2).await.remove(1);
            assert_eq!(received.query["openid"], "o1");
            assert_eq!(received.query["tenant"], "demo", "the address keeps its own parameters");
            assert_eq!(received.query.contains_key("msg_signature"), mode != WechatMode::Plain);
            assert_eq!(received.envelope.contains("MsgId"), mode != WechatMode::Safe);
            let id = entry.msg_id.unwrap();
            assert!(id.parse::<u64>().unwrap() > 1 << 53);
            if format == WechatFormat::Xml {
                let split = "<Content><![CDATA[你好 😀 ]]]]><![CDATA[> <b>]]></Content>";
                assert!(received.message.contains(split), "{}", received.message);
                assert!(received.message.ends_with(&format!("<MsgId>{id}</MsgId></xml>")));
            } else {
                let message: Value = serde_json::from_str(&received.message).unwrap();
                assert_eq!(message["Content"], "你好 😀 ]]> <b>");
                assert_eq!(message["MsgId"].to_string(), id);
                assert_eq!((message["ToUserName"].as_str(), message["MsgType"].as_str()), (Some(GH_ID), Some("text")));
            }
        }
    }
}

#[tokio::test]
async fn every_way_to_fail_leads_to_three_deliveries_of_the_same_message_and_the_failure_text() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    house.gateway.tell([Tell::Late(Duration::from_secs(4)), Tell::Body(500, String::new()), Tell::Cut]);
    let push = actor.says("hello").unwrap();
    let entry = actor.settled(&push, SOON).await.unwrap();
    let failures: Vec<_> = entry.attempts.iter().map(|attempt| attempt.failure.clone().unwrap()).collect();
    assert_eq!(failures.len(), 3);
    assert!(failures[0].starts_with("no answer within") && failures[1] == "status 500", "{failures:?}");
    assert!(failures[2].starts_with("the connection broke"), "{failures:?}");
    let received = house.gateway.received(4).await;
    assert_eq!(received[1].message, received[2].message);
    assert_eq!(received[2].message, received[3].message);
    assert_ne!(received[1].query["nonce"], received[2].query["nonce"], "each delivery is signed anew");
    let notice = actor.expects(SOON, |message| message.from == From::System).await.unwrap();
    assert_eq!(notice.text.as_deref(), Some(FAILURE_TEXT));
    let said = actor.messages().into_iter().find(|message| message.id == push).unwrap();
    assert_eq!(said.state, Some(State::Failed));
}

#[tokio::test]
async fn by_default_each_delivery_waits_for_its_slot_even_when_the_one_before_failed_early() {
    let timing = Timing { answer_within_ms: 1_000, ..Timing::default() };
    let house = House::timed(timing, |_| {});
    let actor = house.follower("o1").await;
    house.gateway.tell([Tell::Body(500, String::new()), Tell::Body(200, "ok".into())]);
    let began = Instant::now();
    let push = actor.says("hello").unwrap();
    let entry = actor.settled(&push, SOON).await.unwrap();
    assert_eq!((entry.attempts.len(), entry.answer.unwrap().kind), (3, "success"));
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_refused_connection_fails_too_and_an_unfollow_fails_silently() {
    let house = House::open();
    let actor = house.follower("o1").await;
    house.platform.set_callback(APPID, "http://127.0.0.1:1/").unwrap();
    let push = actor.unfollows().unwrap();
    let entry = actor.settled(&push, SOON).await.unwrap();
    assert_eq!(entry.attempts.len(), 3);
    assert!(entry.attempts[0].failure.as_ref().unwrap().starts_with("cannot connect"));
    assert!(actor.messages().is_empty());
}

#[tokio::test]
async fn the_second_delivery_may_bring_the_reply_and_it_is_shown_once() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    house.gateway.tell([Tell::Late(Duration::from_secs(4)), Tell::Text("您好".into())]);
    let push = actor.says("hi").unwrap();
    actor.expects_text("您好", SOON).await.unwrap();
    let entry = actor.settled(&push, SOON).await.unwrap();
    assert_eq!(entry.attempts.len(), 2);
    assert_eq!(entry.answer.unwrap().kind, "reply");
    assert_eq!(actor.messages().iter().filter(|message| message.from == From::Account).count(), 1);
}

#[tokio::test]
async fn replies_are_shown_as_the_platform_would() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let item = "<item><Title>t</Title><Description>d</Description><PicUrl>p</PicUrl><Url>u</Url></item>";
    let two = format!("<MsgType>news</MsgType><ArticleCount>2</ArticleCount><Articles>{item}{item}</Articles>");
    let cases = [
        (Tell::Message(two), Some("1 articles were dropped"), true),
        (Tell::Text("好".repeat(700)), Some("a text of more than 2048 bytes is not shown"), false),
        (
            Tell::Message("<MsgType>image</MsgType><Image><MediaId>nope</MediaId></Image>".into()),
            Some("invalid MediaId"),
            false,
        ),
        (Tell::Message("<MsgType>transfer_customer_service</MsgType>".into()), None, false),
    ];
    for (tell, problem, shown) in cases {
        house.gateway.tell([tell]);
        let push = actor.says("hi").unwrap();
        let answer = actor.settled(&push, SOON).await.unwrap().answer.unwrap();
        assert_eq!((answer.problem.as_deref(), answer.shown), (problem, shown));
    }
}

#[tokio::test]
async fn acts_become_the_events_of_the_documentation() {
    let house = House::with(|account| {
        account.temper.menu = serde_json::from_value(json!([
            {"name": "a", "type": "click", "key": "K"},
            {"name": "b", "sub": [{"name": "c", "type": "view", "url": "https://x/"}, {"name": "d", "type": "scancode_waitmsg", "key": "S"}]},
        ]))
        .unwrap();
    });
    let actor = house.platform.actor(APPID, "o1").unwrap();
    let acts = [
        (Act::Scan { scene: "42".into() }, "subscribe", "qrscene_42"),
        (Act::Scan { scene: "shop".into() }, "SCAN", "shop"),
        (Act::Tap { key: "K".into(), scanned: None }, "CLICK", "K"),
        (Act::Tap { key: "https://x/".into(), scanned: None }, "VIEW", "https://x/"),
        (Act::Tap { key: "S".into(), scanned: Some("690".into()) }, "scancode_waitmsg", "<ScanResult><![CDATA[690]]>"),
        (Act::Position { lat: 23.1, lon: 113.3 }, "LOCATION", "<Latitude>23.100000</Latitude>"),
        (Act::Unfollow, "unsubscribe", "<EventKey>"),
    ];
    for (number, (act, event, part)) in acts.into_iter().enumerate() {
        let push = actor.does(act).unwrap();
        let entry = actor.settled(&push, SOON).await.unwrap();
        assert_eq!((entry.event.as_deref(), entry.msg_id), (Some(event), None));
        let received = house.gateway.received(number + 1).await.remove(number);
        assert!(received.message.contains(part), "{}", received.message);
    }
    assert!(actor.does(Act::Tap { key: "K".into(), scanned: None }).is_err(), "only followers see the menu");
}

#[tokio::test]
async fn what_is_said_in_order_leaves_in_order() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let said: Vec<String> = (0..20).map(|number| format!("no {number}")).collect();
    let pushes: Vec<String> = said.iter().map(|text| actor.says(text).unwrap()).collect();
    for push in &pushes {
        actor.settled(push, SOON).await.unwrap();
    }
    let received = house.gateway.received(21).await;
    for (text, delivery) in said.iter().zip(received.iter().skip(1)) {
        assert!(delivery.message.contains(&format!("[{text}]")), "{text}: {}", delivery.message);
    }
}

#[tokio::test]
async fn a_key_change_lets_stragglers_and_repeats_go_under_the_old_key() {
    const NEW: &str = "0000000000000000000000000000000000000000000";
    let house = House::open();
    let actor = house.follower("o1").await;
    house.gateway.add_key(NEW);
    house.gateway.tell([Tell::Late(Duration::from_secs(4))]);
    let under_way = actor.says("under way").unwrap();
    house.gateway.received(2).await;
    house.platform.rotate(APPID, None, Some(Secret::new(NEW.into())), 1).unwrap();
    let straggler = actor.says("straggler").unwrap();
    let new = actor.says("new").unwrap();
    for (push, old_key, attempts) in [(under_way, false, 2), (straggler, true, 1), (new, false, 1)] {
        let entry = actor.settled(&push, SOON).await.unwrap();
        assert_eq!((entry.old_key, entry.attempts.len()), (old_key, attempts), "{entry:?}");
        assert_eq!(entry.answer.unwrap().kind, "success");
    }
    assert!(house.platform.rotate(APPID, None, Some(Secret::new("short".into())), 0).is_err());
}

#[tokio::test]
async fn raw_pushes_carry_whatever_they_are_given() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let cases = [
        (raw(&json!({"Content": "a\u{1d}b"})), "<![CDATA[a\u{1d}b]]>"),
        (
            raw(&json!({"Content": {"$raw": "<![CDATA[a]]><![CDATA[b]]>"}})),
            "<Content><![CDATA[a]]><![CDATA[b]]></Content>",
        ),
        (raw(&json!({"MsgType": "hologram", "MsgId": 7})), "<MsgId>7</MsgId>"),
        (
            raw(&json!({"MsgType": "event", "Event": "x", "CreateTime": 1, "List": [{"a": 1}, {"a": 2}]})),
            "<List><a>1</a></List><List>",
        ),
        (Raw { xml: Some("<xml><ToUserName>{to}</ToUserName><MsgId>{id}</MsgId>".into()), ..Raw::default() }, GH_ID),
    ];
    for (number, (raw, part)) in cases.into_iter().enumerate() {
        let push = actor.pushes(raw).unwrap();
        actor.settled(&push, SOON).await.unwrap();
        let received = house.gateway.received(number + 2).await.remove(number + 1);
        assert!(received.message.contains(part), "{}", received.message);
    }
    assert!(actor.pushes(Raw::default()).is_err());
}

#[tokio::test]
async fn the_same_msg_id_may_be_pushed_for_several_people_and_several_times() {
    let house = House::open();
    for openid in ["o1", "o2"] {
        let actor = house.follower(openid).await;
        let fields = json!({"MsgId": 99, "Content": "hi"});
        let push = actor.pushes(Raw { copies: Some(2), ..raw(&fields) }).unwrap();
        actor.settled(&push, SOON).await.unwrap();
    }
    let received = house.gateway.received(6).await;
    assert_eq!(received.iter().filter(|delivery| delivery.message.contains("<MsgId>99</MsgId>")).count(), 4);
}

#[tokio::test]
async fn the_callback_address_is_verified_and_a_forgery_is_expected_to_be_refused() {
    let house = House::open();
    assert!(house.platform.verify(APPID, false).await.unwrap().ok);
    let forged = house.platform.verify(APPID, true).await.unwrap();
    assert_eq!((forged.ok, forged.status), (false, Some(403)));
}
