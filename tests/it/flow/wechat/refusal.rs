//! What the platform refuses, and what becomes of the message: repeated, held, parked, or shown to the agent.

use std::time::Duration;

use serde_json::json;

use super::{SEND, served, spoil};
use crate::support::{PATIENCE, TestApp};

fn sends_called(app: &TestApp) -> usize {
    app.platform.ledger(None).calls.iter().filter(|call| call.request.ends_with(SEND)).count()
}

/// 48001: an account that is not verified cannot send at all; the agent sees it, and nothing is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_the_permission_fails_where_the_agent_sees_it() {
    let app = TestApp::start().await;
    let (mut li, phone, conv) = served(&app, "o-unverified").await;
    spoil(&app, json!({ "errcode": 48001 }));
    let before = sends_called(&app);
    let sent = li.says(&conv, "收得到吗").await;
    let state = li.settled(&sent["id"]).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("failed"), &json!("forbidden")), "{state}");
    assert!(state["detail"].as_str().unwrap().contains("api unauthorized"), "{state}");
    assert_eq!(sends_called(&app), before + 1, "once is enough to know");
    app.platform.clear_faults();
    for text in ["一", "二", "三", "四"] {
        let sent = li.says(&conv, text).await;
        li.expects_receipt(&sent["id"], "delivered").await;
    }
    assert!(!phone.messages().iter().any(|m| m.text.as_deref() == Some("收得到吗")));
}

/// 45015: the platform knows better than our ledger; the message waits for the customer.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_closed_holds_the_message_until_the_customer_writes() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o-closed").await;
    spoil(&app, json!({ "errcode": 45015, "times": 1 }));
    let first = li.says(&conv, "第一句").await;
    let state = li.settled(&first["id"]).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("held"), &json!("channel_window_closed")), "{state}");
    let window = li.socket.push("window", |f| f["d"]["conv"] == conv && f["d"]["left"] == 0).await;
    assert_eq!(window["d"]["left"], 0);
    let calls = sends_called(&app);
    let second = li.says(&conv, "第二句").await;
    let state = li.settled(&second["id"]).await;
    assert_eq!((&state["state"], &state["code"]), (&json!("held"), &json!("channel_window_closed")), "{state}");
    assert_eq!(sends_called(&app), calls, "the platform is not asked again");
    phone.says("我在").unwrap();
    li.socket.push("window", |f| f["d"]["conv"] == conv && f["d"]["left"] == 5).await;
    phone.expects_text("第一句", PATIENCE).await.unwrap();
    phone.expects_text("第二句", PATIENCE).await.unwrap();
    li.expects_receipt(&first["id"], "delivered").await;
    li.expects_receipt(&second["id"], "delivered").await;
}

/// 40001: the token is worthless; one new one, one more try.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_once_and_the_message_arrives_once() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o-token").await;
    let (calls, tokens) = (sends_called(&app), app.platform.ledger(None).tokens.len());
    app.platform.revoke_tokens(crate::support::app::APPID).unwrap();
    let sent = li.says(&conv, "换了钥匙").await;
    li.expects_receipt(&sent["id"], "delivered").await;
    phone.expects_text("换了钥匙", PATIENCE).await.unwrap();
    assert_eq!(sends_called(&app), calls + 2, "refused once, repeated once");
    assert_eq!(app.platform.ledger(None).tokens.len(), tokens + 1, "one new token");
    assert_eq!(phone.messages().iter().filter(|m| m.text.as_deref() == Some("换了钥匙")).count(), 1);
}

/// −1: busy; again after a pause, in order, and the quota does not suffer.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_platform_is_tried_again_and_the_order_stays() {
    let app = TestApp::start().await;
    let (mut li, phone, conv) = served(&app, "o-busy").await;
    spoil(&app, json!({ "errcode": -1, "times": 2 }));
    let mut ids = Vec::new();
    for text in ["一", "二", "三", "四"] {
        ids.push(li.says(&conv, text).await["id"].clone());
    }
    for id in &ids {
        li.expects_receipt(id, "delivered").await;
    }
    let shown = super::sent_texts(&phone).join("\n");
    let order: Vec<&str> = shown.lines().filter(|line| ["一", "二", "三", "四"].contains(line)).collect();
    assert_eq!(order, ["一", "二", "三", "四"]);
}

/// 45009: the account has used up its day; the message is parked, the agent knows why, and it leaves later.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_day_parks_the_message() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o-quota").await;
    spoil(&app, json!({ "errcode": 45009, "times": 1 }));
    let sent = li.says(&conv, "明天也行").await;
    let parked = li.socket.push("receipt", |f| f["d"]["id"] == sent["id"] && f["d"]["code"] == "channel_quota").await;
    assert_eq!(parked["d"]["state"], "sending", "it is not lost: {parked}");
    let calls = sends_called(&app);
    app.let_pass(Duration::from_secs(590));
    li.history(&conv).await;
    assert_eq!(sends_called(&app), calls, "not before the pause is over");
    app.let_pass(Duration::from_secs(15));
    phone.expects_text("明天也行", PATIENCE).await.unwrap();
    li.expects_receipt(&sent["id"], "delivered").await;
}
