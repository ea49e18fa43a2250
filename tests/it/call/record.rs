//! What a call leaves behind: every step told to other modules, and one record that has it all.

use std::time::Duration;

use serde_json::{Value, json};

use super::recording::{Uploads, recorded};
use super::{accepted, audio, end, hears, in_talks, link, stands, video};
use crate::support::service::{Kind, Service};
use crate::support::{Agent, Broker, Socket, TestApp, Visitor};

/// What other modules are told of a call, in order.
const MOMENTS: [&str; 12] = [
    "invited",
    "ringing",
    "accepted",
    "connected",
    "held",
    "resumed",
    "reconnecting",
    "upgraded",
    "recording_started",
    "recording_ready",
    "ended",
    "rated",
];

/// Sound becomes sound and pictures, with the visitor's consent.
async fn upgraded(li: &mut Agent, visitor: &mut Visitor, of: &Value) {
    li.socket.request("call.upgrade", of.clone()).await.expect("call.upgrade");
    hears(&mut visitor.socket, "call.upgrade").await;
    visitor.socket.request("call.upgrade.ok", of.clone()).await.expect("call.upgrade.ok");
    li.socket.push("call.state", |frame| frame["d"]["media"] == video()).await;
}

/// The session goes to the queue that only wang serves, and the call with it.
async fn passed_on(li: &mut Agent, wang: &mut Agent, visitor: &mut Visitor, id: &Value) {
    let transfer = json!({ "call_id": id, "to": { "queue": "vip" }, "note": "请继续" });
    li.socket.request("call.transfer", transfer).await.expect("call.transfer");
    wang.takes_offer().await;
    assert_eq!(hears(&mut wang.socket, "call.start").await["leg"], 2);
    visitor.socket.push("call.start", |frame| frame["d"]["leg"] == 2).await;
    link(&mut wang.socket, id, 2).await;
    link(&mut visitor.socket, id, 2).await;
    stands(&mut wang.socket, "connected").await;
}

/// How well it goes, as a browser that does not know everything says it.
async fn samples(socket: &mut Socket, id: &Value, known: Value) {
    let mut sample = json!({ "call_id": id, "jitter_ms": 3, "kbps": 800, "fps": 24, "res": "1280x720" });
    for (key, value) in known.as_object().expect("an object") {
        sample[key] = value.clone();
    }
    socket.request("call.stats", sample).await.expect("call.stats");
}

/// An audio call of the visitor's that is held, loses its way, becomes video, is recorded, passed on and rated: its id,
/// the recording's, and what became of that.
async fn everything_happens(
    app: &TestApp,
    (li, wang): (&mut Agent, &mut Agent),
    visitor: &mut Visitor,
) -> (Value, String, Value) {
    let (start, _) = accepted(li, visitor, audio()).await;
    let id = start["call"]["call_id"].clone();
    let of = json!({ "call_id": id });
    link(&mut li.socket, &id, 1).await;
    link(&mut visitor.socket, &id, 1).await;
    stands(&mut li.socket, "connected").await;
    li.socket.request("call.hold", of.clone()).await.expect("call.hold");
    app.let_pass(Duration::from_secs(10));
    li.socket.request("call.resume", of.clone()).await.expect("call.resume");
    visitor.socket.request("call.reconnecting", json!({ "call_id": id, "leg": 1 })).await.expect("a way is lost");
    link(&mut visitor.socket, &id, 1).await;
    upgraded(li, visitor, &of).await;
    let recording = recorded(li, visitor, &id).await;
    let uploads = Uploads::of(app, li, &id, &recording);
    assert_eq!(uploads.piece(0, b"\x1a\x45\xdf\xa3 all").await, 204);
    let (_, whole) = uploads.finish(1).await;
    samples(&mut li.socket, &id, json!({ "rtt_ms": 20, "loss": 0.0 })).await;
    passed_on(li, wang, visitor, &id).await;
    samples(&mut visitor.socket, &id, json!({ "loss": 0.02 })).await;
    let pair = json!({ "local": "relay", "remote": "srflx", "proto": "udp" });
    samples(&mut wang.socket, &id, json!({ "rtt_ms": 40, "pair": pair })).await;
    app.let_pass(Duration::from_secs(60));
    visitor.socket.request("call.hangup", of.clone()).await.expect("call.hangup");
    assert_eq!(end(&mut wang.socket).await["reason"], "hangup_contact");
    let quality = json!({ "call_id": id, "score": 3, "problems": ["回声"] });
    wang.socket.request("call.quality", quality).await.expect("call.quality");
    (id, recording, whole)
}

/// A call with everything in it: what other modules are told, in order, and each field of the record.
#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_told_and_the_record_has_it_all() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let mut ear = Broker::connect(&service).await.listen("crm", "yizhan.demo.call.#").await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    let mut wang = Agent::ready(&app, "wang").await;

    let (id, recording, whole) = everything_happens(&app, (&mut li, &mut wang), &mut visitor).await;

    let told = ear.take(12).await;
    let kinds: Vec<&str> = told.iter().filter_map(|heard| heard.event["type"].as_str()).collect();
    assert_eq!(kinds, MOMENTS.map(|moment| format!("yizhan.call.{moment}.v1")));
    for heard in &told {
        assert_eq!((&heard.event["tenant"], &heard.event["data"]["call"]), (&json!("demo"), &id), "{:?}", heard.event);
    }
    let record = told[10].event["data"].clone();
    assert_eq!(
        record["recordings"],
        json!([{
            "id": recording, "side": "agent", "media": whole["media"], "size": 8, "ms": 10_000,
            "url": format!("/media/{}", whole["media"].as_str().unwrap()), "sha256": whole["sha256"],
            "consent": true, "withdrawn": false,
        }])
    );
    assert!(whole["sha256"].is_string());
    for (field, value) in [
        ("call", id),
        ("session", session),
        ("agent", json!("wang")),
        ("transfer_from", json!("li")),
        ("direction", json!("contact")),
        ("wanted", audio()),
        ("media", video()),
        ("end_reason", json!("hangup_contact")),
        ("ended_by", json!("contact")),
        ("ice_pair", json!("relay/srflx/udp")),
        ("avg_rtt_ms", json!(30.0)),
        ("avg_loss", json!(0.01)),
        ("restarts", json!(1)),
        ("consent", json!(true)),
        ("quality", json!([])),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    assert_eq!(told[11].event["data"]["problems"], json!(["回声"]));
    in_order(&record);
}

/// The times of a record are in their order, and what is counted fits them.
fn in_order(record: &Value) {
    let fields = ["invited_at", "ringing_at", "accepted_at", "connected_at", "ended_at"];
    let times = fields.map(|field| record[field].as_str().unwrap_or_else(|| panic!("{field}: {record}")).to_owned());
    assert!(times.is_sorted(), "{times:?}");
    let ms = |field: &str| record[field].as_u64().unwrap_or_else(|| panic!("{field}: {record}"));
    // The clock is turned by ten seconds and by a minute, and goes on by itself.
    assert!((10_000..20_000).contains(&ms("hold_ms")), "{record}");
    assert!((60_000..90_000).contains(&ms("talk_ms")), "{record}");
    assert!(ms("ring_ms") < 10_000, "{record}");
}
