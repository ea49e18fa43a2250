//! The way to other nodes over RabbitMQ: one queue per node behind a direct exchange, and a fanout for what concerns
//! everybody.
//!
//! Who is attached where is kept by nobody but the nodes: each announces its changes under numbers, and tells everything
//! to whoever asks. The broker is taken to be away when nothing comes back from it, not even what this node has said
//! to everybody.

mod link;
mod read;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;

use self::link::Link;
use super::Error;
use super::outage::Outage;
use super::probe::Probe;
use super::remote::Remote;
use crate::config::{self, Durability};
use crate::runtime::Stop;

/// Longest wait for a step of the broker.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the connection to RabbitMQ is of no use any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    /// No answer in time, or nothing heard for too long.
    #[error("no answer in time")]
    Silent,
    /// It refused, or the connection broke.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// It no longer delivers.
    #[error("the queue of this node is gone")]
    Cancelled,
    /// It did not take a message that it was to confirm.
    #[error("a message was refused")]
    Refused,
}

/// What is needed to reach RabbitMQ.
pub(super) struct Settings {
    uri: AMQPUri,
    tls: Option<String>,
    durability: Durability,
    names: Names,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("durability", &self.durability).field("names", &self.names).finish()
    }
}

/// The names of things on the broker.
#[derive(Debug, Clone)]
struct Names {
    /// Routes to the queue of the node that is named.
    direct: String,
    /// Routes to the queues of all nodes.
    everybody: String,
    /// What a queue's name begins with.
    queue: String,
}

impl Names {
    fn below(prefix: &str) -> Self {
        let direct = format!("{prefix}.hub");
        Self { everybody: format!("{direct}.all"), queue: format!("{direct}."), direct }
    }
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// When an address or a certificate cannot be used.
    pub(super) fn of(settings: &config::hub::Rabbitmq) -> Result<Self, Error> {
        let mut uri: AMQPUri = settings.url.expose().parse().map_err(Error::Address)?;
        uri.query.heartbeat = Some(uri.query.heartbeat.unwrap_or(5));
        let unusable = |path: &std::path::Path, error: std::io::Error| Error::Authority {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).map_err(|error| unusable(path, error));
        let tls = settings.ca_file.as_ref().map(read).transpose()?;
        Ok(Self { uri, tls, durability: settings.durability, names: Names::below(&settings.prefix) })
    }

    /// Looks at RabbitMQ.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn probe(&self) -> Result<Probe, String> {
        let connection = link::connect(self, "yizhan doctor").await.map_err(|lost| lost.to_string())?;
        drop(connection.close(200, "looked".into()).await);
        Ok(Probe { about: "RabbitMQ answers".into(), risk: None })
    }

    fn tls(&self) -> OwnedTLSConfig {
        OwnedTLSConfig { identity: None, cert_chain: self.tls.clone() }
    }
}

/// The number of the last change that a node has announced. It goes on over every loss of the broker.
#[derive(Debug)]
struct Number(AtomicU64);

impl Number {
    /// Numbers begin anywhere, so that a part that was started again is not taken for the one before.
    fn new() -> Self {
        Self(AtomicU64::new(u64::from(rand::random::<u32>()) << 16))
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Keeps this node linked until `stop`, then takes its leave.
pub(super) async fn run(remote: &Remote, settings: &Settings, stop: &Stop) {
    let mut waiting = remote.waiting.lock().await;
    let number = Number::new();
    let mut outage = Outage::none("RabbitMQ");
    while !stop.is_cancelled() {
        let lost = match Link::open(remote, settings, &number).await {
            Ok(mut link) => {
                outage.over();
                remote.up();
                let ended = link.serve(&mut waiting, stop).await;
                remote.down(&mut waiting);
                match ended {
                    Ok(()) => return link.leave().await,
                    Err(lost) => lost,
                }
            }
            Err(lost) => lost,
        };
        let wait = outage.goes_on(&lost);
        drop(tokio::time::timeout(wait, stop.cancelled()).await);
    }
}
