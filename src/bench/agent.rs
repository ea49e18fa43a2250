//! A receiver: an agent at the console, who takes every offer and acknowledges what arrives.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::crowd::{Heard, Receiver};
use super::http::{self, Client};
use super::parcel::Parcel;
use super::site::{PASSWORD, Site};
use super::ws::Ws;

/// How long an agent's page gathers what has arrived before it acknowledges it: as the console does.
const ACK: Duration = Duration::from_millis(120);
/// Frames that may be sent as one.
const ARRAY: usize = 32;

/// A message as it is pushed; what is not read stays unread.
#[derive(Debug, Deserialize)]
struct Push<'a> {
    op: &'a str,
    #[serde(borrow)]
    d: Message<'a>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    conv: &'a str,
    seq: i64,
    #[serde(borrow)]
    body: Body<'a>,
}

#[derive(Debug, Deserialize)]
struct Body<'a> {
    text: &'a str,
}

/// See the module.
#[derive(Debug)]
pub struct Agent {
    ws: Ws,
    /// Of each conversation the highest number that arrived and is not acknowledged.
    arrived: HashMap<String, i64>,
    /// Offers that were taken.
    offers: HashSet<String>,
    /// When what has arrived is to be acknowledged. Means nothing if nothing has.
    due: Instant,
}

/// The socket of an agent who signs in, opens the console and presses ready.
///
/// # Errors
/// The gateway refuses it.
pub async fn socket(site: &Site, n: usize) -> anyhow::Result<Ws> {
    let (origin, mut client) = (site.there.origin(), Client::open(&site.there, None).await?);
    let login =
        json!({ "tenant": format!("t{}", n % site.tenants), "login": format!("agent{n}"), "password": PASSWORD });
    let (head, body) = client.exchange(&http::json("/api/v1/login", &origin, "", &login)).await?;
    let head = String::from_utf8(head.to_vec())?;
    let cookie = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    let body: Value = serde_json::from_slice(&body)?;
    let csrf = body.get("csrf").and_then(Value::as_str).context("no csrf")?;
    let extra = format!("Cookie: {}\r\nX-CSRF-Token: {csrf}\r\n", cookie.context("no cookie")?);
    let ticket = client.call(&http::json("/api/v1/ticket", &origin, &extra, &json!({}))).await?;
    let ticket: Value = serde_json::from_slice(&ticket)?;
    let mut ws = Ws::open(&site.there, None, "/ws/agent", &origin).await?;
    let ticket = ticket.get("ticket").context("no ticket")?;
    ws.request("auth", json!({ "ticket": ticket, "device": format!("a{n}") })).await?;
    ws.request("presence.set", json!({ "status": "ready" })).await?;
    Ok(ws)
}

impl Receiver for Agent {
    async fn hear(&mut self) -> anyhow::Result<Heard> {
        loop {
            let said = tokio::select! {
                said = self.ws.text() => said?,
                () = sleep_until(self.due), if !self.arrived.is_empty() => {
                    self.acknowledge().await?;
                    continue;
                }
            };
            return self.pushed(&said).await;
        }
    }
}

impl Agent {
    /// Comes to the console, ready for work.
    ///
    /// # Errors
    /// As [`socket`].
    pub async fn open(site: &Site, n: usize) -> anyhow::Result<Self> {
        let (arrived, offers) = (HashMap::new(), HashSet::new());
        Ok(Self { ws: socket(site, n).await?, arrived, offers, due: Instant::now() })
    }

    async fn pushed(&mut self, said: &str) -> anyhow::Result<Heard> {
        // Texts of people may have escapes in them, which are no borrowed text; those of a run have none.
        if let Ok(push) = serde_json::from_str::<Push<'_>>(said)
            && push.op == "msg"
        {
            if self.arrived.is_empty() {
                self.due = Instant::now() + ACK;
            }
            match self.arrived.get_mut(push.d.conv) {
                Some(seq) => *seq = push.d.seq.max(*seq),
                None => drop(self.arrived.insert(push.d.conv.to_owned(), push.d.seq)),
            }
            return Ok(Parcel::read(push.d.body.text.as_bytes()).map_or(Heard::Other, Heard::Parcel));
        }
        let frame: Value = serde_json::from_str(said)?;
        ensure!(frame.get("err").is_none(), "an agent was refused: {said}");
        if frame.get("op").and_then(Value::as_str) == Some("offer") {
            let of = |name: &str| frame.pointer(name).cloned().unwrap_or_default();
            let (assignment, token) = (of("/d/assignment"), of("/d/token"));
            // An offer may be told twice, by a hint that comes late and by the sweep before it.
            if self.offers.insert(assignment.to_string()) {
                self.ws.ask("offer.accept", json!({ "assignment": assignment, "token": token })).await?;
            }
        }
        Ok(if frame.pointer("/ok/conv/conv").is_some() { Heard::Taken } else { Heard::Other })
    }

    /// Tells the gateway how far everything has arrived.
    async fn acknowledge(&mut self) -> anyhow::Result<()> {
        let all: Vec<Value> =
            self.arrived.drain().map(|(conv, seq)| json!({ "op": "ack", "d": { "conv": conv, "seq": seq } })).collect();
        for some in all.chunks(ARRAY) {
            self.ws.send(&Value::Array(some.to_vec()).to_string()).await?;
        }
        Ok(())
    }
}
