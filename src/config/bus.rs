//! `[bus]`: how events reach other modules, and how their commands come in.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::Url;

use super::reader::Reader;
use crate::model::secret::Secret;

/// How events reach other modules.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Inside this process.
    Local,
    /// A RabbitMQ broker.
    Rabbitmq(Rabbitmq),
}

/// The RabbitMQ broker.
#[derive(Debug, Clone)]
pub struct Rabbitmq {
    /// `amqp://user:password@host:port/vhost`, or `amqps://` for TLS.
    pub url: Secret,
    /// The certificate of the authority that signed the broker's, where the machine does not know it.
    pub ca_file: Option<PathBuf>,
    /// Whether this node takes commands.
    pub commands: bool,
    /// Commands that this node works on at the same time.
    pub prefetch: u16,
    /// Events without a listener that are kept at most; the oldest go first.
    pub unrouted_max: u32,
}

#[derive(Clone, Copy)]
enum Kind {
    Local,
    Rabbitmq,
}

impl Bus {
    pub(super) fn read(r: &Reader<'_>, data: &Path) -> Self {
        match r.choice("kind", &[("local", Kind::Local), ("rabbitmq", Kind::Rabbitmq)]) {
            Some(Kind::Rabbitmq) => Self::Rabbitmq(Rabbitmq::read(r, data)),
            Some(Kind::Local) | None => Self::Local,
        }
    }
}

impl Rabbitmq {
    fn read(r: &Reader<'_>, data: &Path) -> Self {
        let url = r.secret("url");
        match &url {
            Some(url) => check(r, url.expose()),
            None if !r.has("url") => r.problem("url", "is required"),
            None => {}
        }
        Self {
            url: url.unwrap_or_else(|| Secret::new(String::new())),
            ca_file: r.maybe("ca_file", "a file", |text| Some(data.join(text))),
            commands: r.flag("commands", true),
            prefetch: u16::try_from(r.count("prefetch", 64, 1..=1_000)).unwrap_or(64),
            unrouted_max: u32::try_from(r.count("unrouted_max", 100_000, 1_000..=10_000_000)).unwrap_or(100_000),
        }
    }
}

/// Notes what is wrong or risky about a broker's address.
fn check(r: &Reader<'_>, text: &str) {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "amqp" | "amqps") && url.has_host());
    let Some(url) = url else {
        return r.problem("url", "must be amqp://user:password@host:port/vhost, or amqps:// for TLS");
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !here && url.scheme() == "amqp" {
        r.warning("url", "is not encrypted: what customers say crosses the network in the clear; use amqps://");
    }
    if !here && matches!(url.username(), "" | "guest") {
        r.warning(
            "url",
            "names RabbitMQ's default account 'guest', which is only let in from the broker's own machine",
        );
    }
}
