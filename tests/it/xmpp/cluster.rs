//! Two nodes, one link: the other node takes over, and agents and customers go on.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{SERVICE, server};
use crate::support::service::Kind;
use crate::support::xmpp::declared;
use crate::support::{Cluster, Person, Visitor};

/// What an agent says reaches the customer in the end; until there is a link again the server says that it does not.
async fn says_until_heard(li: &mut Person, chat: &str, visitor: &mut Visitor, text: &str) -> Duration {
    let begun = Instant::now();
    for attempt in 0.. {
        li.sends(json!({ "to": chat, "body": text, "id": format!("{text}-{attempt}") }));
        let heard = visitor.socket.push("msg", |frame| frame["d"]["body"]["text"] == text);
        if tokio::time::timeout(Duration::from_millis(500), heard).await.is_ok() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody took over");
    }
    begun.elapsed()
}

/// 59: whichever node has the link dies, and the agent goes on in the same chat before `most` is over.
async fn the_link_moves(kind: Kind, most: Duration) {
    let server = server(kind).await;
    let mut cluster = Cluster::with().declared(declared(&server)).start().await;
    let mut li = Person::at_work(&server, cluster.node(1), "li").await;
    for (dead, alive) in [(1, 2), (2, 1)] {
        // A link that has moved may introduce a chat again: the next offer is none of those.
        li.forgets();
        let mut visitor = Visitor::arrives(cluster.node(alive), &format!("w{dead}")).await;
        visitor.says("你好").await;
        let chat = li.takes_offer();
        says_until_heard(&mut li, &chat, &mut visitor, &format!("请讲{dead}")).await;
        cluster.kill(dead).await;
        let text = format!("我还在{dead}");
        let took = says_until_heard(&mut li, &chat, &mut visitor, &text).await;
        assert!(took < most, "the other node took {took:?}");
        visitor.says(&format!("我也还在{dead}")).await;
        li.expects_text(&format!("我也还在{dead}"));
        assert!(!li.has_text(&text), "nothing is told twice");
        li.says(&chat, "/end");
        li.expects_text("会话已结束");
        cluster.revive(dead).await;
    }
    li.says(SERVICE, "/queue");
    li.expects_text("人工客服");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_moves_through_prosody() {
    the_link_moves(Kind::Prosody, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_moves_through_ejabberd() {
    the_link_moves(Kind::Ejabberd, Duration::from_secs(10)).await;
}
