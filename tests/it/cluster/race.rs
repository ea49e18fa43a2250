//! Both nodes at the same thing at once: one of them does it (36, F12).

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::flow::wechat::redelivery::{deliver, said};
use crate::outside::callback::{Account, text};
use crate::support::{Agent, Cluster};

const AGENTS: usize = 10;
const CAPACITY: usize = 3;
const WAITING: usize = 40;

/// Ten agents with room for three each.
fn ten_agents(toml: String) -> String {
    let (head, tail) = toml.split_once("[[agent]]").expect("agents");
    let (_, policy) = tail.split_once("[policy]").expect("a policy");
    let agent = |n: usize| {
        format!(
            "[[agent]]\nid = \"a{n}\"\nlogin = \"a{n}\"\nname = \"坐席{n}\"\npassword = \"correct horse battery\"\n\
             role = \"agent\"\ncapacity = {CAPACITY}\nqueues = [\"service\"]\n"
        )
    };
    format!("{head}{}[policy]{policy}", (0..AGENTS).map(agent).collect::<String>())
}

/// 36: forty customers wait, thirty places become free at both nodes at once: thirty are offered, each once, nobody gets
/// more than fits.
#[tokio::test(flavor = "multi_thread")]
async fn routers_of_both_nodes_fill_thirty_places_and_no_more() {
    let cluster = Cluster::with().declared(ten_agents).start().await;
    let mut agents = Vec::new();
    for n in 0..AGENTS {
        agents.push(Agent::arrive(cluster.node(n % 2 + 1), &format!("a{n}")).await);
    }
    let account = Account::demo();
    for n in 0..WAITING {
        let id = 6_000_000_000_000_000_000 + u64::try_from(n).unwrap();
        let payload = text(&account, &format!("o36-{n}"), id, "排队");
        assert_eq!(deliver(cluster.node(n % 2 + 1), &account, &payload, &format!("n{n}")).await.status, 200);
    }
    for agent in &mut agents {
        agent.socket.ask("presence.set", json!({ "status": "ready" })).await;
    }
    let mut offered: HashMap<String, usize> = HashMap::new();
    for (n, agent) in agents.iter_mut().enumerate() {
        for _ in 0..CAPACITY {
            let offer = agent.expects_offer().await;
            assert_eq!(offered.insert(offer["conv"].to_string(), n), None, "offered once");
        }
    }
    assert_eq!(offered.len(), AGENTS * CAPACITY);
    // A further look of both routers finds nothing to give.
    for agent in &mut agents {
        let state: Value = agent.is("ready").await;
        assert_eq!(state["load"], json!(CAPACITY), "{state}");
        assert!(agent.socket.arrived("offer").is_none(), "nobody is offered beyond capacity");
    }
}

/// F12: one delivery reaches both nodes at once, twice each, and once more later: one message, one answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_both_nodes_get_at_once_is_one_message() {
    let cluster = Cluster::start().await;
    let (here, there) = (cluster.node(1), cluster.node(2));
    let mut li = Agent::arrive(there, "li").await;
    let account = Account::demo();
    let payload = text(&account, "o-both", 7_100_000_000_000_000_001, "只此一次");
    let all = tokio::join!(
        deliver(here, &account, &payload, "a"),
        deliver(there, &account, &payload, "b"),
        deliver(here, &account, &payload, "c"),
        deliver(there, &account, &payload, "d"),
    );
    let replies = [all.0, all.1, all.2, all.3].map(|answer| said(&account, &answer));
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    assert_eq!(said(&account, &deliver(there, &account, &payload, "e").await), replies[0], "and again later");
    li.is("ready").await;
    let conv = li.takes_offer().await["conv"].clone();
    let log = li.history(&conv).await;
    assert_eq!(log.iter().filter(|m| m["body"]["text"] == "只此一次").count(), 1);
    super::is_whole(&log);
    li.is("ready").await;
    assert!(!li.socket.has("offer"), "one customer, one session");
}
