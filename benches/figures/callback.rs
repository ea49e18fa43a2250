//! Deliveries per second, closed loop: the gateway beside a bare handler and beside what others run.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use yizhan::bench::process::cpu_of;

use super::gateway::{Gateway, Setup};
use super::http::Client;
use super::measure::{Latency, Plan, Series, number};
use super::peer;
use super::platform::{Deliveries, agreeable};
use super::postgres::Cluster;
use super::process::{Server, folder, free_port};

const CONNECTIONS: usize = 32;
/// Customers that write in turn.
const CONTACTS: usize = 200;
/// Deliveries before the clock runs, the first of every customer among them.
const WARM_UP: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Bare,
    Gateway,
    GatewayPostgres,
    Node,
    CoWechat,
    CoWechatRedis,
}

impl Contender {
    const ALL: [Self; 6] =
        [Self::Bare, Self::Gateway, Self::GatewayPostgres, Self::Node, Self::CoWechat, Self::CoWechatRedis];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare actix handler, reads the body, stores nothing",
            Self::Gateway => "yizhan, every message committed and synced",
            Self::GatewayPostgres => "yizhan on PostgreSQL (same cores), committed and synced",
            Self::Node => "Node by hand, dedupe in memory, stores nothing",
            Self::CoWechat => "co-wechat 2.4.0, stores nothing",
            Self::CoWechatRedis => "co-wechat 2.4.0 + Redis dedupe, not on disk",
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    per_second: Series,
    p50: Series,
    p99: Series,
    cpu: Series,
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    plan.begin("callback: safe mode, 1.1 KB, closed loop, 32 connections")?;
    println!(
        "load generator: 1 thread of its own process; HTTP workers of every Rust server: {}; the gateway has a writer \
         thread besides; {CONTACTS} customers with a session in the queue",
        plan.workers
    );
    let deliveries = Deliveries::new(CONTACTS)?;
    let requests: Arc<Vec<Vec<u8>>> = Arc::new((0..WARM_UP + plan.requests).map(|n| deliveries.request(n)).collect());
    let bytes = requests.first().context("no requests")?;
    let body = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |end| bytes.len() - end - 4);
    println!("body: {body} bytes\n");

    let mut contenders: Vec<Contender> = Contender::ALL.into_iter().filter(|c| plan.wants(c.name())).collect();
    peer::prepare()?;
    contenders.retain(|c| match c {
        Contender::Node => peer::has_node(),
        Contender::CoWechat => peer::has_co_wechat(),
        Contender::CoWechatRedis => peer::has_co_wechat() && peer::has_redis(),
        Contender::Bare | Contender::Gateway | Contender::GatewayPostgres => true,
    });
    let mut rows: Vec<(Contender, Row)> = contenders.iter().map(|c| (*c, Row::default())).collect();
    for contender in plan.shuffled(&contenders) {
        let run = measure(contender, plan, &requests)?;
        println!("  {:<55} {:>8.0} /s", contender.name(), run.per_second());
        if let Some((_, row)) = rows.iter_mut().find(|(known, _)| *known == contender) {
            row.per_second.push(run.per_second());
            row.p50.push(run.latency.ms(50.0));
            row.p99.push(run.latency.ms(99.0));
            row.cpu.push(run.cpu * 1_000.0 / number(plan.requests));
        }
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[(Contender, Row)]) {
    println!("\n| contender | per second, median (min–max) | p50 ms | p99 ms | CPU s per 1,000 | yizhan is |");
    println!("|---|---|---|---|---|---|");
    let own = rows.iter().find(|(c, _)| *c == Contender::Gateway).map(|(_, row)| row.per_second.median());
    for (contender, row) in rows {
        let ratio = own.map_or(f64::NAN, |own| own / row.per_second.median());
        println!(
            "| {} | {} | {} | {} | {:.3} | {:.2} × |",
            contender.name(),
            row.per_second.show(0),
            row.p50.show(2),
            row.p99.show(2),
            row.cpu.median(),
            ratio
        );
    }
}

/// One run.
#[derive(Debug)]
struct Run {
    answered: usize,
    time: Duration,
    latency: Latency,
    cpu: f64,
}

impl Run {
    fn per_second(&self) -> f64 {
        number(self.answered) / self.time.as_secs_f64()
    }
}

fn measure(contender: Contender, plan: &Plan, requests: &Arc<Vec<Vec<u8>>>) -> anyhow::Result<Run> {
    let dir = folder()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match contender {
        Contender::Bare => {
            let server = Server::baseline("post", plan.workers, dir.path())?;
            runtime.block_on(load(&server, requests))
        }
        Contender::Node => {
            let address = free_port()?;
            let mut command = Command::new("node");
            command.arg(peer::script("node.mjs")).arg(address.port().to_string());
            let server = Server::start(command, address, &dir.path().join("node.log"))?;
            runtime.block_on(load(&server, requests))
        }
        Contender::CoWechat | Contender::CoWechatRedis => {
            let redis = if contender == Contender::CoWechatRedis { Some(peer::redis(dir.path())?) } else { None };
            let server = peer::co_wechat(redis.as_ref().map(|redis| redis.address.port()), dir.path())?;
            let before = redis.as_ref().map_or(Ok(0.0), Server::cpu)?;
            let mut run = runtime.block_on(load(&server, requests))?;
            run.cpu += redis.as_ref().map_or(Ok(0.0), Server::cpu)? - before;
            Ok(run)
        }
        Contender::Gateway => gateway(plan, requests, None),
        Contender::GatewayPostgres => {
            let cluster = Cluster::start()?;
            cluster.fresh("gateway")?;
            gateway(plan, requests, Some(&cluster))
        }
    }
}

fn gateway(plan: &Plan, requests: &Arc<Vec<Vec<u8>>>, cluster: Option<&Cluster>) -> anyhow::Result<Run> {
    let database = cluster.map(|cluster| cluster.url("gateway"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let setup = Setup { workers: plan.workers, agents: 1, capacity: 1, offers: false, api: agreeable()?, database };
    let gateway = Gateway::start(&setup)?;
    let run = runtime.block_on(async {
        let mut agent = gateway.agent(0).await?;
        let pushes = tokio::spawn(async move { while agent.text().await.is_ok() {} });
        let cpu = || Ok(gateway.server.cpu()? + cluster.map_or(Ok(0.0), Cluster::cpu)?);
        let run = load_beside(&gateway.server, requests, cpu).await;
        pushes.abort();
        run
    })?;
    let (stored, sent) = (gateway.stored()?, i64::try_from(requests.len())?);
    ensure!(stored == sent, "a fast run that lost messages is a failed run: {stored} of {sent} stored");
    Ok(run)
}

/// Sends the warm-up and then the rest, each request once.
async fn load(server: &Server, requests: &Arc<Vec<Vec<u8>>>) -> anyhow::Result<Run> {
    load_beside(server, requests, || server.cpu()).await
}

/// As [`load`]; `cpu` is what the server and all that it needs have used.
async fn load_beside(
    server: &Server,
    requests: &Arc<Vec<Vec<u8>>>,
    cpu: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<Run> {
    range(server, requests, 0, WARM_UP).await?;
    let (server_before, own_before) = (cpu()?, cpu_of("self")?);
    let mut run = range(server, requests, WARM_UP, requests.len()).await?;
    run.cpu = cpu()? - server_before;
    let own = cpu_of("self")? - own_before;
    ensure!(own < run.time.as_secs_f64() * 1.05, "the load generator was the limit");
    Ok(run)
}

async fn range(server: &Server, requests: &Arc<Vec<Vec<u8>>>, from: usize, to: usize) -> anyhow::Result<Run> {
    let next = Arc::new(AtomicUsize::new(from));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = Client::open(&server.address.into(), None).await?;
        connections.push((client, Arc::clone(&next), Arc::clone(requests)));
    }
    let begin = Instant::now();
    let tasks: Vec<_> =
        connections.into_iter().map(|(c, next, requests)| tokio::spawn(one(c, next, requests, to))).collect();
    let (mut answered, mut latency) = (0, Vec::new());
    for task in tasks {
        let times = task.await??;
        answered += times.len();
        latency.extend(times);
    }
    let time = begin.elapsed();
    if answered != to - from {
        bail!("{answered} of {} answered", to - from);
    }
    let mut histogram = Latency::default();
    latency.into_iter().for_each(|time| histogram.note(time));
    Ok(Run { answered, time, latency: histogram, cpu: 0.0 })
}

async fn one(
    mut client: Client,
    next: Arc<AtomicUsize>,
    requests: Arc<Vec<Vec<u8>>>,
    to: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity((to / CONNECTIONS).max(16) * 2);
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(n).filter(|_| n < to) else { return Ok(times) };
        let begin = Instant::now();
        let body = client.call(request).await?;
        times.push(begin.elapsed());
        // Some say `success`, some nothing, some reply.
        ensure!(body.len() < 4096, "an odd answer");
    }
}
