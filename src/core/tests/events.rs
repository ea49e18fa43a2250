//! What other modules hear: everything that was accepted, once, in order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::bus::Bus;
use crate::core::duty::{Duty, Pace};
use crate::core::request::Request;

/// The duty of relaying, taken.
async fn on_duty(desk: &Desk) -> Duty {
    let duty = desk.core.duty("relay", Pace::CALM);
    desk.core.tend_duty(&duty).await.unwrap();
    duty
}

/// Relays until nothing is left. Whoever holds the duty renews it, also on a machine that is slow.
async fn relays(desk: &Desk, bus: &Bus, duty: &Duty) {
    loop {
        desk.core.tend_duty(duty).await.unwrap();
        if desk.core.relay_once(bus, duty).await.unwrap().taken == 0 {
            return;
        }
    }
}

/// Every event so far, as a listener on the bus gets them.
async fn heard(desk: &Desk) -> Vec<(String, Value)> {
    let bus = Bus::local();
    let mut ear = bus.listen().unwrap();
    let duty = on_duty(desk).await;
    relays(desk, &bus, &duty).await;
    let mut events = Vec::new();
    while let Ok(event) = ear.try_recv() {
        assert_eq!(event.tenant, desk.tenant);
        let written = serde_json::from_str(&event.cloud_event().unwrap()).unwrap();
        events.push((event.id, written));
    }
    events
}

async fn sends(desk: &Desk, client: &Client, conv: ConversationId, cid: &str) -> Result<Value, Error> {
    let d = serde_json::json!({
        "op": "send", "d": { "conv": conv, "cid": cid, "type": "text", "body": { "text": cid } },
    });
    desk.core.perform(client, serde_json::from_value::<Request>(d).unwrap()).await
}

on_both! {
    every_accepted_message_is_one_event_in_the_order_of_its_log
    the_events_of_a_session_are_numbered_without_a_hole
    what_follows_a_listener_is_heard_and_what_nobody_heard_is_gone
}

async fn every_accepted_message_is_one_event_in_the_order_of_its_log(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let mut convs = Vec::new();
    for name in ["wang", "zhao", "qian"] {
        let customer = desk.writer(name).await;
        desk.accept(&li).await;
        convs.push(customer);
    }
    for round in 0..10 {
        for customer in &convs {
            let (said, cid) = (format!("c{round}"), format!("a-{}-{round}", customer.conv));
            sends(&desk, &customer.client, customer.conv, &said).await.unwrap();
            let again = sends(&desk, &customer.client, customer.conv, &said).await.unwrap();
            assert_eq!(again["dup"], true);
            sends(&desk, &li, customer.conv, cid.get(..60.min(cid.len())).unwrap()).await.unwrap();
        }
    }
    desk.core.end(&convs[0].client, None, None).await.unwrap();
    sends(&desk, &li, convs[0].conv, "late").await.unwrap_err();

    let events = heard(&desk).await;
    let ids: BTreeSet<&String> = events.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), events.len(), "every event has its own id");
    let accepted = events.iter().filter(|(_, event)| event["type"] == "yizhan.message.accepted.v1");
    let mut logs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (_, event) in accepted {
        logs.entry(event["data"]["conv"].as_str().unwrap().to_owned()).or_default().push(event["data"].clone());
    }
    assert_eq!(logs.len(), 3);
    for customer in &convs {
        let log: Vec<Value> =
            desk.log(customer.conv).await.iter().map(|envelope| serde_json::to_value(envelope).unwrap()).collect();
        assert_eq!(logs[&customer.conv.to_string()], log, "what was committed, nothing else, in its order");
    }
    assert!(heard(&desk).await.is_empty(), "what the bus took is not offered again");
}

async fn the_events_of_a_session_are_numbered_without_a_hole(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let customer = desk.writer("wang").await;
    desk.pass(21).await;
    desk.pass(31).await;
    desk.accept(&li).await;
    desk.answers(&li, customer.conv, "您好", None).await.unwrap();
    desk.core.end(&li, Some(desk.session(customer.conv).await.session), None).await.unwrap();
    desk.pass(31).await;
    let subject = format!("session/{}", desk.session(customer.conv).await.session);
    let events = heard(&desk).await;
    let mine: Vec<&Value> = events.iter().map(|(_, event)| event).filter(|event| event["subject"] == subject).collect();
    let numbers: Vec<i64> = mine.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    let kinds: Vec<&str> = mine.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let story = [
        "session.created",
        "session.queued",
        "assignment.offered",
        "assignment.expired",
        "assignment.offered",
        "session.queue_left",
        "assignment.accepted",
        "session.connected",
        "session.ended",
        "assignment.wrapup_started",
        "assignment.completed",
    ];
    assert_eq!(kinds, story.map(|kind| format!("yizhan.{kind}.v1")));
}

/// The relay throws away what nobody hears, and is doing so at the moment at which somebody begins to listen.
async fn what_follows_a_listener_is_heard_and_what_nobody_heard_is_gone(on: Trial) {
    let desk = Desk::open(on);
    let bus = Bus::local();
    let duty = on_duty(&desk).await;
    let customer = desk.writer("wang").await;
    for round in 0..40 {
        desk.says(&customer, &format!("before {round}")).await;
        let relay = relays(&desk, &bus, &duty);
        let listener = async {
            for _ in 0..round % 8 {
                tokio::task::yield_now().await;
            }
            let ear = bus.listen().unwrap();
            desk.says(&customer, &format!("after {round}")).await;
            ear
        };
        let ((), mut ear) = tokio::join!(relay, listener);
        relays(&desk, &bus, &duty).await;
        let mut texts = Vec::new();
        while let Ok(event) = ear.try_recv() {
            let written: Value = serde_json::from_str(&event.data).unwrap();
            texts.extend(written["body"]["text"].as_str().map(ToOwned::to_owned));
        }
        assert!(texts.contains(&format!("after {round}")), "{round}: {texts:?}");
        drop(ear);
    }
    desk.says(&customer, "to nobody").await;
    relays(&desk, &bus, &duty).await;
    assert!(heard(&desk).await.is_empty(), "nothing waits for nobody");
    assert!(bus.figures().published > 0);
}
