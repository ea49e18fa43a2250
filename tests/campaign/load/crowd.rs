//! Thousands of sockets that do one thing: be there, come back, or not read. Their own messages carry no marks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::World;
use super::socket::{Next, Socket};
use super::web::{SignedIn, text};
use crate::system::declare::{Firm, SITE};

/// Time for one try to come back.
const PATIENCE: Duration = Duration::from_secs(25);
/// Openings at a time: to arrive is not the fault.
const AT_ONCE: usize = 16;

/// One of many.
#[derive(Debug)]
pub struct Member {
    /// Its socket.
    pub socket: Socket,
    /// What it was told when it was let in.
    pub state: Value,
    resume: String,
    device: String,
    conv: Option<(String, String, i64)>,
    path: Path,
    origin: String,
}

/// Which face of the gateway.
#[derive(Debug, Clone, Copy)]
enum Path {
    Agent,
    Visitor,
}

impl Path {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "/ws/agent",
            Self::Visitor => "/ws/visitor",
        }
    }
}

/// Where a member connects, and how small the kernel's buffer for what it does not read is.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// The gateway or what stands before it.
    pub address: SocketAddr,
    /// Bytes; as usual when absent.
    pub receive: Option<u32>,
}

impl Door {
    async fn open(self, path: &str, origin: &str) -> anyhow::Result<Socket> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = tokio::time::timeout(Duration::from_secs(20), socket.connect(self.address)).await??;
        let config = WebSocketConfig::default().read_buffer_size(2 << 10).write_buffer_size(0);
        Socket::upgrade(stream, self.address, path, origin, config).await
    }
}

async fn admit(mut socket: Socket, op: &str, d: Value) -> anyhow::Result<(Socket, Value)> {
    socket.send(&json!({ "id": 1, "op": op, "d": d })).await?;
    let (mut reply, _) = socket.reply(1).await?;
    let ok = reply.get_mut("ok").map(Value::take).with_context(|| format!("{op}: {reply}"))?;
    Ok((socket, ok))
}

/// A visitor with an open conversation.
async fn visitor(world: Arc<World>, door: Door, firm: Firm, n: usize) -> anyhow::Result<Member> {
    let (ticket, _) = world.visit("crowd", &firm, None).await?;
    let device = format!("crowd-{n}");
    let socket = door.open(Path::Visitor.as_str(), SITE).await?;
    let (mut socket, ok) = admit(socket, "auth", json!({ "ticket": ticket, "device": device })).await?;
    socket.send(&json!({ "id": 2, "op": "open", "d": {} })).await?;
    let (opened, _) = socket.reply(2).await?;
    let conv = opened.pointer("/ok/conv").with_context(|| format!("no conversation: {opened}"))?;
    let at = conv.get("last_seq").and_then(Value::as_i64).unwrap_or(0);
    let conv = text(conv, "conv").zip(text(conv, "epoch")).map(|(conv, epoch)| (conv.to_owned(), epoch.to_owned(), at));
    let (resume, path) = (text(&ok, "resume_token").unwrap_or_default().to_owned(), Path::Visitor);
    Ok(Member { socket, state: Value::Null, resume, device, conv, path, origin: SITE.to_owned() })
}

/// Another device of an agent.
async fn device(world: Arc<World>, door: Door, signed_in: SignedIn, n: usize) -> anyhow::Result<Member> {
    let ticket = world.ticket("crowd", &signed_in).await?;
    let device = format!("crowd-{n}");
    let socket = door.open(Path::Agent.as_str(), &world.origin()).await?;
    let (socket, mut ok) = admit(socket, "auth", json!({ "ticket": ticket, "device": device })).await?;
    let (resume, path) = (text(&ok, "resume_token").unwrap_or_default().to_owned(), Path::Agent);
    let state = ok.get_mut("state").map(Value::take).unwrap_or_default();
    Ok(Member { socket, state, resume, device, conv: None, path, origin: world.origin() })
}

/// So many visitors of a tenant.
pub async fn visitors(world: &Arc<World>, door: Door, firm: Firm, count: usize) -> anyhow::Result<Vec<Member>> {
    let all = stream::iter(0..count).map(|n| visitor(Arc::clone(world), door, firm, n));
    let all: Vec<_> = all.buffer_unordered(AT_ONCE).collect().await;
    all.into_iter().collect()
}

/// So many devices of one agent.
pub async fn devices(
    world: &Arc<World>,
    door: Door,
    firm: Firm,
    login: &str,
    count: usize,
) -> anyhow::Result<Vec<Member>> {
    let signed_in = world.sign_in("crowd", &firm, login).await?;
    let all = stream::iter(0..count).map(|n| device(Arc::clone(world), door, signed_in.clone(), n));
    let all: Vec<_> = all.buffer_unordered(AT_ONCE).collect().await;
    all.into_iter().collect()
}

impl Member {
    /// Comes back after its socket was lost, until it is let in; how long that took.
    pub async fn resumes(mut self, door: Door, lost: Instant, within: Duration) -> anyhow::Result<(Self, Duration)> {
        let convs: Vec<_> = self.conv.iter().map(|(c, e, s)| json!({ "conv": c, "epoch": e, "seq": s })).collect();
        loop {
            let d = json!({ "resume_token": self.resume, "device": self.device, "convs": convs });
            let attempt = async { admit(door.open(self.path.as_str(), &self.origin).await?, "resume", d).await };
            match tokio::time::timeout(PATIENCE, attempt).await {
                Ok(Ok((socket, ok))) => {
                    text(&ok, "resume_token").unwrap_or_default().clone_into(&mut self.resume);
                    let complete = ok.get("convs").and_then(Value::as_array).is_none_or(|all| {
                        all.iter().all(|one| one.get("recovered").and_then(Value::as_bool) == Some(true))
                    });
                    anyhow::ensure!(complete, "{} was not recovered", self.device);
                    return Ok((Self { socket, ..self }, lost.elapsed()));
                }
                Ok(Err(error)) if lost.elapsed() > within => return Err(error),
                Err(_elapsed) if lost.elapsed() > within => anyhow::bail!("no answer"),
                _ => tokio::time::sleep(Duration::from_millis(rand::random_range(200..900))).await,
            }
        }
    }

    /// Comes back somewhere else although its socket stands. The socket that it leaves, and itself.
    pub async fn moves(self, door: Door) -> anyhow::Result<(Socket, Self)> {
        let d = json!({ "resume_token": self.resume, "device": self.device, "convs": [] });
        let opening = door.open(self.path.as_str(), &self.origin);
        let socket = tokio::time::timeout(PATIENCE, opening).await??;
        let (socket, ok) = admit(socket, "resume", d).await?;
        let resume = text(&ok, "resume_token").unwrap_or_default().to_owned();
        let Self { socket: left, state, device, conv, path, origin, .. } = self;
        Ok((left, Self { socket, state, resume, device, conv, path, origin }))
    }

    /// Whether its socket still answers.
    pub async fn is_alive(&mut self) -> bool {
        let asked = self.socket.send(&json!({ "id": 9, "op": "sync", "d": { "convs": [] } })).await;
        asked.is_ok() && self.socket.reply(9).await.is_ok()
    }

    /// Reads to the end of the connection; the close code, if there was one.
    pub async fn ends(self, within: Duration) -> anyhow::Result<Option<u16>> {
        ends(self.socket, within).await
    }
}

/// Reads to the end of a connection; the close code, if there was one.
pub async fn ends(mut socket: Socket, within: Duration) -> anyhow::Result<Option<u16>> {
    let end = async {
        loop {
            match socket.next().await {
                Next::Frame(_) => {}
                Next::Closed(code) => return Some(code),
                Next::Lost => return None,
            }
        }
    };
    tokio::time::timeout(within, end).await.context("the connection does not end")
}
