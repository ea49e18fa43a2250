//! While two talk: sockets that break, hold, video more or less, another agent, the end of the session.

use std::time::Duration;

use serde_json::{Value, json};

use super::{audio, connected, end, hears, in_talks, link, stands, video};
use crate::support::{Agent, Login, TestApp, Visitor, with_one_node};

with_one_node!(
    a_socket_that_is_lost_and_resumes_goes_on_with_what_it_missed,
    who_does_not_come_back_ends_the_call,
    the_call_goes_along_with_the_session,
    what_a_side_says_of_itself_the_other_one_shows,
);

/// 45: the agent's socket is away while the visitor restarts ICE; the resumed one has all that it missed.
pub async fn a_socket_that_is_lost_and_resumes_goes_on_with_what_it_missed(here: &TestApp, there: &TestApp) {
    let (mut li, mut visitor, _) = in_talks(here, there).await;
    let id = connected(&mut li, &mut visitor).await;
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0 mine" });
    li.socket.request("call.desc", offer).await.expect("an offer");
    hears(&mut visitor.socket, "call.desc").await;
    let absent = li.vanishes();
    let call = stands(&mut visitor.socket, "reconnecting").await;
    assert!(call["end"].is_null(), "media goes on");
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0 theirs" });
    visitor.socket.request("call.desc", offer).await.expect("an offer");
    let way = json!({ "call_id": id, "leg": 1, "n": 2, "candidates": [{ "candidate": "candidate:9" }] });
    visitor.socket.request("call.ice", way.clone()).await.expect("candidates");
    visitor.socket.request("call.ice", way).await.expect("the same again");
    let mut li = absent.resumes(there, json!([])).await;
    let live = li.ready["state"]["calls"]["live"].clone();
    assert_eq!((&live["call_id"], &live["leg"], &live["side"]), (&id, &json!(1), &json!("agent")));
    assert_eq!((&live["mine"]["n"], &live["peer"]["n"]), (&json!(1), &json!(2)));
    assert_eq!(live["peer"]["desc"], json!({ "n": 1, "type": "offer", "sdp": "v=0 theirs" }));
    assert_eq!(live["peer"]["ice"], json!([{ "n": 2, "candidates": [{ "candidate": "candidate:9" }] }]));
    stands(&mut visitor.socket, "connected").await;
    let asked = li.socket.request("call.state", json!({ "call_id": id })).await.expect("call.state");
    assert_eq!(asked["peer"]["n"], 2);
    li.socket.request("call.reconnecting", json!({ "call_id": id, "leg": 1 })).await.expect("ICE is lost");
    stands(&mut visitor.socket, "reconnecting").await;
    link(&mut li.socket, &id, 1).await;
    stands(&mut visitor.socket, "connected").await;
}

/// 46: a side that does not come back ends the call for both.
pub async fn who_does_not_come_back_ends_the_call(here: &TestApp, there: &TestApp) {
    let (mut li, mut visitor, _) = in_talks(here, there).await;
    connected(&mut li, &mut visitor).await;
    visitor.socket.cut();
    stands(&mut li.socket, "reconnecting").await;
    here.let_pass(Duration::from_secs(21));
    let last = end(&mut li.socket).await;
    assert_eq!((&last["reason"], &last["by"]), (&json!("lost"), &json!("system")));
    let ended = li.socket.push("msg", |frame| frame["d"]["body"]["name"] == "call.ended").await;
    assert_eq!(ended["d"]["body"]["data"]["reason"], "lost");
}

/// A transfer takes the call along: the taker's device gets a new leg, the giver's is out.
pub async fn the_call_goes_along_with_the_session(here: &TestApp, there: &TestApp) {
    let (mut li, mut visitor, _) = in_talks(here, there).await;
    let mut wang = Agent::ready(there, "wang").await;
    let id = connected(&mut li, &mut visitor).await;
    let transfer = json!({ "call_id": id, "to": { "agent": "wang" }, "note": "请继续" });
    li.socket.request("call.transfer", transfer).await.expect("call.transfer");
    wang.takes_offer().await;
    let start = hears(&mut wang.socket, "call.start").await;
    assert_eq!((&start["leg"], &start["call"]["agent"]), (&json!(2), &json!("wang")));
    let theirs = visitor.socket.push("call.start", |frame| frame["d"]["leg"] == 2).await;
    assert_eq!(theirs["d"]["call"]["state"], "connecting");
    assert_eq!(hears(&mut li.socket, "call.cancel").await["reason"], "transferred");
    let late = json!({ "call_id": id, "leg": 1, "n": 9, "type": "offer", "sdp": "v=0" });
    assert_eq!(visitor.socket.request("call.desc", late).await.expect_err("the old leg")["code"], "call_gone");
    let mine = json!({ "call_id": id });
    assert_eq!(li.socket.request("call.hangup", mine).await.expect_err("no longer his")["code"], "not_found");
    link(&mut wang.socket, &id, 2).await;
    link(&mut visitor.socket, &id, 2).await;
    stands(&mut wang.socket, "connected").await;
}

/// Hold, mute, the screen, video more or less, and the end with the session.
pub async fn what_a_side_says_of_itself_the_other_one_shows(here: &TestApp, there: &TestApp) {
    let (mut li, mut visitor, session) = in_talks(here, there).await;
    let id = connected(&mut li, &mut visitor).await;
    let of = json!({ "call_id": id });
    li.socket.request("call.hold", of.clone()).await.expect("call.hold");
    assert_eq!(stands(&mut visitor.socket, "held").await["held"], true);
    assert_eq!(visitor.socket.request("call.resume", of.clone()).await.expect_err("agents")["code"], "forbidden");
    li.socket.request("call.resume", of.clone()).await.expect("call.resume");
    stands(&mut visitor.socket, "connected").await;
    let mute = json!({ "call_id": id, "audio": true });
    visitor.socket.request("call.mute", mute).await.expect("call.mute");
    let heard = hears(&mut li.socket, "call.mute").await;
    assert_eq!((&heard["side"], &heard["audio"], &heard["video"]), (&json!("contact"), &json!(true), &json!(false)));
    li.socket.request("call.screen", json!({ "call_id": id, "on": true })).await.expect("call.screen");
    visitor.socket.push("call.state", |frame| frame["d"]["screen"] == true).await;
    visitor.socket.request("call.downgrade", of.clone()).await.expect("call.downgrade");
    li.socket.push("call.state", |frame| frame["d"]["media"] == audio()).await;
    for (answer, push, media) in
        [("call.upgrade.deny", "call.upgrade.deny", audio()), ("call.upgrade.ok", "call.upgrade.ok", video())]
    {
        li.socket.request("call.upgrade", of.clone()).await.expect("call.upgrade");
        assert_eq!(hears(&mut visitor.socket, "call.upgrade").await["media"], video());
        visitor.socket.request(answer, of.clone()).await.expect(answer);
        hears(&mut li.socket, push).await;
        li.socket.push("call.state", |frame| frame["d"]["media"] == media && frame["d"]["upgrade"].is_null()).await;
    }
    let sample = json!({ "call_id": id, "rtt_ms": 20, "loss": 0.01,
        "pair": { "local": "relay", "remote": "host", "proto": "udp" } });
    li.socket.request("call.stats", sample).await.expect("call.stats");
    li.socket.request("end", json!({ "session": session })).await.expect("end");
    assert_eq!(end(&mut visitor.socket).await["reason"], "session_ended");
    let quality = json!({ "call_id": id, "score": 4, "problems": ["回声"] });
    visitor.socket.request("call.quality", quality).await.expect("call.quality");
}

/// Time decides where nobody does: to connect, on hold, in all. Who talks is not silent, so the session goes on.
#[tokio::test(flavor = "multi_thread")]
async fn time_ends_what_nobody_ends() {
    for (pause, step, reason) in
        [(16, None, "ice_failed"), (301, Some("call.hold"), "max_duration"), (3_601, None, "max_duration")]
    {
        let app = TestApp::start().await;
        let (mut li, mut visitor, _) = in_talks(&app, &app).await;
        let id = if reason == "ice_failed" {
            super::accepted(&mut li, &mut visitor, video()).await.0["call"]["call_id"].clone()
        } else {
            connected(&mut li, &mut visitor).await
        };
        if let Some(op) = step {
            li.socket.request(op, json!({ "call_id": id })).await.expect(op);
        }
        app.let_pass(Duration::from_secs(pause));
        let last = end(&mut visitor.socket).await;
        assert_eq!((&last["reason"], &last["by"]), (&json!(reason), &json!("system")));
        assert_eq!(end(&mut li.socket).await["reason"], reason);
        li.socket.push("msg", |frame| frame["d"]["body"]["name"] == "call.ended").await;
        assert!(!li.socket.seen("session").iter().any(|frame| frame["d"]["state"] == "ended"));
    }
}

/// Two devices of one agent: the second sees the call, and cannot take it over.
#[tokio::test(flavor = "multi_thread")]
async fn another_device_of_the_agent_sees_the_call() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let login = Login::of(&app, "demo", "li", app.password("li")).await;
    let mut other = Agent::at(&app, login, "second").await;
    let live = other.ready["state"]["calls"]["live"].clone();
    assert_eq!((&live["call_id"], &live["device"]), (&id, &json!("dev-li")));
    assert_eq!(live["peer"], Value::Null, "not its business");
    let hold = other.socket.request("call.hold", json!({ "call_id": id })).await.expect_err("takes no part");
    assert_eq!(hold["code"], "call_gone");
    li.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    assert_eq!(end(&mut other.socket).await["reason"], "hangup_agent");
    let ringing = Visitor::arrives(&app, "new").await;
    assert_eq!(ringing.opened["conv"]["session"]["state"], "new");
}
