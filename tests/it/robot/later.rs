//! A robot that is the tenant's own program: it is asked by a signed call and answers by one of its own.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use yizhan::model::secret::Secret;
use yizhan::robot::webhook::{Signed, SigningKeys};

use super::bank_with;
use crate::support::{Agent, PATIENCE, TestApp, Visitor};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The tenant's program: says “later” to every question and keeps what it was asked.
struct Program {
    port: u16,
    asked: mpsc::UnboundedReceiver<Value>,
}

impl Program {
    async fn starts() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (head, body) = request(&mut stream).await;
                let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                let keys = SigningKeys::new(&Secret::new(SECRET.into()), None).unwrap();
                let [id, timestamp, signature] =
                    ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(&head, name));
                let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
                assert!(keys.signed(&signed, body.as_bytes()), "the question is signed");
                drop(tell.send(serde_json::from_str(&body).unwrap()));
            }
        });
        Self { port, asked }
    }

    async fn is_asked(&mut self) -> Value {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        asked.expect("a question in time").expect("a question")["data"].clone()
    }
}

/// Head and body of a request.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0_u8; 4096];
        let count = stream.read(&mut more).await.unwrap();
        bytes.extend_from_slice(&more[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").parse::<usize>().unwrap()
        {
            return (head.to_owned(), body.to_owned());
        }
        assert!(count > 0, "the request is cut off: {text}");
    }
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
        .next()
        .unwrap_or_default()
}

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
    let mut program = Program::starts().await;
    let declared =
        format!("adapter = \"webhook\"\nurl = \"http://127.0.0.1:{}/turn\"\nsecret = \"{SECRET}\"\n", program.port);
    let permit = format!("[robot]\nallow_hosts = [\"127.0.0.1:{}\"]\n", program.port);
    let app = bank_with(&declared).settings(&permit).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("我的卡号是 6222020200112233446 ，怎么挂失").await;
    let asked = program.is_asked().await;
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
    let again = program.is_asked().await;
    visitor.says("人工").await;
    li.takes_offer().await;
    let late = json!({ "session": again["session"], "epoch": again["epoch"], "messages": ["太晚了"] });
    assert!([204, 404].contains(&answers(&app, "a-3", &late, SECRET).await));
    assert!(!li.texts(&visitor.conv).await.contains(&"太晚了".to_owned()), "another party has the control");
}
