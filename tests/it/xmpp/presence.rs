//! Presence is what an agent says, not a sign of life.

use std::time::Duration;

use serde_json::json;

use super::{SERVICE, desk, sees};
use crate::support::service::Kind;
use crate::support::{Agent, Person, TestApp, Visitor};

/// 58: what a client shows decides whether work is offered; a client that is cut off keeps its chats for the grace.
async fn presence_decides(kind: Kind) {
    let (server, app) = desk(kind).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut li = Person::ready(&server, "li");
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    li.shows(json!({ "show": "dnd" }));
    sees(&mut wang, "li", |li| li["status"] == "busy").await;
    li.shows(json!({ "show": "xa" }));
    sees(&mut wang, "li", |li| li["status"] == "break").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    visitor.socket.push("session", |frame| frame["d"]["state"] == "queued").await;
    assert!(!li.has_text("新会话"), "nothing is offered to who is on a break");
    // Ready, but only when nobody else is.
    li.shows(json!({ "show": "away" }));
    sees(&mut wang, "li", |li| li["status"] == "ready" && li["reason"] == "away").await;
    let chat = li.takes_offer();
    wang.is("ready").await;
    let mut second = Visitor::arrives(&app, "w2").await;
    second.says("在吗").await;
    wang.takes_offer().await;
    // A status that is chosen stands until the presence changes again.
    li.says(SERVICE, "/busy 开会");
    sees(&mut wang, "li", |li| li["status"] == "busy" && li["reason"] == "开会").await;
    li.shows(json!({ "show": "away" }));
    li.says(SERVICE, "/queue");
    li.expects_text("人工客服");
    li.shows(json!({}));
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    drop(chat);
    li.dies();
    sees(&mut wang, "li", |li| li["display"] == "grace").await;
    app.let_pass(Duration::from_secs(46));
    let offer = wang.expects_offer().await;
    wang.accepts(&offer).await;
    let said = wang.says(&offer["conv"], "我来为您服务").await;
    assert!(said["seq"].is_i64());
    visitor.expects_text("我来为您服务").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_decides_through_prosody() {
    presence_decides(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_decides_through_ejabberd() {
    presence_decides(Kind::Ejabberd).await;
}

/// 58: a client whose connection hibernates stays present: the missed offer shows that nobody is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hibernates_is_found_out() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let li = Person::ready_with(&server, "li", &["resume"]);
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    li.dies();
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    sees(&mut wang, "li", |li| li["load"] == 1 && li["display"] != "grace").await;
    wang.is("ready").await;
    app.let_pass(Duration::from_secs(21));
    let offer = wang.expects_offer().await;
    wang.accepts(&offer).await;
    app.eventually("it is taken for gone", async || {
        app.let_pass(Duration::from_secs(1));
        let seen = wang.socket.arrived("presence")?;
        (seen["d"]["agent"] == "li" && seen["d"]["display"] == "grace").then_some(())
    })
    .await;
    visitor.expects_text("客服 小王 为您服务，请问有什么可以帮您？").await;
}

/// The agent goes from the client to the console and back in the middle of a conversation.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_goes_on_at_the_console() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    li.says(&chat, "请稍等");
    visitor.expects_text("请稍等").await;
    let mut console = Agent::arrive(&app, "li").await;
    let conv = console.ready["state"]["convs"][0]["conv"].clone();
    console.says(&conv, "我在电脑上继续").await;
    visitor.expects_text("我在电脑上继续").await;
    li.expects_text("[小李] 我在电脑上继续");
    li.says(&chat, "又回到手机");
    console.expects_text("又回到手机").await;
    visitor.expects_text("又回到手机").await;
    visitor.says("好的").await;
    li.expects_text("好的");
    console.expects_text("好的").await;
}

/// 61: what was written before the session moved on goes to nobody, and its author is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_is_not_passed_on() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::ready(&app, "wang").await;
    wang.is("busy").await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    li.sends(json!({ "to": chat, "body": "早上写的", "delay": "2020-01-01T00:00:00Z" }));
    li.expects_text("未转给客户");
    li.sends(json!({ "to": chat, "body": "/end", "delay": "2020-01-01T00:00:00Z" }));
    li.expects_text("未执行");
    wang.is("ready").await;
    li.says(&chat, "/transfer @wang 请接手");
    let offer = wang.expects_offer().await;
    li.sends(json!({ "to": chat, "body": "转接期间仍是我" }));
    visitor.expects_text("转接期间仍是我").await;
    wang.accepts(&offer).await;
    li.expects_text("会话已转出");
    let before = yizhan::clock::Clock::system().now().rfc3339();
    li.sends(json!({ "to": chat, "body": "来晚了", "delay": before }));
    li.expects_text("未转给客户");
    li.says(&chat, "还在吗");
    li.expects_text("不在接待此会话");
    let texts = wang.texts(&offer["conv"]).await;
    assert!(!texts.iter().any(|text| text == "早上写的" || text == "来晚了" || text == "还在吗"), "{texts:?}");
    nobody_else_is_disturbed(&app).await;
}

async fn nobody_else_is_disturbed(app: &TestApp) {
    let mut visitor = Visitor::arrives(app, "w9").await;
    visitor.says("最后一位").await;
}
