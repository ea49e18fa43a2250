//! Clients that do not read: they are bounded and let go, and nobody else notices.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use super::answer;
use super::frame::client_frame;
use crate::support::{TestApp, Visitor};

/// A client that asks much and reads nothing is closed as a slow consumer and then cut off, although its connection
/// takes no byte any more.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_is_let_go() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    for _ in 0..18 {
        visitor.says(&"长".repeat(4_000)).await;
    }
    let ticket = app.post("/api/v1/visitor/ticket", &json!({ "account": "demo.site", "visitor": visitor.token }));
    let ticket: serde_json::Value = ticket.send().await.unwrap().json().await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(app.address().parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /ws/visitor HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: yizhan.v1.json\r\n\r\n",
        app.address(),
        app.base()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 101);
    let auth = json!({ "id": 1, "op": "auth", "d": { "ticket": ticket["ticket"], "device": "slow" } });
    stream.write_all(&client_frame(0x81, auth.to_string().as_bytes())).await.unwrap();
    let history = json!({ "id": 2, "op": "history", "d": { "conv": visitor.conv, "limit": 200 } }).to_string();
    for _ in 0..40 {
        stream.write_all(&client_frame(0x81, history.as_bytes())).await.unwrap();
    }
    app.eventually("the slow client is gone", async || {
        let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
        let closed = text.lines().any(|line| line == "yizhan_socket_closes_total{code=\"4013\"} 1");
        (closed && text.lines().any(|line| line == "yizhan_sockets 1")).then_some(())
    })
    .await;
    visitor.says("别人不受影响").await;
}
