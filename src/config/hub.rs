//! `[hub]`: how hints reach other nodes.

use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::reader::Reader;
use crate::model::secret::Secret;

/// How hints reach other nodes.
#[derive(Debug, Clone)]
pub enum Hub {
    /// There is one node.
    Local,
    /// Through Redis.
    Redis(Redis),
    /// Through RabbitMQ.
    Rabbitmq(Rabbitmq),
}

/// A Redis server, or a cluster of them.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS; for a cluster several with spaces between.
    pub url: Secret,
    /// Whether the servers are a Redis Cluster.
    pub cluster: bool,
    /// What every key begins with: gateways with different prefixes can share a server.
    pub prefix: String,
    /// The certificate of the authority that signed the server's, where the machine does not know it.
    pub ca_file: Option<PathBuf>,
}

/// A RabbitMQ server.
#[derive(Debug, Clone)]
pub struct Rabbitmq {
    /// `amqp://user:password@host:port/vhost`, or `amqps://` for TLS.
    pub url: Secret,
    /// What the broker does with a hint before it counts as sent.
    pub durability: Durability,
    /// What every exchange and queue begins with.
    pub prefix: String,
    /// The certificate of the authority that signed the server's, where the machine does not know it.
    pub ca_file: Option<PathBuf>,
}

/// What a broker does with a hint. Nothing depends on it: hints may be lost. It is there to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Keeps it in memory.
    Transient,
    /// Writes it to disk, sooner or later.
    Persistent,
    /// Writes it to disk and says so; the next ones wait for that.
    Confirmed,
}

#[derive(Clone, Copy)]
enum Kind {
    Local,
    Redis,
    Rabbitmq,
}

impl Hub {
    pub(super) fn read(r: &Reader<'_>, data: &Path) -> Self {
        match r.choice("kind", &[("local", Kind::Local), ("redis", Kind::Redis), ("rabbitmq", Kind::Rabbitmq)]) {
            Some(Kind::Redis) => Self::Redis(Redis::read(r, data)),
            Some(Kind::Rabbitmq) => Self::Rabbitmq(Rabbitmq::read(r, data)),
            Some(Kind::Local) | None => Self::Local,
        }
    }
}

impl Redis {
    fn read(r: &Reader<'_>, data: &Path) -> Self {
        let url = address(r, &["redis", "rediss"], "redis://[user:password@]host:port");
        let several = url.expose().split_whitespace().count() > 1;
        Self { cluster: r.flag("cluster", several) || several, prefix: prefix(r), ca_file: ca_file(r, data), url }
    }
}

impl Rabbitmq {
    fn read(r: &Reader<'_>, data: &Path) -> Self {
        let durability = r.choice(
            "durability",
            &[
                ("transient", Durability::Transient),
                ("persistent", Durability::Persistent),
                ("confirmed", Durability::Confirmed),
            ],
        );
        Self {
            url: address(r, &["amqp", "amqps"], "amqp://user:password@host:port/vhost"),
            durability: durability.unwrap_or(Durability::Transient),
            prefix: prefix(r),
            ca_file: ca_file(r, data),
        }
    }
}

fn prefix(r: &Reader<'_>) -> String {
    let prefix = r.maybe("prefix", "1 to 64 letters, digits, '_', '-', '.' or ':'", |text| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        (text.len() <= 64 && text.chars().all(plain)).then(|| text.to_owned())
    });
    prefix.unwrap_or_else(|| "yizhan".to_owned())
}

fn ca_file(r: &Reader<'_>, data: &Path) -> Option<PathBuf> {
    r.maybe("ca_file", "a file", |text| Some(data.join(text)))
}

/// The addresses of a back end's servers, checked: the schemes, and whether a password travels as it should.
fn address(r: &Reader<'_>, schemes: &[&str], expected: &str) -> Secret {
    let secret = r.secret("url");
    if secret.is_none() && !r.has("url") {
        r.problem("url", "is required");
    }
    let secret = secret.unwrap_or_else(|| Secret::new(String::new()));
    for text in secret.expose().split_whitespace() {
        let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
        let Some(url) = url else {
            r.problem("url", format!("must be {expected}"));
            break;
        };
        if is_here(&url) {
            continue;
        }
        if url.password().is_none() {
            r.warning(
                "url",
                "has no password, and the server is on another machine: whoever reaches it reads messages",
            );
        }
        if url.scheme() != schemes.last().copied().unwrap_or_default() {
            r.warning("url", "is without TLS, and the server is on another machine: messages travel in clear");
        }
    }
    secret
}

/// Whether the server is on this machine.
fn is_here(url: &Url) -> bool {
    // A host of a scheme that the parser does not know is kept as text, addresses too.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        _ => host.parse::<std::net::IpAddr>().ok(),
    };
    host == "localhost" || address.is_some_and(|address: std::net::IpAddr| address.is_loopback())
}
