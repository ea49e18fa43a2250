//! The store on PostgreSQL: appends that share a commit, beside a bare loop that writes the same rows in the same
//! batches. Also what a million messages take on disk.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio_postgres::{Client, NoTls};
use yizhan::model::id::{ConversationId, MessageId, TenantId};
use yizhan::model::time::Millis;
use yizhan::store::{self, Address, Backend, Scope, Settings, Store};

use super::measure::{Plan, Series, number};
use super::process::{Server, folder, free_port};
use super::store::{append, create};

/// How long one run takes.
const RUN: Duration = Duration::from_secs(4);
/// How long the server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tenants, and writers of all of them together. Each writer has a conversation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    tenants: usize,
    writers: usize,
}

#[derive(Debug, Default)]
struct Row {
    store: Series,
    group: Series,
    bare: Series,
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    plan.begin("postgres: appends/s, fsync and synchronous_commit on, server on the same cores")?;
    println!("one append: the inbox key, the next seq, the message, the outbox row; the bare loop: one connection for");
    println!(
        "each tenant, the same four statements, prepared, one after the other, as many appends in a transaction\n"
    );
    let server = Cluster::start()?;
    let cases: Vec<Case> = [(1, 1), (1, 32), (1, 128), (4, 32), (8, 128), (8, 512)]
        .map(|(tenants, writers)| Case { tenants, writers })
        .into_iter()
        .filter(|case| plan.wants(&format!("{}x{}", case.tenants, case.writers)))
        .collect();
    let mut rows: Vec<(Case, Row)> = cases.iter().map(|case| (*case, Row::default())).collect();
    for case in plan.shuffled(&cases) {
        let (store, group) = server.measure(case, Contender::Store)?;
        let batch = format!("{:.0}", group.max(1.0)).parse()?;
        let (bare, _) = server.measure(case, Contender::Bare { batch })?;
        println!("  {case:?}: {store:.0}/s beside {bare:.0}/s");
        if let Some((_, row)) = rows.iter_mut().find(|(known, _)| *known == case) {
            row.store.push(store);
            row.group.push(group);
            row.bare.push(bare);
        }
    }
    println!("\n| tenants | writers | store, per second | appends per commit | bare loop, per second | ratio |");
    println!("|---|---|---|---|---|---|");
    for (case, row) in &rows {
        println!(
            "| {} | {} | {} | {:.1} | {} | {:.2} × |",
            case.tenants,
            case.writers,
            row.store.show(0),
            row.group.median(),
            row.bare.show(0),
            row.store.median() / row.bare.median()
        );
    }
    server.sizes()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Store,
    Bare { batch: usize },
}

/// A server with a database for each run.
pub(crate) struct Cluster {
    server: Server,
    _dir: tempfile::TempDir,
    port: u16,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    /// Starts one that syncs what it commits.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (dir, address) = (folder()?, free_port()?);
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/service"));
        command.arg("postgres").arg(dir.path().join("service")).arg(address.port().to_string());
        command.args(["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"]);
        let server = Server::start(command, address, &dir.path().join("log"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cluster = Self { server, _dir: dir, port: address.port(), runtime };
        let begin = Instant::now();
        while cluster.runtime.block_on(cluster.client("postgres")).is_err() {
            if begin.elapsed() > PATIENCE {
                bail!("the server does not come up");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(cluster)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    async fn client(&self, database: &str) -> anyhow::Result<Client> {
        connect(&self.url(database)).await
    }

    /// An empty database of this name.
    pub(crate) fn fresh(&self, name: &str) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let client = self.client("postgres").await?;
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
            // The last run's pages must not be written in this one.
            Ok(client.batch_execute("CHECKPOINT").await?)
        })
    }

    /// CPU seconds of the server with all its processes, as far as they still run: the gateway's connections stay.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        self.server.cpu_of_family()
    }

    /// Appends per second and per commit, on a database of its own. The last one of a store is kept for its size.
    fn measure(&self, case: Case, contender: Contender) -> anyhow::Result<(f64, f64)> {
        let name = if contender == Contender::Store { "stored" } else { "bare" };
        self.fresh(name)?;
        let backend = Backend::Postgres(Box::new(Address::new(self.url(name))));
        let store = Store::open(&Settings { backend, readers: 1, group_max: 256 })?;
        let mut writers = Vec::new();
        for n in 0..case.writers {
            let scope = store.tenant(&TenantId::parse(&format!("bench-{}", n % case.tenants))?);
            let conv = self.runtime.block_on(create(&scope, n))?;
            writers.push((scope, conv));
        }
        match contender {
            Contender::Store => self.runtime.block_on(through_the_store(&store, writers)),
            Contender::Bare { batch } => bare(&self.url(name), case, batch, &writers).map(|rate| (rate, number(batch))),
        }
    }

    /// What the messages of the last run take.
    fn sizes(&self) -> anyhow::Result<()> {
        let rows = self.runtime.block_on(async {
            let client = self.client("stored").await?;
            client.batch_execute("VACUUM (ANALYZE)").await?;
            let sizes = "SELECT relname::text, pg_table_size(relid), pg_indexes_size(relid), n_live_tup \
                 FROM pg_stat_user_tables WHERE n_live_tup > 1000 ORDER BY pg_total_relation_size(relid) DESC";
            anyhow::Ok(client.query(sizes, &[]).await?)
        })?;
        println!("\n| table | rows | MB of rows per million | MB of indexes per million |\n|---|---|---|---|");
        for row in rows {
            let (name, table, indexes, count): (String, i64, i64, i64) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            println!("| {name} | {count} | {} | {} |", table / count.max(1), indexes / count.max(1));
        }
        Ok(())
    }
}

/// How many texts of customers are stored in a database.
pub(crate) fn stored(url: &str) -> anyhow::Result<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let texts = "SELECT count(*) FROM message WHERE role = 'contact' AND content::jsonb ->> 'type' = 'text'";
        Ok(connect(url).await?.query_one(texts, &[]).await?.try_get(0)?)
    })
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, wire) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(wire);
    Ok(client)
}

async fn through_the_store(store: &Store, writers: Vec<(Scope, ConversationId)>) -> anyhow::Result<(f64, f64)> {
    let begin = Instant::now();
    let before = store.commits();
    let tasks = writers.into_iter().map(|(scope, conv)| {
        tokio::spawn(async move {
            let mut count = 0_usize;
            while begin.elapsed() < RUN {
                append(&scope, conv, count).await?;
                count += 1;
            }
            Ok::<_, store::Error>(count)
        })
    });
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        count += task.await??;
    }
    let time = begin.elapsed().as_secs_f64();
    let (commits, jobs) = (store.commits().0 - before.0, store.commits().1 - before.1);
    Ok((number(count) / time, number(usize::try_from(jobs)?) / number(usize::try_from(commits)?)))
}

/// One thread and connection for each tenant.
fn bare(url: &str, case: Case, batch: usize, writers: &[(Scope, ConversationId)]) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let threads: Vec<_> = (0..case.tenants)
        .map(|n| {
            let (url, tenant) = (url.to_owned(), format!("bench-{n}"));
            let mine = writers.iter().filter(|(scope, _)| scope.tenant().as_str() == tenant);
            let convs: Vec<String> = mine.map(|(_, conv)| conv.to_string()).collect();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(loop_of(&url, &tenant, &convs, batch, begin))
            })
        })
        .collect();
    let mut count = 0;
    for thread in threads {
        count += thread.join().map_err(|_panic| anyhow::anyhow!("the bare loop panicked"))??;
    }
    Ok(number(count) / begin.elapsed().as_secs_f64())
}

async fn loop_of(url: &str, tenant: &str, convs: &[String], batch: usize, begin: Instant) -> anyhow::Result<usize> {
    let client = connect(url).await?;
    let inbox = client
        .prepare("INSERT INTO inbox (tenant, account, dedupe, answer, at) VALUES ($1, 'oa', $2, '\"accepted\"', $3) ON CONFLICT DO NOTHING")
        .await?;
    let next = client
        .prepare("UPDATE conversation SET last_seq = last_seq + 1, updated_at = $3 WHERE tenant = $1 AND conv = $2 RETURNING last_seq, contact")
        .await?;
    let message = client
        .prepare(
            "INSERT INTO message (tenant, conv, seq, id, ts, role, sender, visibility, content, ext_id, control_epoch) \
             VALUES ($1, $2, $3, $4, $5, 'contact', $6, 'all', $7, $8, 0)",
        )
        .await?;
    let outbox = client
        .prepare(
            "INSERT INTO outbox (tenant, id, kind, subject, sequence, node, data, at) \
             VALUES ($1, $2, 'message.accepted', $3, $4, 'n_01ARZ3NDEKTSV4RRFFQ69G5FAV', $5, $6)",
        )
        .await?;
    let (mut count, now) = (0_usize, 1_795_392_073_000_i64);
    while begin.elapsed() < RUN {
        client.batch_execute("BEGIN").await?;
        for _ in 0..batch {
            let conv = convs.get(count % convs.len()).context("no conversation")?;
            let (key, text) = (format!("1795392073.{count}.{conv}"), format!("#{count} {}", "x".repeat(440)));
            client.execute(&inbox, &[&tenant, &key, &now]).await?;
            let row = client.query_one(&next, &[&tenant, conv, &now]).await?;
            let (seq, contact): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let content = serde_json::json!({ "type": "text", "body": { "text": text } }).to_string();
            let id = MessageId::generate(Millis(now)).to_string();
            let event = serde_json::json!({
                "v": 1, "id": id, "tenant": tenant, "conv": conv, "seq": seq, "ts": now, "fallback": text,
                "from": { "role": "contact", "id": contact }, "type": "text", "body": { "text": text },
                "channel": { "kind": "wechat", "account": "oa", "ext_id": count.to_string() },
            })
            .to_string();
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [&tenant, conv, &seq, &id, &now, &contact, &content, &count.to_string()];
            client.execute(&message, &values).await?;
            client.execute(&outbox, &[&tenant, &id, &format!("conversation/{conv}"), &seq, &event, &now]).await?;
            count += 1;
        }
        client.batch_execute("COMMIT").await?;
    }
    ensure!(count > 0, "nothing was written");
    Ok(count)
}
