//! Every bus takes a batch as a whole, in order, and says what it has for good.

use std::sync::Arc;

use serde_json::json;
use yizhan::bus::ask::AskError;
use yizhan::bus::{Bus, Error, Outcome};
use yizhan::model::event::Occurrence;
use yizhan::model::id::TenantId;
use yizhan::model::time::Millis;

use crate::support::broker::{Broker, Heard, rabbitmq, url};
use crate::support::clerk::question;
use crate::support::service::{Kind, Service};

/// Events `from..to` of one session of a tenant of that name.
pub fn events(tenant: &str, range: std::ops::Range<i64>) -> Vec<Occurrence> {
    let event = |n: i64| Occurrence {
        tenant: TenantId::parse(tenant).unwrap(),
        id: format!("{tenant}-{n:06}"),
        kind: "session.queued".into(),
        subject: "session/s_1".into(),
        session: Some("s_1".into()),
        sequence: Some(n),
        node: "n_1".into(),
        at: Millis(1_795_392_073_482),
        data: Arc::from(format!(r#"{{"n":{n},"text":"{}"}}"#, "排队".repeat(100))),
    };
    range.map(event).collect()
}

/// The numbers of events, in the order in which they came.
pub fn numbers(heard: &[Heard]) -> Vec<i64> {
    heard.iter().map(|heard| heard.event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

fn all_taken(outcome: &Outcome, events: &[Occurrence]) {
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    assert_eq!(outcome.taken, events.iter().map(|event| event.id.clone()).collect::<Vec<_>>());
}

/// Batches come out as they went in, on either bus; what nobody asked for is kept on the broker.
#[tokio::test(flavor = "multi_thread")]
async fn batches_keep_their_order_and_count_as_taken() {
    let local = Bus::local();
    let mut ear = local.listen().expect("a local bus");
    let batch = events("bank", 1..501);
    all_taken(&local.publish(&batch).await, &batch);
    for event in &batch {
        assert_eq!(ear.recv().await.unwrap(), *event);
    }

    let service = Service::start(Kind::Rabbitmq, &[]);
    let bus = rabbitmq(&url(&service));
    assert!(bus.listen().is_none() && !bus.figures().up);
    all_taken(&bus.publish(&[]).await, &[]);
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("all", "yizhan.bank.session.*").await;
    for from in [1, 501, 1001] {
        let batch = events("bank", from..from + 500);
        all_taken(&bus.publish(&batch).await, &batch);
    }
    let heard = ear.take(1500).await;
    assert_eq!(numbers(&heard), (1..=1500).collect::<Vec<_>>());

    let unasked = events("other", 1..1201);
    all_taken(&bus.publish(&unasked).await, &unasked);
    let kept = module.hear("yizhan.unrouted").await.take(1000).await;
    assert_eq!(numbers(&kept), (201..=1200).collect::<Vec<_>>(), "the newest, up to the bound");
    let figures = bus.figures();
    assert!(figures.up && !figures.blocked);
    assert_eq!((figures.published, figures.returned, figures.nacked), (2700, 0, 0));
}

/// Whoever sets the broker up wrongly is told what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let definitions = folder.path().join("definitions.json");
    let text = r#"{
        "vhosts": [{ "name": "/" }, { "name": "cc" }],
        "users": [
            { "name": "guest", "password": "guest", "tags": "administrator" },
            { "name": "yizhan", "password": "right", "tags": "" },
            { "name": "reader", "password": "right", "tags": "" }
        ],
        "permissions": [
            { "user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*" },
            { "user": "yizhan", "vhost": "cc", "configure": "^yizhan\\.", "write": "^(yizhan\\.|amq\\.default$)", "read": "^yizhan\\." },
            { "user": "reader", "vhost": "cc", "configure": "^$", "write": "^$", "read": ".*" }
        ]
    }"#;
    std::fs::write(&definitions, text).unwrap();
    let service = Service::start(Kind::Rabbitmq, &[&format!("load_definitions = {}", definitions.display())]);
    let at = |user: &str, vhost: &str| format!("amqp://{user}@127.0.0.1:{}/{vhost}", service.port());

    // The rights that the advice names are enough for everything.
    let bus = rabbitmq(&at("yizhan:right", "cc"));
    let batch = events("bank", 1..11);
    all_taken(&bus.publish(&batch).await, &batch);
    let node = yizhan::model::id::NodeId::generate(Millis(1));
    bus.subscribe(node).await.expect("commands can be taken");
    let asked = bus.ask(question("crm", "ticket.create", json!({}))).await;
    assert_eq!(asked, Err(AskError::NoService), "the question went out");

    for (user, vhost, reason, advice) in [
        ("yizhan:wrong", "cc", "ACCESS_REFUSED", "user and password"),
        ("yizhan:right", "nowhere", "vhost nowhere not found", "virtual host"),
        ("yizhan:right", "%2f", "refused", "virtual host"),
        ("reader:right", "cc", "ACCESS_REFUSED", "set_permissions"),
    ] {
        let outcome = rabbitmq(&at(user, vhost)).publish(&batch).await;
        assert!(outcome.taken.is_empty());
        let Some(Error::Refused { reason: told, advice: given }) = outcome.failure else {
            panic!("{user} {vhost}: {:?}", outcome.failure)
        };
        assert!(told.contains(reason) && given.contains(advice), "{user} {vhost}: {told} {given}");
    }

    let asked = rabbitmq(&at("reader:right", "cc")).ask(question("crm", "ticket.create", json!({}))).await;
    assert!(matches!(&asked, Err(AskError::Away(why)) if why.contains("set_permissions")), "{asked:?}");

    // Something of ours exists, but is something else.
    let other = Broker::connect_to(&at("yizhan:right", "cc")).await;
    other.replace_exchange("yizhan.events", "fanout").await;
    let outcome = rabbitmq(&at("yizhan:right", "cc")).publish(&batch).await;
    assert!(
        matches!(&outcome.failure, Some(Error::Refused { advice, .. }) if advice.contains("delete it")),
        "{:?}",
        outcome.failure
    );
    drop(service);
    let away = rabbitmq("amqp://guest:guest@127.0.0.1:9/%2f").publish(&batch).await;
    assert!(matches!(away.failure, Some(Error::Away(_))), "{:?}", away.failure);
}
