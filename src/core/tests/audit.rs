//! What is put on record: who reached for something that is not theirs, and what supervisors do.

use serde_json::json;

use super::*;
use crate::core::request::Request;
use crate::store::audit::{self, Entry};

on_both! {
    who_reaches_for_what_is_not_theirs_is_refused_and_put_on_record
    a_supervisor_who_ends_somebody_elses_session_is_put_on_record
}

async fn trail(desk: &Desk) -> Vec<(String, String, String)> {
    let entries = desk.read(|tx| Ok(audit::latest(tx, 100)?)).await;
    let line = |Entry { actor, action, outcome, .. }: Entry| (actor, action, outcome);
    entries.into_iter().rev().map(line).collect()
}

fn request(op: &str, d: impl Into<serde_json::Value>) -> Request {
    serde_json::from_value(json!({ "op": op, "d": d.into() })).unwrap()
}

async fn who_reaches_for_what_is_not_theirs_is_refused_and_put_on_record(on: Trial) {
    let desk = Desk::open(on);
    let (mei, other) = (desk.visitor("mei").await, desk.visitor("other").await);
    let send = json!({ "conv": other.conv, "cid": "1", "type": "text", "body": { "text": "x" } });
    let refused = desk.core.perform(&mei.client, request("send", send)).await;
    assert_eq!(code(refused), Code::NotFound);
    // Lines of one millisecond have no order among them.
    desk.turn(1);
    let refused = desk.core.perform(&mei.client, request("pull", json!({ "queue": "service" }))).await;
    assert_eq!(code(refused), Code::Forbidden);
    desk.turn(1);
    let note = json!({ "conv": mei.conv, "cid": "2", "type": "note", "body": { "text": "x" } });
    assert_eq!(code(desk.core.perform(&mei.client, request("send", note)).await), Code::Forbidden);
    let aside =
        json!({ "conv": mei.conv, "cid": "3", "type": "text", "body": { "text": "x" }, "visibility": "agents" });
    assert_eq!(code(desk.core.perform(&mei.client, request("send", aside)).await), Code::Forbidden);
    let who = mei.client.participant();
    let expected = [("send", "not_found"), ("pull", "forbidden"), ("send", "forbidden"), ("send", "forbidden")];
    let expected: Vec<_> = expected.map(|(op, code)| (who.clone(), op.into(), code.into())).into();
    assert_eq!(trail(&desk).await, expected);
}

async fn a_supervisor_who_ends_somebody_elses_session_is_put_on_record(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 3, &["service"]).await;
    let mei = desk.visitor("mei").await;
    desk.says(&mei, "你好").await;
    desk.route().await;
    desk.accept(&li).await;
    let session = desk.session(mei.conv).await.session;
    let boss = Client {
        calls_only: false,
        party: Party::Agent { agent: AgentId::parse("boss").unwrap(), name: "班长".into(), supervisor: true },
        ..desk.hire("boss", 1, &["service"]).await
    };
    desk.core.perform(&boss, request("end", json!({ "session": session }))).await.unwrap();
    assert_eq!(trail(&desk).await, [("agent:boss".into(), "end".into(), "ok".into())]);
}
