//! What a node leaves undone, the other does: deadlines and messages to WeChat.

use std::time::Duration;

use serde_json::{Value, json};
use yizhan::simulator::{Actor, CallEntry, Via};

use crate::flow::wechat::{SEND, sent_texts, spoil};
use crate::support::{Agent, Cluster, PATIENCE, TestApp, Visitor};

/// A follower whom an agent at this node answers.
async fn follower(cluster: &Cluster, app: &TestApp, openid: &str) -> (Agent, Actor, Value) {
    let mut agent = Agent::ready(app, "li").await;
    let mut phone = cluster.phone(openid);
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = agent.takes_offer().await["conv"].clone();
    phone.expects(PATIENCE, |m| m.via == Via::Custom).await.unwrap();
    agent.socket.push("receipt", |f| f["d"]["state"] == "delivered").await;
    (agent, phone, conv)
}

/// WeChat pushes to one node, the agent sits at the other: both directions work, and each message is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_and_an_agent_at_different_nodes_talk() {
    let cluster = Cluster::start().await;
    let (mut li, mut phone, conv) = follower(&cluster, cluster.node(2), "o-across").await;
    for n in 1..=3 {
        cluster.pushes_to(n % 2 + 1);
        phone.says(&format!("问 {n}")).unwrap();
        li.expects_text(&format!("问 {n}")).await;
        let sent = li.says(&conv, &format!("答 {n}")).await;
        phone.expects_text(&format!("答 {n}"), PATIENCE).await.unwrap();
        li.expects_receipt(&sent["id"], "delivered").await;
    }
    let answers = sent_texts(&phone).into_iter().filter(|text| text.starts_with('答')).collect::<Vec<_>>();
    assert_eq!(answers, ["答 1", "答 2", "答 3"], "each once and in order");
}

/// A message that could not be sent yet goes out from the other node once the first is gone, and only once.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_is_sent_by_the_other_node() {
    let mut cluster = Cluster::start().await;
    let (mut li, mut phone, conv) = follower(&cluster, cluster.node(1), "o-waits").await;
    spoil(cluster.node(1), json!({ "errcode": -1, "times": 1 }));
    li.says(&conv, "再试一次").await;
    let refused = |call: &CallEntry| call.request.ends_with(SEND) && call.errcode == -1;
    let tried = async || cluster.platform().platform().ledger(None).calls.iter().any(refused).then_some(());
    cluster.node(1).eventually("the platform has refused it", tried).await;
    cluster.kill(1).await;
    cluster.let_pass(Duration::from_secs(30));
    phone.expects_text("再试一次", PATIENCE).await.unwrap();
    assert_eq!(sent_texts(&phone).iter().filter(|text| *text == "再试一次").count(), 1);
}

/// A node that is killed during a call leaves a message whose fate nobody knows: the other node says so once it misses its
/// signs of life, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_killed_node_had_begun_becomes_uncertain_and_is_not_repeated() {
    let mut cluster = Cluster::start().await;
    let (mut li, mut phone, conv) = follower(&cluster, cluster.node(1), "o-unknown").await;
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    spoil(cluster.node(1), json!({ "delay_ms": 60_000, "after_accept": true, "times": 1 }));
    let sent = li.says(&conv, "不知道到了没有").await;
    phone.expects_text("不知道到了没有", PATIENCE).await.unwrap();
    cluster.kill(1).await;
    let position = json!([{ "conv": conv, "epoch": "", "seq": 0 }]);
    let mut li = Agent::resumes(cluster.node(2), li, position).await;
    cluster.let_pass(Duration::from_secs(7));
    assert_eq!(li.settled(&sent["id"]).await["state"], "uncertain");
    let next = li.says(&conv, "您收到上一句了吗").await;
    phone.expects_text("您收到上一句了吗", PATIENCE).await.unwrap();
    li.expects_receipt(&next["id"], "delivered").await;
    assert_eq!(sent_texts(&phone).iter().filter(|text| *text == "不知道到了没有").count(), 1);
    wang.is("ready").await;
}

/// A deadline that one node set is kept by the other: an offer that nobody answered goes on to a colleague.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_kept_by_the_other_node() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let mut visitor = Visitor::arrives(cluster.node(1), "w1").await;
    visitor.says("你好").await;
    let offer = li.expects_offer().await;
    cluster.kill(1).await;
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    cluster.let_pass(Duration::from_secs(21));
    let second = wang.expects_offer().await;
    assert_eq!(second["conv"], offer["conv"]);
    assert!(second["waited_ms"].as_u64().unwrap() >= 20_000, "the original time counts: {second}");
    let taken = wang.accepts(&second).await;
    assert!(wang.texts(&taken["conv"]).await.contains(&"你好".to_owned()));
}
