//! An agent at the console: signs in over HTTP, works over the socket.

use serde_json::{Value, json};

use super::app::TestApp;
use super::socket::Socket;

/// A signed-in agent with an open socket.
pub struct Agent {
    pub socket: Socket,
    pub login: Login,
    /// The reply to `auth`.
    pub ready: Value,
    device: String,
    cids: u64,
    /// Offers that were seen. On several nodes one may be told twice: by the sweep, and by a hint that comes later.
    offered: Vec<Value>,
}

/// A signed-in agent without a socket.
#[derive(Clone)]
pub struct Login {
    pub cookie: String,
    pub csrf: String,
    address: String,
}

/// An agent whose socket was lost.
pub struct Absent {
    login: Login,
    ready: Value,
    device: String,
    cids: u64,
}

impl Absent {
    /// Comes back with the resume token, and what the device has of each conversation.
    pub async fn resumes(self, app: &TestApp, convs: Value) -> Agent {
        let Self { login, ready, device, cids } = self;
        let mut socket = Socket::open(&app.address(), "/ws/agent", &app.base()).await;
        let d = json!({ "resume_token": ready["resume_token"], "device": device, "convs": convs });
        let ready = socket.request("resume", d).await.expect("resume");
        Agent { socket, login, ready, device, cids, offered: Vec::new() }
    }
}

impl Login {
    /// Signs in.
    pub async fn of(app: &TestApp, tenant: &str, login: &str, password: &str) -> Self {
        let body = json!({ "tenant": tenant, "login": login, "password": password });
        let response = app.post("/api/v1/login", &body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{login} signs in");
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let body: Value = response.json().await.unwrap();
        Self { cookie, csrf: body["csrf"].as_str().unwrap().to_owned(), address: app.base() }
    }

    /// A one-time ticket for a socket.
    pub async fn ticket(&self, app: &TestApp) -> String {
        let response = app
            .post("/api/v1/ticket", &json!({}))
            .header("Cookie", &self.cookie)
            .header("X-CSRF-Token", &self.csrf)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "a ticket at {}", self.address);
        response.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned()
    }
}

impl Agent {
    /// Signs in, opens a socket, and presses ready.
    pub async fn ready(app: &TestApp, login: &str) -> Self {
        let mut agent = Self::arrive(app, login).await;
        agent.is("ready").await;
        agent
    }

    /// Signs in and opens a socket.
    pub async fn arrive(app: &TestApp, login: &str) -> Self {
        let login_ = Login::of(app, "demo", login, app.password(login)).await;
        Self::at(app, login_, &format!("dev-{login}")).await
    }

    /// Opens a socket of one device.
    pub async fn at(app: &TestApp, login: Login, device: &str) -> Self {
        let ticket = login.ticket(app).await;
        let mut socket = Socket::open(&app.address(), "/ws/agent", &app.base()).await;
        let ready = socket.request("auth", json!({ "ticket": ticket, "device": device })).await.expect("auth");
        Self { socket, login, ready, device: device.to_owned(), cids: 0, offered: Vec::new() }
    }

    /// The same device again, from its resume token, with what it has of each conversation.
    pub async fn resumes(app: &TestApp, before: Self, convs: Value) -> Self {
        before.vanishes().resumes(app, convs).await
    }

    /// The socket is lost without a word.
    pub fn vanishes(self) -> Absent {
        let Self { login, ready, device, cids, socket, .. } = self;
        socket.cut();
        Absent { login, ready, device, cids }
    }

    /// Sets the status.
    pub async fn is(&mut self, status: &str) -> Value {
        self.socket.request("presence.set", json!({ "status": status })).await.expect("presence.set")
    }

    /// The next offer.
    pub async fn expects_offer(&mut self) -> Value {
        let seen = &self.offered;
        let offer = self.socket.push("offer", |frame| !seen.contains(&frame["d"]["assignment"])).await["d"].clone();
        self.offered.push(offer["assignment"].clone());
        offer
    }

    /// Takes an offer; returns the conversation.
    pub async fn accepts(&mut self, offer: &Value) -> Value {
        let d = json!({ "assignment": offer["assignment"], "token": offer["token"] });
        self.socket.request("offer.accept", d).await.expect("offer.accept")["conv"].clone()
    }

    /// Waits for an offer and takes it.
    pub async fn takes_offer(&mut self) -> Value {
        let offer = self.expects_offer().await;
        self.accepts(&offer).await
    }

    /// Says a text in a conversation.
    pub async fn says(&mut self, conv: &Value, text: &str) -> Value {
        self.sends(conv, "text", json!({ "text": text })).await.expect("send")
    }

    /// Sends any content under a fresh client id.
    pub async fn sends(&mut self, conv: &Value, kind: &str, body: Value) -> Result<Value, Value> {
        self.cids += 1;
        let cid = format!("{}-{}", self.device, self.cids);
        self.socket.request("send", json!({ "conv": conv, "cid": cid, "type": kind, "body": body })).await
    }

    /// The next message with this text.
    pub async fn expects_text(&mut self, text: &str) -> Value {
        self.socket.push("msg", |frame| frame["d"]["body"]["text"] == text).await
    }

    /// The next message of this type.
    pub async fn expects_kind(&mut self, kind: &str) -> Value {
        self.socket.push("msg", |frame| frame["d"]["type"] == kind).await
    }

    /// The next report on how a sent message stands.
    pub async fn expects_receipt(&mut self, id: &Value, state: &str) -> Value {
        self.socket.push("receipt", |frame| frame["d"]["id"] == *id && frame["d"]["state"] == state).await
    }
}

impl Agent {
    /// Everything of a conversation that the agent may see, at most 200.
    pub async fn history(&mut self, conv: &Value) -> Vec<Value> {
        let page = self.socket.request("history", json!({ "conv": conv, "limit": 200 })).await.expect("history");
        page["msgs"].as_array().expect("messages").clone()
    }

    /// The texts of a conversation.
    pub async fn texts(&mut self, conv: &Value) -> Vec<String> {
        let history = self.history(conv).await;
        history.iter().filter_map(|m| m["body"]["text"].as_str().map(ToOwned::to_owned)).collect()
    }

    /// The conversation once it has at least `count` texts of people.
    pub async fn settles(&mut self, conv: &Value, count: usize) -> Vec<Value> {
        let people = |m: &&Value| m["from"]["role"] == "contact" || m["from"]["role"] == "agent";
        let search = async {
            loop {
                let history = self.history(conv).await;
                if history.iter().filter(people).count() >= count {
                    return history;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(super::PATIENCE, search).await.expect("the conversation settles")
    }

    /// How a sent message stands on its channel once that is final.
    pub async fn settled(&mut self, id: &Value) -> Value {
        let fits = |f: &Value| f["d"]["id"] == *id && f["d"]["state"] != "sending" && !f["d"]["state"].is_null();
        self.socket.push("receipt", fits).await["d"].clone()
    }

    /// Puts a file; returns its description for a message.
    pub async fn uploads(&mut self, app: &TestApp, name: &str, mime: &str, bytes: &[u8]) -> Value {
        let d = json!({ "name": name, "size": bytes.len(), "mime": mime });
        let grant = self.socket.request("upload", d).await.expect("upload");
        let url = format!("{}{}", app.base(), grant["upload_url"].as_str().unwrap());
        let response = app.http().put(url).header("Origin", app.base()).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json::<Value>().await.unwrap()["media"].clone()
    }
}
