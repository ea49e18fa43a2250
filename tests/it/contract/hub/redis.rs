//! What holds on Redis when it is away, frozen or emptied, and how it is reached.

use std::time::{Duration, Instant};

use super::stage::{Stage, agent, frame, heard_text};

/// How soon hints arrive again after Redis is back.
const LIVE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn hints_flow_again_within_two_seconds_after_a_restart() {
    let mut stage = Stage::redis();
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    stage.service().kill();
    a.eventually("the loss is noticed", |hub| hub.counts().is_some_and(|counts| !counts.up)).await;
    a.hub.publish(&agent("bank", "li"), &frame("lost"));
    assert_eq!(a.hub.counts().unwrap().dropped, 1);
    // Somebody comes while nobody can be told.
    let (_wu, mut wu) = b.attach_with(&[agent("bank", "wu")], 16);
    stage.service().resume();
    let back = Instant::now();
    a.eventually("both are known", |hub| {
        a.hub.publish(&agent("bank", "li"), &frame("back"));
        hub.hears_elsewhere(&agent("bank", "wu")) && !inlet.hints.is_empty()
    })
    .await;
    assert!(back.elapsed() < LIVE, "{:?}", back.elapsed());
    assert_eq!(heard_text(&mut inlet).await, "back");
    a.hub.publish(&agent("bank", "wu"), &frame("hello"));
    assert_eq!(heard_text(&mut wu).await, "hello");
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again() {
    let mut stage = Stage::redis();
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    stage.service().redis_cli(&["FLUSHALL"]);
    a.eventually("hints arrive again", |_| {
        a.hub.publish(&agent("bank", "li"), &frame("back"));
        !inlet.hints.is_empty()
    })
    .await;
    assert_eq!(heard_text(&mut inlet).await, "back");
    // Whoever comes new finds everybody.
    let late = stage.node().await;
    late.eventually("the registry is back", |hub| hub.hears_elsewhere(&agent("bank", "li"))).await;
}

#[tokio::test]
async fn publishing_does_not_wait_for_a_frozen_redis() {
    let mut stage = Stage::redis();
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    let (_here, mut here) = a.attach(&[agent("bank", "li")], &[&b]).await;
    stage.service().freeze();
    let start = Instant::now();
    for _ in 0..1_000 {
        a.hub.publish(&agent("bank", "li"), &frame("frozen"));
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    for _ in 0..1_000 {
        assert_eq!(heard_text(&mut here).await, "frozen");
    }
    a.eventually("the breaker opens", |hub| hub.counts().is_some_and(|counts| !counts.up)).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    stage.service().thaw();
    let back = Instant::now();
    a.eventually("hints arrive again", |hub| {
        let up = hub.counts().is_some_and(|counts| counts.up);
        if up {
            hub.publish(&agent("bank", "li"), &frame("thawed"));
        }
        up && !inlet.hints.is_empty()
    })
    .await;
    assert!(back.elapsed() < LIVE, "{:?}", back.elapsed());
    // Some of the thousand may have been on their way already.
    while heard_text(&mut inlet).await != "thawed" {}
    let clients = stage.service().redis_cli(&["CLIENT", "LIST"]);
    assert!(clients.lines().count() <= 6, "connections pile up:\n{clients}");
}

#[tokio::test]
async fn a_node_starts_without_redis_and_joins_later() {
    let mut stage = Stage::redis();
    stage.service().kill();
    let a = stage.starting();
    let (_here, mut here) = a.attach_with(&[agent("bank", "li")], 16);
    a.hub.publish(&agent("bank", "li"), &frame("here"));
    assert_eq!(heard_text(&mut here).await, "here", "one's own sockets need no server");
    stage.service().resume();
    let b = stage.node().await;
    b.eventually("the first is known", |hub| hub.hears_elsewhere(&agent("bank", "li"))).await;
    b.hub.publish(&agent("bank", "li"), &frame("there"));
    assert_eq!(heard_text(&mut here).await, "there");
}
