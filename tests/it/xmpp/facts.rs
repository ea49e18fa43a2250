//! What servers and clients were seen to do, and what the gateway makes of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{SERVICE, desk, sees};
use crate::support::service::Kind;
use crate::support::xmpp::{declared, standing};
use crate::support::{Agent, Person, TestApp, Visitor};

async fn link_is(app: &TestApp, state: &str, code: &str) {
    app.eventually(&format!("the link is {state} {code}"), async || {
        let link = standing(app).await["link"].clone();
        (link["state"] == state && link["code"].as_str().unwrap_or_default() == code).then_some(())
    })
    .await;
}

/// Prosody refuses a second connection of a component: the first gateway goes on, the second says why it has none, and
/// comes in when the first is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_waits_for_the_first() {
    let (server, first) = desk(Kind::Prosody).await;
    link_is(&first, "up", "").await;
    let second = TestApp::with().declared(declared(&server)).start().await;
    link_is(&second, "down", "conflict").await;
    assert_eq!(standing(&first).await["link"]["state"], "up");
    first.dies().await;
    link_is(&second, "up", "").await;
}

/// Nothing that was offered to an agent who went away is kept for them by the server.
async fn offers_are_not_kept(kind: Kind) {
    let (server, app) = desk(kind).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut li = Person::ready_with(&server, "li", &["resume"]);
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    // Cut off, and present all the same: what is offered now goes nowhere.
    li.says(SERVICE, "/queue");
    li.expects_text("人工客服");
    li.dies();
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    sees(&mut wang, "li", |li| li["load"] == 1).await;
    wang.is("ready").await;
    app.let_pass(Duration::from_secs(21));
    let offer = wang.expects_offer().await;
    wang.accepts(&offer).await;
    let mut li = Person::connects(&server, "li", &["approve"]);
    li.shows(json!({}));
    li.says(SERVICE, "/queue");
    li.expects_text("人工客服");
    assert!(!li.has_text("新会话 #"), "an offer was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_not_kept_by_prosody() {
    offers_are_not_kept(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_not_kept_by_ejabberd() {
    offers_are_not_kept(Kind::Ejabberd).await;
}

/// How an agent's account stands.
async fn seat(app: &TestApp, agent: &str) -> Value {
    let account = standing(app).await;
    let seats = account["agents"].as_array().expect("agents");
    seats.iter().find(|seat| seat["agent"] == agent).expect("an agent with an address").clone()
}

/// An agent who has withdrawn the leave to be seen while the gateway was away: the server answers its question with
/// silence, the agent counts as away and is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn silence_counts_as_away() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let data = app.stop().await;
    li.writes(&format!("<presence to='{SERVICE}' type='unsubscribed'/>"));
    li.expects("the list without it", |seen| {
        seen["kind"] == "iq"
            && seen["xml"].as_str().is_some_and(|xml| {
                xml.contains("jid=\"service@desk.localhost\"") && xml.contains("subscription=\"none\"")
            })
    });
    li.forgets();
    let app = TestApp::with().again(data).declared(declared(&server)).start().await;
    li.expects("to be asked again", |seen| {
        seen["kind"] == "presence" && seen["type"] == "subscribe" && seen["from"] == SERVICE
    });
    // This client agrees by itself: the agent is at work again, by a question that was asked anew.
    app.eventually("li is seen again", async || (seat(&app, "li").await["shown"] == "here").then_some(())).await;
}

/// A receipt that does not come makes the gateway ask, and a client that does not answer is gone: its sessions go to
/// others after the grace.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_does_not_come_shows_that_nobody_is_there() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut li = Person::ready_with(&server, "li", &["resume"]);
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    visitor.says("收到请回").await;
    li.expects_text("收到请回");
    visitor.socket.push("receipt", |frame| frame["d"]["who"] == "li" && frame["d"]["delivered"].is_i64()).await;
    li.says(&chat, "收到");
    visitor.expects_text("收到").await;
    li.dies();
    visitor.says("人呢").await;
    app.eventually("it is taken for gone", async || {
        app.let_pass(Duration::from_secs(1));
        let seen = wang.socket.arrived("presence")?;
        (seen["d"]["agent"] == "li" && seen["d"]["display"] == "grace").then_some(())
    })
    .await;
}

/// Several clients of an agent are one agent: the one with the highest priority decides and is told, and each may answer.
#[tokio::test(flavor = "multi_thread")]
async fn all_clients_of_an_agent_are_one_agent() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut phone = Person::at_work(&server, &app, "li").await;
    phone.shows(json!({ "show": "dnd", "priority": 1 }));
    sees(&mut wang, "li", |li| li["status"] == "busy").await;
    let mut desk = Person::connects(&server, "li", &["approve"]);
    desk.shows(json!({ "priority": 5 }));
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = desk.takes_offer();
    visitor.says("在吗").await;
    desk.expects_text("在吗");
    phone.says(&chat, "我在手机上");
    visitor.expects_text("我在手机上").await;
    desk.says(&chat, "我在电脑上");
    visitor.expects_text("我在电脑上").await;
    assert!(!phone.has_text("在吗"), "it went to the client of the highest priority alone");
    // The others are gone: the phone decides again.
    desk.dies();
    sees(&mut wang, "li", |li| li["status"] == "busy").await;
}
