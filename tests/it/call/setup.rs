//! From the invitation to the end: both directions, one node.

use serde_json::json;

use super::{accepted, audio, connected, end, hears, in_talks, link, stands, video};
use crate::support::{Agent, TestApp};

/// 39: an audio call from the widget; everything that both browsers need, in order, and the lines in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_calls_and_both_are_connected() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let (mine, theirs) = accepted(&mut li, &mut visitor, audio()).await;
    let id = mine["call"]["call_id"].clone();
    assert_eq!((&mine["side"], &mine["polite"]), (&json!("agent"), &json!(false)));
    assert_eq!((&theirs["side"], &theirs["polite"]), (&json!("contact"), &json!(true)));
    assert_eq!(mine["call"]["media"], audio());
    assert_eq!(mine["policy"]["record"], "client");
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0\r\nm=audio 9" });
    li.socket.request("call.desc", offer.clone()).await.expect("an offer");
    let mut heard = hears(&mut visitor.socket, "call.desc").await;
    assert_eq!(heard, offer, "passed on as it is");
    (heard["type"], heard["sdp"]) = (json!("answer"), json!("v=0\r\nm=audio 7"));
    visitor.socket.request("call.desc", heard.clone()).await.expect("an answer");
    assert_eq!(hears(&mut li.socket, "call.desc").await, heard);
    let way =
        json!({ "call_id": id, "leg": 1, "n": 2, "candidates": [{ "candidate": "candidate:1", "sdpMid": "0" }, null] });
    visitor.socket.request("call.ice", way.clone()).await.expect("candidates");
    assert_eq!(hears(&mut li.socket, "call.ice").await, way);
    link(&mut li.socket, &id, 1).await;
    link(&mut visitor.socket, &id, 1).await;
    let call = stands(&mut visitor.socket, "connected").await;
    assert!(call["connected_at"].is_string());
    li.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    let last = end(&mut visitor.socket).await;
    assert_eq!((&last["reason"], &last["by"]), (&json!("hangup_agent"), &json!("agent")));
    for (name, field) in [("call.started", "direction"), ("call.ended", "reason")] {
        let line = visitor.socket.push("msg", |frame| frame["d"]["body"]["name"] == name).await;
        assert!(line["d"]["body"]["data"][field].is_string(), "{line}");
        li.socket.push("msg", |frame| frame["d"]["body"]["name"] == name).await;
    }
    let again = li.socket.request("call.hangup", json!({ "call_id": id })).await.expect_err("twice");
    assert_eq!(again["code"], "call_gone");
}

/// 40: an agent calls; all devices of the visitor ring, the first has the call.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_calls_and_the_first_device_has_the_call() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    let mut other = crate::support::Visitor::returns(&app, "phone", Some(&visitor.token)).await;
    let invite = json!({ "session": session, "media": video() });
    let invited = li.socket.request("call.invite", invite.clone()).await.expect("call.invite");
    let again = li.socket.request("call.invite", invite).await.expect("the answer was lost, say");
    assert_eq!(again["call"]["call_id"], invited["call"]["call_id"]);
    let id = hears(&mut visitor.socket, "call.ring").await["call"]["call_id"].clone();
    assert_eq!(hears(&mut other.socket, "call.ring").await["call"]["call_id"], id);
    let accept = json!({ "call_id": id, "media": audio() });
    other.socket.request("call.accept", accept.clone()).await.expect("call.accept");
    assert_eq!(hears(&mut visitor.socket, "call.cancel").await["reason"], "answered_elsewhere");
    assert_eq!(visitor.socket.request("call.accept", accept).await.expect_err("late")["code"], "call_gone");
    let start = hears(&mut other.socket, "call.start").await;
    assert_eq!(start["call"]["media"], audio(), "the callee has no camera");
    assert!(!visitor.socket.has("call.start"));
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0" });
    assert_eq!(visitor.socket.request("call.desc", offer).await.expect_err("takes no part")["code"], "call_gone");
}

/// Everything that ends a call before it is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_taken_says_why() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    for (excuse, reason) in [("declined", "declined"), ("busy", "busy"), ("no_permission", "media_denied")] {
        let call = visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect("call.invite");
        let id = call["call"]["call_id"].clone();
        hears(&mut li.socket, "call.ring").await;
        let reject = json!({ "call_id": id, "reason": excuse });
        li.socket.request("call.reject", reject).await.expect("call.reject");
        assert_eq!(end(&mut visitor.socket).await["reason"], reason);
        assert_eq!(hears(&mut li.socket, "call.cancel").await["reason"], reason);
    }
    let call = visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect("call.invite");
    let cancel = json!({ "call_id": call["call"]["call_id"] });
    visitor.socket.request("call.cancel", cancel).await.expect("call.cancel");
    li.socket.push("call.cancel", |frame| frame["d"]["reason"] == "cancelled").await;
    visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect("call.invite");
    app.let_pass(std::time::Duration::from_secs(31));
    li.socket.push("call.cancel", |frame| frame["d"]["reason"] == "no_answer").await;
    visitor.socket.push("call.state", |frame| frame["d"]["end"]["reason"] == "no_answer").await;
}

/// 43: both press the button at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn both_call_at_once_and_are_in_one_call() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    let mine = li.socket.ask("call.invite", json!({ "session": session, "media": video() })).await;
    let theirs = visitor.socket.ask("call.invite", json!({ "media": audio() })).await;
    let (mine, theirs) =
        (li.socket.reply(mine).await.expect("mine"), visitor.socket.reply(theirs).await.expect("theirs"));
    assert_eq!(mine["call"]["call_id"], theirs["call"]["call_id"]);
    let start = hears(&mut li.socket, "call.start").await;
    assert_eq!(start["call"]["media"], audio(), "what both want");
    assert_eq!(hears(&mut visitor.socket, "call.start").await["call"]["state"], "connecting");
}

/// A second call finds both sides busy.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_a_call_is_busy() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    let mut second = crate::support::Visitor::arrives(&app, "second").await;
    second.says("您好").await;
    li.takes_offer().await;
    second.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    let id = connected(&mut li, &mut visitor).await;
    let refused = visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect_err("mine");
    assert_eq!(refused["code"], "call_busy");
    let refused = li.socket.request("call.invite", json!({ "session": session, "media": audio() })).await;
    assert_eq!(refused.expect_err("the session's")["code"], "call_busy");
    let refused = second.socket.request("call.invite", json!({ "media": audio() })).await.expect_err("the agent's");
    assert_eq!(refused["code"], "call_busy");
    let line = second.socket.push("msg", |frame| frame["d"]["body"]["name"] == "call.ended").await;
    assert_eq!(line["d"]["body"]["data"]["reason"], "busy", "40: it leaves a trace");
    let mut wang = Agent::ready(&app, "wang").await;
    let hangup = json!({ "call_id": id });
    assert_eq!(wang.socket.request("call.hangup", hangup).await.expect_err("not hers")["code"], "not_found");
}
