//! Groups F and G over a socket: frames below the application, and the application's own.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::interval;

use super::{answer, connect};
use crate::support::socket::Socket;
use crate::support::{Agent, PATIENCE, TestApp, Visitor};

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A client's frame with any first byte.
pub(super) fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | u8::try_from(short).unwrap()),
        medium => {
            out.push(0xFE);
            out.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// A socket below any client's checks; `hello` is read.
async fn open(app: &TestApp) -> TcpStream {
    let request = format!(
        "GET /ws/visitor HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: yizhan.v1.json\r\n\r\n",
        app.address(),
        app.base()
    );
    let mut stream = connect(app, request.as_bytes()).await;
    assert_eq!(answer(&mut stream).await.status, 101);
    stream
}

/// Reads until a close frame; its code.
async fn close_code(stream: &mut (impl AsyncRead + Unpin)) -> Option<u16> {
    let read = async {
        loop {
            let mut head = [0; 2];
            if stream.read_exact(&mut head).await.is_err() {
                return None;
            }
            let length = match head[1] {
                126 => u64::from(stream.read_u16().await.ok()?),
                127 => stream.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut payload).await.ok()?;
            if head[0] == 0x88 {
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("closed in time")
}

/// xF1 to xF10.
#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_are_closed_with_their_exact_code() {
    let app = TestApp::start().await;
    let huge = [&[0x81, 0xFF][..], &(200_u64 << 20).to_be_bytes(), &MASK].concat();
    let fragments = [client_frame(0x01, b""), client_frame(0x00, b"").repeat(300)].concat();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("unmasked", vec![0x81, 0x01, b'a'], 1002),
        ("reserved bit", client_frame(0xC1, b"a"), 1002),
        ("opcode 5", client_frame(0x85, b"a"), 1002),
        ("fragmented ping", client_frame(0x09, b"a"), 1002),
        ("ping of 126 bytes", client_frame(0x89, &[0; 126]), 1002),
        ("bad UTF-8", client_frame(0x81, &[0xC3, 0x28]), 1007),
        ("opcode 3", client_frame(0x83, b"a"), 1002),
        ("opcode 11", client_frame(0x8B, b"a"), 1002),
        ("orphan continuation", client_frame(0x80, b"a"), 1002),
        ("a text inside a message", [client_frame(0x01, b"a"), client_frame(0x81, b"b")].concat(), 1002),
        ("bad UTF-8 in the first fragment", client_frame(0x01, &[0xCE, 0xBA, 0xED, 0xA0, 0x80]), 1007),
        ("UTF-8 cut off at the end", [client_frame(0x01, &[0xE4, 0xBD]), client_frame(0x80, b"")].concat(), 1007),
        ("close code 999", client_frame(0x88, &999_u16.to_be_bytes()), 1002),
        ("close code 1004", client_frame(0x88, &1004_u16.to_be_bytes()), 1002),
        ("close code 1005", client_frame(0x88, &1005_u16.to_be_bytes()), 1002),
        ("close code 1006", client_frame(0x88, &1006_u16.to_be_bytes()), 1002),
        ("close code 1015", client_frame(0x88, &1015_u16.to_be_bytes()), 1002),
        ("close code 5000", client_frame(0x88, &5000_u16.to_be_bytes()), 1002),
        ("a close frame of one byte", client_frame(0x88, &[3]), 1002),
        ("a close reason that is no UTF-8", client_frame(0x88, &[3, 232, 0xFF]), 1007),
        ("a length with the top bit", vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),
        ("65,537 bytes announced", [&[0x81, 0xFF][..], &65_537_u64.to_be_bytes(), &MASK].concat(), 1009),
        ("200 MiB announced", huge, 1009),
        ("binary", client_frame(0x82, b"a"), 1003),
        ("300 fragments", fragments, 1008),
        ("10,000 empty fragments", [client_frame(0x01, b""), client_frame(0x00, b"").repeat(10_000)].concat(), 1008),
        ("too much in two frames", [client_frame(0x01, &[b'a'; 65_535]), client_frame(0x80, b"bc")].concat(), 1009),
        ("a binary message in fragments", client_frame(0x02, b"a"), 1003),
        ("no JSON", client_frame(0x81, b"hello"), 4004),
        ("an operation before auth", client_frame(0x81, br#"{"id":1,"op":"open","d":{}}"#), 4001),
        ("a close frame", client_frame(0x88, &1000_u16.to_be_bytes()), 1000),
    ];
    let app = &app;
    let each = cases.into_iter().map(|(name, bytes, code)| async move {
        let mut stream = open(app).await;
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(close_code(&mut stream).await, Some(code), "{name}");
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{name}: the connection ends");
    });
    futures_util::future::join_all(each).await;
}

/// xF11 below the application, and xF12.
#[tokio::test(flavor = "multi_thread")]
async fn pings_without_end_and_frames_that_drip_are_cut_off() {
    let app = TestApp::with().settings("[socket]\nheartbeat_s = 1\n").start().await;
    let fed = async |first: &[u8], again: &[u8], every: u64| {
        let (mut read, mut write) = open(&app).await.into_split();
        write.write_all(first).await.unwrap();
        let mut beat = interval(Duration::from_millis(every));
        let feed = async {
            while write.write_all(again).await.is_ok() {
                beat.tick().await;
            }
        };
        // Closed connections take no more bytes, but what came before can still be read.
        let (code, ()) = tokio::join!(close_code(&mut read), feed);
        code
    };
    assert_eq!(fed(&[], &client_frame(0x89, b"p"), 10).await, Some(4008));
    assert_eq!(fed(&client_frame(0x81, &[b'a'; 1_000])[..20], b"a", 50).await, Some(4009));
}

/// xF13: a connection that vanishes frees its place; xF14: what comes after a close frame is ignored.
#[tokio::test(flavor = "multi_thread")]
async fn vanished_connections_are_let_go() {
    let app = TestApp::start().await;
    let mut stream = open(&app).await;
    let late = [client_frame(0x88, &1000_u16.to_be_bytes()), client_frame(0x81, b"not json")].concat();
    stream.write_all(&late).await.unwrap();
    assert_eq!(close_code(&mut stream).await, Some(1000));
    drop(open(&app).await);
    app.eventually("no socket is open", async || {
        let text = app.get("/metrics").send().await.unwrap().text().await.unwrap();
        text.lines().any(|line| line == "yizhan_sockets 0").then_some(())
    })
    .await;
}

/// xG4, xG7, xG11, xG15, xG17, xG20, xG22 through a signed-in visitor.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_their_exact_error_and_the_socket_stays() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let mut stranger = Visitor::arrives(&app, "w2").await;
    let conv = visitor.conv.clone();
    let text = |conv: &serde_json::Value, cid: &str, text: &str| json!({ "conv": conv, "cid": cid, "type": "text", "body": { "text": text } });
    let cases = [
        ("fly", json!({}), "unsupported_op"),
        ("send", text(&stranger.conv, "a", "x"), "not_found"),
        ("send", text(&json!("c_01ARZ3NDEKTSV4RRFFQ69G5FAV"), "a", "x"), "not_found"),
        ("send", text(&conv, "", "x"), "bad_request"),
        ("send", text(&conv, "😀", "x"), "bad_request"),
        ("send", text(&conv, "a", &"字".repeat(4_001)), "too_large"),
        ("send", json!({ "conv": conv, "cid": "a", "type": "html", "body": { "html": "<b>" } }), "unsupported_type"),
        ("send", json!({ "conv": conv, "cid": "a", "type": "text", "body": {} }), "bad_request"),
        ("history", json!({ "conv": conv, "limit": 1_000_000_000 }), "bad_request"),
        ("history", json!({ "conv": stranger.conv, "limit": 10 }), "not_found"),
        ("pull", json!({ "queue": "service" }), "forbidden"),
        ("upload", json!({ "name": "a", "size": 0, "mime": "a/b" }), "media_rejected"),
        ("upload", json!({ "name": "a", "size": 26_214_400, "mime": "a/b" }), "too_large"),
    ];
    for (op, d, code) in cases {
        let error = visitor.socket.request(op, d.clone()).await.unwrap_err();
        assert_eq!(error["code"], code, "{op} {}", d.to_string().chars().take(80).collect::<String>());
    }
    visitor.says("仍然在线").await;
    stranger.says("我也在").await;
}

/// xI3 and xI4 on sockets: the doors are apart, tickets work once, and signing out closes.
#[tokio::test(flavor = "multi_thread")]
async fn tickets_fit_one_door_once_and_end_with_the_sign_in() {
    let app = TestApp::start().await;
    let mut li = Agent::arrive(&app, "li").await;
    let ticket = li.login.ticket(&app).await;
    let enter = async |path: &str, ticket: &str| {
        let mut socket = Socket::open(&app.address(), path, &app.base()).await;
        socket.ask("auth", json!({ "ticket": ticket, "device": "other" })).await;
        socket
    };
    assert_eq!(enter("/ws/visitor", &ticket).await.expect_close().await, 4001);
    assert_eq!(enter("/ws/agent", &ticket).await.expect_close().await, 4001, "it was used up at the wrong door");
    assert_eq!(enter("/ws/agent", "demo.guess").await.expect_close().await, 4001);
    let late = li.login.ticket(&app).await;
    app.let_pass(Duration::from_secs(61));
    assert_eq!(enter("/ws/agent", &late).await.expect_close().await, 4001, "a ticket is good for a minute");
    let resume = li.ready["resume_token"].clone();
    let out = app
        .post("/api/v1/logout", &json!({}))
        .header("Cookie", &li.login.cookie)
        .header("X-CSRF-Token", &li.login.csrf)
        .send()
        .await
        .unwrap();
    assert_eq!(out.status(), 204);
    assert_eq!(li.socket.expect_close().await, 4001);
    let mut socket = Socket::open(&app.address(), "/ws/agent", &app.base()).await;
    socket.ask("resume", json!({ "resume_token": resume, "device": "dev-li", "convs": [] })).await;
    assert_eq!(socket.expect_close().await, 4002);
}
