//! The contract with other modules, held against by tools that had no part in it: every event against the document, and
//! the example of a consumer against a real broker.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use yizhan::simulator::{Fault, Raw};

use super::{interpreter, python};
use crate::support::app::APPID;
use crate::support::broker::{rabbitmq, url};
use crate::support::clerk::{Clerk, question};
use crate::support::service::{Kind, Service};
use crate::support::{Agent, Broker, TestApp, Visitor};

/// Kinds of events that the story does not bring about, each with what would.
const UNSEEN: [&str; 1] = [
    // Told every ten seconds of real time, which the story is too short for.
    "yizhan.queue.stats.v1",
];

fn spoil(app: &TestApp, fault: Value) {
    let mut fault = fault;
    fault["path"] = json!("/cgi-bin/message/custom/send");
    let fault: Fault = serde_json::from_value(fault).unwrap();
    app.platform.add_faults(vec![fault]).unwrap();
}

/// On the web: waiting, offers that run out and are declined, transfers that fail and succeed, receipts, a recall.
async fn on_the_web(app: &TestApp) {
    let mut li = Agent::ready(app, "li").await;
    let mut visitor = Visitor::arrives(app, "w1").await;
    visitor.says("你好").await;
    let offer = li.expects_offer().await;
    let d = json!({ "assignment": offer["assignment"], "token": offer["token"], "reason": "busy" });
    li.socket.request("offer.reject", d).await.unwrap();
    let mut wang = Agent::ready(app, "wang").await;
    wang.expects_offer().await;
    app.let_pass(Duration::from_secs(21));
    let offer = li.expects_offer().await;
    li.accepts(&offer).await;
    let (conv, session) = (offer["conv"].clone(), offer["session"].clone());
    let said = li.says(&conv, "您好").await;
    visitor.expects_text("您好").await;
    visitor.socket.ask("ack", json!({ "conv": conv, "seq": said["seq"] })).await;
    visitor.socket.ask("read", json!({ "conv": conv, "seq": said["seq"] })).await;
    li.socket.push("receipt", |f| f["d"]["read"] == said["seq"]).await;
    li.sends(&conv, "recall", json!({ "target": said["id"] })).await.unwrap();
    let pass_on = json!({ "session": session, "to": { "agent": "wang" }, "note": "请接手" });
    li.socket.request("transfer", pass_on.clone()).await.unwrap();
    wang.expects_offer().await;
    li.socket.request("transfer.cancel", json!({ "session": session })).await.unwrap();
    li.socket.request("transfer", pass_on).await.unwrap();
    wang.takes_offer().await;
    wang.socket.request("presence.set", json!({ "status": "busy", "capacity": 3 })).await.unwrap();
    wang.socket.request("end", json!({ "session": session, "reason": "solved" })).await.unwrap();
    app.let_pass(Duration::from_secs(31));
    wang.is("offline").await;
    wang.is("busy").await;
    nobody_answers(app, li, wang).await;
}

/// An agent who does not answer, is given up, and comes back to nothing.
async fn nobody_answers(app: &TestApp, mut li: Agent, mut wang: Agent) {
    let mut second = Visitor::arrives(app, "w2").await;
    li.is("ready").await;
    second.says("在吗").await;
    for _ in 0..3 {
        let offer = li.expects_offer().await;
        app.let_pass(Duration::from_secs(21));
        li.socket.push("offer.revoke", |f| f["d"]["assignment"] == offer["assignment"]).await;
        app.let_pass(Duration::from_secs(31));
    }
    li.socket.push("presence", |f| f["d"]["agent"] == "li" && f["d"]["status"] == "busy").await;
    app.let_pass(Duration::from_secs(301));
    second.socket.push("session", |f| f["d"]["queue"]["queue"] == "vip").await;
    app.let_pass(Duration::from_secs(181));
    second.socket.push("session", |f| f["d"]["control"]["holder"] == "leave_message").await;
    second.socket.request("leave_message", json!({ "text": "请回电", "phone": "13800000000" })).await.unwrap();
    li.is("ready").await;
    let mut third = Visitor::arrives(app, "w3").await;
    third.says("你好").await;
    li.takes_offer().await;
    li.socket.cut();
    app.eventually("the grace begins", async || {
        let text = third.socket.request("open", json!({ "entry": {} })).await.ok()?;
        app.let_pass(Duration::from_secs(46));
        (text["conv"]["session"]["state"] == "queued").then_some(())
    })
    .await;
    third.socket.request("end", json!({})).await.unwrap();
    wang.is("offline").await;
    let mut fourth = Visitor::arrives(app, "w4").await;
    fourth.says("有人吗").await;
    fourth.socket.push("session", |f| f["d"]["control"]["holder"] == "leave_message").await;
}

/// On WeChat: following, a quota that is used up, refusals, an answer that is lost, a report about nobody.
async fn on_wechat(app: &TestApp) {
    let mut wang = Agent::ready(app, "wang").await;
    let phone = app.phone("o-story");
    phone.follows().unwrap();
    phone.says("你好").unwrap();
    let conv = wang.takes_offer().await["conv"].clone();
    let said = wang.says(&conv, "收到").await;
    wang.expects_receipt(&said["id"], "delivered").await;
    for (fault, state) in [
        (json!({ "times": 1, "reset": "after_accept" }), "uncertain"),
        (json!({ "times": 1, "errcode": 48001 }), "failed"),
        (json!({ "times": 1, "errcode": 45015 }), "held"),
    ] {
        spoil(app, fault);
        let said = wang.says(&conv, state).await;
        wang.expects_receipt(&said["id"], state).await;
    }
    let report = json!({ "fields": { "MsgType": "event", "Event": "MASSSENDJOBFINISH", "MsgID": "1", "Status": "sendsuccess" } });
    let raw: Raw = serde_json::from_value(report).unwrap();
    drop(app.platform.add_phone(APPID, Some("o-nobody"), Some("o-nobody")));
    app.platform.actor(APPID, "o-nobody").unwrap().pushes(raw).unwrap();
    phone.unfollows().unwrap();
}

/// With machines: an answer that helps, questions that nobody knows, a person, a rating, a form.
async fn with_machines(app: &TestApp) {
    let mut li = Agent::ready(app, "li").await;
    let mut visitor = Visitor::arrives(app, "w-robot").await;
    visitor.says("银行卡丢了怎么挂失").await;
    let answer = visitor.expects_text("请拨打 95500 或在手机银行办理挂失。").await;
    visitor.socket.request("feedback", json!({ "seq": answer["d"]["seq"], "helpful": true })).await.unwrap();
    visitor.says("火星上有水吗").await;
    visitor.says("木星呢，木星怎么样").await;
    let conv = li.takes_offer().await;
    li.socket.request("end", json!({ "session": conv["session"]["session"] })).await.unwrap();
    visitor.socket.push("msg", |f| f["d"]["body"]["prompt"] == "请对本次服务做出评价：").await;
    visitor.says("1").await;
    visitor.expects_text("感谢您的评价！").await;
    let mut other = Visitor::arrives(app, "w-form").await;
    other.says("菜单").await;
    other.socket.push("msg", |f| f["d"]["type"] == "menu").await;
    other.says("退出").await;
}

/// Calls: upgraded, held, rated; recorded, and by another way.
async fn in_calls(app: &TestApp) {
    crate::call::during::what_a_side_says_of_itself_the_other_one_shows(app, app).await;
    crate::call::recording::what_is_recorded_is_there_at_the_end(app).await;
}

/// A question to a module as it travelled, and what may be answered.
async fn a_question(service: &Service, module: &Broker) -> Vec<Value> {
    let mut clerk = Clerk::serve(module, "crm").await;
    let (bus, mut lines) = (rabbitmq(&url(service)), Vec::new());
    for reply in [json!({ "ok": { "ticket": 7 } }), json!({ "err": { "code": "not_found", "message": "查无此户" } })]
    {
        let asked = bus.ask(question("crm", "ticket.create", json!({ "title": "退款" })));
        let answered = async {
            let heard = clerk.next().await;
            clerk.answer(&heard, reply.to_string().as_bytes()).await;
            heard.event
        };
        let (outcome, heard) = tokio::join!(asked, answered);
        assert_eq!(outcome.is_ok(), reply.get("ok").is_some(), "{outcome:?}");
        lines.extend([json!({ "question": heard }), json!({ "reply": reply })]);
    }
    lines
}

/// 63: every event that is told is what the document says, answers and commands too.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_what_the_document_says() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    let mut ear = module.listen("all", "yizhan.#").await;
    let mut office = module.office(&app).await;
    on_the_web(&app).await;
    on_wechat(&app).await;
    in_calls(&app).await;
    let who = json!({ "who": { "external_id": "o-new", "account": "oa" }, "name": "王小姐" });
    let mut lines = Vec::new();
    for (id, cmd, args) in [
        ("1", "contact.upsert", who),
        ("2", "conversation.open", json!({ "to": { "external_id": "o-new", "account": "oa" } })),
        ("3", "session.end", json!({ "session": "s_01ARZ3NDEKTSV4RRFFQ69G5FAV" })),
        ("4", "agent.set_status", json!({ "agent": "wang", "status": "busy" })),
    ] {
        lines.push(json!({ "answer": office.order(id, cmd, args.clone()).await }));
        lines.push(json!({ "command": { "cmd": cmd, "tenant": "demo", "actor": { "module": "crm" }, "args": args } }));
    }
    lines.extend(a_question(&service, &module).await);
    let folder = app.stop().await;
    // What the node tells when it ends is in the outbox then: the next one tells it.
    let machines = |text: String| format!("flows = [\"business_menu\"]\n{text}\n[survey]\n");
    let next = crate::robot::bank().declared(machines).rabbitmq(&service).again(folder).start().await;
    with_machines(&next).await;
    // The last that the story brings about.
    while lines.last().is_none_or(|line| line["type"] != "yizhan.flow.ended.v1") {
        lines.push(ear.next().await.event);
    }
    let seen = |kind: &str| lines.iter().any(|line| line["type"] == kind);
    assert!(seen("yizhan.node.draining.v1") && seen("yizhan.node.up.v1"));
    drop(next.stop().await);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    std::fs::write(&path, text.join("\n")).unwrap();
    let mut results = python("events.py", &[path.to_str().unwrap()]).await;
    let catalogue = results.pop().expect("the catalogue");
    assert_eq!(results.len(), lines.len());
    for (line, result) in lines.iter().zip(&results) {
        assert_eq!(result["errors"], json!([]), "{line}");
    }
    let seen: BTreeSet<&str> = results.iter().filter_map(|result| result["type"].as_str()).collect();
    let known = catalogue["catalogue"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let unseen: Vec<&str> = known.filter(|name| !seen.contains(name)).collect();
    assert_eq!(unseen, UNSEEN, "what was not seen is listed with its reason");
    let told: Vec<&str> = lines
        .iter()
        .filter(|line| line["data"].to_string().contains("13800000000"))
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["yizhan.ticket.created.v1"], "a number to call back is told once");
}

/// 63: the example of a consumer: events once in effect, poison aside, and nothing lost while it was away.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_consumer_stays_true() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let app = TestApp::with().rabbitmq(&service).start().await;
    let module = Broker::connect(&service).await;
    drop(module.listen("all", "yizhan.#").await);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm.db");
    let consume = async || {
        let mut command = Command::new("timeout");
        command.arg("60").arg(interpreter()).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/consumer.py"));
        command.args(["--url", &url(&service), "--until-idle", "2", "--database"]).arg(&database).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("the script starts");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    consume().await; // It declares its queue and goes away.
    let mut ended = Vec::new();
    for n in 0..3 {
        let mut visitor = Visitor::arrives(&app, &format!("w{n}")).await;
        visitor.says("你好").await;
        visitor.socket.request("end", json!({})).await.unwrap();
        ended.push(visitor.conv.clone());
    }
    let mut all = module.hear("all").await;
    let mut copies = Vec::new();
    while copies.len() < 3 {
        copies.push(all.of_type("session.ended").await);
    }
    // The same events once more, and poison between them.
    for copy in copies {
        module.publish("yizhan.events", &copy.key, copy.event.to_string().as_bytes()).await;
        module.publish("yizhan.events", "yizhan.demo.session.ended", b"{").await;
    }
    consume().await;
    let rows = read(&database).await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(
        rows.iter().all(|row| row["started"].is_string() && row["ended"].is_string() && row["reason"] == "contact")
    );
    assert_eq!(module.waiting("crm.sessions").await, 0);
    let dead = module.hear("crm.sessions.dead").await.take(3).await;
    assert!(dead.iter().all(|dead| dead.event.is_null()), "only what cannot be read");
}

/// The consumer's table.
async fn read(database: &std::path::Path) -> Vec<Value> {
    let script = "import json, sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1])\n\
        c.row_factory = sqlite3.Row\n\
        [print(json.dumps(dict(r))) for r in c.execute('SELECT * FROM session')]";
    let mut command = Command::new(interpreter());
    command.args(["-c", script]).arg(database);
    let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("python");
    String::from_utf8(run.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
