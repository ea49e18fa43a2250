//! Customers who write from their own XMPP accounts.

use serde_json::json;

use super::{SERVICE, desk, desk_of, server_with};
use crate::support::service::Kind;
use crate::support::{Agent, Person};

/// A customer writes to a queue's address, is served, and hears from the same address; nothing they type breaks out.
async fn a_customer_is_served(kind: Kind) {
    let (server, app) = desk(kind).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    // Longer than most, well within what RFC 7622 allows.
    let mut zhang = Person::connects(&server, &format!("zhang{}", "g".repeat(200)), &["register"]);
    zhang.shows(json!({}));
    let evil = "</body></message><message to='wang@localhost'><body>' \" & ]]>";
    zhang.sends(json!({ "to": SERVICE, "body": evil, "receipt": true, "id": "z1" }));
    let greeting = zhang
        .expects("an answer", |seen| seen["kind"] == "message" && seen["body"].as_str().is_some_and(|b| !b.is_empty()));
    assert_eq!(greeting["from"], SERVICE);
    zhang.expects("a receipt", |seen| {
        seen["xml"].as_str().is_some_and(|xml| xml.contains("<received") && xml.contains("\"z1\""))
    });
    let chat = li.takes_offer();
    zhang.expects_text("小李 为您服务");
    li.says(&chat, "/history 5");
    li.expects_text(evil);
    zhang.says(SERVICE, "我想查余额");
    assert_eq!(li.expects_text("我想查余额")["from"], *chat);
    li.sends(json!({ "to": chat, "body": "请稍等 <1 分钟>", "id": "l1", "receipt": true }));
    zhang.expects_text("请稍等 <1 分钟>");
    li.expects("a receipt", |seen| {
        seen["xml"].as_str().is_some_and(|xml| xml.contains("<received") && xml.contains("\"l1\""))
    });
    zhang.writes(&format!(
        "<message type='chat' to='{SERVICE}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ));
    li.expects("the customer to type", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("<composing")));
    // The same stanza again is the same message, and a copy of somebody else's is none.
    for _ in 0..2 {
        zhang.sends(json!({ "to": SERVICE, "body": "只说一次", "id": "z2" }));
    }
    zhang.writes(&format!(
        "<message to='{SERVICE}' id='z3'><body>伪造</body><received xmlns='urn:xmpp:carbons:2'><forwarded \
         xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='li@localhost'><body>伪造</body></message></forwarded></received></message>"
    ));
    zhang.says("nobody.here@desk.localhost", "有人吗");
    zhang.expects("a refusal", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("item-not-found")));
    zhang.says("c.01arz3ndektsv4rrffq69g5fav@desk.localhost", "有人吗");
    zhang.expects("a refusal", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("item-not-found")));
    zhang.says(SERVICE, "最后一句");
    li.expects_text("只说一次");
    li.expects_text("最后一句");
    assert!(!li.has_text("只说一次") && !li.has_text("伪造"));
    li.says(&chat, "/end");
    li.expects_text("会话已结束");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_served_through_prosody() {
    a_customer_is_served(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_served_through_ejabberd() {
    a_customer_is_served(Kind::Ejabberd).await;
}

/// A message that a customer's server sends back has failed, and the agent reads why; nobody can fail others' messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_back_has_failed() {
    // This server keeps nothing for those who are away.
    let server = server_with(Kind::Prosody, &["modules_disabled = { \"s2s\", \"offline\" }"]).await;
    let (server, app) = desk_of(server).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut zhang = Person::connects(&server, "zhang", &["register"]);
    zhang.shows(json!({}));
    zhang.says(SERVICE, "你好");
    let chat = li.takes_offer();
    li.sends(json!({ "to": chat, "body": "您好", "id": "l1", "receipt": true }));
    let heard = zhang.expects_text("您好");
    li.expects("a receipt", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("<received")));
    let mut forger = Person::connects(&server, "forger", &["register"]);
    forger.shows(json!({}));
    forger.says(SERVICE, "我也来了");
    forger.writes(&format!(
        "<message type='error' to='{SERVICE}' id='{}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        heard["id"].as_str().expect("an id")
    ));
    forger.says(SERVICE, "说完了");
    forger.expects("an answer", |seen| seen["kind"] == "message" && seen["body"].is_string());
    zhang.dies();
    li.says(&chat, "还在吗");
    let told = li.expects_text("未送达");
    assert!(told["body"].as_str().is_some_and(|body| body.contains("账号不存在")), "{told}");
    assert_eq!(told["from"], *chat);
    assert!(!li.has_text("未送达"), "only what came back has failed");
}

/// A customer on XMPP and an agent at the console: the agent sees what became of an answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_console_sees_what_became_of_an_answer() {
    let (mut server, app) = desk(Kind::Prosody).await;
    let mut li = Agent::ready(&app, "li").await;
    let mut zhang = Person::connects(&server, "zhang", &["register"]);
    zhang.shows(json!({}));
    zhang.says(SERVICE, "你好");
    let conv = li.takes_offer().await["conv"].clone();
    let said = li.says(&conv, "您好").await;
    li.expects_receipt(&said["id"], "delivered").await;
    zhang.expects_text("您好");
    let window = li.socket.seen("window");
    assert!(window.is_empty(), "nothing is counted here: {window:?}");
    // The server goes away: what is said meanwhile waits, and arrives when it is back.
    zhang.dies();
    server.kill();
    let said = li.says(&conv, "服务器重启期间").await;
    tokio::task::spawn_blocking(move || {
        server.resume();
        let mut zhang = Person::connects(&server, "zhang", &[]);
        zhang.shows(json!({}));
        zhang.expects_text("服务器重启期间");
    })
    .await
    .expect("the server comes back");
    li.expects_receipt(&said["id"], "delivered").await;
}
