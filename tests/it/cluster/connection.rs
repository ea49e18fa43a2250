//! Sockets that break at one node and come back at the other (25–30, 37, 38).

use std::time::Duration;

use serde_json::json;

use super::served;
use crate::flow::{isolation, slow};
use crate::support::{Agent, Cluster, Login, Visitor, with_two_nodes};

const PNG: &[u8] = include_bytes!("../../fixture/pixel.png");

with_two_nodes!(
    crate::flow::resume:
    a_resumed_socket_gets_what_it_missed_once_and_in_order,
    the_same_client_id_is_one_message,
    a_lost_agents_session_goes_to_another,
    two_devices_of_one_agent_agree,
    a_newer_connection_of_the_same_device_replaces_the_old,
);

/// 27: an agent whose socket is away for 20 s keeps the session, and the customer notices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_is_back_in_time_keeps_the_session() {
    let cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    let away = li.vanishes();
    wang.socket.push("presence", |f| f["d"]["agent"] == "li" && f["d"]["display"] == "grace").await;
    cluster.let_pass(Duration::from_secs(20));
    visitor.says("还在吗").await;
    let waits =
        |visitor: &Visitor| visitor.socket.seen("session").iter().filter(|f| f["d"]["state"] == "queued").count();
    let before = waits(&visitor);
    let position = json!([{ "conv": conv["conv"], "epoch": conv["epoch"], "seq": 0 }]);
    let mut li = away.resumes(cluster.node(2), position).await;
    cluster.let_pass(Duration::from_secs(30));
    li.says(&conv["conv"], "一直都在").await;
    visitor.expects_text("一直都在").await;
    assert!(!wang.socket.has("offer"), "nobody else was asked");
    assert_eq!(waits(&visitor), before, "the customer never waited again");
}

/// 30: without a word from node to node, the older socket of a device is a zombie. What it still acknowledges counts
/// for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_replaced_socket_acknowledges_counts_for_nothing() {
    let mut cluster = Cluster::start().await;
    let login = Login::of(cluster.node(1), "demo", "li", cluster.node(1).password("li")).await;
    let mut old = Agent::at(cluster.node(1), login.clone(), "desk").await;
    old.is("ready").await;
    let (mut visitor, conv) = served(&mut old, cluster.node(1), "w1").await;
    let said = visitor.says("读到这里").await;
    old.expects_text("读到这里").await;
    cluster.redis.kill();
    let mut new = Agent::at(cluster.node(2), login, "desk").await;
    let read = json!({ "conv": conv["conv"], "seq": said["seq"] });
    old.socket.ask("read", read.clone()).await;
    // Whatever the mark causes has happened once a later request of the same socket is answered.
    let later = old.socket.request("history", json!({ "conv": conv["conv"], "limit": 1 })).await;
    assert!(later.is_ok() || old.socket.closed == Some(4003), "{later:?}");
    cluster.redis.resume();
    for node in [1, 2] {
        let node = cluster.node(node);
        node.eventually("Redis is back", async || (node.metric("yizhan_hub_up").await > 0.0).then_some(())).await;
    }
    // Only a mark that says more than those before is told: this one is the first.
    assert!(!visitor.socket.has("receipt"));
    new.socket.ask("read", read).await;
    visitor.socket.push("receipt", |f| f["d"]["read"] == said["seq"]).await;
}

/// 37: a device that does not read at one node is let go, and comes back complete at the other.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_at_one_node_is_complete_at_the_other() {
    let cluster = Cluster::with().settings(slow::SMALL).start().await;
    slow::does_not_read(cluster.node(1), cluster.node(2)).await;
}

/// 38: two enterprises on two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn no_id_opens_the_other_side() {
    let (_folder, settings) = isolation::next_door();
    let cluster = Cluster::with().settings(&settings).start().await;
    isolation::no_id_opens_the_other_side(cluster.node(1), cluster.node(2)).await;
}

/// One sign-in, one media folder: what one node took or gave, the other knows; and a sign-out is heard at both.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_sign_ins_are_good_at_both_nodes() {
    let cluster = Cluster::start().await;
    let (here, there) = (cluster.node(1), cluster.node(2));
    let mut li = Agent::ready(here, "li").await;
    let (mut visitor, conv) = served(&mut li, there, "w1").await;
    let picture = li.uploads(here, "图.png", "image/png", PNG).await;
    li.sends(&conv["conv"], "image", json!({ "media": picture })).await.unwrap();
    let shown = visitor.socket.push("msg", |m| m["d"]["type"] == "image").await;
    let url = shown["d"]["body"]["media"]["url"].as_str().unwrap();
    assert_eq!(there.get(url).send().await.unwrap().bytes().await.unwrap(), PNG);
    let mut tablet = Agent::at(there, li.login.clone(), "tablet").await;
    let out = here.post("/api/v1/logout", &json!({}));
    let out = out.header("Cookie", &li.login.cookie).header("X-CSRF-Token", &li.login.csrf).send().await.unwrap();
    assert!(out.status().is_success(), "{}", out.status());
    assert_eq!(tablet.socket.expect_close().await, 4001);
    assert_eq!(li.socket.expect_close().await, 4001);
}
