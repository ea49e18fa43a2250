//! `[http]`: the listening side.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::reader::Reader;

/// Settings of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Address and port to listen on.
    pub bind: SocketAddr,
    /// Scheme, host and port as browsers and WeChat see them, without a slash at the end.
    pub public_url: String,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Worker threads; `None` for the number of cores.
    pub workers: Option<usize>,
    /// Connections per worker at most.
    pub max_connections: usize,
    /// Largest body of a callback or JSON request, bytes.
    pub body_bytes: usize,
    /// Time allowed for a request's head.
    pub head_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// A third of the visitors' tickets that one network address gets per minute.
    pub logins_per_minute: u32,
    /// Life of an agent's sign-in.
    pub sign_in: Duration,
}

impl Http {
    /// Whether cookies can be marked `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    pub(super) fn read(r: &Reader<'_>) -> Self {
        let bind = r
            .parsed("bind", "an address and a port, like 0.0.0.0:8080", |text| text.parse().ok())
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url = r.maybe("public_url", "http(s)://host[:port] and nothing more", origin);
        let workers = r.count("workers", 0, 0..=1024);
        let this = Self {
            bind,
            public_url: public_url.unwrap_or_else(|| format!("http://{bind}")),
            trusted_proxies: r.list("trusted_proxies", "an IP address", |text| text.parse().ok()),
            workers: (workers > 0).then_some(workers),
            max_connections: r.count("max_connections", 25_000, 1..=1_000_000),
            body_bytes: r.count("body_bytes", 65_536, 1_024..=1_048_576),
            head_timeout: r.millis("head_timeout_ms", 5_000, 100..=60_000),
            keep_alive: r.seconds("keep_alive_s", 75, 1..=3_600),
            logins_per_minute: u32::try_from(r.int("logins_per_minute", 20, 1..=10_000)).unwrap_or(20),
            sign_in: r.seconds("sign_in_s", 43_200, 60..=2_592_000),
        };
        this.warn(r);
        this
    }

    fn warn(&self, r: &Reader<'_>) {
        let public_host = Url::parse(&self.public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let local = public_host.is_some_and(|host| matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]"));
        if !self.is_https() && !local {
            r.warning("public_url", "is not https: passwords and cookies travel in clear");
        }
        if self.bind.ip().is_unspecified() && self.trusted_proxies.is_empty() && self.is_https() {
            r.warning("trusted_proxies", "is empty behind an https address: limits per IP will see only the proxy");
        }
    }
}

/// Scheme, host and port of a URL that has nothing else.
pub(super) fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let http = matches!(url.scheme(), "http" | "https");
    (bare && anonymous && http).then(|| url.origin().ascii_serialization())
}
