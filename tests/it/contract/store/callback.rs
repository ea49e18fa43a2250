//! Customers on WeChat while the database is away: nothing is lost, and the platform hears something in time.

use std::time::{Duration, Instant};

use serde_json::json;

use super::ANSWER;
use crate::support::relay::Relay;
use crate::support::service::{Kind, Service};
use crate::support::{Agent, PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_waits_for_a_database_that_is_back_soon() {
    let service = Service::start(Kind::Postgres, &[]);
    let relay = Relay::to(service.port()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", relay.port());
    let app = TestApp::with().settings(&format!("[store]\nkind = \"postgres\"\nurl = {url:?}\n")).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let phone = app.phone("o1-waits");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    li.takes_offer().await;
    relay.close(true);
    relay.cut();
    let said = phone.says("还在吗").unwrap();
    let began = Instant::now();
    app.eventually("the gateway says that it is not ready", async || {
        let ready = app.get("/readyz").send().await.ok()?;
        (ready.status() == 503 && began.elapsed() > Duration::from_secs(1)).then_some(())
    })
    .await;
    relay.close(false);
    let push = phone.settled(&said, PATIENCE).await.unwrap();
    assert_eq!(push.attempts.len(), 1, "the platform did not have to come again: {push:?}");
    li.expects_text("还在吗").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_answered_in_time_by_a_gateway_whose_database_is_frozen() {
    let service = Service::start(Kind::Postgres, &[]);
    let app = TestApp::with().postgres(&service).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let phone = app.phone("o1-frozen");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await["conv"].clone();
    service.freeze();
    let began = Instant::now();
    let said = phone.says("听得到吗").unwrap();
    let refused = li.sends(&conv, "text", json!({ "text": "您好" })).await.unwrap_err();
    assert_eq!(refused["code"], "dependency_unavailable", "{refused}");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let answered = app
        .eventually("the first delivery is answered", async || {
            let push = app.platform.ledger(None).pushes.into_iter().find(|push| push.id == said)?;
            push.attempts.first().filter(|attempt| attempt.status.is_some()).cloned()
        })
        .await;
    assert_eq!(answered.status, Some(503));
    assert!(Duration::from_millis(answered.ms) < ANSWER + Duration::from_millis(200), "{} ms", answered.ms);
    service.thaw();
    phone.settled(&said, PATIENCE).await.unwrap();
    li.expects_text("听得到吗").await;
    li.says(&conv, "您好").await;
}
