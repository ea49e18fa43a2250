//! What the store takes from the configuration.

use super::lane::LANES;
use super::{Address, Backend, Patience, Settings};
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
                backend: Backend::Postgres(Box::new(Address {
                    url: postgres.url.clone(),
                    ca_file: postgres.ca_file.clone(),
                    patience: Patience {
                        connect: postgres.connect_timeout,
                        statement: postgres.statement_timeout,
                        lock: postgres.lock_timeout,
                        idle: postgres.idle_in_transaction_timeout,
                    },
                    allow_unsafe: postgres.allow_unsafe,
                })),
                // One connection for each lane, one for what needs none, and one for the sweeps.
                readers: postgres.connections.saturating_sub(usize::from(LANES) + 2).max(1),
                group_max: postgres.group_commit_max,
            },
        }
    }
}
