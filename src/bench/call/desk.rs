//! The two ends of calls: an agent who accepts whatever rings, and visitors who call and see a call through.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::bench::site::Site;
use crate::bench::ws::Ws;
use crate::bench::{agent, visitor};

/// A description such as a browser makes, in size.
const SDP: usize = 2_500;

/// When the agents' devices were told to begin, by call.
#[derive(Debug, Clone, Default)]
pub(super) struct Starts(Arc<Mutex<HashMap<String, Instant>>>);

impl Starts {
    fn note(&self, call: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(call.to_owned(), Instant::now());
    }

    fn take(&self, call: &str) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(call)
    }
}

fn text<'a>(frame: &'a Value, at: &str) -> &'a str {
    frame.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn sdp() -> String {
    "a".repeat(SDP)
}

/// An agent at the console: takes every session, accepts every call.
#[derive(Debug)]
pub(super) struct Agent {
    ws: Ws,
    starts: Starts,
    /// Offers and calls that were taken, and calls that were begun: each may be told twice, by a hint that comes late and
    /// by the sweep before it.
    done: HashSet<String>,
    /// The description that was sent last.
    described: Value,
}

impl Agent {
    pub(super) async fn open(site: &Site, n: usize, starts: Starts) -> anyhow::Result<Self> {
        Ok(Self { ws: agent::socket(site, n).await?, starts, done: HashSet::new(), described: Value::Null })
    }

    /// Does its part of whatever comes, for ever.
    pub(super) async fn serve(mut self) -> anyhow::Result<()> {
        loop {
            let said = self.ws.text().await?;
            let frame: Value = serde_json::from_str(&said)?;
            if text(&frame, "/err/code") == "rate_limited" {
                // Few agents do the work of many here: each reaches what one connection may do, and waits as it is told.
                let after = frame.pointer("/err/after_ms").and_then(Value::as_u64).context("no time to wait for")?;
                sleep(Duration::from_millis(after)).await;
                self.ws.ask("call.desc", self.described.clone()).await?;
                continue;
            }
            ensure!(frame.get("err").is_none(), "an agent was refused: {said}");
            match text(&frame, "/op") {
                "offer" => self.take(&frame).await?,
                "call.ring" if self.first("ring", text(&frame, "/d/call/call_id")) => {
                    let d = json!({ "call_id": text(&frame, "/d/call/call_id"), "media": { "audio": true, "video": false } });
                    self.ws.ask("call.accept", d).await?;
                }
                "call.start" if self.first("start", text(&frame, "/d/call/call_id")) => {
                    let call = text(&frame, "/d/call/call_id");
                    self.starts.note(call);
                    self.described = json!({ "call_id": call, "leg": 1, "n": 1, "type": "offer", "sdp": sdp() });
                    self.ws.ask("call.desc", self.described.clone()).await?;
                }
                "call.desc" => {
                    let d = json!({ "call_id": text(&frame, "/d/call_id"), "leg": 1 });
                    self.ws.ask("call.connected", d).await?;
                }
                _ => {}
            }
        }
    }

    /// Whether this is told for the first time.
    fn first(&mut self, what: &str, id: &str) -> bool {
        self.done.insert(format!("{what} {id}"))
    }

    async fn take(&mut self, frame: &Value) -> anyhow::Result<()> {
        let (assignment, token) = (text(frame, "/d/assignment"), text(frame, "/d/token"));
        if self.first("offer", assignment) {
            self.ws.ask("offer.accept", json!({ "assignment": assignment, "token": token })).await?;
        }
        Ok(())
    }
}

/// When a call came so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    /// Both devices were told to begin.
    pub(super) started: Instant,
    /// The visitor was told that both are connected.
    pub(super) connected: Instant,
}

/// A visitor with an agent.
#[derive(Debug)]
pub(super) struct Visitor {
    ws: Ws,
    starts: Starts,
    /// The agent's name.
    pub(super) agent: String,
}

impl Visitor {
    /// Comes, asks for somebody and waits until an agent has the session.
    pub(super) async fn open(site: &Site, n: usize, starts: Starts) -> anyhow::Result<Self> {
        let mut ws = visitor::greet(site, n).await?.ws;
        loop {
            let frame: Value = serde_json::from_str(&ws.text().await?)?;
            if text(&frame, "/op") == "session" && text(&frame, "/d/state") == "active" {
                let agent = text(&frame, "/d/assignment/agent").to_owned();
                return Ok(Self { ws, starts, agent });
            }
        }
    }

    /// Calls, sees the call through, and hangs up.
    pub(super) async fn call(&mut self) -> anyhow::Result<Moments> {
        let asked = self.ws.ask("call.invite", json!({ "media": { "audio": true, "video": false } })).await?;
        let (mut call, mut own, mut started, mut connected) = (String::new(), None, None, None);
        loop {
            let said = self.ws.text().await?;
            let frame: Value = serde_json::from_str(&said)?;
            if frame.get("err").is_some() {
                bail!("a call was refused: {said}");
            }
            if frame.get("id").and_then(Value::as_u64) == Some(asked) {
                text(&frame, "/ok/call/call_id").clone_into(&mut call);
                continue;
            }
            match text(&frame, "/op") {
                "call.start" => own = Some(Instant::now()),
                "call.desc" => {
                    // The agent's offer follows what it was told: by now both have begun.
                    let theirs = self.starts.take(&call).context("an offer before its start")?;
                    started = own.map(|own: Instant| own.max(theirs));
                    let d = json!({ "call_id": call, "leg": 1, "n": 1, "type": "answer", "sdp": sdp() });
                    self.ws.ask("call.desc", d).await?;
                    self.ws.ask("call.connected", json!({ "call_id": call, "leg": 1 })).await?;
                }
                "call.state" if text(&frame, "/d/call_id") == call => match text(&frame, "/d/state") {
                    "connected" => {
                        connected = Some(Instant::now());
                        self.ws.ask("call.hangup", json!({ "call_id": call })).await?;
                    }
                    "ended" => {
                        let end = text(&frame, "/d/end/reason");
                        ensure!(end == "hangup_contact", "a call ended by itself: {end}");
                        let (started, connected) = started.zip(connected).context("a call ended too early")?;
                        return Ok(Moments { started, connected });
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
}
