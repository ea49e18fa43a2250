//! A program of the tenant's own, that the gateway calls: checks the signature, answers the same to everything, and tells
//! what it was asked.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use yizhan::model::secret::Secret;
use yizhan::robot::webhook::{Signed, SigningKeys};

use crate::support::PATIENCE;

pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub struct Program {
    pub port: u16,
    asked: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Program {
    /// Answers every request with this status and body.
    pub async fn starts(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = mpsc::unbounded_channel();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (head, body) = request(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                let keys = SigningKeys::new(&Secret::new(SECRET.into()), None).unwrap();
                let [id, timestamp, signature] =
                    ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(&head, name));
                let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
                assert!(keys.signed(&signed, body.as_bytes()), "the question is signed: {head}");
                let line = head.lines().next().unwrap_or_default().to_owned();
                drop(tell.send((line, serde_json::from_str(&body).unwrap())));
            }
        });
        Self { port, asked }
    }

    /// The setting with which the gateway may call it.
    pub fn permit(&self) -> String {
        format!("[robot]\nallow_hosts = [\"127.0.0.1:{}\"]\n", self.port)
    }

    /// The next question.
    pub async fn is_asked(&mut self) -> Value {
        self.is_called().await.1
    }

    /// The first line of the next request, and its question.
    pub async fn is_called(&mut self) -> (String, Value) {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        asked.expect("a question in time").expect("a question")
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
