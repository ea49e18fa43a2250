//! Connections that break: nothing is lost, nothing is shown twice. Numbers are those of the acceptance scenarios.
//!
//! Most stories are told with two doors into one system: here the same node twice, in `cluster` two nodes.

use std::time::Duration;

use serde_json::json;

use crate::support::{Agent, Login, TestApp, Visitor, with_one_node};

with_one_node!(
    a_resumed_socket_gets_what_it_missed_once_and_in_order,
    the_same_client_id_is_one_message,
    a_lost_agents_session_goes_to_another,
    two_devices_of_one_agent_agree,
    a_newer_connection_of_the_same_device_replaces_the_old,
);

/// 25 and 27: what was said while the agent's socket was away arrives once and in order.
pub async fn a_resumed_socket_gets_what_it_missed_once_and_in_order(here: &TestApp, there: &TestApp) {
    let mut li = Agent::ready(here, "li").await;
    let mut visitor = Visitor::arrives(there, "w1").await;
    visitor.says("1").await;
    let conv = li.takes_offer().await;
    visitor.says("2").await;
    let two = li.expects_text("2").await;
    let (seq, epoch) = (two["d"]["seq"].clone(), conv["epoch"].clone());
    let position = json!([{ "conv": conv["conv"], "epoch": epoch, "seq": seq }]);
    for text in ["3", "4", "5"] {
        visitor.says(text).await;
    }
    let mut li = Agent::resumes(there, li, position).await;
    let recovered = li.ready["convs"][0].clone();
    assert_eq!(recovered["recovered"], true);
    let texts: Vec<_> = recovered["msgs"].as_array().unwrap().iter().map(|m| m["body"]["text"].clone()).collect();
    assert_eq!(texts, [json!("3"), json!("4"), json!("5")]);
    visitor.says("6").await;
    let six = li.expects_text("6").await;
    let last = recovered["msgs"].as_array().unwrap().last().unwrap()["seq"].clone();
    assert_eq!(six["prev"], last, "the next push follows what was recovered");
    assert!(li.socket.seen("msg").is_empty(), "nothing twice");
}

/// 26: a client that did not hear the answer sends again and gets the same one.
pub async fn the_same_client_id_is_one_message(here: &TestApp, there: &TestApp) {
    let mut li = Agent::ready(there, "li").await;
    let mut visitor = Visitor::arrives(here, "w1").await;
    let d = json!({ "conv": visitor.conv, "cid": "once", "type": "text", "body": { "text": "只发一次" } });
    let first = visitor.socket.request("send", d.clone()).await.unwrap();
    assert_eq!(first["dup"], false);
    let token = visitor.token.clone();
    visitor.socket.cut();
    let mut visitor = Visitor::returns(there, "w1", Some(&token)).await;
    let again = visitor.socket.request("send", d.clone()).await.unwrap();
    assert_eq!(again["dup"], true);
    assert_eq!((&again["id"], &again["seq"]), (&first["id"], &first["seq"]));
    let mut other = d;
    other["body"]["text"] = json!("别的内容");
    assert_eq!(visitor.socket.request("send", other).await.unwrap_err()["code"], "conflict");
    let conv = li.takes_offer().await;
    let copies = li.texts(&conv["conv"]).await.iter().filter(|t| *t == "只发一次").count();
    assert_eq!(copies, 1);
}

/// 28: an agent who does not come back loses the session to the head of the queue.
pub async fn a_lost_agents_session_goes_to_another(here: &TestApp, there: &TestApp) {
    let mut li = Agent::ready(here, "li").await;
    let mut visitor = Visitor::arrives(there, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    let mut wang = Agent::ready(there, "wang").await;
    li.socket.cut();
    wang.socket.push("presence", |f| f["d"]["agent"] == "li" && f["d"]["display"] == "grace").await;
    there.let_pass(Duration::from_secs(46));
    let offer = wang.expects_offer().await;
    assert_eq!(offer["conv"], conv["conv"]);
    let taken = wang.accepts(&offer).await;
    wang.says(&taken["conv"], "我来接着为您服务").await;
    visitor.expects_text("我来接着为您服务").await;
}

/// 29: an offer shows on both devices; what one takes the other loses; what one says the other sees.
pub async fn two_devices_of_one_agent_agree(here: &TestApp, there: &TestApp) {
    let login = Login::of(here, "demo", "li", here.password("li")).await;
    let mut desk = Agent::at(here, login.clone(), "desk").await;
    let mut tablet = Agent::at(there, login, "tablet").await;
    desk.is("ready").await;
    let mut visitor = Visitor::arrives(there, "w1").await;
    visitor.says("你好").await;
    let offer = desk.expects_offer().await;
    assert_eq!(tablet.expects_offer().await["assignment"], offer["assignment"]);
    let conv = desk.accepts(&offer).await;
    let revoked = tablet.socket.push("offer.revoke", |f| f["d"]["assignment"] == offer["assignment"]).await;
    assert_eq!(revoked["d"]["reason"], "taken_elsewhere");
    desk.says(&conv["conv"], "在这台说的").await;
    tablet.expects_text("在这台说的").await;
}

/// 30: the same device again: the old socket is told that it was replaced.
pub async fn a_newer_connection_of_the_same_device_replaces_the_old(here: &TestApp, there: &TestApp) {
    let login = Login::of(here, "demo", "li", here.password("li")).await;
    let mut old = Agent::at(here, login.clone(), "desk").await;
    let mut new = Agent::at(there, login, "desk").await;
    assert_eq!(old.socket.expect_close().await, 4003);
    assert_eq!(new.is("ready").await["status"], "ready", "the new one works");
}

/// 32 on one node: a drain tells every socket where to go, and the process ends in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_says_goodbye_to_every_socket() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let stopping = app.stop();
    let goodbyes = async {
        let bye = li.socket.push("bye", |_| true).await;
        assert_eq!((bye["d"]["code"].as_i64(), bye["d"]["reconnect"].as_bool()), (Some(4010), Some(true)));
        assert_eq!(li.socket.expect_close().await, 4010);
        assert_eq!(visitor.socket.expect_close().await, 4010);
    };
    tokio::join!(stopping, goodbyes);
}
