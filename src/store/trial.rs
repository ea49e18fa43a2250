//! Back ends to try things on: a file of SQLite, or a database of its own on a PostgreSQL that all tests share.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::postgres::{Address, Role};
use super::{Backend, Conn, Settings, Store};

/// Which back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    Sqlite,
    Postgres,
}

/// A database for one test, gone with it.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) backend: Backend,
    folder: TempDir,
    shared: Option<Shared>,
}

/// A database on the shared server.
#[derive(Debug)]
struct Shared {
    port: u16,
    name: String,
    /// Keeps the server alive.
    _user: File,
}

/// A test for each back end, from functions that take a [`Trial`].
macro_rules! on_both {
    ($($name:ident)+) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::store::trial::Trial::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name($crate::store::trial::Trial::Postgres).await;
            }
        })+
    };
}
pub(crate) use on_both;

impl Trial {
    /// A new, empty database.
    pub(crate) fn ground(self) -> Ground {
        let folder = tempfile::tempdir().unwrap();
        let shared = (self == Self::Postgres).then(Shared::open);
        let backend = match &shared {
            None => Backend::Sqlite { path: folder.path().join("trial.db") },
            Some(shared) => shared.backend(&shared.name),
        };
        Ground { backend, folder, shared }
    }
}

impl Ground {
    /// One more process on these tables.
    pub(crate) fn store(&self) -> Store {
        self.store_with_groups_of(32)
    }

    /// As [`Ground::store`], with up to so many jobs in a commit.
    pub(crate) fn store_with_groups_of(&self, group_max: usize) -> Store {
        Store::open(&Settings { backend: self.backend.clone(), readers: 1, group_max }).unwrap()
    }

    /// A folder for whatever else the test has.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            let gone = format!("DROP DATABASE {} WITH (FORCE)", shared.name);
            execute(&shared.backend("postgres"), &gone);
        }
    }
}

impl Shared {
    /// Makes a database on the server, starting the server if nobody has.
    fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut hasher = DefaultHasher::new();
        root.hash(&mut hasher);
        // Each work tree has a server of its own, at a place where the user `postgres` may go.
        let dir = std::env::temp_dir().join(format!("yizhan-postgres-{:016x}", hasher.finish()));
        std::fs::create_dir_all(&dir).unwrap();
        let user = File::options().create(true).append(true).open(dir.join("users")).unwrap();
        user.lock_shared().unwrap();
        let started = Command::new(root.join("scripts/shared-postgres")).arg(&dir).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let port = String::from_utf8_lossy(&started.stdout).trim().parse().unwrap();
        let shared = Self { port, name: format!("trial_{:016x}", rand::random::<u64>()), _user: user };
        execute(&shared.backend("postgres"), &format!("CREATE DATABASE {}", shared.name));
        shared
    }

    fn backend(&self, database: &str) -> Backend {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        // The shared server keeps nothing over a crash.
        Backend::Postgres(Box::new(Address { allow_unsafe: true, ..Address::new(url) }))
    }
}

/// On a thread of its own: a connection to PostgreSQL must not be driven from inside a runtime.
fn execute(backend: &Backend, sql: &str) {
    let work = || Conn::open(backend, Role::Migrator).unwrap().execute(sql).unwrap();
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap();
}
