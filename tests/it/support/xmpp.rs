//! Somebody with an XMPP account: an independent client (slixmpp) in a process of its own.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::app::TestApp;
use super::service::Service;
use crate::interop::interpreter;

/// How long anything may take that two servers and a client have to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key of the tenant's operators.
const KEY: &str = "yz_demo_0123456789abcdef0123456789abcdef";

/// How the tenant's XMPP account stands, as its operators see it.
pub async fn standing(app: &TestApp) -> Value {
    let answer = app.get("/api/v1/xmpp").header("Authorization", format!("Bearer {KEY}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["items"][0].clone()
}

/// What an account of the gateway has to say to use a server of `scripts/service`.
pub fn account(server: &Service) -> String {
    format!(
        "[[account]]\nid = \"desk\"\nkind = \"xmpp\"\nname = \"XMPP\"\ndomain = \"desk.localhost\"\nhost = \"127.0.0.1\"\nport = {}\nsecret = \"desk secret\"\nrooms = \"rooms.localhost\"\n",
        server.second_port()
    )
}

/// The fixture's declaration with an XMPP account, and agents who have addresses.
pub fn declared(server: &Service) -> impl FnOnce(String) -> String {
    let account = account(server);
    move |text| {
        let mut text = format!("{text}\n{account}[[api_key]]\nid = \"ops\"\nkey = \"{KEY}\"\nrole = \"admin\"\n");
        for agent in ["li", "wang"] {
            let login = format!("login = \"{agent}\"\n");
            assert!(text.contains(&login), "the fixture has an agent {agent}");
            text = text.replace(&login, &format!("{login}xmpp = \"{agent}@localhost\"\n"));
        }
        text
    }
}

/// A person with an XMPP client. Dropping it ends the client without a word.
pub struct Person {
    name: String,
    child: Child,
    orders: ChildStdin,
    seen: Receiver<Value>,
    kept: VecDeque<Value>,
}

impl Person {
    /// Makes an account and comes online, without telling anybody.
    pub fn connects(server: &Service, name: &str, options: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/xmpp_client.py");
        let mut child = Command::new("timeout")
            .arg("300")
            .arg(interpreter())
            .arg(script)
            .args([&format!("{name}@localhost"), "secret", "127.0.0.1", &server.port().to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the client can be started");
        let orders = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (sender, seen) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let mut person = Self { name: name.to_owned(), child, orders, seen, kept: VecDeque::new() };
        person.expects("to be let in", |seen| seen["kind"] == "started");
        person
    }

    /// An agent: makes an account, lets everybody see the presence, and is ready.
    pub fn ready(server: &Service, name: &str) -> Self {
        Self::ready_with(server, name, &[])
    }

    /// An agent who is ready, as the gateway has seen: whoever asks for somebody before that may be told that nobody is
    /// there.
    pub async fn at_work(server: &Service, app: &TestApp, name: &str) -> Self {
        let person = Self::ready(server, name);
        app.within(PATIENCE, &format!("{name} is at work"), async || {
            let account = standing(app).await;
            let agents = account["agents"].as_array().expect("agents");
            agents.iter().any(|seat| seat["agent"] == name && seat["shown"] == "here").then_some(())
        })
        .await;
        person
    }

    /// As [`Person::ready`], with further options of the client.
    pub fn ready_with(server: &Service, name: &str, options: &[&str]) -> Self {
        let mut person = Self::connects(server, name, &[&["register", "approve"], options].concat());
        person.shows(json!({}));
        person
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").expect("the client runs");
        let op = order["op"].clone();
        self.expects("the client to obey", |seen| seen["kind"] == "done" && seen["op"] == op);
    }

    /// Sends a presence.
    pub fn shows(&mut self, what: Value) {
        let mut order = what;
        order["op"] = json!("presence");
        self.order(&order);
    }

    /// Says something to an address.
    pub fn says(&mut self, to: &str, body: &str) {
        self.order(&json!({ "op": "say", "to": to, "body": body }));
    }

    /// Says something with everything that a message can have.
    pub fn sends(&mut self, message: Value) {
        let mut order = message;
        order["op"] = json!("say");
        self.order(&order);
    }

    /// Sends XML as it is.
    pub fn writes(&mut self, xml: &str) {
        self.order(&json!({ "op": "raw", "xml": xml }));
    }

    /// The client is gone without a word: its connection breaks.
    pub fn dies(self) {
        drop(self);
    }

    /// Does not wait any more for what has come so far.
    pub fn forgets(&mut self) {
        while self.seen.try_recv().is_ok() {}
        self.kept.clear();
    }

    /// The next thing that fits; what came before and does not is kept.
    pub fn expects(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.kept.iter().position(&fits) {
            return self.kept.remove(place).expect("it was there");
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.seen.recv_timeout(left) {
                Ok(seen) if fits(&seen) => return seen,
                Ok(seen) => self.kept.push_back(seen),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: no {what} within {PATIENCE:?}: {:#?}", self.name, self.kept)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{}: the client ended before {what}: {:#?}", self.name, self.kept)
                }
            }
        }
    }

    /// The next message whose text has this in it.
    pub fn expects_text(&mut self, text: &str) -> Value {
        self.expects(text, |seen| {
            seen["kind"] == "message" && seen["body"].as_str().is_some_and(|body| body.contains(text))
        })
    }

    /// Whether something that fits has come so far.
    pub fn has(&mut self, fits: impl Fn(&Value) -> bool) -> bool {
        while let Ok(seen) = self.seen.try_recv() {
            self.kept.push_back(seen);
        }
        self.kept.iter().any(fits)
    }

    /// Whether a message with this text has come so far.
    pub fn has_text(&mut self, text: &str) -> bool {
        self.has(|seen| {
            seen["kind"] == "message"
                && seen["type"] != "error"
                && seen["body"].as_str().is_some_and(|body| body.contains(text))
        })
    }

    /// An offer's number.
    pub fn expects_offer(&mut self) -> u32 {
        self.expects_offer_of("")
    }

    /// The number of the offer of whoever began with these words.
    fn expects_offer_of(&mut self, text: &str) -> u32 {
        let offer = self.expects("an offer", |seen| {
            let body = seen["body"].as_str().unwrap_or_default();
            seen["kind"] == "message" && body.contains("新会话 #") && body.contains(text)
        });
        let body = offer["body"].as_str().expect("a text");
        let digits = body.split('#').nth(1).expect("a number").split(' ').next().expect("a number");
        digits.parse().expect("a number")
    }

    /// Takes the next offer; returns the address of the chat.
    pub fn takes_offer(&mut self) -> String {
        self.takes_offer_of("")
    }

    /// Takes the offer of whoever began with these words; returns the address of the chat.
    pub fn takes_offer_of(&mut self, text: &str) -> String {
        let number = self.expects_offer_of(text);
        self.says("service@desk.localhost", &format!("/take {number}"));
        let begun = self.expects("to be shown who has come", |seen| {
            let body = seen["body"].as_str().unwrap_or_default();
            seen["kind"] == "message" && body.contains("已接入") && body.contains(text)
        });
        begun["from"].as_str().expect("an address").to_owned()
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} has seen {:#?}", self.name, self.kept)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // It ends with its standard input, and takes no leave of its server.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}
