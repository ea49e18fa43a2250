//! A sender: a visitor of the gateway, within the limit that visitors have.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::crowd::Sender;
use super::http::{self, Client};
use super::measure::number;
use super::parcel::Parcel;
use super::site::{PAGE, Site};
use super::ws::Ws;

/// What a visitor may send in [`SPAN`]. It is a constant of the gateway.
const BURST: usize = 20;
/// The gateway counts when it reads, this program when it writes: half a second is left between.
const SPAN: Duration = Duration::from_millis(10_500);

/// A visitor with a conversation.
#[derive(Debug)]
pub struct Visitor {
    ws: Ws,
    conv: String,
    manner: Manner,
    sender: u32,
    next: u64,
    request: u64,
    recent: VecDeque<Instant>,
}

/// How a visitor writes.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Bytes of a message.
    pub size: usize,
    /// Whether it waits until a message is accepted.
    pub waits: bool,
}

/// Messages per second that so many visitors may send for ever, less a tenth.
#[must_use]
pub fn limit(visitors: usize) -> f64 {
    number(visitors * BURST) / SPAN.as_secs_f64() * 0.9
}

/// Loopback addresses in turn, so that ports do not run out.
#[must_use]
pub fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(2 + n % 8).unwrap_or(2))
}

/// A visitor who has opened the widget.
#[derive(Debug)]
pub struct Arrival {
    /// The socket.
    pub ws: Ws,
    /// The conversation.
    pub conv: String,
    /// With what it may come back.
    pub token: String,
}

fn device(n: usize) -> String {
    format!("v{n}")
}

/// The `n`th visitor comes to the site and opens the widget, and says nothing yet.
///
/// # Errors
/// The gateway refuses it.
pub async fn arrive(site: &Site, n: usize) -> anyhow::Result<Arrival> {
    let mut client = Client::open(&site.here, Some(source(n))).await?;
    let wish = json!({ "account": format!("t{}.site", n % site.tenants) });
    let ticket = client.call(&http::json("/api/v1/visitor/ticket", PAGE, "", &wish)).await?;
    let ticket: Value = serde_json::from_slice(&ticket)?;
    let mut ws = Ws::open(&site.here, Some(source(n)), "/ws/visitor", PAGE).await?;
    let ticket = ticket.get("ticket").context("no ticket")?;
    let welcome = ws.request("auth", json!({ "ticket": ticket, "device": device(n) })).await?;
    let opened = ws.request("open", json!({ "entry": { "page": "/" } })).await?;
    let of = |value: Option<&Value>| value.and_then(Value::as_str).map(ToOwned::to_owned);
    let conv = of(opened.pointer("/conv/conv")).context("no conversation")?;
    let token = of(welcome.get("resume_token")).context("no token to resume with")?;
    Ok(Arrival { ws, conv, token })
}

/// A visitor whose connection was cut comes back.
///
/// # Errors
/// The gateway refuses it.
pub async fn resume(site: &Site, n: usize, token: &str) -> anyhow::Result<Ws> {
    let mut ws = Ws::open(&site.here, Some(source(n)), "/ws/visitor", PAGE).await?;
    ws.request("resume", json!({ "resume_token": token, "device": device(n), "convs": [] })).await?;
    Ok(ws)
}

/// As [`arrive`], and the visitor says hello; somebody will take the session.
///
/// # Errors
/// As [`arrive`].
pub async fn greet(site: &Site, n: usize) -> anyhow::Result<Arrival> {
    let mut arrival = arrive(site, n).await?;
    let hello = json!({ "conv": arrival.conv, "cid": "hello", "type": "text", "body": { "text": "在吗" } });
    arrival.ws.request("send", hello).await?;
    Ok(arrival)
}

impl Visitor {
    /// A visitor who has said hello, and writes under a number.
    ///
    /// # Errors
    /// As [`arrive`].
    pub async fn open(site: &Site, n: usize, sender: u32, manner: Manner) -> anyhow::Result<Self> {
        let Arrival { ws, conv, .. } = greet(site, n).await?;
        // The numbers of those requests are used up.
        Ok(Self { ws, conv, manner, sender, next: 0, request: 1_000, recent: VecDeque::from([Instant::now()]) })
    }

    /// Reads what has come without being waited for.
    fn look(&mut self) -> anyhow::Result<()> {
        while let Some(said) = self.ws.text().now_or_never() {
            refused(&said?)?;
        }
        Ok(())
    }
}

fn refused(said: &str) -> anyhow::Result<()> {
    if said.contains(r#""err":"#) {
        bail!("a message was refused: {said}");
    }
    Ok(())
}

impl Sender for Visitor {
    fn free_at(&mut self, now: Instant) -> Instant {
        while self.recent.front().is_some_and(|first| *first + SPAN <= now) {
            self.recent.pop_front();
        }
        match self.recent.front() {
            Some(first) if self.recent.len() >= BURST => *first + SPAN,
            _ => now,
        }
    }

    async fn send(&mut self, intended: Duration) -> anyhow::Result<u64> {
        let (n, request) = (self.next, self.request);
        (self.next, self.request) = (n + 1, request + 1);
        let Manner { size, waits } = self.manner;
        let text = Parcel { sender: self.sender, n, intended }.text(size);
        // What has no number is not answered when it is accepted.
        let id = if waits { format!(r#""id":{request},"#) } else { String::new() };
        let conv = &self.conv;
        let frame = format!(
            r#"{{{id}"op":"send","d":{{"conv":"{conv}","cid":"c{n}","type":"text","body":{{"text":"{text}"}}}}}}"#
        );
        self.recent.push_back(Instant::now());
        self.ws.send(&frame).await?;
        if !waits {
            self.look()?;
            return Ok(n);
        }
        let accepted = format!(r#"{{"id":{request},"ok""#);
        loop {
            let said = self.ws.text().await?;
            if said.starts_with(&accepted) {
                return Ok(n);
            }
            refused(&said)?;
        }
    }
}
