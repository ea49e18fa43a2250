//! A WebSocket to the gateway on an independent implementation. Knows frames as JSON, no meaning.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Time for each step of opening, and for a frame to leave.
const STEP: Duration = Duration::from_secs(5);
/// Time for a reply that somebody waits for in person.
const REPLY: Duration = Duration::from_secs(25);

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// The other side has closed, with this code; kept for whoever gives up waiting in the middle.
    closed: Option<u16>,
}

/// What comes next on a socket.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Value),
    /// The other side closed, with this code.
    Closed(u16),
    /// The connection is gone without a word.
    Lost,
}

impl Socket {
    /// Connects and upgrades.
    pub async fn open(address: SocketAddr, path: &str, origin: &str) -> anyhow::Result<Self> {
        let stream = tokio::time::timeout(STEP, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
        tokio::time::timeout(STEP, Self::upgrade(stream, address, path, origin, config)).await?
    }

    /// Upgrades a connection.
    pub async fn upgrade(
        stream: TcpStream,
        address: SocketAddr,
        path: &str,
        origin: &str,
        config: WebSocketConfig,
    ) -> anyhow::Result<Self> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        request.headers_mut().insert("Origin", origin.parse()?);
        request.headers_mut().insert("Sec-WebSocket-Protocol", "yizhan.v1.json".parse()?);
        let (stream, _answer) = client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self { stream, closed: None })
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        let sending = self.stream.send(Message::text(frame.to_string()));
        Ok(tokio::time::timeout(STEP, sending).await.context("the frame does not leave")??)
    }

    /// What comes next. Safe to cancel.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(code) = self.closed {
                // The answer to the close leaves, so that the other side sees an orderly end.
                drop(tokio::time::timeout(STEP, self.stream.flush()).await);
                return Next::Closed(code);
            }
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(frame) => return Next::Frame(frame),
                    Err(_no_json) => return Next::Lost,
                },
                Some(Ok(Message::Close(frame))) => {
                    self.closed = Some(frame.map_or(1005, |frame| u16::from(frame.code)));
                }
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => return Next::Lost,
                Some(Err(_broken)) => return Next::Lost,
            }
        }
    }

    /// The reply to the first frame; what is pushed meanwhile, too.
    pub async fn reply(&mut self, id: u64) -> anyhow::Result<(Value, Vec<Value>)> {
        let mut pushed = Vec::new();
        let wait = async {
            loop {
                match self.next().await {
                    Next::Frame(frame) if frame.get("id").and_then(Value::as_u64) == Some(id) => return Ok(frame),
                    Next::Frame(frame) => pushed.push(frame),
                    Next::Closed(code) => anyhow::bail!("closed {code}"),
                    Next::Lost => anyhow::bail!("lost"),
                }
            }
        };
        let frame = tokio::time::timeout(REPLY, wait).await.context("no reply")??;
        Ok((frame, pushed))
    }

    /// Closes in order.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        // Whether it arrives or not, it is over.
        drop(tokio::time::timeout(STEP, self.stream.close(Some(frame))).await);
    }
}
