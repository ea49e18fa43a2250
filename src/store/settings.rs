//! What the store takes from the configuration.

use super::{Backend, Settings};
use crate::config;

impl From<&config::Store> for Settings {
    fn from(configured: &config::Store) -> Self {
        match configured {
            config::Store::Sqlite(sqlite) => Self {
                backend: Backend::Sqlite { path: sqlite.path.clone() },
                readers: sqlite.readers,
                group_max: sqlite.group_commit_max,
            },
            config::Store::Postgres(postgres) => Self {
                backend: Backend::Postgres { url: postgres.url.expose().to_owned() },
                // One connection is the writer's.
                readers: postgres.connections.saturating_sub(1).max(1),
                group_max: postgres.group_commit_max,
            },
        }
    }
}
