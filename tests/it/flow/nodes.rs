//! Two nodes on one store that tell each other through Redis: an agent on one, a visitor on the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::service::{Kind, Service};
use crate::support::{Agent, Login, TestApp, Visitor};

/// What a lost hint may cost.
const LATE: Duration = Duration::from_secs(5);

/// Two nodes that know each other.
async fn pair(redis: &Service) -> (TestApp, TestApp) {
    let one = TestApp::with().redis(redis).start().await;
    let two = TestApp::with().redis(redis).beside(&one).start().await;
    for app in [&one, &two] {
        app.eventually("the nodes know each other", async || {
            (metric(app, "yizhan_hub_nodes").await == 1.0).then_some(())
        })
        .await;
    }
    (one, two)
}

/// A number of `/metrics`.
async fn metric(app: &TestApp, name: &str) -> f64 {
    let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// An agent on the first node answers a visitor on the second.
async fn in_talks(one: &TestApp, two: &TestApp) -> (Agent, Visitor, Value) {
    let mut li = Agent::ready(one, "li").await;
    let mut visitor = Visitor::arrives(two, "tab").await;
    visitor.says("您好").await;
    let conv = li.takes_offer().await["conv"].clone();
    visitor.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    (li, visitor, conv)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_and_a_visitor_on_two_nodes_talk() {
    let redis = Service::start(Kind::Redis, &[]);
    let (one, two) = pair(&redis).await;
    let (mut li, mut visitor, conv) = in_talks(&one, &two).await;
    for n in 0..8 {
        li.says(&conv, &format!("out {n}")).await;
        visitor.expects_text(&format!("out {n}")).await;
        visitor.says(&format!("in {n}")).await;
        li.expects_text(&format!("in {n}")).await;
    }
    visitor.socket.ask("typing", json!({ "conv": visitor.conv, "on": true })).await;
    li.socket.push("typing", |frame| frame["d"]["conv"] == conv).await;
    assert!(metric(&one, "yizhan_hub_hints_published_total").await > 8.0);
    assert!(metric(&two, "yizhan_hub_hints_received_total").await > 8.0);
    assert_eq!(metric(&one, "yizhan_hub_hints_dropped_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_hub_leaves_nothing_for_the_sweep_to_tell() {
    let redis = Service::start(Kind::Redis, &[]);
    let (one, two) = pair(&redis).await;
    let (mut li, mut visitor, conv) = in_talks(&one, &two).await;
    let found =
        async || metric(&one, "yizhan_sweep_findings_total").await + metric(&two, "yizhan_sweep_findings_total").await;
    let rounds = async || metric(&two, "yizhan_sweep_rounds_total").await;
    // What came right after the sign-ins may have been told before the nodes knew of them.
    let settled = rounds().await + 2.0;
    two.eventually("the sweep has seen everything once", async || (rounds().await >= settled).then_some(())).await;
    let before = found().await;
    for n in 0..8 {
        li.says(&conv, &format!("out {n}")).await;
        visitor.expects_text(&format!("out {n}")).await;
    }
    let after = rounds().await + 2.0;
    two.eventually("the sweep has looked again", async || (rounds().await >= after).then_some(())).await;
    assert_eq!(found().await - before, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_arrives_within_five_seconds() {
    let redis = Service::start(Kind::Redis, &[]);
    let (one, two) = pair(&redis).await;
    let mut li = Agent::ready(&one, "li").await;
    redis.freeze();
    // Not one hint gets through from here on.
    let mut visitor = Visitor::arrives(&two, "tab").await;
    let start = Instant::now();
    visitor.says("您好").await;
    assert!(start.elapsed() < Duration::from_secs(2), "nobody waits for Redis: {:?}", start.elapsed());
    let late = |since: Instant, what: &str| {
        assert!(since.elapsed() < LATE + Duration::from_secs(1), "{what}: {:?}", since.elapsed());
    };
    let conv = li.takes_offer().await["conv"].clone();
    late(start, "the offer");
    let start = Instant::now();
    visitor.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    late(start, "the session");
    for n in 0..2 {
        let start = Instant::now();
        li.says(&conv, &format!("out {n}")).await;
        visitor.expects_text(&format!("out {n}")).await;
        late(start, "a message to the visitor");
        let start = Instant::now();
        visitor.says(&format!("in {n}")).await;
        li.expects_text(&format!("in {n}")).await;
        late(start, "a message to the agent");
    }
    redis.thaw();
    one.eventually("the hub is up", async || (metric(&one, "yizhan_hub_up").await == 1.0).then_some(())).await;
    li.says(&conv, "back").await;
    visitor.expects_text("back").await;
    let texts = li.texts(&conv).await;
    assert_eq!(texts.iter().filter(|text| text.starts_with("in ")).count(), 2);
    let mut seqs: Vec<_> = visitor.socket.seen("msg").iter().map(|frame| frame["d"]["seq"].as_i64()).collect();
    let shown = seqs.len();
    seqs.dedup();
    assert_eq!(seqs.len(), shown, "a message was shown twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_back_on_another_node_replaces_its_old_socket() {
    let redis = Service::start(Kind::Redis, &[]);
    let (one, two) = pair(&redis).await;
    let login = Login::of(&one, "demo", "li", one.password("li")).await;
    let mut old = Agent::at(&one, login.clone(), "dev-li").await;
    let new = Agent::at(&two, login.clone(), "dev-li").await;
    assert_eq!(old.socket.expect_close().await, 4003);
    // And when the hint is lost.
    redis.freeze();
    let start = Instant::now();
    let mut replaced = new;
    let _again = Agent::at(&one, login, "dev-li").await;
    assert_eq!(replaced.socket.expect_close().await, 4003);
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    redis.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_closes_sockets_on_other_nodes() {
    let redis = Service::start(Kind::Redis, &[]);
    let (one, two) = pair(&redis).await;
    for lost in [false, true] {
        let login = Login::of(&one, "demo", "li", one.password("li")).await;
        let mut agent = Agent::at(&two, login.clone(), if lost { "dev-2" } else { "dev-1" }).await;
        if lost {
            redis.freeze();
        }
        let start = Instant::now();
        let out = one.post("/api/v1/logout", &json!({}));
        let out = out.header("Cookie", &login.cookie).header("X-CSRF-Token", &login.csrf).send().await.unwrap();
        assert!(out.status().is_success(), "{}", out.status());
        assert_eq!(agent.socket.expect_close().await, 4001, "hint lost: {lost}");
        assert!(start.elapsed() < LATE + Duration::from_secs(1), "{:?}", start.elapsed());
    }
    redis.thaw();
}
