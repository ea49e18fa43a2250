//! The promises on RabbitMQ, in every class of durability, and what holds when the broker was away. One broker for
//! several: it takes long to start.

use std::time::{Duration, Instant};

use super::stage::{Stage, agent, frame, heard_text};
use super::{keeps_its_promises, promise};

#[tokio::test]
async fn rabbitmq_keeps_its_promises() {
    let mut stage = Stage::rabbitmq();
    keeps_its_promises(&stage).await;
    for class in ["persistent", "confirmed"] {
        stage.durability(class);
        promise::hints_of_one_publisher_arrive_in_order_everywhere(&stage).await;
        promise::ten_thousand_hints_arrive(&stage).await;
    }
    stage.durability("transient");
    publishing_does_not_wait_for_a_frozen_broker(&mut stage).await;
}

async fn publishing_does_not_wait_for_a_frozen_broker(stage: &mut Stage) {
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    stage.service().freeze();
    let start = Instant::now();
    for _ in 0..1_000 {
        a.hub.publish(&agent("bank", "li"), &frame("frozen"));
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    a.eventually("the breaker opens", |hub| hub.counts().is_some_and(|counts| !counts.up)).await;
    stage.service().thaw();
    a.eventually("hints arrive again", |hub| {
        if hub.counts().is_some_and(|counts| counts.up) {
            hub.publish(&agent("bank", "li"), &frame("thawed"));
        }
        !inlet.hints.is_empty()
    })
    .await;
    while heard_text(&mut inlet).await != "thawed" {}
}

#[tokio::test]
async fn hints_flow_again_after_a_restart_of_the_broker() {
    let mut stage = Stage::rabbitmq();
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    stage.service().kill();
    a.eventually("the loss is noticed", |hub| hub.counts().is_some_and(|counts| !counts.up)).await;
    let (_wu, mut wu) = b.attach_with(&[agent("bank", "wu")], 16);
    stage.service().resume();
    a.eventually("both are known", |hub| {
        hub.publish(&agent("bank", "li"), &frame("back"));
        hub.hears_elsewhere(&agent("bank", "wu")) && !inlet.hints.is_empty()
    })
    .await;
    assert_eq!(heard_text(&mut inlet).await, "back");
    a.hub.publish(&agent("bank", "wu"), &frame("hello"));
    assert_eq!(heard_text(&mut wu).await, "hello");
}
