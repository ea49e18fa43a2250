//! `[store]`: where everything durable lives.

use std::path::{Path, PathBuf};

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
    /// Connections.
    pub connections: usize,
    /// Writes that share one commit at most.
    pub group_commit_max: usize,
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
            r.warning("kind", "PostgreSQL has not been tested in this version: not for production");
            let url = r.secret("url");
            match &url {
                Some(url) if !is_postgres(url.expose()) => r.problem("url", "must be postgres://user@host/database"),
                None if !r.has("url") => r.problem("url", "is required"),
                _ => {}
            }
            let url = url.unwrap_or_else(|| Secret::new(String::new()));
            return Self::Postgres(Postgres {
                url,
                connections: r.count("connections", 16, 2..=1_000),
                group_commit_max,
            });
        }
        let path = data.join(r.text("path"));
        if ["/tmp", "/dev/shm", "/run"].iter().any(|volatile| path.starts_with(volatile)) {
            r.warning("path", "is in a place that does not survive a restart of the machine");
        }
        Self::Sqlite(Sqlite { path, readers: r.count("readers", 4, 1..=64), group_commit_max })
    }
}

fn is_postgres(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host())
}
