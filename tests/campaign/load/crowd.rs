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

/// Openings at a time.
const AT_ONCE: usize = 64;

/// One of many.
#[derive(Debug)]
pub struct Member {
    /// Its socket.
    pub socket: Socket,
    resume: String,
    device: String,
    conv: Option<(String, String, i64)>,
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
    let socket = door.open("/ws/visitor", SITE).await?;
    let (mut socket, ok) = admit(socket, "auth", json!({ "ticket": ticket, "device": device })).await?;
    socket.send(&json!({ "id": 2, "op": "open", "d": {} })).await?;
    let (opened, _) = socket.reply(2).await?;
    let conv = opened.pointer("/ok/conv").context("no conversation")?;
    let at = conv.get("last_seq").and_then(Value::as_i64).unwrap_or(0);
    let conv = text(conv, "conv").zip(text(conv, "epoch")).map(|(conv, epoch)| (conv.to_owned(), epoch.to_owned(), at));
    Ok(Member { socket, resume: text(&ok, "resume_token").unwrap_or_default().to_owned(), device, conv })
}

/// Another device of an agent.
async fn device(world: Arc<World>, door: Door, signed_in: SignedIn, n: usize) -> anyhow::Result<Member> {
    let ticket = world.ticket("crowd", &signed_in).await?;
    let device = format!("crowd-{n}");
    let socket = door.open("/ws/agent", &world.origin()).await?;
    let (socket, ok) = admit(socket, "auth", json!({ "ticket": ticket, "device": device })).await?;
    Ok(Member { socket, resume: text(&ok, "resume_token").unwrap_or_default().to_owned(), device, conv: None })
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
            let attempt = async { admit(door.open("/ws/visitor", SITE).await?, "resume", d).await };
            match tokio::time::timeout(Duration::from_secs(25), attempt).await {
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

    /// Reads to the end of the connection; the close code, if there was one.
    pub async fn ends(mut self, within: Duration) -> anyhow::Result<Option<u16>> {
        let end = async {
            loop {
                match self.socket.next().await {
                    Next::Frame(_) => {}
                    Next::Closed(code) => return Some(code),
                    Next::Lost => return None,
                }
            }
        };
        tokio::time::timeout(within, end).await.context("the connection does not end")
    }
}
