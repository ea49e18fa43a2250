//! What a server has to be like before anything is entrusted to it, and how nodes start on it.

use yizhan::store::{Address, Backend, Error, Settings, Store, examine};

use super::{Other, open, settings};
use crate::support::service::{Kind, Service};

async fn refusal(url: &str) -> String {
    match open(url).await {
        Err(Error::Unfit(why)) => why,
        other => panic!("{:?}", other.map(drop)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_lose_what_it_confirmed_is_refused() {
    let service = Service::start(Kind::Postgres, &["-c", "fsync=off"]);
    let why = refusal(&service.url()).await;
    assert!(why.contains("fsync is off") && why.contains("Set fsync = on"), "{why}");
    let other = Other::connect(&service.url()).await.unwrap();
    for (name, value) in [("fsync", "on"), ("full_page_writes", "off")] {
        other.run(&format!("ALTER SYSTEM SET {name} = '{value}'")).await;
    }
    let url = service.url();
    let allowed = Address { allow_unsafe: true, ..Address::new(&url) };
    let report = tokio::task::spawn_blocking(move || {
        let backend = Backend::Postgres(Box::new(allowed));
        drop(Store::open(&Settings { backend: backend.clone(), readers: 1, group_max: 1 }).expect("it was allowed"));
        examine(&backend).unwrap()
    })
    .await
    .unwrap();
    assert!(report.problems.iter().any(|problem| problem.contains("fsync is off")), "{report:?}");
    assert!(report.pending.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_role_or_a_database_count_too() {
    let service = Service::start(Kind::Postgres, &[]);
    let other = Other::connect(&service.url()).await.unwrap();
    other.run("CREATE DATABASE hasty").await;
    other.run("ALTER DATABASE hasty SET synchronous_commit = off").await;
    other.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'").await;
    other.run("CREATE DATABASE closed").await;
    other.run("ALTER DATABASE closed SET default_transaction_read_only = on").await;
    let at = |database: &str| format!("postgres://postgres@127.0.0.1:{}/{database}", service.port());
    let why = refusal(&at("hasty")).await;
    assert!(why.contains("synchronous_commit is off"), "{why}");
    let why = refusal(&at("latin")).await;
    assert!(why.contains("encoding is LATIN1"), "{why}");
    let why = refusal(&at("closed")).await;
    assert!(why.contains("takes no writes"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_the_same_time_bring_the_tables_up_to_date_once() {
    let service = Service::start(Kind::Postgres, &[]);
    let starts = (0..4).map(|_| {
        let settings = settings(&service.url());
        tokio::task::spawn_blocking(move || Store::open(&settings))
    });
    for start in starts.collect::<Vec<_>>() {
        drop(start.await.unwrap().unwrap());
    }
    let other = Other::connect(&service.url()).await.unwrap();
    let by_language = "SELECT table_name || '.' || column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    let rows = other.client.query(by_language, &[]).await.unwrap();
    assert!(rows.is_empty(), "compared by language: {:?}", rows.iter().map(|row| row.get(0)).collect::<Vec<String>>());
}
