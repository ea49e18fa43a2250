//! A connection to an XMPP server: TCP (RFC 6120) or its own WebSocket (RFC 7395). Carries elements, knows none of them.

use anyhow::bail;
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stanza::{self, Stanza};
use crate::bench::site;
use crate::bench::stream::{Stream, Target};
use crate::bench::visitor::source;
use crate::bench::ws::Ws;

/// The host of all accounts.
pub(super) const HOST: &str = "localhost";

/// Where clients come in.
#[derive(Debug, Clone)]
pub(super) enum Door {
    Tcp(Target),
    /// Prosody's address for WebSockets, with the path.
    Ws(Target, &'static str),
}

/// See the module.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp { stream: Stream, read: BytesMut, out: BytesMut },
    Ws(Ws),
}

impl Wire {
    /// Connects as the `n`th. The stream is not opened yet.
    pub(super) async fn open(door: &Door, n: usize) -> anyhow::Result<Self> {
        Ok(match door {
            Door::Tcp(target) => {
                let stream = target.connect(Some(source(n))).await?;
                Self::Tcp { stream, read: BytesMut::new(), out: BytesMut::new() }
            }
            Door::Ws(target, path) => {
                Self::Ws(Ws::speaking(target, Some(source(n)), path, (site::PAGE, "xmpp")).await?)
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
                Ok(stream.flush().await?)
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::bench::certificate::Certificates;
    use crate::bench::process::Folder;
    use crate::bench::stream::tests::echo;

    #[tokio::test]
    async fn a_flush_that_is_cancelled_again_and_again_loses_and_doubles_nothing() {
        let folder = Folder::new(&std::env::temp_dir(), "yizhan-bench-wire").unwrap();
        let certificates = Certificates::make(folder.path()).unwrap();
        let element = |n: u32| format!("<message id='{n:04}'><body>{}</body></message>", "x".repeat(8_000));
        let count: u32 = 1_000;
        let bytes = element(0).len() * usize::try_from(count).unwrap();
        let door = Door::Tcp(certificates.target(echo(&certificates, bytes).await));
        let mut wire = Wire::open(&door, 0).await.unwrap();
        let mut cancelled = 0;
        for n in 0..count {
            wire.put(&element(n));
            match wire.flush().now_or_never() {
                Some(flushed) => flushed.unwrap(),
                None => cancelled += 1,
            }
        }
        // The server has not had a turn: not everything can have gone out.
        assert!(cancelled > 0);
        while wire.flush().now_or_never().is_none() {
            tokio::task::yield_now().await;
        }
        for n in 0..count {
            assert_eq!(wire.next().await.unwrap().id, Some(format!("{n:04}")));
        }
    }
}
