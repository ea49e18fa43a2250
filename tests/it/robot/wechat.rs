//! WeChat customers and the robot: what rides in the answer to a callback, and what goes by itself.

use serde_json::json;
use yizhan::simulator::Via;

use super::tell;
use crate::flow::wechat::redelivery::{deliver, said};
use crate::outside::callback::{Account, text};
use crate::support::{Agent, PATIENCE, TestApp};

tell! {
    an_answer_in_time_is_a_passive_reply with "";
    a_slow_answer_goes_by_itself_once with crate::robot::SLOW;
    deliveries_of_one_message_join_one_turn with "";
    a_digit_goes_where_it_belongs with "direct = 0.99\nclarify = 0.01\n";
}

/// 48: an answer that is ready in time rides in the free slot of the customer's own message and costs nothing.
async fn an_answer_in_time_is_a_passive_reply(near: &TestApp, _far: &TestApp) {
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    let greeting = phone.expects(PATIENCE, |m| m.via == Via::Passive).await.unwrap();
    assert!(greeting.text.unwrap().contains("小驿"));
    phone.says("银行卡丢了怎么挂失").unwrap();
    let answer =
        phone.expects(PATIENCE, |m| m.text.as_deref() == Some("请拨打 95500 或在手机银行办理挂失。")).await.unwrap();
    assert_eq!(answer.via, Via::Passive);
    assert!(!phone.messages().iter().any(|m| m.via == Via::Custom), "no customer-service message was spent");
}

/// 48: a robot that is too slow answers by a customer-service message; the deliveries of one message join one execution.
async fn a_slow_answer_goes_by_itself_once(near: &TestApp, _far: &TestApp) {
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    phone.says("慢慢来").unwrap();
    let patience = PATIENCE + PATIENCE;
    let answer = phone.expects(patience, |m| m.text.as_deref() == Some("让您久等了")).await.unwrap();
    assert_eq!(answer.via, Via::Custom);
    let again = phone.messages().into_iter().filter(|m| m.text.as_deref() == Some("让您久等了")).count();
    assert_eq!(again, 1, "one execution, one reply");
}

/// 48: deliveries of one message join one turn, at whichever node, and all of them hear its answer.
async fn deliveries_of_one_message_join_one_turn(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let account = Account::demo();
    let payload = text(&account, "o48", 6_000_000_000_000_000_001, "银行卡丢了怎么挂失");
    let all = tokio::join!(
        deliver(near, &account, &payload, "a"),
        deliver(far, &account, &payload, "b"),
        deliver(near, &account, &payload, "c"),
    );
    for answer in [all.0, all.1, all.2] {
        assert!(said(&account, &answer).ends_with("请拨打 95500 或在手机银行办理挂失。"));
    }
    let list = li.socket.request("robot.list", json!({})).await.unwrap();
    let session = list["convs"][0]["session"]["session"].clone();
    let trace = li.socket.request("robot.trace", json!({ "session": session })).await.unwrap();
    assert_eq!(trace["turns"].as_array().unwrap().len(), 1, "one execution, one answer: {trace}");
}

/// 51: a digit answers the list that is open; while a person answers it is the person's.
async fn a_digit_goes_where_it_belongs(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    phone.says("信用卡额度").unwrap();
    let menu = phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains("1. "))).await.unwrap();
    let (lines, via) = (menu.text.unwrap(), menu.via);
    assert_eq!(via, Via::Passive, "a list is a text there");
    let raise = lines.lines().find(|line| line.contains("怎么提高")).unwrap();
    let digit = raise.split('.').next().unwrap().trim();
    phone.says(digit).unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref() == Some("在手机银行申请提额。")).await.unwrap();
    phone.says("人工").unwrap();
    let conv = li.takes_offer().await;
    phone.says("1").unwrap();
    li.expects_text("1").await;
    let log = li.history(&conv["conv"]).await;
    let answers = log.iter().filter(|message| message["from"]["role"] == json!("robot") && message["type"] == "text");
    assert_eq!(answers.count(), 1, "the robot is silent while a person answers");
}
