//! What a robot outside hears and says, word for word.

use serde_json::{Value, json};

use super::bank_with;
use super::program::{Program, SECRET};
use crate::support::{Agent, TestApp, Visitor};

/// A bank whose robot is a program that answers this, whatever it is asked.
pub async fn answering(body: &Value) -> (TestApp, Program) {
    let program = Program::starts("200 OK", &body.to_string()).await;
    let robot =
        format!("adapter = \"webhook\"\nurl = \"http://127.0.0.1:{}/turn\"\nsecret = \"{SECRET}\"\n", program.port);
    let app = bank_with(&robot).settings(&program.permit()).start().await;
    (app, program)
}

async fn hears(program: &mut Program) -> String {
    program.is_asked().await["data"]["text"].as_str().unwrap().to_owned()
}

async fn menu(visitor: &mut Visitor, text: &str) -> Vec<Value> {
    visitor.expects_text(text).await;
    let menu = visitor.socket.push("msg", |frame| frame["d"]["type"] == "menu").await;
    menu["d"]["body"]["options"].as_array().unwrap().clone()
}

async fn taps(visitor: &mut Visitor, cid: &str, option: &Value) {
    let choice = json!({ "conv": visitor.conv, "cid": cid, "type": "choice", "body": option });
    visitor.socket.request("send", choice).await.unwrap();
}

/// What a robot calls its choices is for itself to read: customers see numbers, and it hears its own words back as they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_comes_back_as_the_robot_wrote_it() {
    let options = json!([
        { "key": "/choose{\"card\": \"Credit\"}", "label": "选这个" },
        { "key": "/choose{\"card\": \"6222020200112233446\"}", "label": "选这个" },
        { "label": "其他" },
    ]);
    let question = json!({ "messages": ["先看一下"], "clarify": { "prompt": "哪一种？", "options": options } });
    let (app, mut program) = answering(&question).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("办卡").await;
    assert_eq!(hears(&mut program).await, "办卡");
    let list = menu(&mut visitor, "先看一下").await;
    let keys: Vec<&Value> = list.iter().map(|option| &option["key"]).collect();
    assert_eq!(keys, ["1", "2", "3"], "what was said before the question was heard before it");
    for (tapped, heard) in
        [(1, "/choose{\"card\": \"6222020200112233446\"}"), (0, "/choose{\"card\": \"Credit\"}"), (2, "其他")]
    {
        taps(&mut visitor, &format!("tap-{tapped}"), &list[tapped]).await;
        assert_eq!(hears(&mut program).await, heard);
        menu(&mut visitor, "先看一下").await;
    }
    for (typed, heard) in [("2", "/choose{\"card\": \"6222020200112233446\"}"), ("其他", "其他"), ("9", "9")] {
        visitor.says(typed).await;
        assert_eq!(hears(&mut program).await, heard);
        menu(&mut visitor, "先看一下").await;
    }
    let stranger = json!({ "key": "1", "label": "另一张单子上的一行" });
    taps(&mut visitor, "tap-old", &stranger).await;
    assert_eq!(hears(&mut program).await, "另一张单子上的一行", "a line of an older list is its words");
}

/// A robot reads what the customer wrote, down to the last sign, and that there was a picture or a place.
#[tokio::test(flavor = "multi_thread")]
async fn a_robot_hears_the_customers_own_words() {
    let (app, mut program) = answering(&json!({ "messages": ["好"] })).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says(" 转 1,000.50 元给 Zhang San！ ").await;
    assert_eq!(hears(&mut program).await, "转 1,000.50 元给 Zhang San！");
    let place = json!({ "lat": 39.9, "lon": 116.4, "label": "天安门" });
    let place = json!({ "conv": visitor.conv, "cid": "place-1", "type": "location", "body": place });
    visitor.socket.request("send", place).await.unwrap();
    assert_eq!(hears(&mut program).await, "[位置] 天安门");
}

/// What a robot says before it hands over, or before it ends the conversation, is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_robots_last_words_are_heard() {
    let (app, _program) = answering(&json!({ "messages": ["正在为您转接。"], "handoff": { "reason": "核实" } })).await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("转账").await;
    visitor.expects_text("正在为您转接。").await;
    li.takes_offer().await;

    let (app, _program) = answering(&json!({ "messages": ["办好了，再会。"], "end": { "reason": "done" } })).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("转账").await;
    visitor.expects_text("办好了，再会。").await;
    let ended = visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await;
    assert_eq!(ended["d"]["ended"]["by"], "system");
}
