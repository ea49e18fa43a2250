//! Two nodes that are one system: what is said at one is heard at the other, and what one leaves undone the other does.
//! Numbers are those of the acceptance scenarios; stories that are told with two doors stand in `flow`.

mod backend;
mod broker;
mod connection;
mod handover;
mod node;
mod race;

use serde_json::Value;

use crate::support::{Agent, TestApp, Visitor};

/// A customer at one node who is served by an agent at another.
async fn served(agent: &mut Agent, visitors_node: &TestApp, device: &str) -> (Visitor, Value) {
    let mut visitor = Visitor::arrives(visitors_node, device).await;
    visitor.says("你好").await;
    let conv = agent.takes_offer().await;
    assert_eq!(conv["conv"], visitor.conv);
    (visitor, conv)
}

/// The log of a conversation is whole: contiguous, and no text of a person twice.
pub fn is_whole(log: &[Value]) {
    let seqs: Vec<i64> = log.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    let first = seqs.first().copied().unwrap_or(1);
    assert_eq!(seqs, (first..).take(seqs.len()).collect::<Vec<_>>(), "contiguous");
    let people = log.iter().filter(|m| m["from"]["role"] == "contact" || m["from"]["role"] == "agent");
    let mut texts: Vec<&str> = people.filter_map(|m| m["body"]["text"].as_str()).collect();
    let all = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all, "no text twice: {texts:?}");
}
