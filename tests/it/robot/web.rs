//! Visitors and the robot.

use std::time::Duration;

use serde_json::{Value, json};

use super::tell;
use crate::support::{Agent, TestApp, Visitor};

tell! {
    a_question_is_answered_and_the_answer_helped with "";
    several_questions_are_offered_and_one_is_chosen with "direct = 0.99\nclarify = 0.01\nlist_life_s = 60\n";
    what_is_not_understood_twice_goes_to_a_person with "";
    whoever_wants_a_person_gets_one with "";
    sensitive_words_go_to_a_person_at_once with "sensitive_words = [\"盗刷\"]\n";
    the_customer_is_asked_before_a_guess_becomes_a_hand_over with "confirm = true\n";
}

async fn session_is(visitor: &mut Visitor, state: &str) -> Value {
    visitor.socket.push("session", |frame| frame["d"]["state"] == state).await["d"].clone()
}

/// 1: a question with one answer is answered; the customer says that it helped, ends, and is not passed to anybody.
async fn a_question_is_answered_and_the_answer_helped(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.expects_text("您好，我是驿站示例银行的小驿，请直接输入您的问题。需要人工客服请回复“人工”。").await;
    visitor.says("银行卡丢了怎么挂失").await;
    let answer = visitor.expects_text("请拨打 95500 或在手机银行办理挂失。").await["d"].clone();
    assert_eq!(answer["from"]["role"], "robot");
    assert_eq!(answer["from"]["name"], "小驿");
    visitor.socket.request("feedback", json!({ "seq": answer["seq"], "helpful": true })).await.unwrap();
    visitor.socket.request("feedback", json!({ "seq": answer["seq"], "helpful": false })).await.unwrap();
    let unknown = visitor.socket.request("feedback", json!({ "seq": 1, "helpful": true })).await.unwrap_err();
    assert_eq!(unknown["code"], "not_found");
    let session = visitor.socket.seen("session").last().unwrap()["d"]["session"].clone();
    let trace = li.socket.request("robot.trace", json!({ "session": session })).await.unwrap();
    let turn = &trace["turns"][0];
    assert_eq!((&turn["decision"], &turn["helpful"]), (&json!("answer"), &json!(true)), "{trace}");
    assert_eq!(turn["hits"][0]["faq"], "card-lost");
    visitor.socket.request("end", json!({})).await.unwrap();
    let ended = session_is(&mut visitor, "ended").await;
    assert_eq!(ended["ended"]["by"], "contact");
    assert!(!li.socket.has("offer"), "nobody was bothered");
}

/// 2: where several questions may be meant the customer chooses, by tapping or by number, once, and not for ever; what was
/// chosen is a hit.
async fn several_questions_are_offered_and_one_is_chosen(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("信用卡额度").await;
    let menu = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await["d"].clone();
    let options = menu["body"]["options"].as_array().unwrap().clone();
    let labels: Vec<&str> = options.iter().map(|option| option["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"信用卡额度怎么降低？") && labels.contains(&"信用卡额度怎么提高？"), "{labels:?}");
    assert_eq!(labels[labels.len() - 2..], ["以上都不是", "转人工客服"]);
    let raise = options.iter().find(|option| option["label"] == "信用卡额度怎么提高？").unwrap();
    let choice = json!({ "conv": visitor.conv, "cid": "choice-1", "type": "choice", "body": raise });
    visitor.socket.request("send", choice).await.unwrap();
    visitor.expects_text("在手机银行申请提额。").await;
    let session = visitor.socket.seen("session").last().unwrap()["d"]["session"].clone();
    let trace = li.socket.request("robot.trace", json!({ "session": session })).await.unwrap();
    let (turn, hit) = (&trace["turns"][1], &trace["turns"][1]["hits"][0]);
    assert_eq!((&turn["decision"], &hit["faq"], &hit["p"]), (&json!("answer"), &json!("card-raise"), &json!(1.0)));

    // A list that is old is a list no more: its digit is a word as any other.
    visitor.says("信用卡额度").await;
    visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu" && frame["d"]["seq"] != menu["seq"]).await;
    near.let_pass(Duration::from_secs(61));
    visitor.says(options[1]["key"].as_str().unwrap()).await;
    visitor.expects_text("抱歉，我没有理解您的问题，请换个说法试试；需要人工客服请回复“人工”。").await;
}

/// 3: two questions that nobody can answer lead to a person, who reads what was asked.
async fn what_is_not_understood_twice_goes_to_a_person(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("火星上有水吗").await;
    visitor.expects_text("抱歉，我没有理解您的问题，请换个说法试试；需要人工客服请回复“人工”。").await;
    visitor.says("木星呢，木星怎么样").await;
    visitor.expects_text("正在为您转接人工客服，您是下一位，请稍候。回复“取消”可退出排队。").await;
    assert_eq!(session_is(&mut visitor, "queued").await["queue"]["pos"], 1);
    let conv = li.takes_offer().await;
    let log = li.history(&conv["conv"]).await;
    let note = log.iter().find(|message| message["type"] == "note").expect("a note for the agent");
    let text = note["body"]["text"].as_str().unwrap();
    assert!(text.starts_with("机器人转人工：多次未能回答") && text.contains("木星"), "{text}");
    assert_eq!(note["visibility"], "agents");
    let requested = log.iter().find(|message| message["body"]["name"] == "session.handoff_requested").unwrap();
    assert_eq!(
        (&requested["body"]["data"]["reason"], &requested["body"]["data"]["missed"]),
        (&json!("missed"), &json!(2))
    );
    visitor.says("银行卡丢了怎么挂失").await;
    let suggested = li.socket.push("suggest", |_| true).await["d"].clone();
    assert_eq!(suggested["answers"][0]["faq"], "card-lost", "the agent is shown what the base knows");
    assert_eq!(suggested["conv"], conv["conv"]);
}

/// The customer asks for a person in plain words or by the button.
async fn whoever_wants_a_person_gets_one(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut by_words = Visitor::arrives(near, "w1").await;
    by_words.says("转人工").await;
    li.takes_offer().await;
    let mut by_button = Visitor::arrives(near, "w2").await;
    by_button.says("谢谢你").await;
    by_button.expects_text("不客气，很高兴能帮到您。").await;
    by_button.socket.request("handoff", json!({})).await.unwrap();
    let conv = li.takes_offer().await;
    let log = li.history(&conv["conv"]).await;
    assert!(log.iter().any(|message| message["body"]["data"]["reason"] == "asked"), "{log:?}");
}

/// Words of a kind that a machine should not deal with go to a person at once.
async fn sensitive_words_go_to_a_person_at_once(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("我的卡好像被盗刷了").await;
    let conv = li.takes_offer().await;
    let log = li.history(&conv["conv"]).await;
    assert!(log.iter().any(|message| message["body"]["data"]["reason"] == "sensitive"));
}

/// Where the tenant wants it so, the customer is asked before a person is bothered.
async fn the_customer_is_asked_before_a_guess_becomes_a_hand_over(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    for words in ["火星上有水吗", "木星呢，木星怎么样"] {
        visitor.says(words).await;
    }
    visitor.expects_text("是否为您转接人工客服？回复“是”或“否”。").await;
    visitor.says("不用").await;
    visitor.expects_text("好的，请继续提问。").await;
    for words in ["土星上有水吗", "海王星呢，海王星怎么样"] {
        visitor.says(words).await;
    }
    visitor.expects_text("是否为您转接人工客服？回复“是”或“否”。").await;
    visitor.says("是").await;
    li.takes_offer().await;
}
