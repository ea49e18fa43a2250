//! `[store]`: where everything durable lives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use super::reader::Reader;
use crate::model::secret::Secret;

/// The store's back end.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file in this process.
    Sqlite(Sqlite),
    /// A PostgreSQL server.
    Postgres(Postgres),
}

/// The SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sqlite {
    /// The database file.
    pub path: PathBuf,
    /// Reading connections.
    pub readers: usize,
    /// Writes that share one commit at most.
    pub group_commit_max: usize,
}

/// The PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `postgres://…`, password included.
    pub url: Secret,
    /// Who may vouch for the server; `None` for the machine's authorities.
    pub ca_file: Option<PathBuf>,
    /// Connections.
    pub connections: usize,
    /// Writes that share one commit at most.
    pub group_commit_max: usize,
    /// Time allowed to connect.
    pub connect_timeout: Duration,
    /// Time allowed for one statement.
    pub statement_timeout: Duration,
    /// Time allowed to wait for a row that somebody else has locked.
    pub lock_timeout: Duration,
    /// Time after which the server ends a transaction in which nothing happens.
    pub idle_in_transaction_timeout: Duration,
    /// Whether a server that may lose what it confirmed is taken.
    pub allow_unsafe: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Store {
    pub(super) fn read(r: &Reader<'_>, data: &Path) -> Self {
        let kind = r.choice("kind", &[("sqlite", Kind::Sqlite), ("postgres", Kind::Postgres)]);
        let group_commit_max = r.count("group_commit_max", 256, 1..=4_096);
        if let Some(Kind::Postgres) = kind {
            return Self::Postgres(Postgres::read(r, data, group_commit_max));
        }
        let path = data.join(r.text("path"));
        if ["/tmp", "/dev/shm", "/run"].iter().any(|volatile| path.starts_with(volatile)) {
            r.warning("path", "is in a place that does not survive a restart of the machine");
        }
        Self::Sqlite(Sqlite { path, readers: r.count("readers", 4, 1..=64), group_commit_max })
    }
}

impl Postgres {
    fn read(r: &Reader<'_>, data: &Path, group_commit_max: usize) -> Self {
        let url = r.secret("url");
        match &url {
            Some(url) if !is_postgres(url.expose()) => {
                r.problem("url", "must be postgres://user:password@host:port/database");
            }
            Some(url) if is_open_to_listeners(url.expose()) => {
                r.warning("url", "goes to another machine without encryption: add ?sslmode=require");
            }
            None if !r.has("url") => r.problem("url", "is required"),
            _ => {}
        }
        let allow_unsafe = r.flag("allow_unsafe", false);
        if allow_unsafe {
            r.warning("allow_unsafe", "takes a server that may lose messages that were confirmed: for tests only");
        }
        Self {
            url: url.unwrap_or_else(|| Secret::new(String::new())),
            ca_file: r.maybe_text("ca_file").filter(|path| !path.is_empty()).map(|path| data.join(path)),
            connections: r.count("connections", 16, 11..=1_000),
            group_commit_max,
            connect_timeout: r.millis("connect_timeout_ms", 1_000, 100..=60_000),
            statement_timeout: r.millis("statement_timeout_ms", 2_000, 100..=60_000),
            lock_timeout: r.millis("lock_timeout_ms", 500, 10..=10_000),
            idle_in_transaction_timeout: r.millis("idle_in_transaction_timeout_ms", 3_000, 500..=60_000),
            allow_unsafe,
        }
    }
}

fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Whether what is sent to one of the servers can be read on the way. What only the driver understands counts as safe here.
fn is_open_to_listeners(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let query = tail.split_once('?').map_or("", |(_, query)| query);
    let is_encrypted =
        url::form_urlencoded::parse(query.as_bytes()).any(|pair| pair == ("sslmode".into(), "require".into()));
    !is_encrypted && !hosts.split(',').all(is_here)
}

/// Whether a `host[:port]` is this machine.
fn is_here(host: &str) -> bool {
    // The folder of a socket of this machine, or none given.
    if host.is_empty() || host.starts_with(':') || host.starts_with("%2F") || host.starts_with("%2f") {
        return true;
    }
    // Of this scheme alone are numbers read as addresses.
    match Url::parse(&format!("http://{host}/")).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_listen_on_the_way_to_a_server_is_known() {
        for here in [
            "postgres://u:p@localhost:5432/d",
            "postgres://127.0.0.1/d",
            "postgres://u@[::1]:5433/d",
            "postgres:///d",
            "postgres://u@%2Frun%2Fpostgresql/d",
            "postgres://u:p%40@localhost,127.0.0.1:5433/d",
            "postgres://u:p@db.example.com/d?connect_timeout=1&sslmode=require",
            "postgres://u:p@a:5432,b:5432/d?sslmode=require",
        ] {
            assert!(!is_open_to_listeners(here), "{here}");
        }
        for open in [
            "postgres://u:p@db.example.com/d",
            "postgres://u:p@10.0.0.20:5432/d?sslmode=prefer",
            "postgres://u:p@a:5432,b:5432/d",
            "postgres://u:p@localhost,b/d",
            "postgres://b",
        ] {
            assert!(is_open_to_listeners(open), "{open}");
        }
    }
}
