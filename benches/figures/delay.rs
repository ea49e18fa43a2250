//! Delays at a steady rate, open loop: the schedule is fixed before the run, times count from the intended moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::gateway::{Gateway, Setup};
use super::http::Client;
use super::measure::{Latency, Plan, Series};
use super::platform::{Deliveries, agreeable};
use super::ws::Ws;

/// Deliveries per second.
const RATE: u32 = 400;
const CONTACTS: usize = 100;
const AGENTS: usize = 25;
/// What agents say per second, together. One agent may say two things per second.
const ANSWERS: u32 = 40;
const CONNECTIONS: usize = 32;
/// Seconds before anything counts.
const WARM_UP: u64 = 2;

/// What a run learns, from every task.
#[derive(Default)]
struct Seen {
    answered: Vec<(usize, Instant)>,
    arrived: HashMap<usize, Instant>,
    twice: usize,
    said: Vec<Duration>,
}

type Shared = Arc<Mutex<Seen>>;

fn with<T>(seen: &Shared, work: impl FnOnce(&mut Seen) -> T) -> T {
    work(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    plan.begin("delay: 400 deliveries/s, open loop, delivered to agents' sockets; 40 answers/s")?;
    println!();
    let mut series: Vec<(&str, Series, Series, Series)> =
        ["delivery → answered", "delivery → agent's frame", "agent's send → ok"]
            .map(|name| (name, Series::default(), Series::default(), Series::default()))
            .into();
    for _ in 0..plan.repeats {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let latencies = runtime.block_on(one(plan))?;
        for ((_, p50, p99, p999), latency) in series.iter_mut().zip(latencies) {
            p50.push(latency.ms(50.0));
            p99.push(latency.ms(99.0));
            p999.push(latency.ms(99.9));
        }
    }
    println!("| | p50 ms | p99 ms | p99.9 ms |\n|---|---|---|---|");
    for (name, p50, p99, p999) in &series {
        println!("| {name} | {} | {} | {} |", p50.show(2), p99.show(2), p999.show(2));
    }
    Ok(())
}

async fn one(plan: &Plan) -> anyhow::Result<[Latency; 3]> {
    let setup =
        Setup { workers: plan.workers, agents: AGENTS, capacity: 200, offers: true, api: agreeable()?, database: None };
    let gateway = Gateway::start(&setup)?;
    let seen = Shared::default();
    let mut agents = Vec::new();
    let mut tasks = Vec::new();
    let (taken, mut accepted) = mpsc::unbounded_channel();
    for n in 0..AGENTS {
        let ws = gateway.agent(n).await?;
        let (say, what) = mpsc::unbounded_channel();
        agents.push(say);
        tasks.push(tokio::spawn(work(ws, n, what, taken.clone(), Arc::clone(&seen))));
    }
    let deliveries = Deliveries::new(CONTACTS)?;
    // Everybody says something and is taken by an agent.
    let mut client = Client::open(&gateway.address().into(), None).await?;
    for n in 0..CONTACTS {
        client.call(&deliveries.request(n)).await?;
    }
    let mut convs: Vec<(usize, Value)> = Vec::new();
    while convs.len() < CONTACTS {
        convs.push(tokio::time::timeout(Duration::from_secs(30), accepted.recv()).await?.context("agents are gone")?);
    }
    let seconds = WARM_UP + plan.seconds;
    let count = usize::try_from(u64::from(RATE) * seconds)?;
    let requests: Vec<Vec<u8>> = (CONTACTS..CONTACTS + count).map(|n| deliveries.request(n)).collect();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::open(&gateway.address().into(), None).await?);
    }
    let begin = Instant::now() + Duration::from_millis(100);
    let delivering = tokio::spawn(deliver(requests, clients, begin, Arc::clone(&seen)));
    let answers = u32::try_from(u64::from(ANSWERS) * seconds)?;
    for n in 0..answers {
        let at = begin + Duration::from_secs(1) * n / ANSWERS;
        sleep_until(at).await;
        let (agent, conv) = convs.get(usize::try_from(n)? % convs.len()).context("no conversation")?;
        agents.get(*agent).context("no agent")?.send((at, conv.clone()))?;
    }
    delivering.await??;
    let all_arrived = async {
        while with(&seen, |seen| seen.arrived.len() < count || seen.said.len() < usize::try_from(answers).unwrap_or(0))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let complete = tokio::time::timeout(Duration::from_secs(10), all_arrived).await;
    let (arrived, said) = with(&seen, |seen| (seen.arrived.len(), seen.said.len()));
    ensure!(complete.is_ok(), "lost: {arrived} of {count} deliveries and {said} of {answers} answers arrived");
    ensure!(with(&seen, |seen| seen.twice) == 0, "doubled frames");
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let stored = gateway.stored()?;
    ensure!(stored == i64::try_from(CONTACTS + count)?, "{stored} of {} stored", CONTACTS + count);
    evaluate(&seen, begin)
}

fn evaluate(seen: &Shared, begin: Instant) -> anyhow::Result<[Latency; 3]> {
    let mut latencies = [Latency::default(), Latency::default(), Latency::default()];
    let [answered, arrived, said] = &mut latencies;
    let warm = usize::try_from(u64::from(RATE) * WARM_UP)?;
    with(seen, |seen| {
        for (n, at) in seen.answered.iter().filter(|(n, _)| *n >= warm) {
            answered.note(*at - intended(begin, *n));
        }
        for (n, at) in seen.arrived.iter().filter(|(n, _)| **n >= warm) {
            arrived.note(*at - intended(begin, *n));
        }
        let skip = usize::try_from(u64::from(ANSWERS) * WARM_UP).unwrap_or(0);
        seen.said.iter().skip(skip).for_each(|time| said.note(*time));
    });
    ensure!(answered.count() > 0 && said.count() > 0, "nothing was measured");
    Ok(latencies)
}

fn intended(begin: Instant, n: usize) -> Instant {
    begin + Duration::from_secs(1) * u32::try_from(n).unwrap_or(0) / RATE
}

/// Sends every request at its moment on whichever connection is free.
async fn deliver(requests: Vec<Vec<u8>>, clients: Vec<Client>, begin: Instant, seen: Shared) -> anyhow::Result<()> {
    let (back, mut idle) = mpsc::unbounded_channel();
    for client in clients {
        back.send(client)?;
    }
    let mut under_way = Vec::new();
    for (n, request) in requests.into_iter().enumerate() {
        sleep_until(intended(begin, n)).await;
        let mut client = idle.recv().await.context("no connection is left")?;
        let (back, seen) = (back.clone(), Arc::clone(&seen));
        under_way.push(tokio::spawn(async move {
            client.call(&request).await?;
            with(&seen, |seen| seen.answered.push((n, Instant::now())));
            back.send(client).context("the run is over")
        }));
    }
    for request in under_way {
        request.await??;
    }
    Ok(())
}

/// An agent: takes every offer, notes every message of a customer, says what it is told to.
async fn work(
    mut ws: Ws,
    agent: usize,
    mut what: mpsc::UnboundedReceiver<(Instant, Value)>,
    taken: mpsc::UnboundedSender<(usize, Value)>,
    seen: Shared,
) -> anyhow::Result<()> {
    let mut waiting: HashMap<u64, Option<Instant>> = HashMap::new();
    let mut cid = 0_u64;
    loop {
        tokio::select! {
            text = ws.text() => {
                let frame: Value = serde_json::from_str(&text?)?;
                if let Some(id) = frame["id"].as_u64() {
                    ensure!(frame.get("ok").is_some(), "an agent was refused: {frame}");
                    match waiting.remove(&id).flatten() {
                        Some(since) => with(&seen, |seen| seen.said.push(since.elapsed())),
                        None => taken.send((agent, frame["ok"]["conv"]["conv"].clone()))?,
                    }
                } else if frame["op"] == "offer" {
                    let d = json!({ "assignment": frame["d"]["assignment"], "token": frame["d"]["token"] });
                    let id = ws.ask("offer.accept", d).await?;
                    waiting.insert(id, None);
                } else if frame["op"] == "msg" {
                    note(&frame, &seen);
                }
            }
            Some((since, conv)) = what.recv() => {
                cid += 1;
                let cid = format!("a{agent}-{cid}");
                let d = json!({ "conv": conv, "cid": cid, "type": "text", "body": { "text": "好的，我来帮您查一下。" } });
                let id = ws.ask("send", d).await?;
                waiting.insert(id, Some(since));
            }
        }
    }
}

/// Notes the arrival of a customer's message by the number it carries.
fn note(frame: &Value, seen: &Shared) {
    let text = frame["d"]["body"]["text"].as_str().unwrap_or_default();
    let number = text.strip_prefix('#').and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse::<usize>().ok());
    let Some(n) = number.and_then(|n| n.checked_sub(CONTACTS)) else { return };
    with(seen, |seen| {
        if seen.arrived.insert(n, Instant::now()).is_some() {
            seen.twice += 1;
        }
    });
}
