//! The example of a module that is asked, against a real broker: it answers what flows ask, and does nothing twice.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use yizhan::bus::Bus;
use yizhan::bus::ask::AskError;

use super::interpreter;
use crate::support::broker::{rabbitmq, url};
use crate::support::clerk::question;
use crate::support::service::{Kind, Service};

/// Starts the example; it ends by itself when nobody asks for a while.
async fn serve(service: &Service, folder: &Path) -> Child {
    let mut command = Command::new("timeout");
    command.arg("120").arg(interpreter()).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/service.py"));
    command.args(["--url", &url(service), "--until-idle", "8", "--database"]).arg(folder.join("service.db"));
    command.arg("--outbox").arg(folder.join("sms.jsonl"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the script starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("text");
        (child, line)
    });
    let (child, line) = started.await.expect("it says something");
    if line != "serving\n" {
        panic!("{}", String::from_utf8_lossy(&child.wait_with_output().expect("a child").stderr));
    }
    child
}

async fn ended(child: Child) -> String {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().expect("a child");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

async fn ask(bus: &Bus, service: &str, op: &str, args: Value) -> Value {
    bus.ask(question(service, op, args.clone())).await.unwrap_or_else(|error| panic!("{service}.{op} {args}: {error}"))
}

async fn code(bus: &Bus, service: &str, op: &str, args: Value) -> String {
    match bus.ask(question(service, op, args.clone())).await {
        Err(AskError::Refused { code, .. }) => code,
        other => panic!("{service}.{op} {args}: {other:?}"),
    }
}

/// The codes that were sent to phones.
fn codes(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("sms.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_service_stays_true() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let (bus, folder) = (rabbitmq(&url(&service)), tempfile::tempdir().unwrap());
    let child = serve(&service, folder.path()).await;

    // What the flow that binds an account asks, in its order.
    let who = |phone: &str| json!({ "id_last4": "123x", "phone": phone });
    assert_eq!(ask(&bus, "bank", "account.find", who("1")).await["found"], false);
    let account = ask(&bus, "bank", "account.find", who("13800000000")).await;
    assert_eq!(account, json!({ "found": true, "ref": "A-1" }));
    let sent = ask(&bus, "bank", "sms.send", json!({ "to": "13800000000" })).await;
    let check = |code: &str| json!({ "to": "13800000000", "code": code, "sent": sent });
    assert_eq!(ask(&bus, "bank", "sms.check", check("no")).await, json!({ "ok": false }));
    let codes_sent = codes(folder.path());
    assert_eq!(codes_sent.len(), 1);
    assert_eq!(ask(&bus, "bank", "sms.check", check(&codes_sent[0])).await, json!({ "ok": true }));
    assert_eq!(ask(&bus, "bank", "sms.check", check(&codes_sent[0])).await, json!({ "ok": false }), "once");
    assert_eq!(ask(&bus, "bank", "account.bind", json!({ "ref": "A-1" })).await, json!({ "name": "王小姐" }));
    assert_eq!(code(&bus, "bank", "account.bind", json!({ "ref": "A-2" })).await, "not_found");

    // Who guesses is stopped, even with the right code in the end.
    let sent = ask(&bus, "bank", "sms.send", json!({ "to": "13800000000" })).await;
    let check = |code: &str| json!({ "to": "13800000000", "code": code, "sent": sent });
    for _ in 0..3 {
        assert_eq!(ask(&bus, "bank", "sms.check", check("no")).await, json!({ "ok": false }));
    }
    assert_eq!(ask(&bus, "bank", "sms.check", check(&codes(folder.path())[1])).await, json!({ "ok": false }));

    // The same key is the same ticket; what cannot be understood is answered too.
    let once = question("crm", "ticket.create", json!({ "title": "退款" }));
    let first = bus.ask(once.clone()).await.unwrap();
    assert_eq!(first, json!({ "ticket": "T000001" }));
    assert_eq!(bus.ask(once.clone()).await.unwrap(), first);
    let other = ask(&bus, "crm", "ticket.create", json!({ "title": "退款" })).await;
    assert_eq!(other, json!({ "ticket": "T000002" }));
    assert_eq!(code(&bus, "crm", "ticket.create", json!({})).await, "bad_request");
    assert_eq!(code(&bus, "crm", "ticket.praise", json!({})).await, "unsupported_op");
    let told = ended(child).await;
    assert_eq!(told, "crm.ticket.create: KeyError\n", "nothing of what was said");

    // Nobody is at the desk, but the desk is there; the next one knows what was done.
    let mut waiting = question("crm", "ticket.create", json!({ "title": "退款" }));
    waiting.timeout = Duration::from_millis(300);
    assert_eq!(bus.ask(waiting).await, Err(AskError::Timeout));
    let child = serve(&service, folder.path()).await;
    assert_eq!(bus.ask(once).await.unwrap(), first);
    let next = ask(&bus, "crm", "ticket.create", json!({ "title": "退款" })).await;
    assert_eq!(next, json!({ "ticket": "T000003" }), "what had expired was not done");
    ended(child).await;
}
