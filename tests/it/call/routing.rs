//! Customers who wait for a call, and what a call means to who is offered what.

use serde_json::json;

use super::{audio, connected, hears, in_talks, link, stands, video};
use crate::support::{Agent, TestApp, Visitor};

/// The fixture with a queue for calls that only wang serves.
async fn with_a_queue_for_calls() -> TestApp {
    let declared = |text: String| text.replace("id = \"vip\"\n", "id = \"vip\"\nmedia = \"video\"\n");
    TestApp::with().declared(declared).start().await
}

/// A customer asks for a call and waits; when an agent accepts the offer it is there without ringing.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_waits_for_a_call() {
    let app = with_a_queue_for_calls().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut wang = Agent::ready(&app, "wang").await;
    let mut visitor = Visitor::arrives(&app, "tab").await;
    let waits = visitor.socket.request("call.request", json!({ "media": video() })).await.expect("call.request");
    assert_eq!((&waits["state"], &waits["queue"]["queue"]), (&json!("queued"), &json!("vip")));
    let offer = wang.expects_offer().await;
    assert_eq!(offer["media"], video());
    wang.accepts(&offer).await;
    let start = hears(&mut wang.socket, "call.start").await;
    let id = start["call"]["call_id"].clone();
    assert_eq!(hears(&mut visitor.socket, "call.start").await["call"]["call_id"], id);
    link(&mut wang.socket, &id, 1).await;
    link(&mut visitor.socket, &id, 1).await;
    stands(&mut visitor.socket, "connected").await;
    // While she talks, a second one for a call waits; a chat goes to the other agent.
    let mut second = Visitor::arrives(&app, "second").await;
    second.socket.request("call.request", json!({ "media": audio() })).await.expect("call.request");
    let mut third = Visitor::arrives(&app, "third").await;
    third.says("您好").await;
    li.takes_offer().await;
    assert!(!wang.socket.has("offer"));
    wang.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    assert_eq!(wang.expects_offer().await["media"], audio(), "now she is free");
}

/// `video_capacity = 0`: such an agent is offered no call, and is not called by the customer of a chat, or with a session that is
/// passed on; but may call.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_calls_is_not_called_and_may_call() {
    let declared = |text: String| {
        let text = text.replace("id = \"vip\"\n", "id = \"vip\"\nmedia = \"video\"\n");
        text.replace("id = \"wang\"\n", "id = \"wang\"\nvideo_capacity = 0\n")
    };
    let app = TestApp::with().declared(declared).start().await;
    let mut wang = Agent::ready(&app, "wang").await;
    let mut caller = Visitor::arrives(&app, "caller").await;
    caller.socket.request("call.request", json!({ "media": video() })).await.expect("call.request");
    let mut visitor = Visitor::arrives(&app, "tab").await;
    visitor.says("您好").await;
    let offer = wang.expects_offer().await;
    assert!(offer["media"].is_null(), "the chat, though the call waits for longer: {offer}");
    wang.accepts(&offer).await;
    visitor.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    let refused = visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect_err("not called");
    assert_eq!(refused["code"], "no_agent");
    let pull = wang.socket.request("pull", json!({ "queue": "vip" })).await.expect_err("not even by hand");
    assert_eq!(pull["code"], "no_agent");
    let invite = json!({ "session": offer["session"], "media": audio() });
    wang.socket.request("call.invite", invite).await.expect("call.invite");
    let ring = hears(&mut visitor.socket, "call.ring").await;
    wang.socket.request("call.cancel", json!({ "call_id": ring["call"]["call_id"] })).await.expect("call.cancel");

    let (mut li, mut second, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut second).await;
    let transfer = json!({ "call_id": id, "to": { "agent": "wang" } });
    let refused = li.socket.request("call.transfer", transfer).await.expect_err("nor does a call go there");
    assert_eq!(refused["code"], "no_agent");
}

/// A customer who no longer waits gets no call.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_any_more_gets_no_call() {
    let app = with_a_queue_for_calls().await;
    let mut wang = Agent::arrive(&app, "wang").await;
    wang.is("busy").await;
    let mut visitor = Visitor::arrives(&app, "tab").await;
    visitor.socket.request("call.request", json!({ "media": video() })).await.expect("call.request");
    visitor.socket.request("cancel_queue", json!({})).await.expect("cancel_queue");
    wang.is("ready").await;
    visitor.says("还是打字吧").await;
    assert!(wang.expects_offer().await["media"].is_null());
}

/// Who is in a call is offered no more chats than the tenant says.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_a_call_is_offered_less() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let mut second = Visitor::arrives(&app, "second").await;
    second.says("您好").await;
    second.socket.push("session", |frame| frame["d"]["state"] == "queued").await;
    let mut wang = Agent::ready(&app, "wang").await;
    let offer = wang.expects_offer().await;
    assert!(!li.socket.has("offer"));
    let reject = json!({ "assignment": offer["assignment"], "token": offer["token"] });
    wang.socket.request("offer.reject", reject).await.expect("offer.reject");
    li.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    li.expects_offer().await;
}
