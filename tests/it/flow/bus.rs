//! Other modules listen: events on a real broker.

use serde_json::json;

use crate::support::service::{Kind, Service};
use crate::support::{Agent, Broker, TestApp, Visitor};

/// What a customer and an agent do is heard by another module, addressed and in order.
#[tokio::test(flavor = "multi_thread")]
async fn another_module_hears_a_conversation() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("crm", "yizhan.demo.#").await;

    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    li.takes_offer().await;

    let said = loop {
        let accepted = ear.of_type("message.accepted").await;
        if accepted.event["data"]["from"]["role"] == "contact" {
            break accepted;
        }
    };
    assert_eq!(said.event["data"]["body"]["text"], "你好");
    assert_eq!(said.event["specversion"], "1.0");
    assert_eq!(said.key, "yizhan.demo.message.accepted");
    let properties = said.properties;
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/cloudevents+json");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), said.event["id"].as_str().unwrap());
    ear.of_type("session.queued").await;
    let connected = ear.of_type("session.connected").await;
    assert_eq!(connected.event["data"]["agent"], "li");
}

/// F24, H8: while the broker is away nobody notices; afterwards everything arrives, in the order of each log.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_not_noticed_and_misses_nothing() {
    let mut service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    drop(module.listen("all", "yizhan.demo.message.accepted").await);
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await["conv"].clone();

    service.kill();
    let up = async || (app.metric("yizhan_bus_up").await == 0.0).then_some(());
    app.eventually("the loss is noticed", up).await;
    for n in 0..15 {
        visitor.says(&format!("c{n}")).await;
        li.says(&conv, &format!("a{n}")).await;
    }
    assert!(app.metric("yizhan_outbox_events").await >= 30.0);
    service.resume();
    let drained = async || (app.metric("yizhan_outbox_events").await == 0.0).then_some(());
    app.eventually("the outbox drains", drained).await;
    assert!(app.metric("yizhan_bus_up").await > 0.0);

    let module = Broker::connect(&service).await;
    let heard = module.hear("all").await.drain().await;
    let log: Vec<i64> = heard.iter().map(|heard| heard.event["sequence"].as_str().unwrap().parse().unwrap()).collect();
    let mut highest = 0;
    for seq in log {
        assert!(seq <= highest + 1, "{seq} before {}", highest + 1);
        highest = highest.max(seq);
    }
    let history = li.history(&conv).await;
    assert_eq!(json!(highest), history.last().unwrap()["seq"], "to the end of the log");
}
