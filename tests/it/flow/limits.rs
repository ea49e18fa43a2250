//! What one client may ask, how often and how much (the catalogue's group G), through real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::interval;

use crate::support::{Agent, PATIENCE, Socket, TestApp, Visitor};

fn text(conv: &Value, cid: &str, text: &str) -> Value {
    json!({ "conv": conv, "cid": cid, "type": "text", "body": { "text": text } })
}

/// xG5: nothing is done for whoever has not signed in.
#[tokio::test(flavor = "multi_thread")]
async fn an_op_before_auth_ends_the_connection() {
    let app = TestApp::start().await;
    let unknown = json!("c_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    for (path, op, d) in [
        ("/ws/agent", "send", text(&unknown, "a", "x")),
        ("/ws/visitor", "open", json!({})),
        ("/ws/agent", "fly", json!({})),
        ("/ws/agent", "ping", json!({ "first": false })),
    ] {
        let mut socket = Socket::open(&app.address(), path, &app.base()).await;
        socket.ask(op, d).await;
        if op == "ping" {
            socket.push("pong", |_| true).await;
            socket.ask("history", json!({ "conv": unknown, "limit": 1 })).await;
        }
        assert_eq!(socket.expect_close().await, 4001, "{op}");
    }
}

/// The twenty-first message in ten seconds is refused with the time to wait; asking other things goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_message_in_ten_seconds_has_to_wait() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let conv = visitor.conv.clone();
    let mut asked = Vec::new();
    for n in 0..21 {
        asked.push(visitor.socket.ask("send", text(&conv, &format!("m{n}"), &format!("第{n}句"))).await);
    }
    let mut refused = Vec::new();
    for id in asked {
        match visitor.socket.reply(id).await {
            Ok(sent) => assert_eq!(sent["dup"], false),
            Err(error) => refused.push(error),
        }
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!((&refused[0]["code"], &refused[0]["retry"]), (&json!("rate_limited"), &json!(true)));
    let wait = refused[0]["after_ms"].as_u64().unwrap();
    assert!((1..=10_000).contains(&wait), "{wait}");
    visitor.socket.request("history", json!({ "conv": conv, "limit": 10 })).await.unwrap();
    li.takes_offer().await;
    assert_eq!(li.texts(&conv).await.iter().filter(|text| text.starts_with('第')).count(), 20);
}

/// xF11: pings without end.
#[tokio::test(flavor = "multi_thread")]
async fn pings_without_end_are_cut_off() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let mut beat = interval(Duration::from_millis(20));
    let flood = async {
        loop {
            beat.tick().await;
            visitor.socket.raw(r#"{"op":"ping"}"#).await;
            if let Some(bye) = visitor.socket.arrived("bye") {
                return bye;
            }
        }
    };
    let bye = tokio::time::timeout(PATIENCE, flood).await.expect("cut off");
    assert_eq!((&bye["d"]["code"], &bye["d"]["reconnect"]), (&json!(4008), &json!(true)));
    assert_eq!(visitor.socket.expect_close().await, 4008);
}

/// xG12: acks that make no sense are counted; the eleventh ends the connection, and the cursor has not moved.
#[tokio::test(flavor = "multi_thread")]
async fn acks_that_make_no_sense_end_the_connection_after_ten() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = visitor.conv.clone();
    for seq in ["18446744073709551616", "-1", "\"3\"", "1e300", "null", "18446744073709551616", "-5", "[]", "{}", "0.5"]
    {
        visitor.socket.raw(&format!(r#"{{"op":"ack","d":{{"conv":{conv},"seq":{seq}}}}}"#)).await;
    }
    visitor.socket.request("history", json!({ "conv": conv, "limit": 1 })).await.expect("ten are forgiven");
    visitor.socket.raw(&format!(r#"{{"op":"ack","d":{{"conv":{conv},"seq":-7}}}}"#)).await;
    assert_eq!(visitor.socket.expect_close().await, 4004);
    let again = Visitor::returns(&app, "w2", Some(&visitor.token)).await;
    assert_eq!((&again.opened["conv"]["delivered"], &again.opened["conv"]["read"]), (&json!(0), &json!(0)));
}

/// xG12: a place that the log does not have yet is ignored; the log's own head is not.
#[tokio::test(flavor = "multi_thread")]
async fn an_ack_beyond_the_log_moves_nothing() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await["conv"].clone();
    visitor.socket.ask("ack", json!({ "conv": conv, "seq": 1_000_000 })).await;
    let said = li.says(&conv, "请看").await;
    visitor.expects_text("请看").await;
    visitor.socket.ask("read", json!({ "conv": conv, "seq": said["seq"] })).await;
    li.socket.push("receipt", |f| f["d"]["who"] == "contact" && f["d"]["read"] == said["seq"]).await;
    let seen = li.socket.seen("receipt");
    assert!(seen.iter().all(|f| f["d"]["delivered"] != 1_000_000), "{seen:?}");
}

/// xG2, xG3, xG11, xG15: shapes and sizes.
#[tokio::test(flavor = "multi_thread")]
async fn shapes_and_sizes_have_their_limits() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let conv = visitor.conv.clone();
    let raw = |id: u32, rest: &str| format!(r#"{{"id":{id},{rest}}}"#);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for (id, frame) in [
        (901, raw(901, r#""op":"history","op":"open","d":{}"#)),
        (
            902,
            raw(
                902,
                &format!(
                    r#""op":"send","d":{{"conv":{conv},"cid":"k","cid":"l","type":"text","body":{{"text":"x"}}}}"#
                ),
            ),
        ),
        (903, raw(903, &format!(r#""op":"open","d":{{"entry":{deep}}}"#))),
        (
            904,
            raw(
                904,
                &format!(r#""op":"send","d":{{"conv":{conv},"cid":"s","type":"text","body":{{"text":"\ud800"}}}}"#),
            ),
        ),
    ] {
        visitor.socket.raw(&frame).await;
        assert_eq!(visitor.socket.reply(id).await.unwrap_err()["code"], "bad_request", "{frame}");
    }
    for cid in ["", "a b", "表", "a.b", &"x".repeat(65)] {
        let error = visitor.socket.request("send", text(&conv, cid, "x")).await.unwrap_err();
        assert_eq!(error["code"], "bad_request", "{cid}");
    }
    for cid in ["__proto__", "-", &"x".repeat(64)] {
        visitor.socket.request("send", text(&conv, cid, cid)).await.unwrap();
    }
    for (cid, said, code) in [
        ("l1", "字".repeat(4_001), "too_large"),
        ("l2", "  \n ".to_owned(), "bad_request"),
        ("l3", "\0".to_owned(), "bad_request"),
    ] {
        assert_eq!(visitor.socket.request("send", text(&conv, cid, &said)).await.unwrap_err()["code"], code, "{cid}");
    }
    visitor
        .socket
        .request("send", text(&conv, "l4", &"😀".repeat(4_000)))
        .await
        .expect("4,000 characters, however long");
    visitor.socket.request("send", text(&conv, "nul", "前\0后")).await.unwrap();
    let again = visitor.socket.request("send", text(&conv, "nul", "前\0后")).await.unwrap();
    assert_eq!(again["dup"], true, "what was stripped is compared stripped");
    visitor.expects_text("前后").await;
}

/// xG1: batches of up to 32 are answered one by one, larger ones not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_its_limit() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let conv = visitor.conv.clone();
    let batch = |ids: std::ops::Range<u32>| {
        let frames: Vec<Value> =
            ids.map(|id| json!({ "id": id, "op": "history", "d": { "conv": conv, "limit": 1 } })).collect();
        json!(frames).to_string()
    };
    visitor.socket.raw(&batch(500..532)).await;
    for id in 500..532 {
        visitor.socket.reply(id).await.unwrap();
    }
    visitor.socket.raw(&batch(600..633)).await;
    let refused = visitor.socket.frame(|f| f["err"]["code"] == "too_large").await;
    assert!(refused["id"].is_null());
    visitor.socket.raw(&json!(vec![1; 10_000]).to_string()).await;
    assert_eq!(visitor.socket.expect_close().await, 4004);
}

/// xG7, xG20: what is not a visitor's to ask, and conversations that are not theirs, which do not exist for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_can_neither_act_as_an_agent_nor_see_others() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut other = Visitor::arrives(&app, "w1").await;
    other.says("我的卡号是").await;
    let offer = li.expects_offer().await;
    let mut visitor = Visitor::arrives(&app, "w2").await;
    let (session, assignment) = (offer["session"].clone(), offer["assignment"].clone());
    for (op, d) in [
        ("presence.set", json!({ "status": "ready" })),
        ("offer.accept", json!({ "assignment": assignment, "token": offer["token"] })),
        ("offer.reject", json!({ "assignment": assignment, "token": offer["token"] })),
        ("pull", json!({ "queue": "service" })),
        ("transfer", json!({ "session": session, "to": { "agent": "wang" } })),
        ("transfer.cancel", json!({ "session": session })),
        ("wrapup.done", json!({ "assignment": assignment })),
        ("tag", json!({ "session": session, "tags": ["x"] })),
        ("send", json!({ "conv": visitor.conv, "cid": "n", "type": "note", "body": { "text": "x" } })),
        (
            "send",
            json!({ "conv": visitor.conv, "cid": "v", "type": "text", "body": { "text": "x" }, "visibility": "agents" }),
        ),
    ] {
        assert_eq!(visitor.socket.request(op, d).await.unwrap_err()["code"], "forbidden", "{op}");
    }
    let unknown = json!("c_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let foreign = visitor.socket.request("send", text(&other.conv, "f", "x")).await.unwrap_err();
    let missing = visitor.socket.request("send", text(&unknown, "f", "x")).await.unwrap_err();
    assert_eq!((&foreign["code"], &foreign), (&json!("not_found"), &missing));
    let d = json!({ "convs": [{ "conv": other.conv, "epoch": "x", "seq": 0 }] });
    assert_eq!(visitor.socket.request("sync", d).await.unwrap()["convs"], json!([]));
    // An agent's session is not the visitor's to end: `end` always means one's own.
    let error = visitor.socket.request("end", json!({ "session": session })).await;
    assert!(error.is_err(), "{error:?}");
    li.accepts(&offer).await;
    other.socket.request("open", json!({})).await.unwrap();
    for op in ["open", "handoff", "cancel_queue", "leave_message"] {
        let error = li.socket.request(op, json!({ "text": "x" })).await.unwrap_err();
        assert_eq!(error["code"], "forbidden", "{op} is for visitors");
    }
}
