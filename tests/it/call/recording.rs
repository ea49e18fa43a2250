//! Recordings by the agent's browser: consent, pieces, the blob with its hash, and a browser that never came back.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{connected, hears, in_talks, link, stands};
use crate::support::{Agent, Login, TestApp, Visitor};

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

/// The push with the question is lost, or the page was loaded anew: both sides read that it stands. It is put again, and can
/// be withdrawn; nobody has refused then.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_got_lost_is_seen_put_again_and_withdrawn() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let of = json!({ "call_id": id });
    let record = |on: bool| json!({ "call_id": id, "on": on });
    li.socket.request("call.record", record(true)).await.expect("call.record");
    hears(&mut visitor.socket, "call.record").await;
    for socket in [&mut li.socket, &mut visitor.socket] {
        let call = socket.request("call.state", of.clone()).await.expect("call.state");
        let shown = (&call["record_asked"], &call["recording"], &call["recording_id"]);
        assert_eq!(shown, (&json!(true), &json!(false), &Value::Null));
    }
    let mut li = li.vanishes().resumes(&app, json!([])).await;
    assert_eq!(li.ready["state"]["calls"]["live"]["record_asked"], true, "loaded anew");
    stands(&mut li.socket, "connected").await;
    li.socket.request("call.record", record(true)).await.expect("again");
    hears(&mut visitor.socket, "call.record").await;
    li.socket.request("call.record", record(false)).await.expect("withdrawn");
    for socket in [&mut li.socket, &mut visitor.socket] {
        let told = hears(socket, "call.recording").await;
        assert_eq!((&told["on"], &told["denied"]), (&json!(false), &Value::Null));
        let call = socket.request("call.state", of.clone()).await.expect("call.state");
        assert_eq!(call["record_asked"], false);
    }
    let late = visitor.socket.request("call.consent", json!({ "call_id": id, "ok": true })).await;
    assert_eq!(late.expect_err("nobody asks")["code"], "bad_request");
}

/// Who does not answer in time has not agreed; both sides are told that the question is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_answer_is_over_in_time() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    li.socket.request("call.record", json!({ "call_id": id, "on": true })).await.expect("call.record");
    hears(&mut visitor.socket, "call.record").await;
    app.let_pass(Duration::from_secs(31));
    for socket in [&mut li.socket, &mut visitor.socket] {
        let told = hears(socket, "call.recording").await;
        assert_eq!((&told["on"], &told["denied"]), (&json!(false), &json!(true)));
        let call = socket.request("call.state", json!({ "call_id": id })).await.expect("call.state");
        assert_eq!((&call["record_asked"], &call["state"]), (&json!(false), &json!("connected")));
    }
}

/// The push that names the recording is lost: the browser that is to make it reads it wherever it reads how the call stands.
/// Nobody else does.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_that_records_reads_which_recording() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let login = Login::of(&app, "demo", "li", app.password("li")).await;
    let mut other = Agent::at(&app, login, "second").await;
    let id = connected(&mut li, &mut visitor).await;
    let recording = json!(recorded(&mut li, &mut visitor, &id).await);
    let told = li.socket.push("call.state", |frame| frame["d"]["recording"] == true).await;
    assert_eq!(told["d"]["recording_id"], recording);
    for socket in [&mut other.socket, &mut visitor.socket] {
        let told = socket.push("call.state", |frame| frame["d"]["recording"] == true).await;
        assert_eq!(told["d"]["recording_id"], Value::Null);
        let call = socket.request("call.state", json!({ "call_id": id })).await.expect("call.state");
        assert_eq!((&call["recording"], &call["recording_id"]), (&json!(true), &Value::Null));
    }
    let mut li = li.vanishes().resumes(&app, json!([])).await;
    assert_eq!(li.ready["state"]["calls"]["live"]["recording_id"], recording);
    stands(&mut li.socket, "connected").await;
    li.socket.request("call.record", json!({ "call_id": id, "on": false })).await.expect("call.record");
    let told = li.socket.push("call.state", |frame| frame["d"]["recording"] == false).await;
    assert_eq!(told["d"]["recording_id"], Value::Null);
}

/// Who has agreed may think better of it: nothing more is recorded, and both sides are told.
#[tokio::test(flavor = "multi_thread")]
async fn who_agreed_may_withdraw_that() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    recorded(&mut li, &mut visitor, &id).await;
    visitor.socket.request("call.consent", json!({ "call_id": id, "ok": false })).await.expect("call.consent");
    for socket in [&mut li.socket, &mut visitor.socket] {
        let told = socket.push("call.recording", |frame| frame["d"]["on"] == false).await["d"].clone();
        assert_eq!((&told["denied"], &told["recording"]), (&json!(true), &Value::Null));
        let call = socket.request("call.state", json!({ "call_id": id })).await.expect("call.state");
        assert_eq!((&call["recording"], &call["state"]), (&json!(false), &json!("connected")));
    }
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
