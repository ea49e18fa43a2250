//! Sockets: what an idle one costs, how fast thousands come back, and what a process costs that does nothing.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::gateway::{Gateway, Setup};
use super::http::Client;
use super::measure::{Plan, Series, number};
use super::platform::{Deliveries, agreeable};
use super::process::{Server, folder, free_port, gateway_binary};
use super::ws::Ws;

/// Sockets that are opened at the same time.
const AT_ONCE: usize = 64;
/// Sockets of the warm-up.
const FIRST: usize = 500;

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    plan.begin("socket: idle cost, reconnecting, a process at rest, start-up")?;
    let limit = std::fs::read_to_string("/proc/self/limits")?;
    let files = limit.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    println!("{}", files.split_whitespace().collect::<Vec<_>>().join(" "));
    let soft: usize = files.split_whitespace().nth(3).unwrap_or_default().parse().unwrap_or(usize::MAX);
    ensure!(
        soft > plan.sockets + 100,
        "the limit of open files is too low: prlimit --nofile={} cargo bench …",
        plan.sockets * 2
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if plan.wants("idle") {
        runtime.block_on(idle(plan))?;
    }
    if plan.wants("cut") {
        runtime.block_on(cut(plan))?;
    }
    if plan.wants("rest") {
        rest(plan)?;
    }
    if plan.wants("start") {
        runtime.block_on(start(plan))?;
    }
    Ok(())
}

fn setup(plan: &Plan) -> anyhow::Result<Setup> {
    Ok(Setup { workers: plan.workers, agents: 1, capacity: 1, offers: false, api: agreeable()?, database: None })
}

/// Loopback addresses in turn, so that ports do not run out.
fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(2 + n % 8).unwrap_or(2))
}

/// Opens many signed-in visitors' sockets.
async fn visitors(gateway: &Arc<Gateway>, from: usize, to: usize) -> anyhow::Result<Vec<(Ws, Value)>> {
    let mut tasks = Vec::new();
    for lane in 0..AT_ONCE {
        let gateway = Arc::clone(gateway);
        tasks.push(tokio::spawn(async move {
            let mut sockets = Vec::new();
            for n in (from..to).skip(lane).step_by(AT_ONCE) {
                let mut client = Client::open(&gateway.address().into(), Some(source(n))).await?;
                let (ws, ready) =
                    gateway.visitor(&mut client, source(n), n).await.with_context(|| format!("visitor {n}"))?;
                sockets.push((n, ws, ready));
            }
            anyhow::Ok(sockets)
        }));
    }
    let mut sockets = Vec::new();
    for task in tasks {
        sockets.extend(task.await??);
    }
    sockets.sort_by_key(|(n, ..)| *n);
    Ok(sockets.into_iter().map(|(_, ws, ready)| (ws, ready)).collect())
}

async fn echoes(server: &Server, from: usize, to: usize) -> anyhow::Result<Vec<Ws>> {
    let mut sockets = Vec::new();
    for n in from..to {
        let mut ws = Ws::open(&server.address.into(), Some(source(n)), "/ws/visitor", "http://x").await?;
        ws.send("{}").await?;
        ws.text().await?;
        sockets.push(ws);
    }
    Ok(sockets)
}

/// Memory of the server once it has stopped moving.
async fn settled(server: &Server) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.memory()
}

async fn idle(plan: &Plan) -> anyhow::Result<()> {
    println!("\n## idle sockets: {} signed-in visitors\n", plan.sockets);
    let count = number(plan.sockets - FIRST);
    let dir = folder()?;
    let server = Server::baseline("echo", plan.workers, dir.path())?;
    let first = echoes(&server, 0, FIRST).await?;
    let before = settled(&server).await?;
    let rest = echoes(&server, FIRST, plan.sockets).await?;
    let after = settled(&server).await?;
    let bare = ((after.0 - before.0) / count, (after.1 - before.1) / count);
    drop((first, rest, server));

    let gateway = Arc::new(Gateway::start(&setup(plan)?)?);
    let first = visitors(&gateway, 0, FIRST).await?;
    let before = settled(&gateway.server).await?;
    let rest = visitors(&gateway, FIRST, plan.sockets).await?;
    let after = settled(&gateway.server).await?;
    let cpu = gateway.server.cpu()?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let cpu = (gateway.server.cpu()? - cpu) / 5.0;
    let own = ((after.0 - before.0) / count, (after.1 - before.1) / count);
    ensure!(first.len() + rest.len() == plan.sockets, "not all are open");
    println!("| | KB per socket (RSS) | KB per socket (PSS) |\n|---|---|---|");
    println!("| bare actix-ws echo | {:.1} | {:.1} |", bare.0, bare.1);
    println!("| yizhan, signed in | {:.1} | {:.1} |", own.0, own.1);
    println!("| ratio | {:.2} × | {:.2} × |", own.0 / bare.0, own.1 / bare.1);
    println!(
        "\nwhole process with {} sockets: {:.0} MB RSS; CPU at rest {:.1} %",
        plan.sockets,
        after.0 / 1024.0,
        cpu * 100.0
    );
    Ok(())
}

/// A socket that will be cut: what its page needs to come back.
struct Lost {
    token: Value,
    device: String,
    conv: Value,
    epoch: Value,
    seen: i64,
    last: i64,
}

async fn cut(plan: &Plan) -> anyhow::Result<()> {
    println!("\n## {} sockets cut at once\n", plan.cut);
    let dir = folder()?;
    let server = Server::baseline("echo", plan.workers, dir.path())?;
    let mut bare = Series::default();
    for _ in 0..plan.repeats {
        let sockets = echoes(&server, 0, plan.cut).await?;
        drop(sockets);
        let begin = Instant::now();
        let tasks: Vec<_> = (0..plan.cut)
            .map(|n| {
                let address = server.address;
                tokio::spawn(async move {
                    let mut ws = Ws::open(&address.into(), Some(source(n)), "/ws/visitor", "http://x").await?;
                    ws.send("{}").await?;
                    ws.text().await?;
                    anyhow::Ok(ws)
                })
            })
            .collect();
        let mut back = Vec::new();
        for task in tasks {
            back.push(task.await??);
        }
        bare.push(begin.elapsed().as_secs_f64());
    }
    drop(server);
    let mut own = Series::default();
    for _ in 0..plan.repeats {
        own.push(storm(plan).await?);
    }
    println!("| | all back, seconds |\n|---|---|");
    println!("| bare actix-ws: connected and one echo | {} |", bare.show(2));
    println!("| yizhan: resumed, each with the message it had missed | {} |", own.show(2));
    println!("| ratio | {:.1} × |", own.median() / bare.median());
    Ok(())
}

/// Seconds from the first attempt until the last socket is resumed and complete.
async fn storm(plan: &Plan) -> anyhow::Result<f64> {
    let gateway = Arc::new(Gateway::start(&setup(plan)?)?);
    let mut lost = Vec::new();
    let mut sockets = visitors(&gateway, 0, plan.cut).await?;
    for (n, (ws, ready)) in sockets.iter_mut().enumerate() {
        let opened = ws.request("open", json!({ "entry": { "page": "/" } })).await?;
        let conv = &opened["conv"];
        let say = json!({ "conv": conv["conv"], "cid": format!("c{n}"), "type": "text", "body": { "text": "在吗" } });
        let said = ws.request("send", say).await?;
        let last = said["seq"].as_i64().context("no seq")?;
        lost.push(Lost {
            token: ready["resume_token"].clone(),
            device: format!("visitor{n}"),
            conv: conv["conv"].clone(),
            epoch: conv["epoch"].clone(),
            // As if the last message had not been seen.
            seen: last - 1,
            last,
        });
    }
    drop(sockets);
    let begin = Instant::now();
    let tasks: Vec<_> = lost
        .into_iter()
        .enumerate()
        .map(|(n, lost)| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { resume(&gateway, n, &lost).await.with_context(|| format!("visitor {n}")) })
        })
        .collect();
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await??);
    }
    Ok(begin.elapsed().as_secs_f64())
}

async fn resume(gateway: &Gateway, n: usize, lost: &Lost) -> anyhow::Result<Ws> {
    let mut ws = Ws::open(&gateway.address().into(), Some(source(n)), "/ws/visitor", super::gateway::SITE).await?;
    let d = json!({
        "resume_token": lost.token, "device": lost.device,
        "convs": [{ "conv": lost.conv, "epoch": lost.epoch, "seq": lost.seen }],
    });
    let ready = ws.request("resume", d).await?;
    let conv = &ready["convs"][0];
    ensure!(conv["recovered"] == true, "not recovered: {ready}");
    let seqs: Vec<i64> = conv["msgs"].as_array().into_iter().flatten().filter_map(|m| m["seq"].as_i64()).collect();
    ensure!(seqs.first() == Some(&lost.last), "incomplete: {ready}");
    Ok(ws)
}

fn rest(plan: &Plan) -> anyhow::Result<()> {
    println!("\n## the demo at rest\n");
    let (mut rss, mut pss) = (Series::default(), Series::default());
    for _ in 0..plan.repeats {
        let (dir, address) = (folder()?, free_port()?);
        let mut command = Command::new(gateway_binary());
        command.args(["demo", "--port", &address.port().to_string(), "--data"]).arg(dir.path().join("data"));
        let server = Server::start(command, address, &dir.path().join("demo.log"))?;
        std::thread::sleep(Duration::from_secs(3));
        let memory = server.memory()?;
        rss.push(memory.0 / 1024.0);
        pss.push(memory.1 / 1024.0);
    }
    println!("yizhan demo, simulator included: {} MB RSS, {} MB PSS", rss.show(1), pss.show(1));
    Ok(())
}

async fn start(plan: &Plan) -> anyhow::Result<()> {
    println!("\n## start-up on an existing database\n");
    let mut gateway = Gateway::start(&setup(plan)?)?;
    let deliveries = Deliveries::new(100)?;
    let mut client = Client::open(&gateway.address().into(), None).await?;
    for n in 0..2_000 {
        client.call(&deliveries.request(n)).await?;
    }
    drop(client);
    let mut times = Series::default();
    for _ in 0..plan.repeats.max(5) {
        let begin = Instant::now();
        gateway = gateway.again()?;
        // It listens before it is ready: only an answer counts.
        loop {
            let mut client = Client::open(&gateway.address().into(), None).await?;
            if client.call(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\n\r\n").await.is_ok() {
                break;
            }
        }
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    println!("from exec to the first 200 of /readyz: {} ms (the port is looked at every millisecond)", times.show(0));
    Ok(())
}
