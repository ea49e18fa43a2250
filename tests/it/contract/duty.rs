//! A duty is one node's at a time, passes on when its node dies, and an old holding is told from a new one.

use std::time::Duration;

use tempfile::TempDir;
use yizhan::model::id::NodeId;
use yizhan::model::time::Millis;
use yizhan::store::{Address, Backend, Settings, Store, duty};

use crate::support::service::{Kind, Service};

const LEASE: Duration = Duration::from_secs(8);

/// Opens a store away from the runtime, as it blocks.
async fn open(backend: Backend) -> Store {
    let settings = Settings { backend, readers: 1, group_max: 8 };
    tokio::task::spawn_blocking(move || Store::open(&settings).expect("the store opens")).await.expect("no panic")
}

async fn take(store: &Store, node: NodeId, now: Millis) -> Option<i64> {
    store.sweep(move |conn| duty::take(conn, "relay", node, now, now.plus(LEASE))).await.unwrap()
}

async fn renew(store: &Store, node: NodeId, term: i64, now: Millis) -> bool {
    store.sweep(move |conn| duty::renew(conn, "relay", node, term, now.plus(LEASE))).await.unwrap()
}

async fn holds(store: &Store, node: NodeId, term: i64) -> bool {
    store.sweep(move |conn| duty::holds(conn, "relay", node, term)).await.unwrap()
}

async fn keeps_the_contract(one: &Store, two: &Store) {
    let start = Millis(1_795_392_073_482);
    let (first, second) = (NodeId::generate(start), NodeId::generate(start));
    assert_eq!(take(one, first, start).await, Some(1));
    assert_eq!(take(two, second, start).await, None, "it is taken");
    assert_eq!(take(one, first, start).await, Some(2), "its own node may not have heard that it has it");
    assert!(renew(one, first, 2, start.plus(LEASE)).await, "late, but nobody was faster");
    assert_eq!(take(two, second, start.plus(LEASE)).await, None, "it was renewed");
    let later = start.plus(LEASE).plus(LEASE);
    assert_eq!(take(two, second, later).await, Some(3), "its node died");
    assert!(!renew(one, first, 2, later).await && !holds(one, first, 2).await, "the old holding is over");
    assert!(holds(two, second, 3).await);
    two.sweep(move |conn| duty::release(conn, "relay", second, 3)).await.unwrap();
    assert_eq!(take(one, first, later).await, Some(4), "given up, so at once");
    let other = one.sweep(move |conn| duty::take(conn, "stats", second, later, later.plus(LEASE))).await.unwrap();
    assert_eq!(other, Some(1), "another duty");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = TempDir::new().unwrap();
    let backend = Backend::Sqlite { path: folder.path().join("duty.db") };
    keeps_the_contract(&open(backend.clone()).await, &open(backend).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let service = Service::start(Kind::Postgres, &[]);
    let backend = Backend::Postgres(Box::new(Address::new(service.url())));
    let (one, two) = (open(backend.clone()).await, open(backend).await);
    keeps_the_contract(&one, &two).await;
    // Many at once: one of them has it.
    let now = Millis(1_900_000_000_000);
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..16_i64 {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        racing.spawn(async move { take(&store, NodeId::generate(Millis(n)), now).await });
    }
    let won: Vec<i64> = racing.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "{won:?}");
}
