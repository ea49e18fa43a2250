//! A bus on a broker that dies, runs out of memory, or is tampered with loses nothing that was not taken.

use std::collections::BTreeSet;
use std::time::Duration;

use yizhan::bus::{Bus, Error};
use yizhan::model::event::Occurrence;

use super::bus::{events, numbers};
use crate::support::broker::{Broker, rabbitmq, url};
use crate::support::service::{Kind, Service};

/// How long the bus may need to find its way back.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the relay does: offers what was not taken again, in its order, until all is taken. Returns how often something
/// was not.
async fn relay(bus: &Bus, mut waiting: Vec<Occurrence>) -> usize {
    let all = async {
        let mut failures = 0;
        while !waiting.is_empty() {
            let batch: Vec<Occurrence> = waiting.iter().take(500).cloned().collect();
            let outcome = bus.publish(&batch).await;
            let taken: BTreeSet<String> = outcome.taken.into_iter().collect();
            waiting.retain(|event| !taken.contains(&event.id));
            if outcome.failure.is_some() {
                failures += 1;
                pause().await;
            }
        }
        failures
    };
    tokio::time::timeout(PATIENCE, all).await.expect("everything is taken in the end")
}

/// A moment between two tries.
async fn pause() {
    tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.unwrap_err();
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it is so in time");
}

/// F26: exchanges and queues deleted while running are noticed and made anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_on_the_broker_is_made_anew() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let bus = rabbitmq(&url(&service));
    assert_eq!(relay(&bus, events("bank", 1..11)).await, 0);
    let other = Broker::connect(&service).await;

    // Nobody listens, and the place of what nobody asked for is gone: the broker confirms, but it is not taken.
    other.delete_queue("yizhan.unrouted").await;
    let lost = bus.publish(&events("bank", 11..21)).await;
    assert!(lost.taken.is_empty(), "a message that came back is not taken");
    assert!(matches!(&lost.failure, Some(Error::Away(told)) if told.contains("10 events came back")), "{lost:?}");
    assert_eq!(bus.figures().returned, 10);
    assert_eq!(relay(&bus, events("bank", 11..21)).await, 0, "the queue is there again");
    let kept = other.hear("yizhan.unrouted").await.take(10).await;
    assert_eq!(numbers(&kept), (11..=20).collect::<Vec<_>>());

    // Only a part of a batch has no place: the other part is taken.
    let mut ear = other.listen("bank", "yizhan.bank.#").await;
    other.delete_exchange("yizhan.unrouted").await;
    let mut mixed = events("bank", 21..121);
    mixed.extend(events("other", 1..101));
    let outcome = bus.publish(&mixed).await;
    assert!(outcome.taken.len() == 100 && outcome.taken.iter().all(|id| id.starts_with("bank-")), "{outcome:?}");
    assert_eq!(numbers(&ear.take(100).await), (21..=120).collect::<Vec<_>>());
    assert_eq!(relay(&bus, events("other", 1..101)).await, 0);

    // The exchange itself, with everybody's bindings: the batch is not taken, and goes into what is made anew.
    other.delete_exchange("yizhan.events").await;
    assert!(relay(&bus, events("bank", 121..131)).await > 0, "it is noticed");
    let mut kept = other.hear("yizhan.unrouted").await;
    let kept = kept.take(110).await;
    assert_eq!(numbers(&kept[100..]), (121..=130).collect::<Vec<_>>());
}

/// F24, C11: a broker killed in the middle of a stream of batches: every event arrives, in order but for repetitions.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing() {
    let mut service = Service::start(Kind::Rabbitmq, &[]);
    let bus = rabbitmq(&url(&service));
    assert!(bus.publish(&[]).await.failure.is_none());
    let module = Broker::connect(&service).await;
    drop(module.listen("all", "yizhan.#").await);
    drop(module);
    let streaming = tokio::spawn({
        let bus = bus.clone();
        async move { relay(&bus, events("bank", 1..20_001)).await }
    });
    until(|| bus.figures().published >= 3_000).await;
    let service = tokio::task::spawn_blocking(move || {
        service.kill();
        service.resume();
        service
    });
    let service = service.await.expect("the broker is back");
    assert!(streaming.await.unwrap() > 0, "the kill hit the stream");
    let module = Broker::connect(&service).await;
    let heard = module.hear("all").await.drain().await;
    let found = numbers(&heard);
    let distinct: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(distinct, (1..=20_000).collect(), "every committed event, and no other");
    let mut highest = 0;
    for number in found {
        assert!(number <= highest + 1, "{number} before {}", highest + 1);
        highest = highest.max(number);
    }
}

/// F25: while the broker is short of memory nothing is taken, nothing waits for ever, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_is_waited_for() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let bus = rabbitmq(&url(&service));
    bus.publish(&[]).await;
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("all", "yizhan.#").await;
    service.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let first = tokio::spawn({
        let bus = bus.clone();
        async move { bus.publish(&events("bank", 1..501)).await }
    });
    until(|| bus.figures().blocked).await;
    service.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1000000000"]);
    let outcome = tokio::time::timeout(PATIENCE, first).await.expect("the alarm is over").unwrap();
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    assert_eq!(outcome.taken.len(), 500);
    assert_eq!(numbers(&ear.take(500).await), (1..=500).collect::<Vec<_>>());
    assert_eq!(relay(&bus, events("bank", 501..601)).await, 0);
    assert!(!bus.figures().blocked);
}
