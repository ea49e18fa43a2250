//! A visitor of the tenant's site with the widget open.

use serde_json::{Value, json};

use super::app::TestApp;
use super::socket::Socket;

/// A visitor with an open socket.
pub struct Visitor {
    pub socket: Socket,
    /// The conversation.
    pub conv: Value,
    /// The reply to `open`.
    pub opened: Value,
    /// What the browser keeps.
    pub token: String,
    device: String,
    cids: u64,
}

impl Visitor {
    /// Comes to the site for the first time and opens the widget.
    pub async fn arrives(app: &TestApp, device: &str) -> Self {
        Self::returns(app, device, None).await
    }

    /// Comes to the site, perhaps again, and opens the widget.
    pub async fn returns(app: &TestApp, device: &str, token: Option<&str>) -> Self {
        let body = json!({ "account": "demo.site", "visitor": token });
        let response = app.post("/api/v1/visitor/ticket", &body).send().await.unwrap();
        assert_eq!(response.status(), 200, "a visitor's ticket");
        let pass: Value = response.json().await.unwrap();
        let mut socket = Socket::open(&app.address(), "/ws/visitor", &app.base()).await;
        socket.request("auth", json!({ "ticket": pass["ticket"], "device": device })).await.expect("auth");
        let opened = socket.request("open", json!({ "entry": { "page": "/" } })).await.expect("open");
        Self {
            socket,
            conv: opened["conv"]["conv"].clone(),
            opened,
            token: pass["visitor"].as_str().unwrap().to_owned(),
            device: device.to_owned(),
            cids: u64::from(rand::random::<u32>()),
        }
    }

    /// Says a text.
    pub async fn says(&mut self, text: &str) -> Value {
        self.cids += 1;
        let cid = format!("{}-{}", self.device, self.cids);
        let d = json!({ "conv": self.conv, "cid": cid, "type": "text", "body": { "text": text } });
        self.socket.request("send", d).await.expect("send")
    }

    /// The next message with this text.
    pub async fn expects_text(&mut self, text: &str) -> Value {
        self.socket.push("msg", |frame| frame["d"]["body"]["text"] == text).await
    }
}
