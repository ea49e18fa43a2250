//! A call out of a WeChat chat: the agent sends a link, the customer opens it in a browser and calls.

use std::time::Duration;

use serde_json::{Value, json};

use super::{audio, end, hears, link, stands, video};
use crate::support::{Agent, Socket, TestApp};

/// A customer on WeChat whom an agent serves; the conversation as the agent sees it.
async fn served(app: &TestApp) -> (Agent, Value) {
    let mut li = Agent::ready(app, "li").await;
    let bob = app.phone("bob");
    bob.follows().expect("he follows");
    bob.says("你好").expect("the platform takes it");
    let conv = li.takes_offer().await;
    (li, conv)
}

/// What whoever opens a link gets.
async fn opened(app: &TestApp, url: &str) -> reqwest::Response {
    let token = url.rsplit('/').next().unwrap();
    app.post("/api/v1/call/ticket", &json!({ "token": token })).send().await.unwrap()
}

/// A socket of the page behind the link.
async fn page(app: &TestApp, url: &str) -> (Socket, Value) {
    let response = opened(app, url).await;
    assert_eq!(response.status(), 200);
    let pass: Value = response.json().await.unwrap();
    assert_eq!(pass["call"]["agent_name"], "小李");
    let mut socket = Socket::open(&app.address(), "/ws/visitor", &app.base()).await;
    let auth = json!({ "ticket": pass["ticket"], "device": pass["device"] });
    let ready = socket.request("auth", auth).await.expect("auth");
    (socket, ready)
}

/// The link arrives as a message, its page calls as the customer, and can do nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_on_wechat_calls_by_a_link() {
    let app = TestApp::start().await;
    let (mut li, conv) = served(&app).await;
    let session = conv["session"]["session"].clone();
    let refused = li.socket.request("call.invite", json!({ "session": session, "media": audio() })).await;
    assert_eq!(refused.expect_err("no socket")["code"], "unsupported_type");
    let sent =
        li.socket.request("call.link", json!({ "session": session, "media": video() })).await.expect("call.link");
    let url = sent["url"].as_str().unwrap().to_owned();
    let line = li.socket.push("msg", |frame| frame["d"]["seq"] == sent["seq"]).await;
    assert_eq!((&line["d"]["type"], &line["d"]["body"]["url"]), (&json!("link"), &json!(url)));
    let (mut phone, ready) = page(&app, &url).await;
    assert_eq!(ready["me"]["scope"], "call");
    assert_eq!((&ready["state"]["convs"], &ready["state"]["calls"]["may_start"]), (&json!([]), &json!(true)));
    for (op, d) in [
        ("history", json!({ "conv": conv["conv"], "limit": 10 })),
        ("send", json!({ "conv": conv["conv"], "cid": "x", "type": "text", "body": { "text": "x" } })),
        ("open", json!({})),
    ] {
        assert_eq!(phone.request(op, d).await.expect_err(op)["code"], "forbidden");
    }
    li.says(&conv["conv"], "请点链接").await;
    let invited = phone.request("call.invite", json!({ "media": video() })).await.expect("call.invite");
    let id = invited["call"]["call_id"].clone();
    assert_eq!(hears(&mut li.socket, "call.ring").await["call"]["call_id"], id);
    li.socket.request("call.accept", json!({ "call_id": id, "media": video() })).await.expect("call.accept");
    hears(&mut phone, "call.start").await;
    link(&mut li.socket, &id, 1).await;
    link(&mut phone, &id, 1).await;
    stands(&mut phone, "connected").await;
    phone.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    assert_eq!(end(&mut li.socket).await["reason"], "hangup_contact");
    assert!(phone.seen("msg").is_empty(), "nothing of the log: {:?}", phone.seen("msg"));
}

/// A link is good for its time and its session; a changed one for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_its_time_and_its_session() {
    let app = TestApp::start().await;
    let (mut li, conv) = served(&app).await;
    let session = conv["session"]["session"].clone();
    let wish = json!({ "session": session, "media": audio() });
    let sent = li.socket.request("call.link", wish.clone()).await.expect("call.link");
    let url = sent["url"].as_str().unwrap();
    let forged = url.replace(".a.", ".v.");
    assert_eq!(opened(&app, &forged).await.status(), 404);
    assert_eq!(opened(&app, "/call/nonsense").await.status(), 404);
    app.let_pass(Duration::from_secs(901));
    assert_eq!(opened(&app, url).await.status(), 409);
    let sent = li.socket.request("call.link", wish).await.expect("another");
    let url = sent["url"].as_str().unwrap();
    assert_eq!(opened(&app, url).await.status(), 200);
    li.socket.request("end", json!({ "session": session })).await.expect("end");
    assert_eq!(opened(&app, url).await.status(), 409);
}
