//! Customers on WeChat: what they send and what reaches them, with every habit of the platform.

mod incoming;
mod leaving;
mod outgoing;
pub mod redelivery;
mod refusal;
mod verification;

use serde_json::{Value, json};
use yizhan::simulator::{Actor, Fault, Via};

use crate::support::{Agent, PATIENCE, TestApp};

/// The call that carries customer-service messages.
pub const SEND: &str = "/cgi-bin/message/custom/send";

/// A follower whom 小李 answers: the agent, the phone, the conversation. Everything that the gateway says by itself has
/// arrived, so that what comes next is what the story is about.
async fn served(app: &TestApp, openid: &str) -> (Agent, Actor, Value) {
    let mut li = Agent::ready(app, "li").await;
    let mut phone = app.phone(openid);
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await["conv"].clone();
    phone.expects(PATIENCE, |m| m.via == Via::Custom).await.unwrap();
    li.socket.push("receipt", |f| f["d"]["state"] == "delivered").await;
    (li, phone, conv)
}

/// Lets the platform's next sends go wrong.
pub fn spoil(app: &TestApp, fault: Value) {
    let mut fault = fault;
    fault["path"] = json!(SEND);
    let fault: Fault = serde_json::from_value(fault).unwrap();
    app.platform.add_faults(vec![fault]).unwrap();
}

/// What the phone was sent by the account as customer-service messages, oldest first.
pub fn sent_texts(phone: &Actor) -> Vec<String> {
    phone.messages().into_iter().filter(|m| m.via == Via::Custom).filter_map(|m| m.text).collect()
}
