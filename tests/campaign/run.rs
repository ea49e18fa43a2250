//! One campaign after another: start, load, harm, heal, quiet, drain, dump, verdict.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use yizhan::simulator::Platform;

use crate::check::{self, Verdict};
use crate::fault::{self, Fault, Requirement, Stage};
use crate::history::plan::{Plan, Tenant};
use crate::history::{Kind, Mint, Records, What};
use crate::journal::Journal;
use crate::load::World;
use crate::load::pace::{Cast, Crew, Load};
use crate::options::Options;
use crate::system::declare::{FIRMS, PASSWORD};
use crate::system::process::{Node, Probe};
use crate::system::{System, wechat};

/// How long the system may take to settle when nothing is wrong any more: a send whose process was killed is looked at
/// again after 90 s.
const QUIET: Duration = Duration::from_secs(150);
/// How long everybody may take to read everything.
const DRAIN: Duration = Duration::from_secs(90);
/// Load before anything is harmed.
const HEALTHY: Duration = Duration::from_secs(3);
/// Time for the last hints.
const STANDING: Duration = Duration::from_secs(2);

/// How one fault went.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub fault: Fault,
    /// The verdict.
    pub verdict: Verdict,
    /// What else had to hold.
    pub requirements: Vec<Requirement>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// 0 valid, 1 invalid, 2 unknown.
    pub fn exit_code(&self) -> u8 {
        if self.requirements.iter().any(|requirement| !requirement.holds) { 1 } else { self.verdict.exit_code() }
    }
}

/// Does what was asked; the exit code.
pub async fn all(options: &Options) -> anyhow::Result<u8> {
    if options.list {
        for fault in fault::ALL {
            println!("{:<5} {:<3} {}", fault.name, fault.topology.name(), fault.about);
        }
        return Ok(0);
    }
    if let Some(folder) = &options.check {
        let records = Records::read(folder);
        let verdict = check::judge(&records);
        println!("{}", check::report(&records, &verdict));
        return Ok(verdict.exit_code());
    }
    let mut worst = 0;
    for fault in &options.faults {
        let outcome = campaign(*fault, options).await.with_context(|| format!("{} could not be run", fault.name))?;
        worst = match (worst, outcome.exit_code()) {
            (1, _) | (_, 1) => 1,
            (one, two) => one.max(two),
        };
    }
    Ok(worst)
}

fn plan(fault: Fault, seed: u64) -> Plan {
    let secrets = FIRMS.iter().flat_map(|firm| [firm.secret(), firm.token(), firm.key()]);
    Plan {
        fault: fault.name.to_owned(),
        topology: fault.topology.name().to_owned(),
        seed,
        silence: fault.silence,
        events: false,
        tenants: FIRMS.iter().map(|firm| Tenant { letter: firm.letter, id: firm.id.to_owned() }).collect(),
        secrets: secrets.chain([PASSWORD.to_owned()]).collect(),
        memory_kb: 1 << 19,
    }
}

/// Where a campaign's files go.
fn folder(fault: Fault, options: &Options) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    match &options.keep {
        Some(keep) => {
            let folder = keep.join(fault.name);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir_all(&folder)?;
            Ok((std::path::absolute(folder)?, None))
        }
        None => {
            let dir = tempfile::TempDir::new()?;
            Ok((dir.path().to_owned(), Some(dir)))
        }
    }
}

async fn campaign(fault: Fault, options: &Options) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let (folder, _temporary) = folder(fault, options)?;
    println!("{} {} — {}", fault.name, fault.topology.name(), fault.about);
    let seed = options.seed.unwrap_or(42);
    let load = Load {
        threads: options.threads.unwrap_or(200),
        rate: options.rate.unwrap_or(80.0),
        messages: options.messages.unwrap_or(2_000),
    };
    std::fs::write(folder.join("plan.json"), serde_json::to_string(&plan(fault, seed))?)?;
    let requirements = perform(fault, &folder, &load, seed).await?;
    let records = Records::read(&folder);
    let verdict = check::judge(&records);
    let outcome = Outcome { fault, verdict, requirements, took: begun.elapsed() };
    tell(&outcome, &records);
    Ok(outcome)
}

/// Everything that happens, up to the dump.
async fn perform(fault: Fault, folder: &Path, load: &Load, seed: u64) -> anyhow::Result<Vec<Requirement>> {
    let journal = Journal::open(&folder.join("history"))?;
    let mint = Mint::new(seed);
    let mut system = System::start(folder, fault.topology, 25).await?;
    let world = World::new(journal.clone(), mint.clone(), system.front.address(), seed)?;
    println!("  {:>6.1} s  people arrive", seconds(&journal));
    let mut cast = Cast::arrive(&world, &system.wechat.platform, load).await?;
    println!("  {:>6.1} s  load", seconds(&journal));
    journal.remark(What::Phase, "load");
    let watching = CancellationToken::new();
    let watcher = Watcher { probes: probes(&system), platform: system.wechat.platform.clone(), mint: mint.clone() };
    let watch = tokio::spawn(watcher.run(journal.clone(), watching.clone()));
    let requirements = {
        let crew = cast.crew.clone();
        let (world, brief, messages) = (Arc::clone(&world), load.messages < 5_000, load.messages);
        let mut stage = Stage { system: &mut system, crew, world, journal: &journal, brief, messages };
        let harming = async {
            tokio::time::sleep(HEALTHY).await;
            tokio::time::timeout(fault.longest(), fault::inflict(fault, &mut stage)).await.context("too long")?
        };
        let (requirements, ()) = tokio::join!(harming, cast.play(load, fault.longest()));
        requirements?
    };
    println!("  {:>6.1} s  quiet", seconds(&journal));
    journal.remark(What::Phase, "quiet");
    settle(&system, &cast.crew).await?;
    tokio::time::sleep(STANDING).await;
    println!("  {:>6.1} s  drain ({} were asked too much)", seconds(&journal), cast.shed);
    journal.remark(What::Phase, "drain");
    cast.leave(DRAIN).await?;
    watching.cancel();
    watch.await?;
    wechat::note(&system.wechat.platform, &journal, &mint);
    flow_off(&system).await?;
    system.database.dump(&folder.join("dump")).await?;
    std::fs::write(folder.join("dump/capture.jsonl"), "")?;
    journal.remark(What::Phase, "end");
    journal.close()?;
    println!("  {:>6.1} s  verdict", seconds(&journal));
    system.stop().await?;
    Ok(requirements)
}

fn probes(system: &System) -> Vec<Probe> {
    system.nodes.iter().map(Node::probe).collect()
}

/// Writes down what WeChat got, and how the processes are doing.
struct Watcher {
    probes: Vec<Probe>,
    platform: Platform,
    mint: Mint,
}

impl Watcher {
    async fn run(self, journal: Journal, stop: CancellationToken) {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        let mut ticks = 0_u64;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            wechat::note(&self.platform, &journal, &self.mint);
            ticks += 1;
            for probe in self.probes.iter().filter(|_| ticks.is_multiple_of(5)) {
                if let Some((kb, fds)) = probe.size() {
                    let mut line = journal.line(&format!("sample:{}", probe.name), Kind::Recv, What::Sample);
                    (line.n, line.arg) = (Some(kb), fds.to_string());
                    journal.write(&line);
                }
            }
        }
    }
}

/// Everybody says what they have left, customers open their windows once more, and everything that was accepted goes
/// where it belongs.
async fn settle(system: &System, crew: &Crew) -> anyhow::Result<()> {
    crew.rest().await?;
    crew.last_words().await;
    crew.rest().await?;
    let begun = Instant::now();
    let mut calm = 0;
    while calm < 3 {
        let waiting = system.database.count("FROM delivery WHERE state IN ('pending', 'sending', 'held')").await?;
        let events = system.database.count("FROM outbox").await?;
        calm = if waiting + events == 0 { calm + 1 } else { 0 };
        if begun.elapsed() > QUIET {
            println!("  it does not settle: {waiting} messages and {events} events still wait");
            break;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    Ok(())
}

/// That everybody left is an event, too.
async fn flow_off(system: &System) -> anyhow::Result<()> {
    let begun = Instant::now();
    while system.database.count("FROM outbox").await? > 0 && begun.elapsed() < STANDING * 10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn tell(outcome: &Outcome, records: &Records) {
    let verdict = &outcome.verdict;
    let counts = &verdict.counts;
    let (p50, p99, harmed) = verdict.delays.told();
    println!(
        "  accepted {} of {} (refused {}, unknown {}, of those stored {}), shown {}, to WeChat {} (uncertain {})",
        counts.accepted,
        counts.attempted,
        counts.failed,
        counts.unknown,
        counts.recovered,
        counts.shown,
        counts.sent,
        counts.uncertain
    );
    println!("  to the screen: p50 {p50} ms, p99 {p99} ms; while harmed at most {harmed} ms");
    for requirement in &outcome.requirements {
        let mark = if requirement.holds { "ok" } else { "FAILED" };
        println!("  {mark}: {} — measured {}", requirement.what, requirement.measured);
    }
    let report = check::report(records, verdict);
    if !report.is_empty() {
        println!("{report}");
    }
    let word = match outcome.exit_code() {
        0 => "valid",
        1 => "INVALID",
        _ => "UNKNOWN",
    };
    println!("  {} {word} after {:.0} s\n", outcome.fault.name, outcome.took.as_secs_f64());
}

fn seconds(journal: &Journal) -> f64 {
    Duration::from_nanos(journal.now()).as_secs_f64()
}
