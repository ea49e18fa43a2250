//! A connection to an XMPP server: TCP (RFC 6120) or its own WebSocket (RFC 7395). Carries elements, knows none of them.

use std::net::SocketAddr;

use anyhow::bail;
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stanza::{self, Stanza};
use crate::bench::visitor::source;
use crate::bench::ws::Ws;
use crate::bench::{http, site};

/// The host of all accounts.
pub(super) const HOST: &str = "localhost";

/// Where clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Tcp(SocketAddr),
    /// Prosody's address for WebSockets, with the path.
    Ws(SocketAddr, &'static str),
}

/// See the module.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp { stream: TcpStream, read: BytesMut, out: BytesMut },
    Ws(Ws),
}

impl Wire {
    /// Connects as the `n`th. The stream is not opened yet.
    pub(super) async fn open(door: Door, n: usize) -> anyhow::Result<Self> {
        Ok(match door {
            Door::Tcp(address) => {
                let stream = http::connect(address, Some(source(n))).await?;
                Self::Tcp { stream, read: BytesMut::new(), out: BytesMut::new() }
            }
            Door::Ws(address, path) => {
                Self::Ws(Ws::speaking(address, Some(source(n)), path, (site::PAGE, "xmpp")).await?)
            }
        })
    }

    /// Opens the stream, or opens it anew.
    pub(super) fn begin(&mut self) {
        self.put(&match self {
            Self::Tcp { .. } => format!(
                "<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xml:lang='zh' xmlns='jabber:client' \
                 xmlns:stream='http://etherx.jabber.org/streams'>"
            ),
            Self::Ws(_) => {
                format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{HOST}' version='1.0' xml:lang='zh'/>")
            }
        });
    }

    /// Ends the stream in good order.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.put(match &self {
            Self::Tcp { .. } => "</stream:stream>",
            Self::Ws(_) => "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        });
        self.flush().await
    }

    /// Lays an element ready: one, since a frame of a WebSocket holds no more.
    pub(super) fn put(&mut self, element: &str) {
        match self {
            Self::Tcp { out, .. } => out.extend_from_slice(element.as_bytes()),
            Self::Ws(ws) => {
                // No stream around it says which namespace stanzas have.
                let name = ["<message", "<presence", "<iq"].into_iter().find(|name| element.starts_with(name));
                match name.and_then(|name| Some((name, element.strip_prefix(name)?))) {
                    Some((name, rest)) => ws.put(&format!("{name} xmlns='jabber:client'{rest}")),
                    None => ws.put(element),
                }
            }
        }
    }

    /// Sends what lies ready. When the future is dropped, the rest still lies there.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Tcp { stream, out, .. } => {
                while !out.is_empty() {
                    stream.write_buf(out).await?;
                }
                Ok(())
            }
            Self::Ws(ws) => ws.flush().await,
        }
    }

    /// The next element, or the stream's opening. Safe to cancel.
    pub(super) async fn next(&mut self) -> anyhow::Result<Stanza> {
        match self {
            Self::Tcp { stream, read, .. } => loop {
                if let Some(length) = stanza::first(read)? {
                    let piece = Stanza::read(std::str::from_utf8(read.get(..length).unwrap_or_default())?);
                    read.advance(length);
                    return piece;
                }
                if read.is_empty() {
                    // An idle connection keeps nothing.
                    *read = BytesMut::new();
                }
                if stream.read_buf(read).await? == 0 {
                    bail!("the server closed the connection");
                }
            },
            Self::Ws(ws) => {
                let text = ws.text().await?;
                // A frame has exactly one element, and no stream around it.
                match stanza::first(text.as_bytes())? {
                    Some(length) if text.get(length..).is_some_and(|rest| rest.trim().is_empty()) => {
                        Stanza::read(&text)
                    }
                    _ => bail!("not one element in a frame: {text}"),
                }
            }
        }
    }
}
