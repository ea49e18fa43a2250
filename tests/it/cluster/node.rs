//! Nodes that end: killed, or stopped in order one after the other (31, 32).

use std::time::Duration;

use serde_json::{Value, json};

use super::{is_whole, served};
use crate::support::{Agent, Cluster, TestApp, Visitor};

/// Customers in the story of the killed node; half of them at each node.
const CUSTOMERS: usize = 16;

fn roomy(toml: String) -> String {
    toml.replace("capacity = 5", &format!("capacity = {CUSTOMERS}"))
}

/// A customer with a text that nobody has answered yet.
struct Speaker {
    visitor: Visitor,
    conv: Value,
    cid: String,
    text: String,
}

impl Speaker {
    fn words(&self) -> Value {
        json!({ "conv": self.conv, "cid": self.cid, "type": "text", "body": { "text": self.text } })
    }

    /// Comes back through another door and says it again, not knowing whether it was heard.
    async fn repeats(self, app: &TestApp, device: &str) -> (Visitor, Value) {
        let (words, token) = (self.words(), self.visitor.token.clone());
        self.visitor.socket.cut();
        let mut visitor = Visitor::returns(app, device, Some(&token)).await;
        assert_eq!(visitor.conv, self.conv, "the same customer, the same conversation");
        let said = visitor.socket.request("send", words).await.expect("send");
        (visitor, said)
    }
}

/// 31: a node is killed in the middle of many conversations. Everybody goes on at the other; what was accepted is there
/// once, what was not answered can be repeated without becoming two.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_takes_nothing_with_it() {
    let mut cluster = Cluster::with().declared(roomy).start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let mut speakers = Vec::new();
    for n in 0..CUSTOMERS {
        let (visitor, conv) = served(&mut li, cluster.node(n % 2 + 1), &format!("w{n}")).await;
        let conv = conv["conv"].clone();
        speakers.push(Speaker { visitor, conv, cid: format!("last-{n}"), text: format!("最后一句 {n}") });
    }
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    for (n, speaker) in speakers.iter_mut().enumerate() {
        speaker.visitor.says(&format!("第一句 {n}")).await;
    }
    for speaker in &mut speakers {
        let words = speaker.words();
        speaker.visitor.socket.ask("send", words).await;
    }
    cluster.kill(1).await;
    let positions: Vec<Value> =
        speakers.iter().map(|s| json!({ "conv": s.conv, "epoch": li_epoch(&li, &s.conv), "seq": 0 })).collect();
    let mut li = Agent::resumes(cluster.node(2), li, json!(positions)).await;
    let recovered = li.ready["convs"].as_array().unwrap();
    assert_eq!(recovered.len(), CUSTOMERS, "every conversation is still hers");
    let mut visitors = Vec::new();
    for (n, speaker) in speakers.into_iter().enumerate() {
        visitors.push(speaker.repeats(cluster.node(2), &format!("w{n}")).await);
    }
    for (n, (visitor, said)) in visitors.iter_mut().enumerate() {
        li.says(&visitor.conv, &format!("回答 {n}")).await;
        visitor.expects_text(&format!("回答 {n}")).await;
        let log = wang.history(&visitor.conv).await;
        is_whole(&log);
        for text in [format!("第一句 {n}"), format!("最后一句 {n}"), format!("回答 {n}")] {
            assert!(log.iter().any(|m| m["body"]["text"] == text.as_str()), "{text} is there");
        }
        assert!(log.iter().any(|m| m["id"] == said["id"]), "what the repetition names is what is stored");
    }
}

/// The epoch of a conversation as the agent was told it; none is as good as a wrong one.
fn li_epoch(li: &Agent, conv: &Value) -> Value {
    let told = li.ready["convs"].as_array().into_iter().flatten().find(|c| c["conv"] == *conv);
    told.map_or(json!("0"), |c| c["epoch"].clone())
}

/// 31: an agent whose node was killed and who does not come back loses the sessions once the node's leases are over.
#[tokio::test(flavor = "multi_thread")]
async fn the_agents_of_a_killed_node_are_given_up_by_the_other() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    let mut wang = Agent::ready(cluster.node(2), "wang").await;
    cluster.kill(1).await;
    cluster.let_pass(Duration::from_secs(61));
    wang.socket.push("presence", |f| f["d"]["agent"] == "li" && f["d"]["display"] == "grace").await;
    cluster.let_pass(Duration::from_secs(46));
    let offer = wang.expects_offer().await;
    assert_eq!(offer["conv"], conv["conv"]);
    let taken = wang.accepts(&offer).await;
    wang.says(&taken["conv"], "我来接着为您服务").await;
    visitor.expects_text("我来接着为您服务").await;
}

/// 32: both nodes are replaced one after the other. Everybody is sent away in time, no session ends, nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn both_nodes_are_replaced_and_no_session_ends() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let (mut visitor, conv) = served(&mut li, cluster.node(2), "w1").await;
    for (going, staying) in [(1, 2), (2, 1)] {
        let mut stopping = cluster.take(going);
        let leaves = async {
            let socket = if going == 1 { &mut li.socket } else { &mut visitor.socket };
            let bye = socket.push("bye", |_| true).await;
            assert_eq!((bye["d"]["code"].as_i64(), bye["d"]["reconnect"].as_bool()), (Some(4010), Some(true)));
            assert_eq!(socket.expect_close().await, 4010);
        };
        tokio::join!(stopping.drains(), leaves);
        let app = cluster.node(staying);
        if going == 1 {
            visitor.says("换节点的时候说的").await;
            let position = json!([{ "conv": conv["conv"], "epoch": conv["epoch"], "seq": 0 }]);
            li = Agent::resumes(app, li, position).await;
            let recovered = li.ready["convs"][0]["msgs"].as_array().unwrap();
            assert!(recovered.iter().any(|m| m["body"]["text"] == "换节点的时候说的"), "{recovered:?}");
        } else {
            visitor = Visitor::returns(app, "w1", Some(&visitor.token)).await;
        }
        visitor.says(&format!("第 {going} 次之后")).await;
        li.expects_text(&format!("第 {going} 次之后")).await;
        li.says(&conv["conv"], &format!("我在 {going}")).await;
        visitor.expects_text(&format!("我在 {going}")).await;
        if going == 1 {
            cluster.revive(1).await;
            // The agent moves, so that the second node is left by somebody who is served from the first.
            let position = json!([{ "conv": conv["conv"], "epoch": conv["epoch"], "seq": 0 }]);
            li = Agent::resumes(cluster.node(1), li, position).await;
        }
    }
    let log = li.history(&conv["conv"]).await;
    is_whole(&log);
    assert!(log.iter().all(|m| m["type"] != "session.ended"), "no session ended");
}

/// What killing means in these stories: no word to the sockets, and nobody at the door.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_gone_without_a_word() {
    let mut cluster = Cluster::start().await;
    let mut li = Agent::ready(cluster.node(1), "li").await;
    let address = cluster.node(1).address();
    cluster.kill(1).await;
    assert_eq!(li.socket.end().await, None, "no close frame");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens");
}
