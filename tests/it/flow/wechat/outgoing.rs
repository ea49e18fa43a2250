//! What agents send to WeChat besides plain lines (52), and long texts.

use serde_json::json;
use yizhan::simulator::{Act, Kind, Via};

use super::{sent_texts, served, spoil};
use crate::support::{Agent, PATIENCE, TestApp};

/// 52: a link card, a menu whose choice comes back, and a card that the account may not send.
#[tokio::test(flavor = "multi_thread")]
async fn articles_menus_and_cards_go_out_as_what_they_are() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o52-out").await;
    let item = json!({ "title": "信用卡权益", "desc": "一页看懂", "url": "https://example.com/card" });
    li.sends(&conv, "article", json!({ "items": [item] })).await.unwrap();
    let news = phone.expects(PATIENCE, |m| m.kind == Kind::News).await.unwrap();
    assert_eq!(news.items.unwrap()[0]["title"], "信用卡权益");

    let options = json!([{ "key": "101", "label": "满意" }, { "key": "102", "label": "不满意" }]);
    let menu = json!({ "prompt": "您对服务满意吗", "options": options, "tail": "谢谢" });
    li.sends(&conv, "menu", menu).await.unwrap();
    let shown = phone.expects(PATIENCE, |m| m.kind == Kind::Menu).await.unwrap();
    assert_eq!((shown.text.as_deref(), shown.tail.as_deref()), (Some("您对服务满意吗"), Some("谢谢")));
    phone.does(Act::Text { content: "满意".into(), menu_id: Some("101".into()) }).unwrap();
    let choice = li.expects_kind("choice").await;
    assert_eq!(choice["d"]["body"], json!({ "key": "101", "label": "满意" }));

    let png = li.uploads(&app, "封面.png", "image/png", include_bytes!("../../../fixture/pixel.png")).await;
    let card = json!({ "appid": "wxaaaaaaaaaaaaaaaa", "path": "pages/index", "title": "小程序", "thumb": png });
    let sent = li.sends(&conv, "card", card).await.unwrap();
    let state = li.settled(&sent["id"]).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("failed"), &json!("forbidden")), "it is not linked: {state}");
    assert!(state["detail"].as_str().unwrap().contains("rid:"), "the platform's words are kept: {state}");
}

/// Two cards do not fit one message of the platform; the customer still gets both links.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_cannot_show_arrives_as_text() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o52-text").await;
    let items =
        json!([{ "title": "一", "url": "https://example.com/1" }, { "title": "二", "url": "https://example.com/2" }]);
    li.sends(&conv, "article", json!({ "items": items })).await.unwrap();
    phone.expects_text("一 https://example.com/1\n二 https://example.com/2", PATIENCE).await.unwrap();
    li.sends(&conv, "location", json!({ "lat": 31.2, "lon": 121.4, "label": "网点" })).await.unwrap();
    phone.expects_text("[位置] 网点", PATIENCE).await.unwrap();
    li.sends(&conv, "link", json!({ "title": "官网", "desc": "", "url": "https://example.com" })).await.unwrap();
    phone.expects(PATIENCE, |m| m.kind == Kind::News).await.unwrap();
    let noted = li.sends(&conv, "note", json!({ "text": "客户着急" })).await.unwrap();
    assert!(noted["seq"].is_i64());
    assert!(!sent_texts(&phone).iter().any(|text| text.contains("着急")));
}

/// The platform has no files: the customer gets a link, also when the file is joined to the line before it because
/// little may be sent any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_as_a_link_and_keeps_it_when_it_is_joined() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o52-file").await;
    for text in ["一", "二"] {
        let sent = li.says(&conv, text).await;
        li.expects_receipt(&sent["id"], "delivered").await;
    }
    spoil(&app, json!({ "errcode": -1, "times": 1 }));
    let line = li.says(&conv, "请看附件").await;
    let pdf = li.uploads(&app, "对账单.pdf", "application/pdf", b"%PDF-1.7 ...").await;
    let file = li.sends(&conv, "file", json!({ "media": pdf, "name": "对账单.pdf" })).await.unwrap();
    li.expects_receipt(&line["id"], "delivered").await;
    li.expects_receipt(&file["id"], "delivered").await;
    let shown = phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|t| t.contains("对账单.pdf"))).await.unwrap();
    let text = shown.text.unwrap();
    assert!(text.starts_with("请看附件\n"), "joined: {text}");
    let url = text.rsplit(' ').next().unwrap();
    assert!(url.contains("/media/"), "{text}");
}

/// A text of 5,000 bytes is more than one message; its parts arrive in order and are one message to the agent.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_arrives_in_parts_and_in_order() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o-long").await;
    let before = sent_texts(&phone).len();
    let long: String = (0..).map(|n| format!("第{n}条规定。")).take(300).collect();
    assert!(long.len() > 5_000 && long.chars().count() <= 4_000, "{} bytes", long.len());
    let sent = li.says(&conv, &long).await;
    li.expects_receipt(&sent["id"], "delivered").await;
    let parts = sent_texts(&phone).split_off(before);
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.len() <= 2048));
    assert_eq!(parts.concat(), long);
    let next = li.says(&conv, "完").await;
    li.expects_receipt(&next["id"], "delivered").await;
    let last = phone.expects(PATIENCE, |m| m.via == Via::Custom && m.text.as_deref() == Some("完")).await.unwrap();
    assert_eq!(phone.messages().last().map(|m| m.id.clone()), Some(last.id));
}

/// A process that has its tables to itself knows, once it is back, that nobody makes the call any more: the agent is told at
/// once that the outcome is unknown, and the call is not repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_killed_process_had_begun_becomes_uncertain_when_it_is_back() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o-cut").await;
    spoil(&app, json!({ "delay_ms": 60_000, "after_accept": true, "times": 1 }));
    let sent = li.says(&conv, "不知道到了没有").await;
    phone.expects_text("不知道到了没有", PATIENCE).await.unwrap();
    let folder = app.dies().await.unwrap();
    let app = TestApp::with().again(folder).start().await;
    let mut li = Agent::resumes(&app, li, json!([{ "conv": conv, "epoch": "", "seq": 0 }])).await;
    let stands = async || {
        let log = li.socket.request("history", json!({ "conv": conv, "limit": 200 })).await.unwrap();
        let of = log["receipts"].as_array().unwrap().iter().find(|receipt| receipt["id"] == sent["id"]).cloned();
        of.filter(|receipt| receipt["state"] == "uncertain").map(drop)
    };
    app.eventually("the agent sees that it is uncertain", stands).await;
    assert!(app.platform.ledger(None).sends.is_empty(), "nobody repeats it");
}
