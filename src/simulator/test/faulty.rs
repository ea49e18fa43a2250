//! Scripted faults: what the caller sees, and what happened in truth.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{APPID, House, SOON};

const SEND: &str = "/cgi-bin/message/custom/send";

async fn script(house: &House, rules: Value) {
    let response = house.http.post(format!("{}/api/faults", house.base)).body(json!({ "rules": rules }).to_string());
    assert_eq!(response.send().await.unwrap().status(), 204);
}

async fn raw_send(house: &House, token: &str) -> reqwest::Result<reqwest::Response> {
    let body = json!({ "touser": "o1", "msgtype": "text", "text": { "content": "x" } });
    house.http.post(format!("{}{SEND}?access_token={token}", house.base)).body(body.to_string()).send().await
}

fn accepted(house: &House) -> usize {
    house.platform.ledger(Some(APPID)).sends.iter().filter(|send| send.errcode == 0).count()
}

#[tokio::test]
async fn an_error_code_comes_so_many_times() {
    let house = House::open();
    house.follower("o1").await;
    let token = house.token(APPID).await;
    script(&house, json!([{ "path": SEND, "times": 2, "errcode": -1 }])).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(house.send_text(&token, "o1", "x").await);
    }
    assert_eq!(codes, [-1, -1, 0]);
    assert_eq!(accepted(&house), 1);
}

#[tokio::test]
async fn a_cut_before_leaves_nothing_and_a_cut_after_leaves_the_message() {
    let house = House::open();
    house.follower("o1").await;
    let token = house.token(APPID).await;
    script(&house, json!([{ "path": SEND, "times": 1, "reset": "before" }])).await;
    assert!(raw_send(&house, &token).await.is_err());
    assert_eq!(accepted(&house), 0);
    script(&house, json!([{ "path": SEND, "times": 1, "reset": "after_accept" }])).await;
    let error = raw_send(&house, &token).await.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    assert_eq!(accepted(&house), 1);
    let calls = house.platform.ledger(Some(APPID)).calls;
    let cut: Vec<_> = calls.iter().filter(|call| call.fault).map(|call| call.status).collect();
    assert_eq!(cut, [None, None]);
}

#[tokio::test]
async fn statuses_and_bodies_come_as_written() {
    let house = House::open();
    house.follower("o1").await;
    let token = house.token(APPID).await;
    let cases = [
        (json!({ "http": 502 }), 502, "<html>", 0),
        (json!({ "body": "{\"errcode\":0,\"errm" }), 200, "{\"errcode\":0,\"errm", 0),
        (json!({ "body": "" }), 200, "", 0),
        (json!({ "http": 500, "after_accept": true }), 500, "<html>", 1),
    ];
    for (mut rule, status, start, sent) in cases {
        let before = accepted(&house);
        rule["path"] = json!(SEND);
        rule["times"] = json!(1);
        script(&house, json!([rule])).await;
        let response = raw_send(&house, &token).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().starts_with(start));
        assert_eq!(accepted(&house) - before, sent);
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_undo_what_it_asked_for() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    script(&house, json!([{ "path": SEND, "times": 1, "delay_ms": 1_000 }])).await;
    let impatient = tokio::time::timeout(Duration::from_millis(50), raw_send(&house, &token)).await;
    assert!(impatient.is_err());
    actor.expects_text("x", SOON).await.unwrap();
}

#[tokio::test]
async fn a_delay_only_delays_and_rules_can_be_taken_away() {
    let house = House::open();
    house.follower("o1").await;
    let token = house.token(APPID).await;
    script(&house, json!([{ "path": "*", "delay_ms": 120 }])).await;
    let began = Instant::now();
    assert_eq!(house.send_text(&token, "o1", "x").await, 0);
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(house.get("/api/faults").await["rules"][0]["path"], "*");
    house.http.delete(format!("{}/api/faults", house.base)).send().await.unwrap();
    assert_eq!(house.get("/api/faults").await["rules"], json!([]));
    assert!(began.elapsed() < SOON);
}
