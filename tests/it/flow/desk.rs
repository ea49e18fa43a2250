//! The desk: queues, offers, transfers, ends. Numbers are those of the acceptance scenarios.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Agent, TestApp, Visitor};

fn with_capacity(capacity: u32) -> impl FnOnce(String) -> String {
    move |toml| toml.replace("capacity = 5", &format!("capacity = {capacity}"))
}

/// Waits until the session of a conversation is in a state.
async fn session_is(visitor: &mut Visitor, state: &str) -> Value {
    visitor.socket.push("session", |frame| frame["d"]["state"] == state).await["d"].clone()
}

/// An agent's page says at once how far it is in all conversations: that is written together, and not one by one.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_of_one_page_are_written_together() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let (mut acks, mut visitors) = (Vec::new(), Vec::new());
    for n in 1..=5 {
        let mut visitor = Visitor::arrives(&app, &format!("w{n}")).await;
        visitor.says("你好").await;
        let conv = li.takes_offer().await;
        acks.push(json!({ "op": "ack", "d": { "conv": conv["conv"], "seq": conv["last_seq"] } }));
        visitors.push(visitor);
    }
    // Each job that is committed with another saves a commit.
    let saved = async || app.metric("yizhan_store_commit_jobs").await - app.metric("yizhan_store_commits").await;
    let before = saved().await;
    li.socket.raw(&Value::Array(acks).to_string()).await;
    for visitor in &mut visitors {
        visitor.socket.push("receipt", |frame| frame["d"]["who"] == "li" && frame["d"]["delivered"] != 0).await;
    }
    assert!(saved().await - before >= 3.0, "five acknowledgements in two commits at most");
}

/// 6: three contacts, capacity for two; the third is offered when one ends.
#[tokio::test(flavor = "multi_thread")]
async fn the_third_customer_is_offered_as_soon_as_a_place_is_free() {
    let app = TestApp::with().declared(with_capacity(2)).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut convs = Vec::new();
    for n in 1..=2 {
        let mut visitor = Visitor::arrives(&app, &format!("w{n}")).await;
        visitor.says("你好").await;
        convs.push((li.takes_offer().await, visitor));
    }
    let mut third = Visitor::arrives(&app, "w3").await;
    third.says("你好").await;
    let queued = session_is(&mut third, "queued").await;
    assert_eq!(queued["queue"]["pos"], 1);
    assert!(!li.socket.has("offer"), "nobody is offered beyond capacity");
    let session = convs[0].0["session"]["session"].clone();
    li.socket.request("end", json!({ "session": session })).await.unwrap();
    let wrapup = li.socket.push("session", |f| f["d"]["session"] == session && f["d"]["state"] == "ended").await;
    let assignment = wrapup["d"]["assignment"]["assignment"].clone();
    li.socket.request("wrapup.done", json!({ "assignment": assignment })).await.unwrap();
    let offer = li.expects_offer().await;
    assert_eq!(offer["conv"], third.conv);
}

/// 9: a customer who cancels while being offered leaves no assignment behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_gone_once_the_customer_no_longer_waits() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let offer = li.expects_offer().await;
    visitor.socket.request("cancel_queue", json!({})).await.unwrap();
    li.socket.push("offer.revoke", |f| f["d"]["assignment"] == offer["assignment"]).await;
    let d = json!({ "assignment": offer["assignment"], "token": offer["token"] });
    let error = li.socket.request("offer.accept", d).await.unwrap_err();
    assert_eq!(error["code"], "offer_gone");
}

/// 10: an ignored offer goes to somebody else and keeps its place; three of them make the agent busy.
#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_offer_goes_to_the_next_agent() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let first = li.expects_offer().await;
    let mut wang = Agent::ready(&app, "wang").await;
    app.let_pass(Duration::from_secs(21));
    let revoked = li.socket.push("offer.revoke", |f| f["d"]["assignment"] == first["assignment"]).await;
    assert_eq!(revoked["d"]["reason"], "expired");
    let second = wang.expects_offer().await;
    assert_eq!(second["conv"], first["conv"]);
    assert!(second["waited_ms"].as_u64().unwrap() >= 20_000, "the original time counts: {second}");
    wang.accepts(&second).await;
}

/// 11: who rejects is not asked again before the pause is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_offer_comes_back_after_the_pause_and_not_before() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let offer = li.expects_offer().await;
    let d = json!({ "assignment": offer["assignment"], "token": offer["token"], "reason": "忙" });
    li.socket.request("offer.reject", d).await.unwrap();
    // Everything that was caused by the rejection has happened once a later request is answered.
    li.is("ready").await;
    assert!(!li.socket.has("offer"));
    app.let_pass(Duration::from_secs(16));
    let again = li.expects_offer().await;
    assert_eq!(again["conv"], offer["conv"]);
    assert_ne!(again["assignment"], offer["assignment"]);
}

/// 14: blind transfer; the old agent answers until the new one has accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_leaves_no_moment_without_an_agent() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("贷款").await;
    let conv = li.takes_offer().await;
    let mut wang = Agent::ready(&app, "wang").await;
    let d = json!({ "session": conv["session"]["session"], "to": { "agent": "wang" }, "note": "请看贷款" });
    li.socket.request("transfer", d).await.unwrap();
    let offer = wang.expects_offer().await;
    assert_eq!(offer["transfer_from"], "li");
    li.says(&conv["conv"], "稍等,正在为您转接").await;
    visitor.expects_text("稍等,正在为您转接").await;
    let taken = wang.accepts(&offer).await;
    assert!(wang.texts(&taken["conv"]).await.contains(&"贷款".to_owned()), "the history comes along");
    let d = json!({ "conv": conv["conv"], "cid": "late", "type": "text", "body": { "text": "晚了" } });
    let error = li.socket.request("send", d).await.unwrap_err();
    assert_eq!(error["code"], "not_in_control");
    wang.says(&taken["conv"], "您好,我是小王").await;
    visitor.expects_text("您好,我是小王").await;
}

/// 15: a transfer that nobody takes stays where it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_rejected_comes_back() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let mut wang = Agent::ready(&app, "wang").await;
    let d = json!({ "session": conv["session"]["session"], "to": { "agent": "wang" } });
    li.socket.request("transfer", d).await.unwrap();
    let offer = wang.expects_offer().await;
    let d = json!({ "assignment": offer["assignment"], "token": offer["token"] });
    wang.socket.request("offer.reject", d).await.unwrap();
    li.says(&conv["conv"], "我继续为您服务").await;
    visitor.expects_text("我继续为您服务").await;
}

/// xG19: transfers to nowhere are refused with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn transfers_to_nowhere_are_refused() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let session = &conv["session"]["session"];
    for (to, code) in [
        (json!({ "agent": "wang" }), "no_agent"),
        (json!({ "agent": "li" }), "bad_request"),
        (json!({ "agent": "stranger" }), "not_found"),
    ] {
        let error = li.socket.request("transfer", json!({ "session": session, "to": to })).await.unwrap_err();
        assert_eq!(error["code"], code, "{to}");
    }
}

/// 18: notes stay inside; edit and recall work for two minutes.
#[tokio::test(flavor = "multi_thread")]
async fn notes_never_reach_the_customer_and_recall_has_its_time() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let conv = &conv["conv"];
    li.sends(conv, "note", json!({ "text": "客户情绪激动" })).await.unwrap();
    let said = li.says(conv, "写错了").await;
    visitor.expects_text("写错了").await;
    assert!(visitor.socket.seen("msg").iter().all(|m| m["d"]["type"] != "note"));
    let history = visitor.socket.request("history", json!({ "conv": conv, "limit": 200 })).await.unwrap();
    assert!(!history.to_string().contains("客户情绪激动"), "not by history either");

    li.sends(conv, "recall", json!({ "target": said["id"] })).await.unwrap();
    let recall = visitor.socket.push("msg", |m| m["d"]["type"] == "recall").await;
    assert_eq!(recall["d"]["body"]["target"], said["id"]);

    let later = li.says(conv, "太晚了").await;
    app.let_pass(Duration::from_secs(121));
    let error = li.sends(conv, "recall", json!({ "target": later["id"] })).await.unwrap_err();
    assert_eq!(error["code"], "forbidden");
}

/// 19: a picture of 5 MB is taken, a file of 25 MB is not.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_a_limit() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let mut picture = include_bytes!("../../fixture/pixel.png").to_vec();
    picture.resize(5_000_000, 0);
    let media = li.uploads(&app, "大图.png", "image/png", &picture).await;
    li.sends(&conv["conv"], "image", json!({ "media": media })).await.unwrap();
    let shown = visitor.socket.push("msg", |m| m["d"]["type"] == "image").await;
    let url = shown["d"]["body"]["media"]["url"].as_str().unwrap().to_owned();
    assert_eq!(app.get(&url).send().await.unwrap().bytes().await.unwrap().len(), 5_000_000);
    let d = json!({ "name": "大.bin", "size": 25_000_000, "mime": "application/octet-stream" });
    assert_eq!(li.socket.request("upload", d).await.unwrap_err()["code"], "too_large");
}

/// 20: typing and reading are seen on the other side; the mark survives a reconnect.
#[tokio::test(flavor = "multi_thread")]
async fn typing_and_reading_are_seen_on_the_other_side() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let conv = conv["conv"].clone();
    visitor.socket.ask("typing", json!({ "conv": conv, "on": true })).await;
    let typing = li.socket.push("typing", |f| f["d"]["conv"] == conv).await;
    assert_eq!(typing["d"]["who"], "contact");
    li.socket.ask("typing", json!({ "conv": conv, "on": true })).await;
    visitor.socket.push("typing", |f| f["d"]["who"] == "li").await;

    let said = li.says(&conv, "请看").await;
    visitor.expects_text("请看").await;
    visitor.socket.ask("read", json!({ "conv": conv, "seq": said["seq"] })).await;
    let read = li.socket.push("receipt", |f| f["d"]["who"] == "contact" && f["d"]["read"] == said["seq"]).await;
    assert_eq!(read["d"]["conv"], conv);
    let mut again = Visitor::returns(&app, "w1", Some(&visitor.token)).await;
    assert_eq!(again.conv, conv, "the same visitor, the same conversation");
    assert_eq!(again.opened["conv"]["read"], said["seq"]);
    again.says("我回来了").await;
    li.expects_text("我回来了").await;
}

/// 4 and 5 without the flow engine: nobody there, so a message is left and becomes a ticket.
#[tokio::test(flavor = "multi_thread")]
async fn with_nobody_there_a_message_is_left() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("有人吗").await;
    visitor.socket.push("session", |f| f["d"]["control"]["holder"] == "leave_message").await;
    visitor.says("请回电 13800000000").await;
    let ended = session_is(&mut visitor, "ended").await;
    assert_eq!(ended["ended"]["reason"], "left_message");
    let li = Agent::ready(&app, "li").await;
    assert!(!li.socket.has("offer"), "nothing is waiting");
    li.socket.close().await;
}

/// 24: a capacity below the load ends nothing and offers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_capacity_ends_nothing() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitors = Vec::new();
    for n in 1..=2 {
        let mut visitor = Visitor::arrives(&app, &format!("w{n}")).await;
        visitor.says("你好").await;
        let conv = li.takes_offer().await;
        visitors.push((visitor, conv["conv"].clone()));
    }
    let d = json!({ "status": "ready", "capacity": 1 });
    let state = li.socket.request("presence.set", d).await.unwrap();
    assert_eq!((state["load"].as_i64(), state["capacity"].as_i64()), (Some(2), Some(1)));
    for (visitor, conv) in &mut visitors {
        li.says(conv, "还在").await;
        visitor.expects_text("还在").await;
    }
    let mut third = Visitor::arrives(&app, "w3").await;
    third.says("你好").await;
    session_is(&mut third, "queued").await;
    assert!(!li.socket.has("offer"));
}
