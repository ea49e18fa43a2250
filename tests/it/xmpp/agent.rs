//! Agents who answer from an XMPP client.

use serde_json::json;

use super::desk;
use crate::support::service::Kind;
use crate::support::{Person, Visitor};

/// 57: ready by presence, an offer as text, `/take`, a conversation both ways, typing and receipts, `/end`.
async fn an_agent_serves_a_visitor(kind: Kind) {
    let (server, app) = desk(kind).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好 <b>&\"'").await;
    let chat = li.takes_offer();
    let there = li.expects("the customer to be there", |seen| seen["kind"] == "presence" && seen["from"] == *chat);
    assert_eq!(there["type"], "");
    visitor.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    li.says(&chat, "您好，<请问>有什么可以帮您？");
    let said = visitor.expects_text("您好，<请问>有什么可以帮您？").await;
    visitor.says("我的卡丢了").await;
    let heard = li.expects_text("我的卡丢了");
    assert_eq!(heard["from"], *chat);
    let conv = visitor.conv.clone();
    // Typing both ways.
    li.writes(&format!(
        "<message type='chat' to='{chat}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ));
    visitor.socket.push("typing", |frame| frame["d"]["on"] == true).await;
    visitor.socket.ask("typing", json!({ "conv": conv, "on": true })).await;
    li.expects("the customer to type", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("<composing")));
    // Receipts both ways: the client's own, and the visitor's.
    visitor.socket.push("receipt", |frame| frame["d"]["who"] == "li" && frame["d"]["delivered"].is_i64()).await;
    li.sends(json!({ "to": chat, "body": "已为您挂失", "id": "r1", "receipt": true }));
    let told = visitor.expects_text("已为您挂失").await;
    assert!(told["d"]["seq"].as_i64() > said["d"]["seq"].as_i64());
    visitor.socket.ask("read", json!({ "conv": conv, "seq": told["d"]["seq"] })).await;
    li.expects("a receipt", |seen| {
        seen["xml"].as_str().is_some_and(|xml| xml.contains("<received") && xml.contains("\"r1\""))
    });
    li.expects("a sight", |seen| {
        seen["xml"].as_str().is_some_and(|xml| xml.contains("<displayed") && xml.contains("\"r1\""))
    });
    // The same stanza again is the same message.
    li.sends(json!({ "to": chat, "body": "已为您挂失", "id": "r1" }));
    li.says(&chat, "还有别的吗");
    visitor.expects_text("还有别的吗").await;
    assert!(!visitor.socket.seen("msg").iter().any(|frame| frame["d"]["body"]["text"] == "已为您挂失"));
    // What only looks like a command goes nowhere; a note is for colleagues.
    li.says(&chat, "/not 客户很急");
    li.expects_text("未发给客户");
    li.says(&chat, "/note 客户很急");
    li.expects_text("[内部]");
    li.says(&chat, "/end");
    li.expects_text("会话已结束");
    li.expects("the customer to be gone", |seen| {
        seen["kind"] == "presence" && seen["from"] == *chat && seen["type"] == "unavailable"
    });
    visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await;
    assert!(!visitor.socket.seen("msg").iter().any(|frame| frame["d"]["type"] == "note"));
    li.says(&chat, "再见");
    li.expects("a refusal", |seen| seen["kind"] == "message" && seen["type"] == "error");
}

/// `/video` sends the customer a link that opens a call of this session; `/call` one without a picture.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_the_link_to_a_call() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    li.says(&chat, "/video");
    li.expects_text("通话链接已发给客户");
    let link = visitor.socket.push("msg", |frame| frame["d"]["type"] == "link").await;
    let url = link["d"]["body"]["url"].as_str().expect("an address");
    let token = url.split("/call/").nth(1).expect("a token");
    let opened = app.post("/api/v1/call/ticket", &json!({ "token": token })).send().await.unwrap();
    assert_eq!(opened.status(), 200);
    let opened = opened.json::<serde_json::Value>().await.unwrap();
    assert_eq!(opened["call"]["media"]["video"], true, "{opened}");
    li.says(&chat, "/call");
    li.expects_text("通话链接已发给客户");
    // At a queue there is no customer to send it to.
    li.says(super::SERVICE, "/video");
    li.expects_text("请在客户的会话里使用此命令");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_serves_a_visitor_through_prosody() {
    an_agent_serves_a_visitor(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_serves_a_visitor_through_ejabberd() {
    an_agent_serves_a_visitor(Kind::Ejabberd).await;
}
