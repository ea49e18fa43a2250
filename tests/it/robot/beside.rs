//! Stories with machines that another module hears of or has a part in, over a real broker. On one node and on two; numbers
//! are those of the acceptance scenarios.

use serde_json::{Value, json};
use yizhan::simulator::{PhoneMessage, Via};

use super::form::asks;
use super::{declared, known};
use crate::cluster::is_whole;
use crate::flow::wechat::redelivery::deliver;
use crate::outside::callback::{Account, text};
use crate::support::broker::Ear;
use crate::support::clerk::Clerk;
use crate::support::service::{Kind, Service};
use crate::support::{Agent, Broker, Cluster, PATIENCE, TestApp, Visitor};

/// The bank's forms, a survey, and a module that forms ask.
fn with_forms(text: &str) -> String {
    let forms = format!("flows = [\"leave_message\", \"call_back\"]\n{text}");
    declared(&forms, "[survey]\n[[service]]\nid = \"crm\"\nkind = \"amqp\"\n")
}

/// The form that comes with the program, as a tenant has it who keeps its tickets elsewhere. Returns the setting.
fn own_form(folder: &std::path::Path) -> String {
    let forms = folder.join("demo/flows");
    std::fs::create_dir_all(&forms).unwrap();
    let shipped = include_str!("../../../flows/default/zh/leave_message.yaml");
    let own = shipped
        .replace("flow: leave_message", "flow: call_back")
        .replace("  - menu: LEAVE_MSG\n  - state: closed_hours\n  - state: no_agent\n", "")
        .replace("^留言$", "^回电$")
        .replace("service: local", "service: crm");
    std::fs::write(forms.join("call_back.yaml"), own).unwrap();
    format!("[tenants]\ndir = {folder:?}\n")
}

/// Tells each story on one node and on two, beside a broker.
macro_rules! tell {
    ($($story:ident)+) => {
        mod on_one_node {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let (folder, broker) = (tempfile::tempdir().unwrap(), super::Service::start(super::Kind::Rabbitmq, &[]));
                let app = super::TestApp::with().declared(|text| super::with_forms(&text)).knowing(super::known());
                let app = app.settings(&super::own_form(folder.path())).rabbitmq(&broker).start().await;
                super::$story(&app, &app, &super::Broker::connect(&broker).await).await;
            })+
        }

        mod on_two_nodes {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let folder = tempfile::tempdir().unwrap();
                let cluster = super::Cluster::with().declared(|text| super::with_forms(&text)).knowing(super::known());
                let mut cluster = cluster.settings(&super::own_form(folder.path())).rabbitmq().start().await;
                let module = super::Broker::connect(cluster.rabbitmq()).await;
                super::$story(cluster.node(1), cluster.node(2), &module).await;
            })+
        }
    };
}

tell! {
    a_robot_is_enough_from_the_first_word_to_the_rating
    a_message_left_in_business_hours_becomes_a_ticket
    a_form_asks_a_module_and_tells_its_answer
}

/// What is told of a session, in the order in which it is told, up to an event of this kind. An event may come twice; its id
/// says so.
async fn told(ear: &mut Ear, session: &Value, last: &str) -> Vec<(String, Value)> {
    let (mut events, mut ids) = (Vec::new(), std::collections::HashSet::new());
    loop {
        let event = ear.next().await.event;
        if event["data"]["session"] != *session || !ids.insert(event["id"].to_string()) {
            continue;
        }
        let kind = event["type"].as_str().unwrap().trim_start_matches("yizhan.").trim_end_matches(".v1").to_owned();
        let is_last = kind == last;
        events.push((kind, event));
        if is_last {
            return events;
        }
    }
}

/// The events of a session that are no messages.
fn steps(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(kind, _)| kind.as_str()).filter(|kind| *kind != "message.accepted").collect()
}

/// The data of the event of this kind.
fn of<'a>(events: &'a [(String, Value)], kind: &str) -> &'a Value {
    &events.iter().find(|(name, _)| name == kind).unwrap_or_else(|| panic!("no {kind}")).1["data"]
}

/// 1: greeting, question, answer, helpful, the customer's own end, survey, rating; no person is bothered, and a module hears
/// that the robot was enough.
async fn a_robot_is_enough_from_the_first_word_to_the_rating(near: &TestApp, far: &TestApp, module: &Broker) {
    let mut ear = module.listen("crm", "yizhan.demo.#").await;
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.expects_text("您好，我是驿站示例银行的小驿，请直接输入您的问题。需要人工客服请回复“人工”。").await;
    visitor.says("银行卡丢了怎么挂失").await;
    let answer = visitor.expects_text("请拨打 95500 或在手机银行办理挂失。").await["d"].clone();
    let helped = json!({ "seq": answer["seq"], "helpful": true });
    visitor.socket.request("feedback", helped).await.unwrap();
    visitor.socket.request("end", json!({})).await.unwrap();
    let ended = visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await["d"].clone();
    assert_eq!(ended["ended"]["by"], "contact");
    let survey = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await["d"]["body"].clone();
    assert_eq!(survey["prompt"], "请对本次服务做出评价：");
    let best = json!({ "conv": visitor.conv, "cid": "rating", "type": "choice", "body": survey["options"][0] });
    visitor.socket.request("send", best).await.unwrap();
    visitor.expects_text("感谢您的评价！").await;

    let events = told(&mut ear, &ended["session"], "session.rated").await;
    let order =
        ["session.created", "session.robot_started", "robot.turn", "robot.feedback", "session.ended", "session.rated"];
    assert_eq!(steps(&events), order);
    let (end, rated) = (of(&events, "session.ended"), of(&events, "session.rated"));
    assert_eq!((&end["by"], &end["contained"], &rated["score"]), (&json!("contact"), &json!(true), &json!(5)));
    let log = visitor.socket.request("history", json!({ "conv": visitor.conv, "limit": 50 })).await.unwrap();
    let texts =
        log["msgs"].as_array().unwrap().iter().filter(|message| message["body"]["text"] == answer["body"]["text"]);
    assert_eq!(texts.count(), 1);
    let mut wang = Agent::ready(far, "wang").await;
    is_whole(&wang.history(&visitor.conv).await);
    li.is("ready").await;
    assert!(!li.socket.has("offer"), "nobody was bothered");
}

/// 4: in business hours, with nobody signed in, the form takes a message down; the session ends with it, and the ticket is
/// told. A session in which a person was asked for is not one that the robot settled.
async fn a_message_left_in_business_hours_becomes_a_ticket(near: &TestApp, _far: &TestApp, module: &Broker) {
    let mut ear = module.listen("crm", "yizhan.demo.#").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("银行卡丢了怎么挂失").await;
    visitor.expects_text("请拨打 95500 或在手机银行办理挂失。").await;
    for words in ["转人工", "张三", "13800138000", "2", "想咨询房贷利率"] {
        visitor.says(words).await;
    }
    let ended = visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await["d"].clone();
    let events = told(&mut ear, &ended["session"], "session.ended").await;
    let (end, refused) = (of(&events, "session.ended"), of(&events, "session.handoff_refused"));
    assert_eq!((&end["by"], &end["reason"]), (&json!("system"), &json!("left_message")));
    assert_eq!((&end["contained"], &refused["why"]), (&json!(false), &json!("no_agent")));
    let tickets = steps(&events).into_iter().filter(|kind| *kind == "ticket.created");
    assert_eq!(tickets.count(), 1);
    assert_eq!(of(&events, "ticket.created")["phone"], "13800138000");
    assert!(!steps(&events).contains(&"session.queued"), "nobody waits for nobody");
}

/// 50: two wrong numbers are asked again, a digit chooses, a module on the bus makes the ticket and is asked once although
/// the last words were delivered at both nodes, and its number is told.
async fn a_form_asks_a_module_and_tells_its_answer(near: &TestApp, far: &TestApp, module: &Broker) {
    let mut clerk = Clerk::serve(module, "crm").await;
    let mut phone = near.phone("o50");
    phone.follows().unwrap();
    asks(&mut phone, "回电", "请输入您的姓名").await;
    asks(&mut phone, "张三", "请输入手机号").await;
    asks(&mut phone, "12345", "手机号格式不正确").await;
    asks(&mut phone, "abc", "手机号格式不正确").await;
    asks(&mut phone, "13800138000", "请选择业务类型").await;
    asks(&mut phone, "2", "请输入留言内容").await;
    let (account, mut asked) = (Account::demo(), Value::Null);
    let words = text(&account, "o50", 9_000_000_000_000_000_050, "想咨询房贷利率");
    let answered = async {
        let question = clerk.next().await;
        clerk.answer(&question, json!({ "ok": { "no": "T-7" } }).to_string().as_bytes()).await;
        asked = question.event;
    };
    let (first, second, ()) =
        tokio::join!(deliver(near, &account, &words, "a"), deliver(far, &account, &words, "b"), answered);
    // Nobody holds a callback open for another system: what it answers comes by itself.
    for answer in [first, second] {
        assert_eq!((answer.status, answer.text().as_str()), (200, "success"));
    }
    let told = |m: &PhoneMessage| m.text.as_deref() == Some("留言已提交，编号 T-7。");
    assert_eq!(phone.expects(PATIENCE, told).await.unwrap().via, Via::Custom);
    assert_eq!(phone.messages().iter().filter(|message| told(message)).count(), 1);
    let args = json!({ "name": "张三", "phone": "13800138000", "topic": "贷款", "text": "想咨询房贷利率" });
    assert_eq!((&asked["op"], &asked["args"]), (&json!("ticket.create"), &args));
    assert_eq!(module.waiting("crm.questions").await, 0, "it was asked once");
    asks(&mut phone, "回电", "请输入您的姓名").await;
    phone.says("0").unwrap();
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|text| text.contains("取消"))).await.unwrap();
}
