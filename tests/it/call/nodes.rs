//! The same stories with two doors that are two nodes, and a node that dies during a call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{accepted, audio, connected, end, hears, in_talks, link, stands};
use crate::support::{Broker, Cluster, with_two_nodes};

with_two_nodes!(crate::call::during:
    a_socket_that_is_lost_and_resumes_goes_on_with_what_it_missed,
    who_does_not_come_back_ends_the_call,
    the_call_goes_along_with_the_session,
    what_a_side_says_of_itself_the_other_one_shows,
);

/// Descriptions go from node to node, also when the answer is faster than the note of the offer.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_and_answers_cross_nodes() {
    let cluster = Cluster::start().await;
    let (mut li, mut visitor, _) = in_talks(cluster.node(1), cluster.node(2)).await;
    let (start, _) = accepted(&mut li, &mut visitor, audio()).await;
    let id = start["call"]["call_id"].clone();
    for n in 1..=20 {
        let offer = json!({ "call_id": id, "leg": 1, "n": n, "type": "offer", "sdp": format!("v=0 {n}") });
        let asked = li.socket.ask("call.desc", offer.clone()).await;
        assert_eq!(hears(&mut visitor.socket, "call.desc").await, offer);
        let answer = json!({ "call_id": id, "leg": 1, "n": n, "type": "answer", "sdp": format!("v=0 {n}") });
        visitor.socket.request("call.desc", answer.clone()).await.expect("an answer");
        li.socket.reply(asked).await.expect("an offer");
        assert_eq!(hears(&mut li.socket, "call.desc").await, answer);
    }
}

/// 42: both press at the same moment, each at a node of its own. The tenant's lane lets one invitation go first, the other
/// one accepts it: nobody is refused, and there is one call.
#[tokio::test(flavor = "multi_thread")]
async fn both_call_at_once_on_two_nodes_and_are_in_one_call() {
    let cluster = Cluster::start().await;
    let (mut li, mut visitor, session) = in_talks(cluster.node(1), cluster.node(2)).await;
    for round in 1..=9 {
        let mine = li.socket.ask("call.invite", json!({ "session": session, "media": audio() })).await;
        let theirs = visitor.socket.ask("call.invite", json!({ "media": audio() })).await;
        let mine = li.socket.reply(mine).await.expect("mine");
        let theirs = visitor.socket.reply(theirs).await.expect("theirs");
        let id = mine["call"]["call_id"].clone();
        assert_eq!(theirs["call"]["call_id"], id, "round {round}");
        for socket in [&mut li.socket, &mut visitor.socket] {
            socket.push("call.start", |frame| frame["d"]["call"]["call_id"] == id).await;
        }
        li.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
        let over = |frame: &Value| frame["d"]["call_id"] == id && frame["d"]["state"] == "ended";
        visitor.socket.push("call.state", over).await;
    }
}

/// 47: the agent's node dies during the call; the agent comes to the other one and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_the_node_of_one_side() {
    let mut cluster = Cluster::start().await;
    let (mut li, mut visitor, _) = in_talks(cluster.node(1), cluster.node(2)).await;
    let id = connected(&mut li, &mut visitor).await;
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0" });
    visitor.socket.request("call.desc", offer).await.expect("an offer");
    hears(&mut li.socket, "call.desc").await;
    cluster.kill(1).await;
    let mut li = li.vanishes().resumes(cluster.node(2), json!([])).await;
    assert_eq!(li.ready["state"]["calls"]["live"]["peer"]["n"], 1);
    let answer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "answer", "sdp": "v=0" });
    li.socket.request("call.desc", answer.clone()).await.expect("an answer");
    assert_eq!(hears(&mut visitor.socket, "call.desc").await, answer);
    link(&mut li.socket, &id, 1).await;
    li.socket.request("call.hangup", json!({ "call_id": id })).await.expect("call.hangup");
    let last = stands(&mut visitor.socket, "ended").await;
    assert_eq!(last["end"]["reason"], "hangup_agent");
}

/// H11: a node dies in a call and no browser comes back from it. Within half a minute the call is over for the other
/// side, for whoever reads its record, and for the agent, who may call again.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_over_soon_after_the_node_of_one_side() {
    let mut cluster = Cluster::with().rabbitmq().start().await;
    let mut ear = Broker::connect(cluster.rabbitmq()).await.listen("crm", "yizhan.demo.call.#").await;
    let (mut li, mut visitor, session) = in_talks(cluster.node(1), cluster.node(2)).await;
    let id = connected(&mut li, &mut visitor).await;
    let died = cluster.node(2).clock.now();
    cluster.kill(1).await;
    // The rest passes by itself: looks in a row have to find the lease silent before it ends.
    cluster.let_pass(Duration::from_secs(7));
    stands(&mut visitor.socket, "reconnecting").await;
    cluster.let_pass(Duration::from_secs(10));
    let last = end(&mut visitor.socket).await;
    assert_eq!((&last["reason"], &last["by"]), (&json!("lost"), &json!("system")));
    let took = cluster.node(2).clock.now().since(died);
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    let record = ear.of_type("call.ended").await.event["data"].clone();
    assert_eq!((&record["call"], &record["end_reason"], &record["agent"]), (&id, &json!("lost"), &json!("li")));
    let mut li = li.vanishes().resumes(cluster.node(2), json!([])).await;
    assert!(li.ready["state"]["calls"]["live"].is_null());
    let invite = json!({ "session": session, "media": audio() });
    li.socket.request("call.invite", invite).await.expect("li is free");
    hears(&mut visitor.socket, "call.ring").await;
}

/// The caller's node dies while it rings: the time that was set elsewhere ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_ends_when_its_node_is_gone() {
    let mut cluster = Cluster::start().await;
    let (mut li, mut visitor, _) = in_talks(cluster.node(1), cluster.node(2)).await;
    visitor.socket.request("call.invite", json!({ "media": audio() })).await.expect("call.invite");
    hears(&mut li.socket, "call.ring").await;
    cluster.kill(2).await;
    cluster.let_pass(Duration::from_secs(31));
    assert_eq!(hears(&mut li.socket, "call.cancel").await["reason"], "no_answer");
}
