//! Calls that another module begins, has recorded and ends, over a real broker; and an administrator who ends one.

use serde_json::{Value, json};

use super::{audio, connected, end, hears, in_talks, link, stands};
use crate::support::service::{Kind, Service};
use crate::support::{Broker, TestApp};

/// The code of a refusal.
fn code(answer: &Value) -> &str {
    answer["err"]["code"].as_str().unwrap_or_else(|| panic!("a refusal: {answer}"))
}

/// 62 for calls: done once and answered, whoever may not is told, and the record says who ended it.
#[tokio::test(flavor = "multi_thread")]
async fn another_module_begins_records_and_ends_a_call() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("crm", "yizhan.demo.call.#").await;
    let mut office = module.office(&app).await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;

    let wish = json!({ "session": session, "media": audio() });
    let begun = office.order("c-1", "call.start", wish.clone()).await;
    let id = begun["ok"]["call"].clone();
    assert_eq!(hears(&mut visitor.socket, "call.ring").await["call"]["call_id"], id);
    let mine = stands(&mut li.socket, "inviting").await;
    assert_eq!((&mine["call_id"], &mine["device"]), (&id, &json!("dev-li")), "li's console calls");
    assert_eq!(office.order("c-1", "call.start", wish).await, begun, "the same answer");
    assert!(visitor.socket.arrived("call.ring").is_none(), "it rings once");
    let accept = json!({ "call_id": id, "media": audio() });
    visitor.socket.request("call.accept", accept).await.expect("call.accept");
    assert_eq!(hears(&mut li.socket, "call.start").await["side"], "agent");
    hears(&mut visitor.socket, "call.start").await;
    link(&mut li.socket, &id, 1).await;
    link(&mut visitor.socket, &id, 1).await;
    stands(&mut li.socket, "connected").await;
    stands(&mut visitor.socket, "connected").await;

    let record = json!({ "call": id, "on": true });
    assert_eq!(office.order("r-1", "call.record", record.clone()).await, json!({ "ok": {} }));
    assert_eq!(hears(&mut visitor.socket, "call.record").await["call_id"], id);
    assert_eq!(office.order("r-1", "call.record", record).await, json!({ "ok": {} }));
    assert!(visitor.socket.arrived("call.record").is_none(), "it is asked once");

    let by = |actor: Value, call: &Value| json!({ "cmd": "call.end", "tenant": "demo", "actor": actor, "args": { "call": call } });
    let stranger = by(json!({ "agent": "nobody" }), &id).to_string();
    office.tell("any", "e-0", stranger.as_bytes()).await;
    assert_eq!(code(&office.answer_to("e-0").await), "forbidden");
    let nothing = json!({ "call": "x_01ARZ3NDEKTSV4RRFFQ69G5FAV" });
    assert_eq!(code(&office.order("e-1", "call.end", nothing).await), "not_found");
    let ended = office.order("e-2", "call.end", json!({ "call": id })).await;
    assert_eq!(ended, json!({ "ok": {} }));
    for socket in [&mut li.socket, &mut visitor.socket] {
        let last = end(socket).await;
        assert_eq!((&last["reason"], &last["by"]), (&json!("admin"), &json!("admin")));
    }
    assert_eq!(office.order("e-2", "call.end", json!({ "call": id })).await, ended, "the same answer");
    assert_eq!(code(&office.order("e-3", "call.end", json!({ "call": id })).await), "call_gone");
    let told = ear.of_type("call.ended").await.event["data"].clone();
    assert_eq!((&told["end_reason"], &told["ended_by"]), (&json!("admin"), &json!("admin")));

    // In the name of its agent it is the agent who hangs up.
    let id = connected(&mut li, &mut visitor).await;
    office.tell("any", "e-4", by(json!({ "agent": "li" }), &id).to_string().as_bytes()).await;
    assert_eq!(office.answer_to("e-4").await, json!({ "ok": {} }));
    for socket in [&mut li.socket, &mut visitor.socket] {
        assert_eq!(end(socket).await["reason"], "hangup_agent");
    }
    let told = ear.of_type("call.ended").await.event["data"].clone();
    assert_eq!((&told["end_reason"], &told["ended_by"]), (&json!("hangup_agent"), &json!("agent")));

    // A session that is taken from its agent leaves the call behind.
    connected(&mut li, &mut visitor).await;
    assert_eq!(office.order("q-1", "session.requeue", json!({ "session": session })).await, json!({ "ok": {} }));
    let last = end(&mut visitor.socket).await;
    assert_eq!((&last["reason"], &last["by"]), (&json!("replaced"), &json!("system")));
    assert_eq!(end(&mut li.socket).await["reason"], "replaced");
    assert_eq!(ear.of_type("call.ended").await.event["data"]["end_reason"], "replaced");
}

/// Without an agent who answers, or a console that is open, nobody can call.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_where_nobody_answers() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut office = module.office(&app).await;
    let (li, _visitor, session) = in_talks(&app, &app).await;
    let _absent = li.vanishes();
    let wish = json!({ "session": session, "media": audio() });
    let mut tries = 0;
    let refused = async || {
        tries += 1;
        let answer = office.order(&format!("c-{tries}"), "call.start", wish.clone()).await;
        (answer["err"]["code"] == "no_agent").then_some(())
    };
    app.eventually("li's console is gone", refused).await;
}
