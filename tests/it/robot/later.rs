//! A robot that is the tenant's own program: it is asked by a signed call and answers by one of its own.

use serde_json::{Value, json};
use yizhan::model::secret::Secret;
use yizhan::robot::webhook::SigningKeys;

use super::bank_with;
use super::program::{Program, SECRET};
use crate::support::{Agent, TestApp, Visitor};

/// The program's call, signed.
async fn answers(app: &TestApp, id: &str, body: &Value, secret: &str) -> u16 {
    let keys = SigningKeys::new(&Secret::new(secret.into()), None).unwrap();
    let (text, seconds) = (body.to_string(), app.clock.now().seconds());
    let request = app
        .http()
        .post(format!("{}/robot/demo", app.base()))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", keys.sign(id, seconds, text.as_bytes()));
    request.body(text).send().await.unwrap().status().as_u16()
}

/// xL5: the answer counts once, signed, and only while the robot has the control.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_answers_later_once_and_only_while_it_has_the_control() {
    let mut program = Program::starts("202 Accepted", "").await;
    let declared =
        format!("adapter = \"webhook\"\nurl = \"http://127.0.0.1:{}/turn\"\nsecret = \"{SECRET}\"\n", program.port);
    let app = bank_with(&declared).settings(&program.permit()).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("我的卡号是 6222020200112233446 ，怎么挂失").await;
    let asked = program.is_asked().await["data"].clone();
    assert!(!asked.to_string().contains("6222020200112233446"), "no card number leaves: {asked}");
    let answer = json!({ "session": asked["session"], "epoch": asked["epoch"], "messages": ["稍后的回答"] });
    app.eventually("the question waits for its answer", async || {
        let trace = li.socket.request("robot.trace", json!({ "session": asked["session"] })).await.unwrap();
        (trace["turns"][0]["decision"] == "later").then_some(())
    })
    .await;
    let forged = SECRET.replace("MDEy", "MDEz");
    assert_eq!(answers(&app, "a-1", &answer, &forged).await, 401);
    assert_eq!(answers(&app, "a-1", &answer, SECRET).await, 204);
    visitor.expects_text("稍后的回答").await;
    assert_eq!(answers(&app, "a-1", &answer, SECRET).await, 409, "the same call again");
    assert_eq!(answers(&app, "a-2", &answer, SECRET).await, 404, "the question is answered");
    visitor.says("再问一个").await;
    let again = program.is_asked().await["data"].clone();
    visitor.says("人工").await;
    li.takes_offer().await;
    let late = json!({ "session": again["session"], "epoch": again["epoch"], "messages": ["太晚了"] });
    assert!([204, 404].contains(&answers(&app, "a-3", &late, SECRET).await));
    assert!(!li.texts(&visitor.conv).await.contains(&"太晚了".to_owned()), "another party has the control");
}
