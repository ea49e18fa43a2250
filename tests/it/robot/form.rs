//! Multi-step forms: left messages, bound accounts, surveys; precedence of keys; doubled input.

use serde_json::{Value, json};
use yizhan::simulator::{Actor, Via};

use super::{bank, tell_of};
use crate::flow::wechat::redelivery::{deliver, said};
use crate::outside::callback::{Account, text};
use crate::support::{Agent, PATIENCE, TestApp, Visitor};

/// A bank's own system, scripted.
const SERVICE: &str = r#"
[[service]]
id = "bank"
kind = "script"

[[service.reply]]
op = "account.find"
when = '{"id_last4": "1234"}'
result = '{"found": true, "ref": "r-1"}'

[[service.reply]]
op = "account.find"
result = '{"found": false}'

[[service.reply]]
op = "sms.send"
result = '{"ref": "sms-1"}'

[[service.reply]]
op = "sms.check"
when = '{"code": "246810"}'
result = '{"ok": true}'

[[service.reply]]
op = "sms.check"
result = '{"ok": false}'

[[service.reply]]
op = "account.bind"
result = '{"name": "张三"}'
"#;

/// Forms without a robot.
fn declared(text: &str) -> String {
    let flows = "flows = [\"leave_message\", \"business_menu\", \"bind_account\"]\n";
    format!("{flows}{text}\n[survey]\n{SERVICE}")
}

tell_of! {
    a_message_is_left_when_nobody_is_there of declared;
    a_left_message_ends_the_session of declared;
    a_repeated_delivery_does_not_skip_a_step of declared;
    an_account_is_bound_through_the_banks_system of declared;
    two_taps_are_one_step of declared;
    a_session_is_rated_by_one_key of declared;
    an_escape_word_leaves_a_form of declared;
}

/// Types on the phone and waits for the account's next words.
pub(super) async fn asks(phone: &mut Actor, words: &str, reply: &str) {
    let before = phone.messages().len();
    phone.says(words).unwrap();
    let said = phone
        .expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains(reply)))
        .await
        .unwrap_or_else(|error| panic!("{words} → {reply}: {error}; {:?}", phone.messages().split_off(before)));
    assert_eq!(said.via, Via::Passive, "{words} → {reply}");
}

/// 4, 50: with nobody there a message is taken down: wrong numbers are asked again, a ticket number comes back, the session
/// ends.
async fn a_message_is_left_when_nobody_is_there(near: &TestApp, _far: &TestApp) {
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    asks(&mut phone, "转人工", "请输入您的姓名").await;
    asks(&mut phone, "张三", "请输入手机号").await;
    asks(&mut phone, "12345", "手机号格式不正确").await;
    asks(&mut phone, "abc", "手机号格式不正确").await;
    asks(&mut phone, "13800138000", "请选择业务类型").await;
    asks(&mut phone, "２", "请输入留言内容").await;
    asks(&mut phone, "想咨询房贷利率", "留言已提交，编号").await;
}

/// 4: the session ends with the message, and the next words begin another.
async fn a_left_message_ends_the_session(near: &TestApp, _far: &TestApp) {
    let mut visitor = Visitor::arrives(near, "w1").await;
    for words in ["转人工", "张三", "13800138000", "2", "想咨询房贷利率"] {
        visitor.says(words).await;
    }
    let ended = visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await["d"].clone();
    assert_eq!((&ended["ended"]["by"], &ended["ended"]["reason"]), (&json!("system"), &json!("left_message")));
    let log = visitor.socket.request("history", json!({ "conv": visitor.conv, "limit": 50 })).await.unwrap();
    let told =
        |message: &Value| message["body"]["text"].as_str().is_some_and(|text| text.starts_with("留言已提交，编号 20"));
    assert!(log["msgs"].as_array().unwrap().iter().any(told), "{log}");
    visitor.says("你好").await;
    let next = visitor.socket.push("session", |frame| frame["d"]["session"] != ended["session"]).await;
    assert_ne!(next["d"]["state"], "ended", "{next}");
}

/// 50: `0` leaves the form; the next words begin anew.
async fn an_escape_word_leaves_a_form(near: &TestApp, _far: &TestApp) {
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    asks(&mut phone, "留言", "请输入您的姓名").await;
    phone.says("0").unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains("取消"))).await.unwrap();
    asks(&mut phone, "菜单", "请选择业务").await;
}

/// An account is bound with the help of another system; a wrong code is asked again.
async fn an_account_is_bound_through_the_banks_system(near: &TestApp, _far: &TestApp) {
    let mut phone = near.phone("o1");
    phone.follows().unwrap();
    asks(&mut phone, "绑定账户", "请输入证件号码后四位").await;
    asks(&mut phone, "1234", "请输入银行预留手机号").await;
    phone.says("13800138000").unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains("验证码已发送"))).await.unwrap();
    phone.says("000000").unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains("验证码不正确"))).await.unwrap();
    phone.says("246810").unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref() == Some("绑定成功。")).await.unwrap();
}

/// 50: the same delivery three times, at whichever node, is one step.
async fn a_repeated_delivery_does_not_skip_a_step(near: &TestApp, far: &TestApp) {
    let account = Account::demo();
    let begin = text(&account, "o50", 9_000_000_000_000_000_001, "留言");
    assert!(said(&account, &deliver(near, &account, &begin, "a").await).contains("请输入您的姓名"));
    let name = text(&account, "o50", 9_000_000_000_000_000_002, "张三");
    let all = tokio::join!(
        deliver(near, &account, &name, "b"),
        deliver(far, &account, &name, "c"),
        deliver(near, &account, &name, "d"),
    );
    for answer in [all.0, all.1, all.2] {
        assert_eq!(said(&account, &answer), "请输入手机号：", "once, and everybody hears it");
    }
}

/// Two taps on the same button are one step, too.
async fn two_taps_are_one_step(near: &TestApp, _far: &TestApp) {
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("菜单").await;
    let menu = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await["d"].clone();
    assert_eq!(menu["from"]["role"], "flow");
    let loan = json!({ "key": "2", "label": "贷款" });
    for cid in ["t-1", "t-2"] {
        let choice = json!({ "conv": visitor.conv, "cid": cid, "type": "choice", "body": loan });
        visitor.socket.request("send", choice).await.unwrap();
    }
    let second = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await["d"].clone();
    assert_eq!(second["body"]["prompt"], "贷款业务：");
    let log = visitor.socket.request("history", json!({ "conv": visitor.conv, "limit": 50 })).await.unwrap();
    let said = |text: &str| log["msgs"].as_array().unwrap().iter().filter(|m| m["body"]["text"] == text).count();
    assert_eq!(said("个人消费贷款需由客户经理为您介绍。"), 0, "the second tap chose nothing of the next menu");
}

/// 51: after a session the customer rates it by one key, also when the next words begin another one.
async fn a_session_is_rated_by_one_key(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("你好").await;
    let conv = li.takes_offer().await;
    li.socket.request("end", json!({ "session": conv["session"]["session"] })).await.unwrap();
    let survey = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await["d"].clone();
    assert_eq!(survey["body"]["prompt"], "请对本次服务做出评价：");
    visitor.says("1").await;
    visitor.expects_text("感谢您的评价！").await;
    assert!(!li.socket.has("offer"), "a rating opens no session");
    visitor.says("1").await;
    li.takes_offer().await;
}

/// 1: the whole of it with a robot.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_may_lead_to_a_form() {
    let app = bank()
        .declared(|text| format!("flows = [\"bind_account\"]\n{text}"))
        .knows("bind", "怎么绑定我的银行账户", "")
        .leading("flow:bind_account")
        .start()
        .await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("怎么绑定我的银行账户").await;
    visitor.expects_text("请输入证件号码后四位：").await;
    visitor.says("取消").await;
    visitor.says("你们几点上班").await;
    visitor.expects_text("工作日 9:00-17:00。").await;
}
