//! Other modules give orders, over a real broker. Numbers are those of the acceptance scenarios.

use std::time::Duration;

use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::support::broker::{Ear, Office};
use crate::support::service::{Kind, Service};
use crate::support::{Agent, Broker, PATIENCE, TestApp, Visitor};

/// The code of a refusal.
fn code(answer: &Value) -> &str {
    answer["err"]["code"].as_str().unwrap_or_else(|| panic!("a refusal: {answer}"))
}

/// The reason in a parked message's headers.
fn reason(properties: &BasicProperties) -> String {
    let headers = properties.headers().as_ref().expect("headers");
    let found = headers.inner().get("x-yizhan-reason").and_then(|value| value.as_long_string());
    found.expect("a reason").to_string()
}

/// 62: orders are done once and answered; the same order again gets the same answer; who may not is told why.
#[tokio::test(flavor = "multi_thread")]
async fn orders_are_done_once_and_answered() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let mut app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("crm", "yizhan.demo.#").await;
    let mut office = module.office(&app).await;

    // An outbound notice, and its repetition.
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let notice = json!({ "to": { "conv": visitor.conv }, "type": "text", "body": { "text": "您的订单已发货" } });
    let sent = office.order("n-1", "conversation.send", notice.clone()).await;
    visitor.expects_text("您的订单已发货").await;
    assert_eq!(office.order("n-1", "conversation.send", notice.clone()).await, sent, "the same answer");
    let other = json!({ "to": { "conv": visitor.conv }, "type": "text", "body": { "text": "别的" } });
    assert_eq!(code(&office.order("n-1", "conversation.send", other).await), "conflict");

    let session = a_session_is_steered(&mut office, &mut ear, &mut li, &visitor).await;
    strangers_are_refused(&mut office, &visitor, &session).await;
    let node = nodes_obey(&mut office).await;
    let drain = json!({ "cmd": "node.drain", "tenant": "_", "actor": { "module": "ops" } }).to_string();
    office.tell(&node, "d-1", drain.as_bytes()).await;
    assert_eq!(office.answer_to("d-1").await["ok"]["node"], node);
    app.ends().await;
}

/// A session is opened, waits, is assigned, answered, requeued, ended.
async fn a_session_is_steered(office: &mut Office, ear: &mut Ear, li: &mut Agent, visitor: &Visitor) -> Value {
    let opened = office.order("o-1", "conversation.open", json!({ "to": { "conv": visitor.conv } })).await;
    let session = opened["ok"]["session"].clone();
    let status = json!({ "agent": "li", "status": "busy", "reason": "meeting" });
    assert_eq!(office.order("a-1", "agent.set_status", status).await, json!({ "ok": {} }));
    li.socket.push("presence", |frame| frame["d"]["agent"] == "li" && frame["d"]["status"] == "busy").await;
    let queue = json!({ "session": session, "queue": "service" });
    assert_eq!(office.order("q-1", "session.requeue", queue).await, json!({ "ok": {} }));
    let assign = json!({ "session": session, "agent": "li" });
    assert_eq!(code(&office.order("s-1", "session.assign", assign.clone()).await), "no_agent", "li is busy");
    assert_eq!(code(&office.order("s-1", "session.assign", assign.clone()).await), "no_agent", "a refusal is kept");
    office.order("a-2", "agent.set_status", json!({ "agent": "li", "status": "ready" })).await;
    let offered = office.order("s-2", "session.assign", assign).await;
    let offer = li.expects_offer().await;
    if !offered["ok"]["assignment"].is_null() {
        assert_eq!(offer["session"], session);
    }
    li.accepts(&offer).await;
    let capacity = office.order("a-3", "agent.set_capacity", json!({ "agent": "li", "capacity": 9 })).await;
    assert_eq!(capacity, json!({ "ok": {} }));
    let changed = ear.of_type("agent.capacity_changed").await.event;
    assert_eq!((&changed["data"]["previous"], &changed["data"]["capacity"]), (&json!(5), &json!(9)));
    let ended = office.order("e-1", "session.end", json!({ "session": session, "reason": "solved" })).await;
    assert_eq!(ended, json!({ "ok": {} }));
    assert_eq!(office.order("e-1", "session.end", json!({ "session": session, "reason": "solved" })).await, ended);
    assert_eq!(code(&office.order("e-2", "session.end", json!({ "session": session })).await), "session_ended");
    let event = ear.of_type("session.ended").await.event;
    assert_eq!((&event["data"]["by"], &event["data"]["reason"]), (&json!("system"), &json!("solved")));
    session
}

/// Customers by whatever the sender knows; who does not exist is not found; who may not is told.
async fn strangers_are_refused(office: &mut Office, visitor: &Visitor, session: &Value) {
    let who = json!({ "who": { "external_id": "o-new", "account": "oa" }, "name": "王小姐" });
    let known = office.order("c-1", "contact.upsert", who.clone()).await;
    assert_eq!(known["ok"]["created"], true);
    assert_eq!(office.order("c-2", "contact.upsert", who).await["ok"]["created"], false);
    let closed = json!({
        "to": { "external_id": "o-new", "account": "oa" }, "type": "text", "body": { "text": "您好" },
        "if_window": "fail",
    });
    assert_eq!(code(&office.order("n-2", "conversation.send", closed).await), "channel_window_closed");
    let nobody = json!({ "to": { "external_id": "x", "account": "nowhere" } });
    assert_eq!(code(&office.order("o-2", "conversation.open", nobody).await), "not_found");
    let stranger = json!({
        "cmd": "session.end", "tenant": "demo", "actor": { "agent": "nobody" }, "args": { "session": session },
    });
    office.tell("any", "x-1", stranger.to_string().as_bytes()).await;
    assert_eq!(code(&office.answer_to("x-1").await), "forbidden");
    let elsewhere = json!({ "cmd": "conversation.open", "tenant": "other", "actor": { "module": "crm" },
        "args": { "to": { "conv": visitor.conv } } });
    office.tell("any", "x-2", elsewhere.to_string().as_bytes()).await;
    assert_eq!(code(&office.answer_to("x-2").await), "not_found");
}

/// Orders to nodes go to each node. Returns its id.
async fn nodes_obey(office: &mut Office) -> String {
    let reload = json!({ "cmd": "config.reload", "tenant": "_", "actor": { "module": "ops" } }).to_string();
    office.tell("any", "r-1", reload.as_bytes()).await;
    assert_eq!(code(&office.answer_to("r-1").await), "bad_request", "not by any one node");
    office.tell("all", "r-2", reload.as_bytes()).await;
    let reloaded = office.answer_to("r-2").await;
    let node = reloaded["ok"]["node"].as_str().expect("a node").to_owned();
    assert_eq!(reloaded["ok"]["changed"], 0);
    node
}

/// F27: what nobody can do is parked with its reason, and stops nothing; what fails again and again is parked by the
/// broker; what has expired is not done.
#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_and_stops_nothing() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut office = module.office(&app).await;
    let mut parked = module.hear("yizhan.commands.dead").await;
    let visitor = Visitor::arrives(&app, "w1").await;

    let big = vec![b'x'; 1 << 20];
    let unknown = json!({ "cmd": "agent.praise", "tenant": "demo", "actor": { "module": "crm" } }).to_string();
    let wrong = json!({ "cmd": "session.end", "tenant": "demo", "actor": { "module": "crm" }, "args": {} }).to_string();
    let poison: [(&str, &[u8], &str, &str); 4] = [
        ("p-1", b"{", "invalid_json", "bad_request"),
        ("p-2", &big, "too_large", "too_large"),
        ("p-3", unknown.as_bytes(), "unknown_command", "unsupported_op"),
        ("p-4", wrong.as_bytes(), "bad_arguments", "bad_request"),
    ];
    for (id, body, expected, refused) in poison {
        office.tell("any", id, body).await;
        assert_eq!(code(&office.answer_to(id).await), refused, "{id}");
        let found = parked.next().await;
        assert_eq!(reason(&found.properties), expected, "{id}");
        assert_eq!(found.properties.message_id().as_ref().unwrap().as_str(), id);
        let open = json!({ "to": { "conv": visitor.conv } });
        let healthy = office.order(&format!("h-{id}"), "conversation.open", open).await;
        assert!(healthy["ok"]["session"].is_string(), "{healthy}");
    }
    office.publish("any", unknown.as_bytes(), BasicProperties::default()).await;
    assert_eq!(reason(&parked.next().await.properties), "unknown_command", "a sender who wants no answer");
    let anonymous = json!({ "cmd": "session.end", "tenant": "demo", "actor": { "module": "crm" }, "args": {} });
    office.publish("any", anonymous.to_string().as_bytes(), BasicProperties::default()).await;
    assert_eq!(reason(&parked.next().await.properties), "no_message_id");

    // While the store is away a command waits; it is no poison, and what has expired meanwhile is not done.
    let lock = app.lock_the_store().await;
    let open = json!({ "cmd": "conversation.open", "tenant": "demo", "actor": { "module": "crm" },
        "args": { "to": { "conv": visitor.conv } } });
    office.tell("any", "w-1", open.to_string().as_bytes()).await;
    let short = BasicProperties::default()
        .with_message_id("w-2".into())
        .with_correlation_id("w-2".into())
        .with_expiration("200".into());
    office.publish("any", open.to_string().as_bytes(), short).await;
    let waits = "yizhan_commands_total{command=\"conversation.open\",outcome=\"waits\"}";
    // Whoever stood before it in the writer's queue waits for the lock first, five seconds each.
    app.within(3 * PATIENCE, "a command waits", async || (app.metric(waits).await > 0.0).then_some(())).await;
    assert_eq!(module.waiting("yizhan.commands").await, 0, "both are held");
    app.let_pass(Duration::from_secs(1));
    assert_eq!(reason(&parked.next().await.properties), "expired");
    drop(lock);
    assert!(office.answer_to("w-1").await["ok"]["session"].is_string());
}
