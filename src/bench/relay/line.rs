//! A sender: a visitor of the gateway, or a client of socket.io. Sends one message and waits until it is accepted.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::site::{PAGE, Site};
use super::{AGENTS, SIZE};
use crate::bench::http::{self, Client};
use crate::bench::parcel::Parcel;
use crate::bench::ws::Ws;

/// What a visitor may send in [`SPAN`]. It is a constant of the gateway.
const BURST: usize = 20;
/// The gateway counts when it reads, this program when it writes: half a second is left between.
const SPAN: Duration = Duration::from_millis(10_500);
/// How the address of socket.io's WebSocket is written.
pub(super) const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// Where its messages go.
#[derive(Debug)]
enum To {
    /// A conversation of the gateway.
    Conversation(String),
    /// A room of socket.io.
    Room(usize),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    ws: Ws,
    to: To,
    sender: u32,
    next: u64,
    request: u64,
    recent: VecDeque<Instant>,
}

/// Loopback addresses in turn, so that ports do not run out.
fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(2 + n % 8).unwrap_or(2))
}

/// A visitor comes to the site, opens the widget and says hello; somebody will take the session. The socket and the
/// conversation.
async fn greeted(site: &Site, n: usize) -> anyhow::Result<(Ws, String)> {
    let mut client = Client::open(site.here, Some(source(n))).await?;
    let wish = json!({ "account": format!("t{}.site", n % site.tenants) });
    let ticket = client.call(&http::json("/api/v1/visitor/ticket", PAGE, "", &wish)).await?;
    let ticket: Value = serde_json::from_slice(&ticket)?;
    let mut ws = Ws::open(site.here, Some(source(n)), "/ws/visitor", PAGE).await?;
    let ticket = ticket.get("ticket").context("no ticket")?;
    ws.request("auth", json!({ "ticket": ticket, "device": format!("v{n}") })).await?;
    let opened = ws.request("open", json!({ "entry": { "page": "/" } })).await?;
    let conv = opened.pointer("/conv/conv").and_then(Value::as_str).context("no conversation")?.to_owned();
    let hello = json!({ "conv": conv, "cid": "hello", "type": "text", "body": { "text": "在吗" } });
    ws.request("send", hello).await?;
    Ok((ws, conv))
}

/// The socket of a visitor who has said hello.
pub(in crate::bench) async fn visitor_socket(site: &Site, n: usize) -> anyhow::Result<Ws> {
    Ok(greeted(site, n).await?.0)
}

impl Line {
    /// A visitor who has said hello.
    pub(super) async fn visitor(site: &Site, sender: u32, n: usize) -> anyhow::Result<Self> {
        let (ws, conv) = greeted(site, n).await?;
        // The numbers of those requests are used up.
        let line = Self { ws, to: To::Conversation(conv), sender, next: 0, request: 1_000, recent: VecDeque::new() };
        Ok(line.has_sent(Instant::now()))
    }

    /// A client of socket.io that writes to one of the receivers.
    pub(super) async fn socket_io(site: &Site, sender: u32, n: usize) -> anyhow::Result<Self> {
        let ws = socket_io(site.here, n).await?;
        Ok(Self { ws, to: To::Room(n % AGENTS), sender, next: 0, request: 0, recent: VecDeque::new() })
    }

    fn has_sent(mut self, at: Instant) -> Self {
        self.recent.push_back(at);
        self
    }

    /// When it may send next.
    pub(super) fn free_at(&mut self, now: Instant) -> Instant {
        if matches!(self.to, To::Room(_)) {
            return now;
        }
        while self.recent.front().is_some_and(|first| *first + SPAN <= now) {
            self.recent.pop_front();
        }
        match self.recent.front() {
            Some(first) if self.recent.len() >= BURST => *first + SPAN,
            _ => now,
        }
    }

    /// Sends its next message and waits until it is accepted. Returns the number.
    pub(super) async fn send(&mut self, intended: Duration) -> anyhow::Result<u64> {
        let (n, request) = (self.next, self.request);
        (self.next, self.request) = (n + 1, request + 1);
        let text = Parcel { sender: self.sender, n, intended }.text(SIZE);
        let (frame, accepted) = match &self.to {
            To::Conversation(conv) => (
                format!(
                    r#"{{"id":{request},"op":"send","d":{{"conv":"{conv}","cid":"c{n}","type":"text","body":{{"text":"{text}"}}}}}}"#
                ),
                format!(r#"{{"id":{request},"ok""#),
            ),
            To::Room(room) => (format!(r#"42{request}["send","{room}","{text}"]"#), format!("43{request}[")),
        };
        if matches!(self.to, To::Conversation(_)) {
            self.recent.push_back(Instant::now());
        }
        self.ws.send(&frame).await?;
        loop {
            let said = self.ws.text().await?;
            if said.starts_with(&accepted) {
                return Ok(n);
            }
            if said.contains(r#""err":"#) {
                bail!("a message was refused: {said}");
            }
            if said == "2" {
                self.ws.send("3").await?;
            }
        }
    }
}

/// Opens a socket of socket.io's protocol, version 5 over Engine.IO 4, and joins the default namespace.
pub(super) async fn socket_io(address: std::net::SocketAddr, n: usize) -> anyhow::Result<Ws> {
    let mut ws = Ws::open(address, Some(source(n)), SOCKET_IO, PAGE).await?;
    expect(&mut ws, "0{").await?;
    ws.send("40").await?;
    expect(&mut ws, "40").await?;
    Ok(ws)
}

/// Waits for a packet.
pub(super) async fn expect(ws: &mut Ws, start: &str) -> anyhow::Result<()> {
    let said = ws.text().await?;
    if said.starts_with(start) { Ok(()) } else { bail!("{said} instead of {start}") }
}
