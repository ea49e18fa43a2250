//! What a role allows: agents see what they have answered, supervisors everything of their enterprise.

use serde_json::json;

use crate::support::{Agent, TestApp, Visitor};

fn with_a_third_agent(toml: &str) -> String {
    toml.replace(
        "[policy]",
        "[[agent]]\nid = \"zhao\"\nlogin = \"zhao\"\nname = \"小赵\"\npassword = \"correct horse battery\"\n\
         role = \"agent\"\ncapacity = 5\nqueues = [\"service\"]\n[policy]",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sees_and_ends_what_others_answer_but_does_not_speak_in_it() {
    let app = TestApp::with().declared(|toml| with_a_third_agent(&toml)).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("我要投诉").await;
    let conv = li.takes_offer().await;
    let session = conv["session"]["session"].clone();
    let mut wang = Agent::arrive(&app, "wang").await;
    assert!(wang.texts(&conv["conv"]).await.contains(&"我要投诉".to_owned()));
    let error = wang.sends(&conv["conv"], "text", json!({ "text": "我来" })).await.unwrap_err();
    assert_eq!(error["code"], "not_in_control");
    let note = wang.sends(&conv["conv"], "note", json!({ "text": "请道歉" })).await.unwrap();
    assert!(note["seq"].is_i64(), "a note is for colleagues");
    li.socket.push("msg", |f| f["d"]["type"] == "note" && f["d"]["body"]["text"] == "请道歉").await;
    wang.socket.request("end", json!({ "session": session, "reason": "升级处理" })).await.unwrap();
    let ended = visitor.socket.push("session", |f| f["d"]["state"] == "ended").await;
    assert_eq!(ended["d"]["ended"]["by"], "supervisor");
    assert!(!visitor.socket.seen("msg").iter().any(|m| m["d"]["type"] == "note"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_nothing_of_what_others_answer() {
    let app = TestApp::with().declared(|toml| with_a_third_agent(&toml)).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("我要投诉").await;
    let conv = li.takes_offer().await;
    let (session, conv) = (conv["session"]["session"].clone(), conv["conv"].clone());
    let mut zhao = Agent::arrive(&app, "zhao").await;
    assert_eq!(zhao.ready["state"]["convs"], json!([]));
    let unknown = json!("c_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    for (op, make) in [
        ("history", json!({ "limit": 10 })),
        ("send", json!({ "cid": "c1", "type": "text", "body": { "text": "偷看" } })),
        ("send", json!({ "cid": "c2", "type": "note", "body": { "text": "偷看" } })),
    ] {
        let with = |conv: &serde_json::Value| {
            let mut d = make.clone();
            d["conv"] = conv.clone();
            d
        };
        let foreign = zhao.socket.request(op, with(&conv)).await.unwrap_err();
        let missing = zhao.socket.request(op, with(&unknown)).await.unwrap_err();
        assert_eq!(foreign["code"], "not_found", "{op}");
        assert_eq!(foreign, missing, "{op}: whether it exists is not told");
    }
    let synced =
        zhao.socket.request("sync", json!({ "convs": [{ "conv": conv, "epoch": "x", "seq": 0 }] })).await.unwrap();
    assert_eq!(synced["convs"], json!([]));
    let tagged = zhao.socket.request("tag", json!({ "session": session, "tags": ["x"] })).await.unwrap_err();
    assert_eq!(tagged["code"], "not_found");
    for op in ["end", "transfer"] {
        let d = json!({ "session": session, "to": { "agent": "wang" } });
        let error = zhao.socket.request(op, d).await.unwrap_err();
        assert_eq!(error["code"], "not_found", "{op}");
    }
    li.says(&conv, "还在").await;
    visitor.expects_text("还在").await;
}
