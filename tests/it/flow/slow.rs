//! 37: a client that does not read is let go before it costs anything, and misses nothing when it comes back.

use serde_json::{Value, json};

use crate::support::{Agent, Socket, TestApp, Visitor};

/// Little room for what a client has not read yet.
pub const SMALL: &str = "[socket]\noutbox_messages = 16\n";

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_resumes_complete() {
    let app = TestApp::with().settings(SMALL).start().await;
    does_not_read(&app, &app).await;
}

/// One device does not read here while it is written to from there; there it comes back.
pub async fn does_not_read(here: &TestApp, there: &TestApp) {
    let mut li = Agent::ready(here, "li").await;
    let mut visitor = Visitor::arrives(there, "w1").await;
    visitor.says("开始").await;
    let conv = li.takes_offer().await;
    let last = li.history(&conv["conv"]).await.last().unwrap()["seq"].clone();
    let login = li.login.clone();

    // The second device of the agent stops reading as soon as it is signed in.
    let ticket = login.ticket(here).await;
    let mut deaf = Socket::narrow(&here.address(), "/ws/agent", &here.base()).await;
    let ready = deaf.request("auth", json!({ "ticket": ticket, "device": "deaf" })).await.unwrap();
    let long = "很长的话".repeat(1_000);
    let mut writers = vec![visitor];
    for n in 2..=5 {
        let token = writers[0].token.clone();
        writers.push(Visitor::returns(there, &format!("w{n}"), Some(&token)).await);
    }
    let (all, mut count) = (signed_in(here).await, 0);
    'flood: for _ in 0..18 {
        for writer in &mut writers {
            writer.says(&long).await;
            count += 1;
            // Everybody else reads.
            li.socket.arrived("nothing");
            if count % 5 == 0 && signed_in(here).await < all {
                break 'flood;
            }
        }
    }
    here.eventually("the deaf device is let go", async || (signed_in(here).await < all).then_some(())).await;
    let end = deaf.end().await;
    assert!(end.is_none_or(|code| code == 4013), "{end:?}");
    assert!(metrics(here).await.contains("yizhan_socket_closes_total{code=\"4013\"} 1"));

    let mut socket = Socket::open(&there.address(), "/ws/agent", &there.base()).await;
    let position = json!([{ "conv": conv["conv"], "epoch": conv["epoch"], "seq": last }]);
    let d = json!({ "resume_token": ready["resume_token"], "device": "deaf", "convs": position });
    let resumed = socket.request("resume", d).await.expect("resume");
    let missed = &resumed["convs"][0];
    assert_eq!(missed["recovered"], true);
    let seqs: Vec<i64> =
        missed["msgs"].as_array().unwrap().iter().map(|m: &Value| m["seq"].as_i64().unwrap()).collect();
    let first = last.as_i64().unwrap() + 1;
    assert_eq!(seqs, (first..first + i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>(), "no hole");
    let texts = missed["msgs"].as_array().unwrap().iter().filter(|m| m["body"]["text"] == long.as_str()).count();
    assert_eq!(texts, count, "every message that was accepted");
    li.says(&conv["conv"], "还在吗").await;
    let next = socket.push("msg", |f| f["d"]["body"]["text"] == "还在吗").await;
    assert_eq!(next["prev"].as_i64(), seqs.last().copied());
}

async fn metrics(app: &TestApp) -> String {
    app.get("/metrics").send().await.unwrap().text().await.unwrap()
}

/// How many sockets are signed in, as the operator sees it.
async fn signed_in(app: &TestApp) -> u32 {
    let text = metrics(app).await;
    let line =
        text.lines().find(|line| line.starts_with("yizhan_sockets_signed_in ")).unwrap_or_else(|| panic!("{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
