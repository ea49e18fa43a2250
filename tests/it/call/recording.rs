//! Recordings by the agent's browser: consent, pieces, the blob with its hash, and a browser that never came back.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{connected, hears, in_talks, link};
use crate::support::{Agent, TestApp, Visitor};

/// The contact agrees: the recording's id.
pub(super) async fn recorded(li: &mut Agent, visitor: &mut Visitor, id: &Value) -> String {
    li.socket.request("call.record", json!({ "call_id": id, "on": true })).await.expect("call.record");
    assert_eq!(hears(&mut visitor.socket, "call.record").await["call_id"], *id);
    visitor.socket.request("call.consent", json!({ "call_id": id, "ok": true })).await.expect("call.consent");
    let shown = hears(&mut visitor.socket, "call.recording").await;
    assert_eq!((&shown["on"], &shown["recording"]), (&json!(true), &Value::Null));
    hears(&mut li.socket, "call.recording").await["recording"].as_str().unwrap().to_owned()
}

/// The agent's browser, as far as it sends what it records.
pub(super) struct Uploads<'a> {
    app: &'a TestApp,
    li: &'a Agent,
    at: String,
}

impl<'a> Uploads<'a> {
    /// Of this recording of a call.
    pub(super) fn of(app: &'a TestApp, li: &'a Agent, call: &Value, recording: &str) -> Self {
        Self { app, li, at: format!("/api/v1/calls/{}/recording/{recording}", call.as_str().unwrap()) }
    }

    /// Sends a piece: the answer's status.
    pub(super) async fn piece(&self, n: usize, bytes: &[u8]) -> u16 {
        let url = format!("{}{}/{n}", self.app.base(), self.at);
        let login = &self.li.login;
        let sent = self.app.http().put(url).header("Origin", self.app.base()).header("Content-Type", "video/webm");
        let sent = sent.header("Cookie", &login.cookie).header("X-CSRF-Token", &login.csrf).body(bytes.to_vec());
        sent.send().await.unwrap().status().as_u16()
    }

    /// Says that this was all: the answer's status and body.
    pub(super) async fn finish(&self, chunks: usize) -> (u16, Value) {
        let login = &self.li.login;
        let sent = self.app.post(&format!("{}/finish", self.at), &json!({ "chunks": chunks, "ms": 10_000 }));
        let sent = sent.header("Cookie", &login.cookie).header("X-CSRF-Token", &login.csrf).send().await.unwrap();
        (sent.status().as_u16(), sent.json().await.unwrap())
    }
}

/// A call that is recorded, loses its way and finds another.
pub async fn what_is_recorded_is_there_at_the_end(app: &TestApp) {
    let (mut li, mut visitor, _) = in_talks(app, app).await;
    let id = connected(&mut li, &mut visitor).await;
    let recording = recorded(&mut li, &mut visitor, &id).await;
    let lost = json!({ "call_id": id, "leg": 1 });
    visitor.socket.request("call.reconnecting", lost).await.expect("call.reconnecting");
    link(&mut visitor.socket, &id, 1).await;
    let uploads = Uploads::of(app, &li, &id, &recording);
    assert_eq!((uploads.piece(0, b"\x1a\x45\xdf\xa3 all").await, uploads.finish(1).await.0), (204, 200));
    visitor.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_become_one_blob_with_a_hash() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let recording = recorded(&mut li, &mut visitor, &id).await;
    let uploads = Uploads::of(&app, &li, &id, &recording);
    let (one, two) = (b"\x1a\x45\xdf\xa3 first", b" second");
    assert_eq!(uploads.piece(1, two).await, 409, "a hole");
    assert_eq!(uploads.piece(0, one).await, 204);
    assert_eq!(uploads.piece(0, b"something else").await, 204, "again, which changes nothing");
    assert_eq!(uploads.finish(2).await.0, 409, "a piece is missing");
    assert_eq!(uploads.piece(1, two).await, 204);
    let (status, whole) = uploads.finish(2).await;
    assert_eq!(status, 200, "{whole}");
    let bytes: Vec<u8> = [one.as_slice(), two].concat();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&whole["sha256"], &whole["size"], &whole["ms"]), (&json!(hash), &json!(bytes.len()), &json!(10_000)));
    assert_eq!(uploads.finish(2).await, (200, whole), "the same answer again");
    assert_eq!(uploads.piece(2, two).await, 409, "it is closed");
    let wang = Agent::ready(&app, "wang").await;
    let others = Uploads::of(&app, &wang, &id, &recording);
    assert_eq!(others.piece(0, one).await, 404, "not hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_is_not_recorded() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    li.socket.request("call.record", json!({ "call_id": id, "on": true })).await.expect("call.record");
    hears(&mut visitor.socket, "call.record").await;
    visitor.socket.request("call.consent", json!({ "call_id": id, "ok": false })).await.expect("call.consent");
    let told = hears(&mut li.socket, "call.recording").await;
    assert_eq!((&told["on"], &told["denied"]), (&json!(false), &json!(true)));
}

/// A browser that dies leaves what it has sent; it is closed some time after the call.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_a_crash_is_kept() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let recording = recorded(&mut li, &mut visitor, &id).await;
    let uploads = Uploads::of(&app, &li, &id, &recording);
    app.let_pass(Duration::from_secs(5));
    assert_eq!(uploads.piece(0, b"\x1a\x45\xdf\xa3").await, 204);
    visitor.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    app.let_pass(Duration::from_secs(605));
    let whole =
        app.eventually("it is closed", async || Some(uploads.finish(9).await).filter(|(status, _)| *status == 200));
    let (_, whole) = whole.await;
    assert_eq!(whole["size"], 4);
    assert!((5_000..15_000).contains(&whole["ms"].as_i64().unwrap()), "as long as pieces came: {whole}");
    assert!(whole["sha256"].is_string());
}
