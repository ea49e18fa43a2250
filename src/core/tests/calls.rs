//! Calls at the desk: the keys that hold whatever the code does, calls that nobody looks after, the record of one.

use serde_json::{Value, json};

use super::*;
use crate::core::call::request;
use crate::core::request::Request;
use crate::model::call::{Call as Life, Media as Carries, Side};
use crate::model::id::CallId;
use crate::store::call::{self as calls, Call, Tally};

on_both! {
    the_keys_refuse_a_second_live_call
    a_call_without_a_timer_is_ended
    the_record_of_a_call_tells_everything
    who_finds_the_agent_busy_leaves_a_call_that_is_over
    fresh_servers_are_the_same_for_minutes_and_counted
    any_order_of_requests_leaves_one_final_call
}

/// Asks for something about calls.
pub(super) async fn ask(desk: &Desk, client: &Client, op: &str, d: Value) -> Result<Value, Error> {
    let request: request::Request = serde_json::from_value(json!({ "op": op, "d": d })).unwrap();
    desk.core.perform(client, Request::Call(Box::new(request))).await
}

/// An agent who serves a visitor.
pub(super) async fn in_talks(desk: &Desk) -> (Client, Customer) {
    let li = desk.ready("li", 5, &["service"]).await;
    let customer = desk.visitor("wang").await;
    desk.core.attached(&customer.client).await.unwrap();
    desk.says(&customer, "您好").await;
    desk.route().await;
    desk.accept(&li).await;
    (li, customer)
}

fn sound() -> Value {
    json!({ "audio": true, "video": false })
}

/// Both are connected: the call's id.
pub(super) async fn connected(desk: &Desk, li: &Client, customer: &Customer) -> Value {
    let invited = ask(desk, &customer.client, "call.invite", json!({ "media": sound() })).await.unwrap();
    let id = invited["call"]["call_id"].clone();
    ask(desk, li, "call.accept", json!({ "call_id": id, "media": sound() })).await.unwrap();
    for client in [li, &customer.client] {
        ask(desk, client, "call.connected", json!({ "call_id": id, "leg": 1 })).await.unwrap();
    }
    id
}

async fn the_keys_refuse_a_second_live_call(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = in_talks(&desk).await;
    let session = desk.session(customer.conv).await.session;
    let (agent, now) = (client_agent(&li), desk.clock.now());
    let Party::Contact { contact, .. } = customer.client.party.clone() else { panic!("a visitor") };
    let made = move |session: SessionId, agent: &str| Call {
        call: CallId::generate(now),
        session,
        conv: customer.conv,
        contact,
        agent: AgentId::parse(agent).unwrap(),
        life: Life::invited(Side::Contact, DeviceId::parse("tab").unwrap(), Carries::AUDIO, now),
        tally: Tally::default(),
        version: 1,
    };
    let write = async |call: Call| {
        let scope = desk.core.scope(&desk.tenant);
        scope.write(move |tx| calls::insert(tx, &call)).await
    };
    write(made(session, agent.as_str())).await.unwrap();
    let other = SessionId::generate(now);
    assert!(write(made(session, "zhao")).await.unwrap_err().is_duplicate(), "of the session");
    assert!(write(made(other, agent.as_str())).await.unwrap_err().is_duplicate(), "of the agent");
    write(made(other, "zhao")).await.unwrap();
}

async fn a_call_without_a_timer_is_ended(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = in_talks(&desk).await;
    let invited = ask(&desk, &customer.client, "call.invite", json!({ "media": sound() })).await.unwrap();
    let id = CallId::parse(invited["call"]["call_id"].as_str().unwrap()).unwrap();
    let scope = desk.core.scope(&desk.tenant);
    scope.write(move |tx| timer::cancel(tx, &["call"], &id.to_string())).await.unwrap();
    desk.pass(45).await;
    desk.core.tidy_calls().await.unwrap();
    let call = desk.read(move |tx| Ok(calls::find(tx, id)?.unwrap())).await;
    assert!(call.life.is_live(), "its timer may only be late");
    // H11: within half a minute after its time, with the pause between two looks and clocks that differ by five seconds.
    desk.pass(5).await;
    desk.core.tidy_calls().await.unwrap();
    let call = desk.read(move |tx| Ok(calls::find(tx, id)?.unwrap())).await;
    assert_eq!(call.life.end.unwrap().reason.as_str(), "server_restart");
    ask(&desk, &li, "call.accept", json!({ "call_id": id, "media": sound() })).await.unwrap_err();
}

/// Somebody else calls an agent who talks: refused as ever, and there is a record of it, a line in the log, and nothing else.
async fn who_finds_the_agent_busy_leaves_a_call_that_is_over(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, first) = in_talks(&desk).await;
    let second = desk.visitor("zhang").await;
    desk.core.attached(&second.client).await.unwrap();
    desk.says(&second, "您好").await;
    desk.route().await;
    desk.accept(&li).await;
    let id = connected(&desk, &li, &first).await;
    let before = desk.events().await.len();
    let (_socket, mut hears) = desk.listen(&li);
    let invite = json!({ "media": sound() });
    assert_eq!(code(ask(&desk, &second.client, "call.invite", invite.clone()).await), Code::CallBusy);
    assert!(!ops(&frames(&mut hears)).iter().any(|op| op.starts_with("call.")), "whoever talks is not disturbed");

    let pending = desk.core.store().survey(|conn| outbox::pending(conn, 1000)).await.unwrap();
    let told: Vec<_> = pending.iter().skip(before).filter(|row| row.event.kind.starts_with("call.")).collect();
    let kinds: Vec<&str> = told.iter().map(|row| row.event.kind.as_str()).collect();
    assert_eq!(kinds, ["call.invited", "call.ended"]);
    let record: Value = serde_json::from_str(&told[1].event.data).unwrap();
    assert_eq!((&record["end_reason"], &record["ended_by"]), (&json!("busy"), &json!("system")));
    assert_eq!(
        (&record["direction"], &record["agent"], &record["talk_ms"]),
        (&json!("contact"), &json!("li"), &json!(0))
    );
    assert_ne!(record["call"], id);
    let lines = desk.log(second.conv).await;
    let missed = |line: &&Envelope| matches!(&line.content, Content::Event { name, data } if name == "call.ended" && data["reason"] == "busy");
    assert_eq!(lines.iter().filter(missed).count(), 1);

    // A second press, the agent's own other call, and the call that is there leave nothing.
    let events = desk.events().await.len();
    let session = desk.session(second.conv).await.session;
    let own = json!({ "session": session, "media": sound() });
    assert_eq!(code(ask(&desk, &li, "call.invite", own).await), Code::CallBusy);
    assert_eq!(code(ask(&desk, &first.client, "call.invite", invite.clone()).await), Code::CallBusy);
    assert_eq!(desk.events().await.len(), events);
    // Nor does a flood of them.
    for _ in 0..15 {
        assert_eq!(code(ask(&desk, &second.client, "call.invite", invite.clone()).await), Code::CallBusy);
    }
    let lines = desk.log(second.conv).await;
    assert_eq!(lines.iter().filter(missed).count(), 10, "of a minute");
    let seen = ask(&desk, &li, "call.state", json!({ "call_id": id })).await.unwrap();
    assert_eq!(seen["state"], "connected", "the other call goes on");
}

/// S74: whoever asks again and again has one name at the relay, and is refused at last.
async fn fresh_servers_are_the_same_for_minutes_and_counted(on: Trial) {
    let relay = "turn = [\"turn:127.0.0.1:3478\"]\nsecret = \"north\"\n";
    let desk = Desk::open_with(on, &format!("[call]\n{relay}"));
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    let mut names = std::collections::BTreeSet::new();
    for n in 0..30 {
        let op = if n % 2 == 0 { "call.ice_servers" } else { "call.reconnecting" };
        let servers = ask(&desk, &li, op, json!({ "call_id": id, "leg": 1 })).await.unwrap();
        names.insert(servers["ice_servers"][0]["username"].as_str().unwrap().to_owned());
        let until: i64 = names.last().unwrap().split(':').next().unwrap().parse().unwrap();
        let left = until - desk.clock.now().seconds();
        assert!((299..=600).contains(&left), "{left} s");
        desk.turn(1);
    }
    assert!(names.len() <= 2, "thirty seconds reach into two halves at the most: {names:?}");
    for op in ["call.ice_servers", "call.reconnecting"] {
        let refused = ask(&desk, &li, op, json!({ "call_id": id, "leg": 1 })).await.unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        assert!(refused.after_ms.is_some_and(|after| after > 0), "{refused:?}");
    }
    ask(&desk, &customer.client, "call.ice_servers", json!({ "call_id": id })).await.unwrap();
    desk.turn(61);
    ask(&desk, &li, "call.ice_servers", json!({ "call_id": id })).await.unwrap();
}

async fn the_record_of_a_call_tells_everything(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    desk.turn(60);
    ask(&desk, &li, "call.hold", json!({ "call_id": id })).await.unwrap();
    desk.turn(10);
    ask(&desk, &li, "call.resume", json!({ "call_id": id })).await.unwrap();
    for (rtt, loss) in [(20, 0.0), (40, 0.02)] {
        let pair = json!({ "local": "relay", "remote": "host", "proto": "udp" });
        let sample = json!({ "call_id": id, "rtt_ms": rtt, "loss": loss, "pair": pair });
        ask(&desk, &li, "call.stats", sample).await.unwrap();
    }
    desk.turn(30);
    ask(&desk, &customer.client, "call.hangup", json!({ "call_id": id })).await.unwrap();
    let pending = desk.core.store().survey(|conn| outbox::pending(conn, 1000)).await.unwrap();
    let told: Vec<String> =
        pending.iter().map(|row| row.event.kind.clone()).filter(|kind| kind.starts_with("call.")).collect();
    let kinds = ["call.invited", "call.accepted", "call.connected", "call.held", "call.resumed", "call.ended"];
    assert_eq!(told, kinds);
    let ended = pending.iter().find(|row| row.event.kind == "call.ended").unwrap();
    let record: Value = serde_json::from_str(&ended.event.data).unwrap();
    for (field, value) in [
        ("end_reason", json!("hangup_contact")),
        ("ended_by", json!("contact")),
        ("direction", json!("contact")),
        ("avg_rtt_ms", json!(30.0)),
        ("avg_loss", json!(0.01)),
        ("ice_pair", json!("relay/host/udp")),
        ("agent", json!("li")),
        ("restarts", json!(0)),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    // The clock is turned, and goes on by itself.
    for (field, least) in [("talk_ms", 90_000), ("hold_ms", 10_000)] {
        let took = record[field].as_u64().unwrap();
        assert!((least..least + 5_000).contains(&took), "{field}: {took}");
    }
}

/// Requests of both sides in a random order, again and again: both sides and the row agree, and there is one end.
async fn any_order_of_requests_leaves_one_final_call(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = in_talks(&desk).await;
    let ops = [
        "call.ringing",
        "call.accept",
        "call.cancel",
        "call.connected",
        "call.reconnecting",
        "call.hold",
        "call.resume",
        "call.upgrade",
        "call.upgrade.ok",
        "call.downgrade",
        "call.hangup",
    ];
    for round in 0..5 {
        let invited = ask(&desk, &customer.client, "call.invite", json!({ "media": sound() })).await.unwrap();
        let id = invited["call"]["call_id"].clone();
        for _ in 0..30 {
            let client = if rand::random::<bool>() { &li } else { &customer.client };
            let op = ops[rand::random_range(0..ops.len())];
            let outcome = ask(&desk, client, op, json!({ "call_id": id, "leg": 1, "media": sound() })).await;
            let known = [Code::BadRequest, Code::CallGone, Code::Forbidden];
            assert!(outcome.as_ref().err().is_none_or(|error| known.contains(&error.code)), "{op}: {outcome:?}");
        }
        desk.pass(4_000).await;
        desk.core.fire_due().await.unwrap();
        let seen = ask(&desk, &li, "call.state", json!({ "call_id": id })).await.unwrap();
        let theirs = ask(&desk, &customer.client, "call.state", json!({ "call_id": id })).await.unwrap();
        assert_eq!(seen["state"], "ended", "round {round}");
        assert_eq!(seen["end"], theirs["end"]);
        let lines = desk.log(customer.conv).await;
        let ends = lines.iter().filter(|line| {
            matches!(&line.content, Content::Event { name, data } if name == "call.ended" && data["call_id"] == id)
        });
        assert_eq!(ends.count(), 1);
    }
}
