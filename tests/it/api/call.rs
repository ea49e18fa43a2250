//! Administrators end calls.

use serde_json::json;

use super::Client;
use super::client::declared;
use crate::call::{connected, end, in_talks};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_a_call_once() {
    // Without a robot: people answer at once.
    let declared = |toml: String| declared(&toml).replace("[robot]\nadapter = \"faq\"\n", "");
    let app = TestApp::with().declared(declared).start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let path = format!("/api/v1/calls/{}/end", id.as_str().unwrap());
    let client = Client::new(&app).with("Idempotency-Key", "end-1");
    let record = format!("/api/v1/calls/{}", id.as_str().unwrap());
    Client::new(&app).get(&record).await.is(409);
    client.post(&path, &json!({})).await.is(204);
    for socket in [&mut li.socket, &mut visitor.socket] {
        let last = end(socket).await;
        assert_eq!((&last["reason"], &last["by"]), (&json!("admin"), &json!("admin")));
    }
    client.post(&path, &json!({})).await.is(204);
    let told = Client::new(&app).get(&record).await.is(200).json;
    assert_eq!((&told["call"], &told["end_reason"], &told["ended_by"]), (&id, &json!("admin"), &json!("admin")));
    let quality = json!({ "call_id": id, "score": 4, "problems": ["回声"] });
    visitor.socket.request("call.quality", quality).await.expect("call.quality");
    let told = Client::new(&app).get(&record).await.is(200).json;
    assert_eq!(told["quality"], json!([{ "side": "contact", "score": 4, "problems": ["回声"] }]));
    for field in [
        "session",
        "conv",
        "contact",
        "agent",
        "transfer_from",
        "direction",
        "wanted",
        "media",
        "invited_at",
        "ringing_at",
        "accepted_at",
        "connected_at",
        "ended_at",
        "ring_ms",
        "talk_ms",
        "hold_ms",
        "ice_pair",
        "avg_rtt_ms",
        "avg_loss",
        "restarts",
        "recordings",
        "consent",
    ] {
        assert!(told.get(field).is_some(), "{field} is missing in {told}");
    }
    let late = Client::new(&app).post(&path, &json!({})).await;
    assert_eq!((late.status, &late.json["code"]), (409, &json!("call_gone")), "{}", late.text);
    Client::new(&app).post("/api/v1/calls/x_01ARZ3NDEKTSV4RRFFQ69G5FAV/end", &json!({})).await.is(404);
    Client::new(&app).get("/api/v1/calls/x_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.is(404);
    Client::new(&app).post("/api/v1/calls/nothing/end", &json!({})).await.is(404);
    li.says(&visitor.conv, "通话断了，我们打字").await;
}
