//! HTTP by hand: requests that no decent client would send, and every byte of the answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::PATIENCE;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the gateway listens"), buffer: Vec::new() }
    }

    /// Connects from a loopback address of its own.
    pub async fn open_from(source: &str, address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.expect("the gateway listens");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes as they are. `false` when the other side does not take them any more.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Answer {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("an answer in time")
    }

    /// The next answer; `None` when the other side is gone instead.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let whole = async {
            while !self.buffer.windows(4).any(|four| four == b"\r\n\r\n") {
                if !self.fill().await {
                    return None;
                }
            }
            Some(self.read_answer().await)
        };
        tokio::time::timeout(PATIENCE, whole).await.expect("an answer in time")
    }

    /// The next answer to a request whose answers have no body, such as HEAD.
    pub async fn head(&mut self) -> Answer {
        let head = async { parse_head(&self.read_head().await) };
        tokio::time::timeout(PATIENCE, head).await.expect("an answer in time")
    }

    /// Waits until the other side has closed; returns what still came.
    pub async fn closes(&mut self) -> Vec<u8> {
        let end = async { while self.fill().await {} };
        tokio::time::timeout(PATIENCE, end).await.expect("the other side closes");
        std::mem::take(&mut self.buffer)
    }

    /// Reads more; `false` at the end.
    async fn fill(&mut self) -> bool {
        let mut chunk = vec![0; 16 * 1024];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                true
            }
        }
    }

    async fn read_head(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return self.buffer.drain(..end + 4).collect();
            }
            assert!(self.fill().await, "closed without an answer; got {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    async fn read_answer(&mut self) -> Answer {
        let head = self.read_head().await;
        let mut answer = parse_head(&head);
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        assert!(answer.header("transfer-encoding").is_none(), "answers here are short: {answer:?}");
        let Some(length) = length else {
            if answer.header("connection") == Some("close") {
                while self.fill().await {}
                answer.body = std::mem::take(&mut self.buffer);
            }
            return answer;
        };
        while self.buffer.len() < length {
            assert!(self.fill().await, "closed inside a body");
        }
        answer.body = self.buffer.drain(..length).collect();
        answer
    }
}

fn parse_head(head: &[u8]) -> Answer {
    let head = std::str::from_utf8(head).expect("heads are ASCII");
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(':').expect("a header"));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Answer { status, headers, body: Vec::new() }
}

/// One request on a connection of its own.
pub async fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut connection = Connection::open(address).await;
    connection.write(request).await;
    connection.answer().await
}

/// Writes a request with a body.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let host = if headers.iter().any(|(name, _)| *name == "Host") { "" } else { "Host: gateway\r\n" };
    let mut head = format!("{method} {target} HTTP/1.1\r\n{host}");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
