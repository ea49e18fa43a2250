//! The control between machines and people: taking over, passing back, answers that come too late.

use serde_json::json;

use super::{bank_with, tell};
use crate::support::{Agent, TestApp, Visitor};

tell! {
    an_answer_that_comes_too_late_is_dropped with crate::robot::SLOW;
    an_agent_takes_over_from_the_list_and_passes_back with "";
}

/// 3: the answer of a robot that lost the control meanwhile is dropped and can be seen in the trace.
async fn an_answer_that_comes_too_late_is_dropped(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("慢慢来").await;
    visitor.says("人工").await;
    let conv = li.takes_offer().await;
    let session = conv["session"]["session"].clone();
    let trace = near
        .eventually("the late answer is traced", async || {
            let trace = li.socket.request("robot.trace", json!({ "session": session })).await.unwrap();
            (trace["turns"][0]["stale"] == true).then_some(trace)
        })
        .await;
    assert_eq!(trace["turns"][0]["decision"], "stale");
    let texts = li.texts(&conv["conv"]).await;
    assert!(!texts.contains(&"让您久等了".to_owned()), "{texts:?}");
}

/// An agent takes a session from the robot's list, answers, and passes it back.
async fn an_agent_takes_over_from_the_list_and_passes_back(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("你们几点上班").await;
    visitor.expects_text("工作日 9:00-17:00。").await;
    let list = li.socket.request("robot.list", json!({})).await.unwrap();
    let found = &list["convs"][0];
    assert_eq!((&found["conv"], &found["session"]["control"]["holder"]), (&visitor.conv, &json!("robot")), "{list}");
    let session = found["session"]["session"].clone();
    let taken = li.socket.request("takeover", json!({ "session": session })).await.unwrap();
    assert_eq!(taken["conv"]["session"]["state"], "active");
    visitor.expects_text("客服 小李 为您服务，请问有什么可以帮您？").await;
    li.says(&visitor.conv, "我来帮您").await;
    visitor.expects_text("我来帮您").await;
    let twice = li.socket.request("takeover", json!({ "session": session })).await.unwrap_err();
    assert_eq!(twice["code"], "conflict");
    li.socket.request("robot.back", json!({ "session": session })).await.unwrap();
    visitor.expects_text("现在由小驿继续为您服务，需要人工客服请回复“人工”。").await;
    visitor.says("银行卡丢了怎么挂失").await;
    visitor.expects_text("请拨打 95500 或在手机银行办理挂失。").await;
    let refused = li.sends(&visitor.conv, "text", json!({ "text": "还有" })).await.unwrap_err();
    assert_eq!(refused["code"], "not_in_control");
}

/// What was asked before a stop is answered after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_before_a_stop_is_answered_after_it() {
    let app = bank_with(crate::robot::SLOW).start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("慢慢来").await;
    let token = visitor.token.clone();
    drop(visitor);
    let dir = app.stop().await;
    let app = bank_with(crate::robot::SLOW).again(dir).start().await;
    let mut again = Visitor::returns(&app, "w1", Some(&token)).await;
    let conv = again.conv.clone();
    app.eventually("the answer", async || {
        let asked = again.socket.request("history", json!({ "conv": conv, "limit": 50 })).await.unwrap();
        let log = asked["msgs"].as_array().cloned().unwrap_or_default();
        log.iter().any(|message| message["body"]["text"] == "让您久等了").then_some(())
    })
    .await;
}
