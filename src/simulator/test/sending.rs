//! Customer-service messages: windows, quotas, types and their errors; typing.

use std::time::Duration;

use serde_json::{Value, json};

use super::{APPID, House, OTHER, SOON};
use crate::simulator::{Act, Actor, Kind, Via};

async fn says(actor: &Actor, text: &str) {
    let push = actor.says(text).unwrap();
    actor.settled(&push, SOON).await.unwrap();
}

#[tokio::test]
async fn a_message_opens_five_for_two_days_and_not_more() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    says(&actor, "hi").await;
    for number in 1..=5 {
        assert_eq!(house.send_text(&token, "o1", &format!("no {number}")).await, 0);
    }
    assert_eq!(house.send_text(&token, "o1", "no 6").await, 45047);
    let first = actor.expects_text("no 1", SOON).await.unwrap();
    assert_eq!((first.kind, first.via), (Kind::Text, Via::Custom));
    says(&actor, "again").await;
    house.clock.turn(Duration::from_secs(48 * 3600));
    let token = house.token(APPID).await;
    assert_eq!(house.send_text(&token, "o1", "late").await, 45015);
    let sends = house.platform.ledger(Some(APPID)).sends;
    assert_eq!(sends.iter().map(|send| send.errcode).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 45047, 45015]);
}

#[tokio::test]
async fn following_and_menu_messages_open_three_for_a_minute() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    for _ in 0..3 {
        assert_eq!(house.send_text(&token, "o1", "x").await, 0);
    }
    assert_eq!(house.send_text(&token, "o1", "x").await, 45047);
    let tap = Act::Text { content: "Good".into(), menu_id: Some("101".into()) };
    let push = actor.does(tap).unwrap();
    let entry = actor.settled(&push, SOON).await.unwrap();
    assert!(entry.body.contains("<bizmsgmenuid><![CDATA[101]]></bizmsgmenuid>"));
    assert_eq!(house.send_text(&token, "o1", "x").await, 0);
    house.clock.turn(Duration::from_secs(61));
    assert_eq!(house.send_text(&token, "o1", "x").await, 45015);
}

#[tokio::test]
async fn who_cannot_be_written_to() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let (token, foreign) = (house.token(APPID).await, house.token(OTHER).await);
    house.platform.actor(APPID, "stranger").unwrap();
    assert_eq!(house.send_text(&token, "nobody", "x").await, 40003);
    assert_eq!(house.send_text(&foreign, "o1", "x").await, 40003);
    assert_eq!(house.send_text(&token, "stranger", "x").await, 43004);
    house.http.post(format!("{}/api/phone/o1/receive", house.base)).body("{\"on\":false}").send().await.unwrap();
    assert_eq!(house.send_text(&token, "o1", "x").await, 48002);
    let push = actor.unfollows().unwrap();
    actor.settled(&push, SOON).await.unwrap();
    assert_eq!(house.send_text(&token, "o1", "x").await, 45015);
}

#[tokio::test]
async fn an_unverified_account_may_not_send_at_all() {
    let house = House::with(|account| account.temper.verified = false);
    house.follower("o1").await;
    let token = house.token(APPID).await;
    assert_eq!(house.send_text(&token, "o1", "x").await, 48001);
}

#[tokio::test]
async fn malformed_messages_get_their_code() {
    let house = House::open();
    house.follower("o1").await;
    let token = house.token(APPID).await;
    let path = format!("/cgi-bin/message/custom/send?access_token={token}");
    let article = json!({ "title": "t", "description": "d", "url": "u", "picurl": "p" });
    let with =
        |msgtype: &str, object: Value| json!({ "touser": "o1", "msgtype": msgtype, msgtype: object }).to_string();
    let cases = [
        (String::new(), 44002),
        ("{".to_owned(), 47001),
        ("[]".to_owned(), 47001),
        (r#"{"touser":"o1","msgtype":"text","text":{"content":"\u4f60"}}"#.to_owned(), 47002),
        (with("hologram", json!({})), 40008),
        (with("text", json!({ "content": "" })), 44004),
        (with("text", json!({ "content": "x".repeat(2049) })), 45002),
        (with("text", json!({ "content": "<a data-miniprogram-appid=\"wxother\">x</a>" })), 45064),
        (with("image", json!({ "media_id": "nope" })), 40007),
        (with("news", json!({ "articles": [article, article] })), 45008),
        (with("news", json!({ "articles": [] })), 44004),
        (with("link", json!({ "title": "t" })), 45050),
        (with("miniprogrampage", json!({ "appid": "wxother", "pagepath": "p" })), 45086),
        (
            json!({ "touser": "o1", "msgtype": "text", "text": { "content": "x" }, "customservice": { "kf_account": "nobody" } })
                .to_string(),
            65401,
        ),
    ];
    for (body, code) in cases {
        let answer = house.post_text(&path, body.clone()).await;
        assert_eq!(answer["errcode"], code, "{body} {answer}");
    }
    assert_eq!(house.send_text(&token, "o1", "none of these used up the window").await, 0);
}

#[tokio::test]
async fn cards_are_shown_as_cards() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    says(&actor, "hi").await;
    let token = house.token(APPID).await;
    let send = |body: Value| {
        let (house, token) = (&house, &token);
        async move { house.send(token, &body).await }
    };
    let news = json!({ "touser": "o1", "msgtype": "news", "news": { "articles": [{ "title": "t", "url": "u" }] } });
    assert_eq!(send(news).await, 0);
    let shown = actor.expects(SOON, |message| message.kind == Kind::News).await.unwrap();
    assert_eq!(shown.items.unwrap()[0]["title"], "t");
    let menu = json!({ "touser": "o1", "msgtype": "msgmenu", "msgmenu": {
        "head_content": "ok?", "list": [{ "id": "101", "content": "Good" }], "tail_content": "thanks" } });
    assert_eq!(send(menu).await, 0);
    let shown = actor.expects(SOON, |message| message.kind == Kind::Menu).await.unwrap();
    assert_eq!((shown.text.as_deref(), shown.tail.as_deref()), (Some("ok?"), Some("thanks")));
    assert_eq!(shown.items.unwrap(), json!([{ "id": "101", "content": "Good" }]));
    let named = json!({ "touser": "o1", "msgtype": "text", "text": { "content": "x" },
        "customservice": { "kf_account": "li@demo" }, "aimsgcontext": { "is_ai_msg": 1 } });
    assert_eq!(send(named).await, 0);
    let shown = actor.expects_text("x", SOON).await.unwrap();
    assert_eq!((shown.by.as_deref(), shown.ai), (Some("li@demo"), true));
}

#[tokio::test]
async fn typing_is_shown_once_and_only_in_a_lively_conversation() {
    let house = House::open();
    let actor = house.follower("o1").await;
    says(&actor, "hi").await;
    let token = house.token(APPID).await;
    let path = format!("/cgi-bin/message/custom/typing?access_token={token}");
    let typing = |command: &str| {
        let body = json!({ "touser": "o1", "command": command });
        let (house, path) = (&house, &path);
        async move { house.post(path, &body).await["errcode"].as_i64().unwrap() }
    };
    assert_eq!(typing("Knocking").await, 45072);
    assert_eq!(typing("Typing").await, 0);
    assert_eq!(typing("Typing").await, 45081);
    assert_eq!(typing("CancelTyping").await, 0);
    house.clock.turn(Duration::from_secs(31));
    assert_eq!(typing("Typing").await, 45080);
}
