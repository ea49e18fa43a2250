//! One service episode from connection to paperwork, and the next one: silence, wrap-up, breaks, coming back. Numbers
//! are those of the acceptance scenarios.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Agent, TestApp, Visitor};

async fn session_is(visitor: &mut Visitor, state: &str) -> Value {
    visitor.socket.push("session", |frame| frame["d"]["state"] == state).await["d"].clone()
}

/// The agent's share of a session that has just ended.
async fn wrapping_up(agent: &mut Agent, session: &Value) -> Value {
    let ended = agent.socket.push("session", |f| f["d"]["session"] == *session && f["d"]["state"] == "ended").await;
    let share = ended["d"]["assignment"].clone();
    assert_eq!(share["state"], "wrapup", "{share}");
    share
}

/// 13: who comes back in time continues with the same agent, although somebody else has less to do.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_offered_to_the_agent_they_know() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut other = Visitor::arrives(&app, "other").await;
    other.says("我一直在").await;
    li.takes_offer().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("贷款").await;
    let first = li.takes_offer().await;
    li.socket.request("end", json!({ "session": first["session"]["session"] })).await.unwrap();
    session_is(&mut visitor, "ended").await;
    let mut wang = Agent::ready(&app, "wang").await;
    visitor.says("还有个问题").await;
    let again = li.takes_offer().await;
    assert_eq!(again["conv"], first["conv"]);
    assert_ne!(again["session"]["session"], first["session"]["session"], "a new episode in the same log");
    assert!(li.texts(&again["conv"]).await.contains(&"贷款".to_owned()));
    assert!(!wang.socket.has("offer"), "the colleague had nothing to do and was not asked");
    // With 小李 away the colleague is asked.
    li.socket.request("end", json!({ "session": again["session"]["session"] })).await.unwrap();
    session_is(&mut visitor, "ended").await;
    li.is("break").await;
    visitor.says("再问一句").await;
    assert_eq!(wang.takes_offer().await["conv"], first["conv"]);
}

/// 13: after the time to come back the customer is a customer like any other.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_late_is_offered_to_whoever_has_least_to_do() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut other = Visitor::arrives(&app, "other").await;
    other.says("我一直在").await;
    li.takes_offer().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("贷款").await;
    let first = li.takes_offer().await;
    li.socket.request("end", json!({ "session": first["session"]["session"] })).await.unwrap();
    session_is(&mut visitor, "ended").await;
    app.let_pass(Duration::from_secs(1_801));
    let mut wang = Agent::ready(&app, "wang").await;
    visitor.says("我又来了").await;
    assert_eq!(wang.takes_offer().await["conv"], first["conv"]);
}

/// 21: a silent customer is asked after three minutes and let go after five; a word in between starts it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_customer_is_asked_once_and_then_let_go() {
    const ASKED: &str = "您还在吗？如果没有其他问题，2 分钟后将自动结束本次服务。";
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    li.says(&conv["conv"], "请稍等").await;
    app.let_pass(Duration::from_secs(181));
    visitor.expects_text(ASKED).await;
    visitor.says("在的").await;
    app.let_pass(Duration::from_secs(301));
    // Nobody owes the customer patience while it is the agent's turn.
    li.says(&conv["conv"], "查到了").await;
    visitor.expects_text("查到了").await;
    app.let_pass(Duration::from_secs(181));
    visitor.expects_text(ASKED).await;
    app.let_pass(Duration::from_secs(121));
    let ended = session_is(&mut visitor, "ended").await;
    assert_eq!((&ended["ended"]["by"], &ended["ended"]["reason"]), (&json!("timer"), &json!("contact_idle")));
    wrapping_up(&mut li, &conv["session"]["session"]).await;
    let asked = li.texts(&conv["conv"]).await.into_iter().filter(|text| text == ASKED).count();
    assert_eq!(asked, 2, "once per silence");
}

/// 22: the paperwork ends by itself, and the conversation leaves the list.
#[tokio::test(flavor = "multi_thread")]
async fn the_paperwork_ends_by_itself() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    visitor.socket.request("end", json!({})).await.unwrap();
    let share = wrapping_up(&mut li, &conv["session"]["session"]).await;
    assert!(share["until"].is_string(), "the console can count down: {share}");
    app.let_pass(Duration::from_secs(31));
    let gone = li.socket.push("conv.gone", |_| true).await;
    assert_eq!(gone["d"]["conv"], conv["conv"]);
}

/// 22: what the agent writes about the session is kept: how it ended, the labels, a note for colleagues.
#[tokio::test(flavor = "multi_thread")]
async fn disposition_labels_and_note_are_kept() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let session = conv["session"]["session"].clone();
    li.socket.request("tag", json!({ "session": session, "tags": ["贷款"] })).await.unwrap();
    li.socket.push("session", |f| f["d"]["tags"] == json!(["贷款"])).await;
    li.socket.request("end", json!({ "session": session, "reason": "resolved" })).await.unwrap();
    let share = wrapping_up(&mut li, &session).await;
    let paperwork = json!({
        "assignment": share["assignment"], "disposition": "已解决", "tags": ["贷款", "回访"], "note": "下周回访",
    });
    li.socket.request("wrapup.done", paperwork.clone()).await.unwrap();
    li.socket.push("session", |f| f["d"]["tags"] == json!(["贷款", "回访"])).await;
    li.socket.push("conv.gone", |f| f["d"]["conv"] == conv["conv"]).await;
    li.socket.request("wrapup.done", paperwork).await.expect("twice does no harm");
    let notes: Vec<Value> = li.history(&conv["conv"]).await.into_iter().filter(|m| m["type"] == "note").collect();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["body"]["text"], "下周回访");
    let seen = visitor.socket.request("history", json!({ "conv": conv["conv"], "limit": 200 })).await.unwrap();
    assert!(!seen.to_string().contains("回访"), "customers see neither labels nor notes");
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    let error = li.socket.request("tag", json!({ "session": session, "tags": many })).await.unwrap_err();
    assert_eq!(error["code"], "bad_request");
}

/// 23: a break is asked for while two are served: no new offers, and the two are finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_break_brings_no_new_offers_and_ends_nothing() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut served = Vec::new();
    for n in 1..=2 {
        let mut visitor = Visitor::arrives(&app, &format!("w{n}")).await;
        visitor.says("你好").await;
        let conv = li.takes_offer().await;
        served.push((visitor, conv));
    }
    let mut third = Visitor::arrives(&app, "w3").await;
    third.says("你好").await;
    let offer = li.expects_offer().await;
    let d = json!({ "status": "break", "reason": "午饭" });
    let state = li.socket.request("presence.set", d).await.unwrap();
    assert_eq!((&state["status"], &state["reason"]), (&json!("break"), &json!("午饭")));
    let revoked = li.socket.push("offer.revoke", |f| f["d"]["assignment"] == offer["assignment"]).await;
    assert_eq!(revoked["d"]["reason"], "not_ready");
    for (visitor, conv) in &mut served {
        li.says(&conv["conv"], "马上就好").await;
        visitor.expects_text("马上就好").await;
        li.socket.request("end", json!({ "session": conv["session"]["session"] })).await.unwrap();
        session_is(visitor, "ended").await;
    }
    let done = |f: &Value| f["d"]["agent"] == "li" && f["d"]["load"] == 0 && f["d"]["status"] == "break";
    li.socket.push("presence", done).await;
    assert!(!li.socket.has("offer"), "the third still waits for somebody else");
    li.is("ready").await;
    assert_eq!(li.takes_offer().await["conv"], third.conv);
}
