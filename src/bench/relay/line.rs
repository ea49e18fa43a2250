//! A client of socket.io that sends one message and waits until it is accepted; and whoever else sends here.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use super::SIZE;
use crate::bench::crowd::{AGENTS, Sender};
use crate::bench::parcel::Parcel;
use crate::bench::site::{PAGE, Site};
use crate::bench::stream::Target;
use crate::bench::visitor::{Visitor, source};
use crate::bench::ws::Ws;

/// How the address of socket.io's WebSocket is written.
pub(super) const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// Who sends.
#[derive(Debug)]
pub(super) enum Line {
    /// A visitor of the gateway.
    Visitor(Visitor),
    /// A client of socket.io.
    Member(Member),
}

impl Sender for Line {
    fn free_at(&mut self, now: Instant) -> Instant {
        match self {
            Self::Visitor(visitor) => visitor.free_at(now),
            Self::Member(_) => now,
        }
    }

    async fn send(&mut self, intended: Duration) -> anyhow::Result<u64> {
        match self {
            Self::Visitor(visitor) => visitor.send(intended).await,
            Self::Member(member) => member.send(intended).await,
        }
    }
}

/// A client of socket.io that writes to one of the receivers.
#[derive(Debug)]
pub(super) struct Member {
    ws: Ws,
    room: usize,
    sender: u32,
    next: u64,
}

impl Member {
    pub(super) async fn open(site: &Site, n: usize, sender: u32) -> anyhow::Result<Self> {
        Ok(Self { ws: socket_io(&site.here, n).await?, room: n % AGENTS, sender, next: 0 })
    }

    async fn send(&mut self, intended: Duration) -> anyhow::Result<u64> {
        let n = self.next;
        self.next += 1;
        let text = Parcel { sender: self.sender, n, intended }.text(SIZE);
        let room = self.room;
        self.ws.send(&format!(r#"42{n}["send","{room}","{text}"]"#)).await?;
        let accepted = format!("43{n}[");
        loop {
            let said = self.ws.text().await?;
            if said.starts_with(&accepted) {
                return Ok(n);
            }
            if said == "2" {
                self.ws.send("3").await?;
            }
        }
    }
}

/// Opens a socket of socket.io's protocol, version 5 over Engine.IO 4, and joins the default namespace.
pub(super) async fn socket_io(target: &Target, n: usize) -> anyhow::Result<Ws> {
    let mut ws = Ws::open(target, Some(source(n)), SOCKET_IO, PAGE).await?;
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
