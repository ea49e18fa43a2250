//! An HTTP client that costs next to nothing: prepared bytes out, status and body in, one connection kept.

use std::net::Ipv4Addr;

use anyhow::{Context as _, bail};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::{Stream, Target};

/// A kept connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    buffer: BytesMut,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn open(target: &Target, from: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        Ok(Self { stream: target.connect(from).await?, buffer: BytesMut::with_capacity(4096) })
    }

    /// Sends a request and returns the body of an answer of 200.
    ///
    /// # Errors
    /// Any other answer, or none. Dropping the future leaves the connection unusable.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<Bytes> {
        Ok(self.exchange(request).await?.1)
    }

    /// Sends a request and returns head and body of an answer of 200.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(Bytes, Bytes)> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let (head, length) = loop {
            if let Some(found) = self.head()? {
                break found;
            }
            self.fill().await?;
        };
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok((head, self.buffer.split_to(length).freeze()))
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// The head once it is complete, and the length of the body.
    fn head(&mut self) -> anyhow::Result<Option<(Bytes, usize)>> {
        let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = self.buffer.split_to(end).freeze();
        self.buffer.advance(4);
        if !head.starts_with(b"HTTP/1.1 200") {
            bail!("another answer: {}", String::from_utf8_lossy(&head));
        }
        let text = std::str::from_utf8(&head)?;
        let length = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.context("an answer without a length")??;
        Ok(Some((head, length)))
    }
}

/// A JSON request of a page at `origin`.
#[must_use]
pub fn json(path: &str, origin: &str, extra: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: gateway\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n{extra}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
