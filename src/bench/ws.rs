//! A WebSocket client that keeps next to nothing while it is idle.

use std::net::Ipv4Addr;

use anyhow::{bail, ensure};
use bytes::{Buf, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::{Stream, Target};

/// An open socket.
#[derive(Debug)]
pub struct Ws {
    stream: Stream,
    buffer: BytesMut,
    /// What is not written yet.
    out: BytesMut,
    next_id: u64,
}

/// A masked frame. The mask is zero: it protects proxies, and there are none here.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

impl Ws {
    /// Connects and upgrades.
    ///
    /// # Errors
    /// Nobody listens, or the upgrade is refused.
    pub async fn open(target: &Target, from: Option<Ipv4Addr>, path: &str, origin: &str) -> anyhow::Result<Self> {
        Ok(Self::upgrade(target, from, path, (origin, "yizhan.v1.json")).await?.0)
    }

    /// Connects and upgrades to a sub-protocol, which the server has to choose.
    ///
    /// # Errors
    /// As [`Ws::open`], or the server chose another.
    pub async fn speaking(
        target: &Target,
        from: Option<Ipv4Addr>,
        path: &str,
        (origin, protocol): (&str, &str),
    ) -> anyhow::Result<Self> {
        let (ws, head) = Self::upgrade(target, from, path, (origin, protocol)).await?;
        let chosen = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-protocol").then(|| value.trim())
        });
        ensure!(chosen == Some(protocol), "the server does not speak {protocol}: {head}");
        Ok(ws)
    }

    async fn upgrade(
        target: &Target,
        from: Option<Ipv4Addr>,
        path: &str,
        (origin, protocol): (&str, &str),
    ) -> anyhow::Result<(Self, String)> {
        let mut stream = target.connect(from).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: gateway\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut buffer = BytesMut::with_capacity(512);
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                bail!("closed instead of upgraded");
            }
            let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(buffer.split_to(end).to_vec())?;
            ensure!(head.starts_with("HTTP/1.1 101"), "not upgraded: {head}");
            buffer.advance(4);
            return Ok((Self { stream, buffer, out: BytesMut::new(), next_id: 1 }, head));
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// As [`Ws::flush`].
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.put(text);
        self.flush().await
    }

    /// Lays a text ready to be sent by [`Ws::flush`].
    pub fn put(&mut self, text: &str) {
        self.out.extend_from_slice(&frame(1, text.as_bytes()));
    }

    /// Sends what lies ready. When the future is dropped, the rest still lies there.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        while !self.out.is_empty() {
            self.stream.write_buf(&mut self.out).await?;
        }
        self.stream.flush().await?;
        // An idle socket keeps nothing.
        self.out = BytesMut::new();
        Ok(())
    }

    /// Sends a request; returns its id.
    ///
    /// # Errors
    /// As [`Ws::send`].
    pub async fn ask(&mut self, op: &str, d: Value) -> anyhow::Result<u64> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "id": id, "op": op, "d": d }).to_string()).await?;
        Ok(id)
    }

    /// A request and its reply; what comes in between is dropped.
    ///
    /// # Errors
    /// It was refused, or the connection is gone.
    pub async fn request(&mut self, op: &str, d: Value) -> anyhow::Result<Value> {
        let id = self.ask(op, d).await?;
        loop {
            let mut answer: Value = serde_json::from_str(&self.text().await?)?;
            if answer.get("id").and_then(Value::as_u64) == Some(id) {
                return match answer.get_mut("ok") {
                    Some(ok) => Ok(ok.take()),
                    None => bail!("{op}: {answer}"),
                };
            }
        }
    }

    /// The next text. Safe to cancel.
    ///
    /// # Errors
    /// The server closed the socket, or the connection is gone.
    pub async fn text(&mut self) -> anyhow::Result<String> {
        loop {
            // Also what somebody wrote who was cancelled, and lies in the connection.
            self.flush().await?;
            match self.take() {
                Some((0x81, payload)) => return Ok(String::from_utf8(payload)?),
                Some((0x89, payload)) => self.out.extend_from_slice(&frame(10, &payload)),
                Some((0x88, payload)) => bail!("closed by the server: {payload:?}"),
                Some((0x8a, _)) => {}
                Some((other, _)) => bail!("a frame that begins with {other:#04x}: neither text nor in one piece"),
                None => {
                    if self.buffer.is_empty() {
                        self.buffer = BytesMut::new();
                    }
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("the connection is gone");
                    }
                }
            }
        }
    }

    /// A complete frame of the buffer: its first byte and what it carries.
    fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.buffer.first()?, *self.buffer.get(1)?);
        let (head, length) = match second & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let payload = self.buffer.get(head..head + length)?.to_vec();
        self.buffer.advance(head + length);
        Some((first, payload))
    }
}
