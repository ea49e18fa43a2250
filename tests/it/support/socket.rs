//! A client of `/ws/agent` and `/ws/visitor` on an independent WebSocket implementation.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(10);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One open socket: requests with replies, pushes in the order in which they came.
pub struct Socket {
    stream: Stream,
    pushes: VecDeque<Value>,
    next_id: u64,
    /// The close code, once the server has closed.
    pub closed: Option<u16>,
}

impl Socket {
    /// Opens a socket and waits for `hello`.
    pub async fn open(address: &str, path: &str, origin: &str) -> Self {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Origin", origin.parse().unwrap());
        headers.insert("Sec-WebSocket-Protocol", "yizhan.v1.json".parse().unwrap());
        let (stream, _response) = connect_async(request).await.expect("the socket opens");
        Self::greeted(stream).await
    }

    /// Opens a socket of a client with little room for what it has not read yet.
    pub async fn narrow(address: &str, path: &str, origin: &str) -> Self {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Origin", origin.parse().unwrap());
        headers.insert("Sec-WebSocket-Protocol", "yizhan.v1.json".parse().unwrap());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.expect("the gateway listens");
        let (stream, _response) = client_async(request, MaybeTlsStream::Plain(stream)).await.expect("the socket opens");
        Self::greeted(stream).await
    }

    async fn greeted(stream: Stream) -> Self {
        let mut socket = Self { stream, pushes: VecDeque::new(), next_id: 1, closed: None };
        let hello = socket.push("hello", |_| true).await;
        assert_eq!(hello["d"]["proto"], 1);
        socket
    }

    /// Sends a frame as it is.
    pub async fn raw(&mut self, text: &str) {
        self.stream.send(Message::text(text.to_owned())).await.expect("the frame leaves");
    }

    /// Sends a request without waiting for the reply; returns its id.
    pub async fn ask(&mut self, op: &str, d: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.raw(&json!({ "id": id, "op": op, "d": d }).to_string()).await;
        id
    }

    /// The reply to a request that was asked.
    pub async fn reply(&mut self, id: u64) -> Result<Value, Value> {
        let frame = self.until(&format!("reply {id}"), |frame| frame["id"] == id).await;
        match frame.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => Err(frame["err"].clone()),
        }
    }

    /// A request and its reply.
    pub async fn request(&mut self, op: &str, d: Value) -> Result<Value, Value> {
        let id = self.ask(op, d).await;
        self.reply(id).await
    }

    /// The next push with this `op` that fits; earlier others stay where they are.
    pub async fn push(&mut self, op: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.pushes.iter().position(|frame| frame["op"] == op && fits(frame));
        if let Some(place) = found {
            return self.pushes.remove(place).expect("it was there");
        }
        self.until(op, |frame| frame["op"] == op && fits(frame)).await
    }

    /// The next frame of any kind that fits.
    pub async fn frame(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        self.until("a frame", fits).await
    }

    /// Reads what has arrived, without waiting; the first push with this `op`, if there is one.
    pub fn arrived(&mut self, op: &str) -> Option<Value> {
        while let Some(Some(frame)) = self.next().now_or_never() {
            self.pushes.push_back(frame);
        }
        let found = self.pushes.iter().position(|frame| frame["op"] == op)?;
        self.pushes.remove(found)
    }

    /// Whether a push with this `op` is waiting already. Does not read.
    pub fn has(&self, op: &str) -> bool {
        self.pushes.iter().any(|frame| frame["op"] == op)
    }

    /// Everything pushed so far with this `op`.
    pub fn seen(&self, op: &str) -> Vec<Value> {
        self.pushes.iter().filter(|frame| frame["op"] == op).cloned().collect()
    }

    async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let frame = self.next().await.unwrap_or_else(|| panic!("closed ({:?}) before {what}", self.closed));
                if fits(&frame) {
                    return frame;
                }
                self.pushes.push_back(frame);
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(frame) => frame,
            Err(_elapsed) => panic!("no {what} within {PATIENCE:?}; waiting: {:?}", self.pushes),
        }
    }

    /// The next frame; `None` once the server has closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Ok(Message::Close(frame)) => {
                    self.closed = frame.map(|frame| u16::from(frame.code));
                    return None;
                }
                Ok(_) => {}
                Err(_broken) => return None,
            }
        }
    }

    /// Reads to the end of the connection; the code, unless it ended without a word.
    pub async fn end(&mut self) -> Option<u16> {
        let all = async { while self.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("the connection ends");
        self.closed
    }

    /// Waits until the server closes; returns the code.
    pub async fn expect_close(&mut self) -> u16 {
        let all = async { while self.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("the server closes");
        self.closed.expect("a close frame with a code")
    }

    /// Ends the connection without a word, as a cable that is pulled.
    pub fn cut(self) {
        drop(self.stream);
    }

    /// Ends the connection properly.
    pub async fn close(mut self) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.stream.close(Some(frame)).await.expect("the close frame leaves");
    }
}
