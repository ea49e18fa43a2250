//! Services that go away under a running cluster (33, 35).

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::{is_whole, served};
use crate::support::{Agent, Cluster, TestApp, Visitor};

/// Each says something that the other one hears.
async fn talk(li: &mut Agent, visitor: &mut Visitor, conv: &Value, about: &str) {
    visitor.says(&format!("客户：{about}")).await;
    li.expects_text(&format!("客户：{about}")).await;
    li.says(conv, &format!("坐席：{about}")).await;
    visitor.expects_text(&format!("坐席：{about}")).await;
}

/// 33: Redis loses everything, goes away, comes back empty. Each time people go on talking across nodes; an offer that
/// no hint announced is found, too.
#[tokio::test(flavor = "multi_thread")]
async fn redis_may_lose_everything_and_go_away() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    let conv = conv["conv"].clone();
    flush(cluster.redis.port());
    talk(&mut li, &mut visitor, &conv, "清空之后").await;
    cluster.redis.kill();
    talk(&mut li, &mut visitor, &conv, "没有之后").await;
    let (mut second, _) = served(&mut li, cluster.node(2), "w2").await;
    let other = second.conv.clone();
    talk(&mut li, &mut second, &other, "没有时来的").await;
    cluster.redis.resume();
    talk(&mut li, &mut visitor, &conv, "回来之后").await;
    is_whole(&li.history(&conv).await);
    assert_eq!(ready(cluster.node(1)).await, 200);
}

/// `FLUSHALL`.
fn flush(port: u16) {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("Redis listens");
    stream.write_all(b"FLUSHALL\r\n").expect("Redis listens");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).expect("Redis answers");
    assert_eq!(&answer, b"+OK\r\n");
}

async fn ready(app: &TestApp) -> u16 {
    app.get("/readyz").send().await.unwrap().status().as_u16()
}

/// 35: PostgreSQL goes away for a while. Nothing is accepted meanwhile and everybody is told so; sockets stay, agents
/// keep their sessions, and what is repeated afterwards is there once.
#[tokio::test(flavor = "multi_thread")]
async fn without_postgresql_nothing_is_accepted_and_nothing_is_lost() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    let conv = conv["conv"].clone();
    cluster.postgres.kill();
    let words = json!({ "conv": conv, "cid": "again", "type": "text", "body": { "text": "停电时说的" } });
    let refused = visitor.socket.request("send", words.clone()).await.unwrap_err();
    assert!(["dependency_unavailable", "timeout"].contains(&refused["code"].as_str().unwrap()), "{refused}");
    assert_eq!(ready(cluster.node(1)).await, 503);
    cluster.postgres.resume();
    cluster.node(1).eventually("the node is ready", async || (ready(cluster.node(1)).await == 200).then_some(())).await;
    cluster.node(2).eventually("the node is ready", async || (ready(cluster.node(2)).await == 200).then_some(())).await;
    // Each writer comes back for itself: whoever is told to try again does so.
    let again = async || visitor.socket.request("send", words.clone()).await.ok();
    let said = cluster.node(2).eventually("it is accepted", again).await;
    assert!(said["seq"].is_i64());
    li.expects_text("停电时说的").await;
    talk(&mut li, &mut visitor, &conv, "来电之后").await;
    let log = li.history(&conv).await;
    is_whole(&log);
    wang.is("ready").await;
    let lost = |f: &Value| f["d"]["agent"] == "li" && f["d"]["display"] == "grace";
    assert!(!wang.socket.seen("presence").iter().any(lost), "nobody was taken for gone");
}
