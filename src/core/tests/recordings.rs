//! Recordings of calls: questions that get lost, end or are withdrawn, and whose word of consent is about which recording.

use serde_json::{Value, json};

use super::calls::{ask, connected, in_talks};
use super::*;
use crate::core::call::{record, recording::Of};
use crate::model::id::{CallId, RecordingId};
use crate::store::call as rows;

on_both! {
    each_recording_has_its_own_word_of_consent
    a_question_that_nobody_answers_is_over_in_time
    a_recording_of_a_tenant_that_is_gone_keeps_no_other_open
    a_tenant_that_switches_calls_off_does_not_leave_them_alone
}

/// How the call stands for a client.
async fn state(desk: &Desk, client: &Client, id: &Value) -> Value {
    ask(desk, client, "call.state", json!({ "call_id": id })).await.unwrap()
}

/// Asked, and answered by the customer: what is recorded now.
async fn answered(desk: &Desk, (li, customer): (&Client, &Customer), id: &Value, ok: bool) -> Value {
    ask(desk, li, "call.record", json!({ "call_id": id, "on": true })).await.unwrap();
    ask(desk, &customer.client, "call.consent", json!({ "call_id": id, "ok": ok })).await.unwrap();
    state(desk, li, id).await["recording_id"].clone()
}

/// The recording is sent and closed.
async fn uploaded(desk: &Desk, li: &Client, id: &Value, recording: &Value) {
    let of = Of {
        tenant: desk.tenant.clone(),
        agent: client_agent(li),
        call: CallId::parse(id.as_str().unwrap()).unwrap(),
        recording: RecordingId::parse(recording.as_str().unwrap()).unwrap(),
    };
    desk.core.take_piece(of.clone(), 0, "video/webm", b"\x1a\x45\xdf\xa3").await.unwrap();
    desk.core.finish_recording(of, 1, 1_000).await.unwrap();
}

/// Yes, recorded, stopped; yes, and withdrawn; and no to a third one.
async fn each_recording_has_its_own_word_of_consent(on: Trial) {
    let desk = Desk::open_with(on, "[call]\nrecord = \"client\"\n");
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    let both = (&li, &customer);
    let first = answered(&desk, both, &id, true).await;
    ask(&desk, &li, "call.record", json!({ "call_id": id, "on": false })).await.unwrap();
    let second = answered(&desk, both, &id, true).await;
    assert_ne!(first, second);
    ask(&desk, &customer.client, "call.consent", json!({ "call_id": id, "ok": false })).await.unwrap();
    assert_eq!(answered(&desk, both, &id, false).await, Value::Null);
    let nothing = ask(&desk, &customer.client, "call.consent", json!({ "call_id": id, "ok": false })).await;
    assert_eq!(code(nothing), Code::BadRequest, "nobody asks, nothing is recorded");
    for recording in [&first, &second] {
        uploaded(&desk, &li, &id, recording).await;
    }
    ask(&desk, &li, "call.hangup", json!({ "call_id": id })).await.unwrap();

    let call = CallId::parse(id.as_str().unwrap()).unwrap();
    let told = desk.read(move |tx| record(tx, call)).await.unwrap();
    let told = serde_json::to_value(&told).unwrap();
    assert_eq!(told["consent"], true, "a later no is not about what was agreed to");
    let words: Vec<Value> = told["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["id"], one["consent"], one["withdrawn"]]))
        .collect();
    assert_eq!(words, [json!([first, true, false]), json!([second, true, true])]);
    let pending = desk.core.store().survey(|conn| outbox::pending(conn, 1000)).await.unwrap();
    let ready: Vec<Value> = pending
        .iter()
        .filter(|row| row.event.kind == "call.recording_ready")
        .map(|row| serde_json::from_str(&row.event.data).unwrap())
        .collect();
    assert_eq!(ready.len(), 2);
    assert!(ready.iter().all(|one| one["consent"] == true), "told after the no: {ready:?}");
}

/// The timer ends the question, and no consent is noted.
async fn a_question_that_nobody_answers_is_over_in_time(on: Trial) {
    let desk = Desk::open_with(on, "[call]\nrecord = \"client\"\n");
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    ask(&desk, &li, "call.record", json!({ "call_id": id, "on": true })).await.unwrap();
    desk.pass(20).await;
    ask(&desk, &li, "call.record", json!({ "call_id": id, "on": true })).await.unwrap();
    desk.pass(25).await;
    assert_eq!(state(&desk, &customer.client, &id).await["record_asked"], true, "counted from the last time");
    let (_mine, mut li_hears) = desk.listen(&li);
    let (_theirs, mut customer_hears) = desk.listen(&customer.client);
    desk.pass(6).await;
    for heard in [&mut li_hears, &mut customer_hears] {
        let told = frames(heard);
        let told = told.iter().find(|frame| frame["op"] == "call.recording").expect("it is told");
        assert_eq!((&told["d"]["on"], &told["d"]["denied"]), (&json!(false), &json!(true)));
    }
    assert_eq!(state(&desk, &customer.client, &id).await["record_asked"], false);
    let call = CallId::parse(id.as_str().unwrap()).unwrap();
    let life = desk.read(move |tx| Ok(rows::find(tx, call)?.unwrap().life)).await;
    assert_eq!((life.consent, life.is_live()), (None, true), "the call goes on");
}

async fn a_recording_of_a_tenant_that_is_gone_keeps_no_other_open(on: Trial) {
    let desk = Desk::open_with(on, "[call]\nrecord = \"client\"\n");
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    let recording = answered(&desk, (&li, &customer), &id, true).await;
    let recording = RecordingId::parse(recording.as_str().unwrap()).unwrap();
    let read = async || desk.read(move |tx| Ok(rows::recording::find(tx, recording)?.unwrap())).await;
    let begun = read().await;
    let earlier = rows::recording::Recording { started_at: begun.started_at.minus(Duration::from_secs(1)), ..begun };
    let gone = desk.core.scope(&TenantId::parse("gone").unwrap());
    gone.write(move |tx| Ok::<_, Error>(rows::recording::insert(tx, &earlier)?)).await.unwrap();
    ask(&desk, &li, "call.hangup", json!({ "call_id": id })).await.unwrap();
    desk.turn(601);
    desk.core.tidy_calls().await.unwrap();
    assert!(read().await.ended_at.is_some());
}

/// A lost socket, its return and the end of the session mean what they always mean.
async fn a_tenant_that_switches_calls_off_does_not_leave_them_alone(on: Trial) {
    let desk = Desk::open_with(on, "[call]\nrecord = \"client\"\n");
    let (li, customer) = in_talks(&desk).await;
    let id = CallId::parse(connected(&desk, &li, &customer).await.as_str().unwrap()).unwrap();
    let mut without = (*desk.core.tenants().tenant(&desk.tenant).unwrap()).clone();
    without.call = None;
    desk.core.tenants().put(without);
    let life = async || desk.read(move |tx| Ok(rows::find(tx, id)?.unwrap().life)).await;
    desk.core.detached(&li).await;
    assert_eq!(life().await.state.as_str(), "reconnecting");
    desk.core.attached(&li).await.unwrap();
    assert_eq!(life().await.state.as_str(), "connected");
    let session = desk.session(customer.conv).await.session;
    desk.core.end(&li, Some(session), None).await.unwrap();
    assert_eq!(life().await.end.map(|end| end.reason.as_str()), Some("session_ended"));
    assert!(desk.read(|tx| Ok(rows::engaged(tx)?)).await.is_empty(), "the agent is free");
}
