//! Customers who wait, and those who cannot: full queues, long waits, closed doors, agents who do not answer. Numbers
//! are those of the acceptance scenarios.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Agent, TestApp, Visitor};

async fn session_is(visitor: &mut Visitor, state: &str) -> Value {
    visitor.socket.push("session", |frame| frame["d"]["state"] == state).await["d"].clone()
}

async fn asked_to_leave_a_message(visitor: &mut Visitor) -> Value {
    visitor.socket.push("session", |f| f["d"]["control"]["holder"] == "leave_message").await["d"].clone()
}

/// 7: the second customer finds the queue full and waits in the one behind it, where a colleague takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_sends_on_to_the_next() {
    let app = TestApp::with().declared(|toml| toml.replace("max_len = 100", "max_len = 1")).start().await;
    let li = Agent::arrive(&app, "li").await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut first = Visitor::arrives(&app, "w1").await;
    first.says("你好").await;
    assert_eq!(session_is(&mut first, "queued").await["queue"]["queue"], "service");
    let mut second = Visitor::arrives(&app, "w2").await;
    second.says("你好").await;
    assert_eq!(session_is(&mut second, "queued").await["queue"]["queue"], "vip");
    wang.is("ready").await;
    let mut taken = vec![wang.takes_offer().await["conv"].clone(), wang.takes_offer().await["conv"].clone()];
    taken.sort_by_key(ToString::to_string);
    let mut waited = vec![first.conv.clone(), second.conv.clone()];
    waited.sort_by_key(ToString::to_string);
    assert_eq!(taken, waited);
    li.socket.close().await;
}

/// 8: who has waited long enough moves on to the next queue, and in the end is asked to leave a message.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_goes_on_in_the_next_queue_and_ends_in_a_message() {
    let app = TestApp::start().await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    session_is(&mut visitor, "queued").await;
    app.let_pass(Duration::from_secs(301));
    let moved = visitor.socket.push("session", |f| f["d"]["queue"]["queue"] == "vip").await;
    assert_eq!(moved["d"]["state"], "queued");
    app.let_pass(Duration::from_secs(181));
    asked_to_leave_a_message(&mut visitor).await;
    visitor.expects_text("暂时没有客服可以接待您。您可以直接留言，我们会尽快回复。").await;
    visitor.says("请回电 13800000000").await;
    assert_eq!(session_is(&mut visitor, "ended").await["ended"]["reason"], "left_message");
    wang.is("ready").await;
    assert!(!wang.socket.has("offer"));
}

/// 5: outside business hours the prompt says so, and nobody is put into a queue.
#[tokio::test(flavor = "multi_thread")]
async fn outside_business_hours_the_prompt_says_so_and_nobody_waits() {
    let closed = |toml: String| toml.replace("[\"00:00-24:00\"]", "[]");
    let app = TestApp::with().declared(closed).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("有人吗").await;
    let asked = asked_to_leave_a_message(&mut visitor).await;
    assert!(asked.get("queue").is_none_or(Value::is_null), "{asked}");
    visitor.expects_text("现在是非服务时间。请留言，我们上班后会尽快回复您。").await;
    let session = visitor.socket.request("handoff", json!({})).await.unwrap();
    assert_eq!(session["control"]["holder"], "leave_message", "asking again changes nothing: {session}");
    li.is("ready").await;
    assert!(!li.socket.has("offer"));
    assert!(li.socket.seen("queue").iter().all(|f| f["d"]["waiting"] == 0));
}

/// 5: a holiday is closed whatever the weekday says.
#[tokio::test(flavor = "multi_thread")]
async fn a_holiday_is_closed_and_the_tenants_own_clock_counts() {
    let app = TestApp::with()
        .declared(|toml| {
            // Every day around now, as no test may depend on the date.
            let now = yizhan::clock::Clock::system().now().seconds();
            let day = |n: i64| chrono::DateTime::from_timestamp(now + n * 86_400, 0).unwrap().format("%Y-%m-%d");
            let days = [-1, 0, 1].map(|n| format!("\"{}\"", day(n)));
            toml.replace("holidays = []", &format!("holidays = [{}]", days.join(", ")))
        })
        .start()
        .await;
    let li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("有人吗").await;
    asked_to_leave_a_message(&mut visitor).await;
    assert!(!li.socket.has("offer"));
}

/// 10: three offers without an answer, and the agent is busy; the customer still has the first place.
#[tokio::test(flavor = "multi_thread")]
async fn three_missed_offers_make_the_agent_busy() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    for miss in 1..=3 {
        let offer = li.expects_offer().await;
        app.let_pass(Duration::from_secs(21));
        let revoked = li.socket.push("offer.revoke", |f| f["d"]["assignment"] == offer["assignment"]).await;
        assert_eq!(revoked["d"]["reason"], "expired", "miss {miss}");
        if miss < 3 {
            app.let_pass(Duration::from_secs(31));
        }
    }
    let told = li.socket.push("presence", |f| f["d"]["agent"] == "li" && f["d"]["reason"] == "no_answer").await;
    assert_eq!(told["d"]["status"], "busy");
    app.let_pass(Duration::from_secs(31));
    let mut wang = Agent::ready(&app, "wang").await;
    let offer = wang.expects_offer().await;
    assert_eq!(offer["conv"], visitor.conv);
    assert!(offer["waited_ms"].as_u64().unwrap() >= 120_000, "the whole wait counts: {offer}");
    li.socket.request("history", json!({ "conv": visitor.conv, "limit": 1 })).await.unwrap_err();
    assert!(!li.socket.has("offer"), "who is busy is not asked");
    li.is("ready").await;
    wang.accepts(&offer).await;
}
