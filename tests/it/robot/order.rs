//! Who takes a customer's words when several could: forms, surveys, lists, queues, people (51). On one node and on two.

use serde_json::json;

use super::{declared, tell_of};
use crate::support::{Agent, TestApp, Visitor};

tell_of! {
    a_queues_word_leads_into_that_queue of keyed;
    a_digit_goes_to_the_form_then_the_survey_then_the_list_then_the_agent of all_at_once;
}

/// The second queue has a word of its own.
fn keyed(text: &str) -> String {
    declared(&text.replacen("max_len = 20", "max_len = 20\nkeywords = [\"贵宾\"]", 1), "")
}

/// A form, a survey, and a robot that rather asks than answers.
fn all_at_once(text: &str) -> String {
    let forms = format!("flows = [\"business_menu\"]\n{text}");
    declared(&forms, "direct = 0.99\nclarify = 0.01\n[survey]\n")
}

/// A queue's own word leads into that queue, past the robot.
async fn a_queues_word_leads_into_that_queue(near: &TestApp, far: &TestApp) {
    let mut wang = Agent::ready(far, "wang").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("贵宾。").await;
    assert_eq!(wang.expects_offer().await["queue"], "vip");
}

/// The same digit four times, and each time somebody else's: while a form is open it is the form's; then it rates the session
/// before, which was still to be rated; then it chooses from the robot's list; then the agent reads it.
async fn a_digit_goes_to_the_form_then_the_survey_then_the_list_then_the_agent(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("人工").await;
    let conv = li.takes_offer().await;
    li.socket.request("end", json!({ "session": conv["session"]["session"] })).await.unwrap();
    menu(&mut visitor, "请对本次服务做出评价：").await;

    visitor.says("菜单").await;
    menu(&mut visitor, "请选择业务（回复“退出”结束）：").await;
    visitor.says("1").await;
    visitor.expects_text("定期与活期存款利率见手机银行首页“存款”。").await;
    menu(&mut visitor, "还需要办理其他业务吗？").await;
    visitor.says("退出").await;
    visitor.says("信用卡额度").await;
    let list = menu(&mut visitor, "您是想问以下哪个问题？回复序号即可。").await;
    visitor.says("1").await;
    visitor.expects_text("感谢您的评价！").await;
    visitor.says("1").await;
    let chosen = list["options"][0]["label"].as_str().unwrap();
    visitor
        .expects_text(if chosen.contains("提高") {
            "在手机银行申请提额。"
        } else {
            "在手机银行申请降额。"
        })
        .await;
    visitor.says("人工").await;
    li.takes_offer().await;
    visitor.says("1").await;
    li.expects_text("1").await;
}

/// The next list with this prompt.
async fn menu(visitor: &mut Visitor, prompt: &str) -> serde_json::Value {
    visitor.socket.push("msg", |frame| frame["d"]["body"]["prompt"] == prompt).await["d"]["body"].clone()
}
