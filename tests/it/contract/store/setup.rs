//! What a server has to be like before anything is entrusted to it, and how nodes start on it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use yizhan::store::{Address, Backend, Error, Settings, Store, examine};

use super::{Other, bank, conversation, open, settings};
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

/// An authority, and a certificate for 127.0.0.1 that it vouches for, in this folder.
fn certify(dir: &Path) {
    let openssl = |words: &str| {
        let done = Command::new("openssl").args(words.split(' ')).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    std::fs::write(dir.join("leaf"), "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for ca in ["ca", "stranger"] {
        openssl(&format!("req -x509 {key} -keyout {ca}.key -out {ca}.crt -days 1 -subj /CN={ca}"));
    }
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -extfile leaf -out server.crt");
    // PostgreSQL takes a key of root's if only its own group may read it besides.
    let user = if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" { "root:postgres" } else { ":" };
    let path = dir.join("server.key");
    assert!(Command::new("chown").arg(user).arg(&path).status().unwrap().success());
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    std::fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_goes_to_a_server_that_is_vouched_for_and_to_no_other() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let file = |name: &str| dir.path().join(name);
    let (cert, key) = (
        format!("ssl_cert_file={}", file("server.crt").display()),
        format!("ssl_key_file={}", file("server.key").display()),
    );
    let service = Service::start(Kind::Postgres, &["-c", "ssl=on", "-c", &cert, "-c", &key]);
    let open = async |ca: &str| {
        let url = format!("{}?sslmode=require", service.url());
        let address = Address { ca_file: Some(file(ca)), ..Address::new(url) };
        let settings = Settings { backend: Backend::Postgres(Box::new(address)), readers: 1, group_max: 8 };
        tokio::task::spawn_blocking(move || Store::open(&settings)).await.unwrap()
    };
    let store = open("ca.crt").await.unwrap();
    conversation(&bank(&store), "o1").await;
    let other = Other::connect(&service.url()).await.unwrap();
    let plain =
        "SELECT 1 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'yizhan' AND NOT ssl";
    assert_eq!(other.client.query(plain, &[]).await.unwrap().len(), 0, "every connection is encrypted");
    let refused = open("stranger.crt").await.map(drop).unwrap_err();
    assert!(matches!(&refused, Error::Away(why) if why.contains("certificate")), "{refused:?}");
    let url = format!("{}?sslmode=require", service.url());
    assert!(matches!(super::open(&url).await, Err(Error::Away(_))), "the machine's authorities do not know it");
}
