//! Bad input and the exact answer to it (the catalogue's groups E to J), over real connections.

#![cfg(test)]

mod access;
mod echo;
mod frame;
mod handshake;
mod header;
mod slow;
mod upload;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, TestApp};

/// An answer as it came over the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("a problem");
        assert!(self.head.contains("application/problem+json"), "{}", self.head);
        assert_eq!(problem["status"], self.status);
        assert!(problem["request_id"].as_str().is_some_and(|id| id.len() == 16), "{problem}");
        problem["code"].as_str().expect("a code").to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Connects and sends bytes as they are.
async fn connect(app: &TestApp, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
    stream.write_all(bytes).await.expect("the bytes leave");
    stream
}

/// Reads one answer with its body.
async fn answer(stream: &mut TcpStream) -> Answer {
    let read = async {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .and_then(|n| n.trim().parse::<usize>().ok())
                });
                if body.len() >= length.unwrap_or(0) {
                    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
                    return Answer { status, head: head.to_owned(), body: body.to_owned() };
                }
            }
            let mut chunk = [0; 4096];
            let got = stream.read(&mut chunk).await.expect("readable");
            assert!(got > 0, "closed after {text:?}");
            bytes.extend_from_slice(&chunk[..got]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer in time")
}

/// Sends a request as it is and reads the answer.
async fn raw(app: &TestApp, request: &str) -> Answer {
    answer(&mut connect(app, request.as_bytes()).await).await
}
