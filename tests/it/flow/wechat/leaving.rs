//! Customers who leave the account (53), and what agents may still send.

use serde_json::{Value, json};

use super::served;
use crate::outside::database::Database;
use crate::support::{Agent, PATIENCE, TestApp};

/// 53: who waits and leaves does not wait any more.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_waiting_stops_waiting() {
    let app = TestApp::start().await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let phone = app.phone("o53-queued");
    phone.follows().unwrap();
    phone.says("人工").unwrap();
    wang.socket.push("queue", |f| f["d"]["queue"] == "service" && f["d"]["waiting"] == 1).await;
    phone.unfollows().unwrap();
    wang.socket.push("queue", |f| f["d"]["queue"] == "service" && f["d"]["waiting"] == 0).await;
    let conv = json!(Database::open(app.dir()).messages_of("o53-queued")[0].conv);
    let history = wang.history(&conv).await;
    let ended = history.iter().find(|m| m["body"]["name"] == "session.ended").expect("the end is in the log");
    assert_eq!(
        (&ended["body"]["data"]["by"], &ended["body"]["data"]["reason"]),
        (&json!("contact"), &json!("unsubscribed"))
    );
    wang.is("ready").await;
    assert!(!wang.socket.has("offer"), "nobody is there to be offered");
}

/// 53: while being answered the agent is told; what is sent then waits, with the reason, until the customer is back.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_being_answered_can_come_back() {
    let app = TestApp::start().await;
    let (mut li, mut phone, conv) = served(&app, "o53-active").await;
    phone.unfollows().unwrap();
    let told = li.socket.push("msg", |f| f["d"]["body"]["name"] == "contact.gone").await;
    assert_eq!(told["d"]["body"]["data"]["why"], "unsubscribed");
    let sends = app.platform.ledger(None).sends.len();
    let mut said: Vec<Value> = Vec::new();
    for text in ["还在吗", "稍后再联系您"] {
        let sent = li.says(&conv, text).await;
        let state = li.settled(&sent["id"]).await;
        assert_eq!((&state["state"], &state["code"]), (&json!("held"), &json!("channel_window_closed")), "{text}");
        said.push(sent["id"].clone());
    }
    assert_eq!(app.platform.ledger(None).sends.len(), sends, "no call is made for nothing");
    // The platform tells events apart by the second.
    app.let_pass(std::time::Duration::from_secs(2));
    phone.follows().unwrap();
    for (text, id) in ["还在吗", "稍后再联系您"].into_iter().zip(&said) {
        phone.expects_text(text, PATIENCE).await.unwrap();
        li.expects_receipt(id, "delivered").await;
    }
}
