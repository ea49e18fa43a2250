//! Events of a cluster on a real broker: one node relays at a time, whichever has the duty (34, 63).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::served;
use crate::support::broker::Ear;
use crate::support::{Agent, Broker, Cluster};

/// The texts of people, in the order in which another module hears of them, up to this one.
async fn heard(ear: &mut Ear, last: &str) -> Vec<String> {
    let (mut texts, mut ids) = (Vec::new(), HashSet::new());
    loop {
        let event = ear.of_type("message.accepted").await.event;
        let person = ["contact", "agent"].contains(&event["data"]["from"]["role"].as_str().unwrap());
        let text = event["data"]["body"]["text"].as_str().unwrap_or_default().to_owned();
        // An event may come twice; its id says so.
        if person && ids.insert(event["id"].to_string()) {
            texts.push(text.clone());
        }
        if text == last {
            return texts;
        }
    }
}

/// 34 and 63: the broker is away while people go on talking. Nobody notices, and a module that comes back with the
/// broker gets everything once and in order.
#[tokio::test(flavor = "multi_thread")]
async fn without_rabbitmq_people_talk_and_the_events_follow_in_order() {
    let mut cluster = Cluster::with().rabbitmq().start().await;
    let queue = Broker::connect(cluster.rabbitmq()).await.listen("crm", "yizhan.demo.message.#").await;
    drop(queue);
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    cluster.rabbitmq().kill();
    let mut expected = vec!["你好".to_owned()];
    for n in 1..=5 {
        let (ask, answer) = (format!("问 {n}"), format!("答 {n}"));
        visitor.says(&ask).await;
        li.expects_text(&ask).await;
        li.says(&conv["conv"], &answer).await;
        visitor.expects_text(&answer).await;
        expected.extend([ask, answer]);
    }
    cluster.rabbitmq().resume();
    let mut ear = Broker::connect(cluster.rabbitmq()).await.listen("crm", "yizhan.demo.message.#").await;
    assert_eq!(heard(&mut ear, "答 5").await, expected);
}

/// The node that relays may go: the other one takes the duty over, in both directions.
#[tokio::test(flavor = "multi_thread")]
async fn the_duty_of_relaying_passes_to_the_node_that_is_left() {
    let mut cluster = Cluster::with().rabbitmq().start().await;
    let mut ear = Broker::connect(cluster.rabbitmq()).await.listen("crm", "yizhan.demo.message.#").await;
    for (going, staying) in [(1, 2), (2, 1)] {
        let mut li = Agent::ready(cluster.node(staying), "li").await;
        let (mut visitor, conv) = served(&mut li, cluster.node(staying), &format!("w{going}")).await;
        cluster.kill(going).await;
        let last = format!("没有 {going} 之后");
        visitor.says(&last).await;
        li.expects_text(&last).await;
        let texts = heard(&mut ear, &last).await;
        assert_eq!(texts.iter().filter(|text| **text == last).count(), 1);
        end(&mut li, &conv).await;
        cluster.revive(going).await;
    }
}

async fn end(li: &mut Agent, conv: &Value) {
    let session = conv["session"]["session"].clone();
    li.socket.request("end", json!({ "session": session })).await.expect("end");
}
