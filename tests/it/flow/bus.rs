//! Other modules listen: events on a real broker.

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
