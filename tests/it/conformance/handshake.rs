//! Group E: handshakes of sockets.

use super::{Answer, answer, connect, raw};
use crate::support::socket::Socket;
use crate::support::{Agent, TestApp, Visitor};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A good handshake with one thing changed.
struct Handshake {
    line: String,
    headers: Vec<(String, String)>,
}

impl Handshake {
    fn new(app: &TestApp, path: &str) -> Self {
        let headers = [
            ("Host", app.address()),
            ("Origin", app.base()),
            ("Connection", "Upgrade".into()),
            ("Upgrade", "websocket".into()),
            ("Sec-WebSocket-Version", "13".into()),
            ("Sec-WebSocket-Key", KEY.into()),
            ("Sec-WebSocket-Protocol", "yizhan.v1.json".into()),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { line: format!("GET {path} HTTP/1.1"), headers }
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self
    }

    fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    fn line(mut self, line: &str) -> Self {
        self.line = line.into();
        self
    }

    fn text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{headers}\r\n", self.line)
    }

    async fn answer(&self, app: &TestApp) -> Answer {
        raw(app, &self.text()).await
    }
}

/// xE1, xE2, xE3: the origin is looked at first, and exactly.
#[tokio::test(flavor = "multi_thread")]
async fn only_listed_origins_come_in() {
    let app = TestApp::start().await;
    let good = || Handshake::new(&app, "/ws/visitor");
    let foreign = [
        "https://evil.example",
        "null",
        "https://127.0.0.1:8080",
        "http://127.0.0.1:8081",
        "http://127.0.0.1:8080.evil.example",
        "http://evil-127.0.0.1:8080",
        "http://127.0.0.1:8080/",
    ];
    for origin in foreign {
        // Everything else is wrong as well: the origin is what counts.
        let answer = good().with("Origin", origin).with("Sec-WebSocket-Version", "8").answer(&app).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{origin}");
    }
    assert_eq!(good().without("Origin").answer(&app).await.status, 403);
    assert_eq!(good().and("Origin", "https://evil.example").answer(&app).await.status, 400);
    assert_eq!(good().answer(&app).await.status, 101);
    assert_eq!(good().with("Origin", "HTTP://LOCALHOST:8080").answer(&app).await.status, 101, "only the case differs");
    let agent = Handshake::new(&app, "/ws/agent").with("Origin", "http://localhost:8080");
    assert_eq!(agent.answer(&app).await.status, 403, "a site's page is no console");
}

/// xE4 to xE9.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_handshakes_get_their_exact_answer() {
    let app = TestApp::start().await;
    let good = || Handshake::new(&app, "/ws/agent");
    let token = Handshake::new(&app, "/ws/agent?ticket=demo.abc").answer(&app).await;
    assert_eq!((token.status, token.code().as_str()), (400, "token_in_url"));
    let version = good().with("Sec-WebSocket-Version", "8").answer(&app).await;
    assert_eq!((version.status, version.header("Sec-WebSocket-Version")), (426, Some("13")));
    for key in ["", "c2hvcnQ=", "not base64 at all!!!"] {
        assert_eq!(good().with("Sec-WebSocket-Key", key).answer(&app).await.status, 400, "{key}");
    }
    assert_eq!(good().without("Sec-WebSocket-Key").answer(&app).await.status, 400);
    assert_eq!(good().with("Sec-WebSocket-Protocol", "chat").answer(&app).await.status, 400);
    assert_eq!(good().without("Sec-WebSocket-Protocol").answer(&app).await.status, 400);
    assert_eq!(good().line("POST /ws/agent HTTP/1.1").answer(&app).await.status, 400);
    assert_eq!(good().line("GET /ws/agent HTTP/1.0").answer(&app).await.status, 400);
    assert_eq!(good().and("Content-Length", "2").answer(&app).await.status, 400);
    let several = good().with("Sec-WebSocket-Protocol", "chat, yizhan.v1.json").answer(&app).await;
    assert_eq!((several.status, several.header("Sec-WebSocket-Protocol")), (101, Some("yizhan.v1.json")));
    let deflate = good().and("Sec-WebSocket-Extensions", "permessage-deflate").answer(&app).await;
    assert_eq!((deflate.status, deflate.header("Sec-WebSocket-Extensions")), (101, None));
    assert_eq!(deflate.header("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

/// xE10: handshakes per address, and the sixth socket of one visitor.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_handshakes_wait_and_a_sixth_socket_replaces_the_oldest() {
    let app = TestApp::with().settings("[socket]\nhandshakes_per_minute = 20\n").start().await;
    let mut first = Visitor::arrives(&app, "w0").await;
    let mut others = Vec::new();
    for i in 1..6 {
        others.push(Visitor::returns(&app, &format!("w{i}"), Some(&first.token)).await);
    }
    assert_eq!(first.socket.expect_close().await, 4003);
    others[0].says("还在").await;
    let good = Handshake::new(&app, "/ws/agent");
    let mut last = good.answer(&app).await;
    for _ in 0..20 {
        last = good.answer(&app).await;
    }
    assert_eq!((last.status, last.code().as_str()), (429, "rate_limited"));
    let wait: u64 = last.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
}

/// xE11: a header of a megabyte is refused, and the gateway goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_a_megabyte_is_refused() {
    let app = TestApp::start().await;
    let long = "a".repeat(1_048_576);
    let text = Handshake::new(&app, "/ws/agent").and("X-Long", &long).text();
    let mut stream = connect(&app, &text.as_bytes()[..200_000]).await;
    let status = answer(&mut stream).await.status;
    assert!(matches!(status, 400 | 431), "{status}");
    assert_eq!(app.get("/livez").send().await.unwrap().status(), 200);
}

/// xE12: whoever does not sign in is sent away after ten seconds. The connection's own time is not the turned one, so
/// the limit is shortened instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_socket_is_closed() {
    let app = TestApp::with().settings("[socket]\nauth_s = 1\n").start().await;
    let mut silent = Socket::open(&app.address(), "/ws/agent", &app.base()).await;
    assert_eq!(silent.push("bye", |_| true).await["d"]["reconnect"], false);
    assert_eq!(silent.expect_close().await, 4001);
}

/// A newer connection of the same device takes the place of the older one.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_device_is_connected_once() {
    let app = TestApp::start().await;
    let mut old = Agent::arrive(&app, "li").await;
    let mut new = Agent::arrive(&app, "li").await;
    assert_eq!(old.socket.expect_close().await, 4003);
    assert_eq!(new.is("ready").await["status"], "ready");
}
