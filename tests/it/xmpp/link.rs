//! The link: what operators see of it, what breaks it, and that it comes back.

use serde_json::json;

use super::{SERVICE, desk, server};
use crate::support::service::Kind;
use crate::support::xmpp::{declared, standing};
use crate::support::{Agent, Person, TestApp, Visitor};

async fn becomes(app: &TestApp, state: &str, code: &str) {
    app.eventually(&format!("the link is {state} {code}"), async || {
        let link = standing(app).await["link"].clone();
        (link["state"] == state && link["code"].as_str().unwrap_or_default() == code).then_some(())
    })
    .await;
}

/// What is wrong is said in words, and what an agent still has to do as well.
#[tokio::test(flavor = "multi_thread")]
async fn operators_see_how_the_link_stands() {
    for (kind, change, code) in [
        (Kind::Prosody, ("secret = \"desk secret\"", "secret = \"another\""), "not_authorized"),
        (Kind::Ejabberd, ("secret = \"desk secret\"", "secret = \"another\""), "not_authorized"),
        (Kind::Prosody, ("desk.localhost", "shop.localhost"), "host_unknown"),
    ] {
        let server = server(kind).await;
        let wrong = declared(&server);
        let app = TestApp::with().declared(|text| wrong(text).replace(change.0, change.1)).start().await;
        becomes(&app, "down", code).await;
        let link = standing(&app).await["link"].clone();
        assert!(link["reason"].as_str().is_some_and(|reason| reason.contains(" / ")), "{link}");
        assert!(!link.to_string().contains("another"), "no secret is shown");
    }
}

/// The server goes away and comes back; so does everybody on it, and nothing that was said meanwhile is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_takes_nothing_along() {
    let (mut server, app) = desk(Kind::Prosody).await;
    becomes(&app, "up", "").await;
    let mut zhou = Person::connects(&server, "li", &["register"]);
    zhou.shows(json!({}));
    app.eventually("the agent is asked", async || {
        let li = standing(&app).await["agents"][0].clone();
        (li["subscription"] == "asked" && li["hint"].is_string()).then_some(())
    })
    .await;
    zhou.writes(&format!("<presence to='{SERVICE}'/>"));
    zhou.expects_text("同意本地址的联系人请求");
    let mut wang = Agent::arrive(&app, "wang").await;
    zhou.writes(&format!("<presence type='subscribed' to='{SERVICE}'/>"));
    super::sees(&mut wang, "li", |li| li["status"] == "ready").await;
    let mut li = zhou;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    li.says(&chat, "请讲");
    visitor.expects_text("请讲").await;
    li.dies();
    server.kill();
    super::sees(&mut wang, "li", |li| li["display"] == "grace").await;
    app.eventually("the link is down", async || (standing(&app).await["link"]["state"] == "down").then_some(())).await;
    visitor.says("服务器停了").await;
    let mut li = tokio::task::spawn_blocking(move || {
        server.resume();
        let li = Person::connects(&server, "li", &[]);
        (server, li)
    })
    .await
    .expect("the server comes back");
    li.1.shows(json!({}));
    li.1.expects_text("服务器停了");
    li.1.says(&chat, "又见面了");
    visitor.expects_text("又见面了").await;
    becomes(&app, "up", "").await;
}

/// A link that freezes with its server is given up, and nobody else waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_is_noticed() {
    let (server, app) = desk(Kind::Prosody).await;
    becomes(&app, "up", "").await;
    server.freeze();
    let begun = std::time::Instant::now();
    while standing(&app).await["link"]["state"] == "up" {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it was not noticed");
        drop(tokio::time::timeout(std::time::Duration::from_millis(200), std::future::pending::<()>()).await);
    }
    assert_eq!(standing(&app).await["link"]["code"], "dead");
    server.thaw();
    becomes(&app, "up", "").await;
}
