//! One campaign: start, load, harm, heal, quiet, drain, dump. Knows no verdict.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use yizhan::simulator::Platform;

use crate::fault::{self, Fault, Requirement, Stage};
use crate::history::{Kind, Mint, What};
use crate::journal::{self, Journal};
use crate::load::World;
use crate::load::pace::{Cast, Crew, Load};
use crate::system::process::{Node, Probe};
use crate::system::services::Services;
use crate::system::{Setup, System, wechat};

/// How long the system may take to settle when nothing is wrong any more: a send that is cut when nobody gives signs of life for
/// its node, as a release of before does not, is looked at again after 90 s.
const QUIET: Duration = Duration::from_secs(150);
/// How long everybody may take to read everything.
const DRAIN: Duration = Duration::from_secs(90);
/// Load before anything is harmed.
const HEALTHY: Duration = Duration::from_secs(3);
/// Time for the last hints.
const STANDING: Duration = Duration::from_secs(2);
/// Between two words on how it goes.
const PROGRESS: Duration = Duration::from_secs(20);

/// One run.
#[derive(Debug)]
pub struct Performance<'a> {
    /// What goes wrong.
    pub fault: Fault,
    /// Where its files go.
    pub folder: &'a Path,
    /// How much is going on.
    pub load: Load,
    /// Of all choices and marks.
    pub seed: u64,
    /// The servers of a cluster.
    pub services: Option<Arc<Services>>,
    /// A planted bug.
    pub bug: Option<&'a str>,
    /// The gateway that nodes are upgraded from.
    pub upgrade_from: Option<&'a Path>,
}

impl Performance<'_> {
    /// Everything that happens, up to the dump. It ends: what does not come to its end is given up.
    pub async fn perform(self) -> anyhow::Result<Vec<Requirement>> {
        let load = Duration::from_secs_f64(3.0 * f64::from(u32::try_from(self.load.messages)?) / self.load.rate);
        let most = self.fault.longest() + load + QUIET * 4 + DRAIN;
        tokio::time::timeout(most, self.acts()).await.with_context(|| format!("not at its end after {most:?}"))?
    }

    async fn acts(self) -> anyhow::Result<Vec<Requirement>> {
        let Self { fault, folder, load, seed, services, bug, upgrade_from } = self;
        let journal = Journal::open(&folder.join("history"))?;
        let mint = Mint::new(seed);
        let topology = fault.topology;
        let setup = Setup { folder, topology, services, journal: &journal, mint: &mint, bug, upgrade_from };
        let mut system = System::start(&setup).await?;
        let world = World::new(journal.clone(), mint.clone(), system.front.address(), seed)?;
        println!("  {:>6.1} s  people arrive", seconds(&journal));
        let mut cast = Cast::arrive(&world, &system.wechat.platform, &load).await?;
        println!("  {:>6.1} s  load", seconds(&journal));
        journal.remark(What::Phase, "load");
        let watching = CancellationToken::new();
        let _whatever_happens = watching.clone().drop_guard();
        let watcher = Watcher { probes: probes(&system), platform: system.wechat.platform.clone(), mint: mint.clone() };
        let watch = tokio::spawn(watcher.run(journal.clone(), watching.clone()));
        let requirements = {
            let crew = cast.crew.clone();
            let (world, brief, messages) = (Arc::clone(&world), load.messages < 5_000, load.messages);
            let progress = progress(Arc::clone(&world), load, &journal);
            let mut stage = Stage { system: &mut system, crew, world, journal: &journal, brief, messages };
            let healed = CancellationToken::new();
            let harming = async {
                let _healed = healed.clone().drop_guard();
                tokio::time::sleep(HEALTHY).await;
                tokio::time::timeout(fault.longest(), fault::inflict(fault, &mut stage)).await.context("too long")?
            };
            let both = async { tokio::join!(harming, cast.play(&load, fault.longest(), &healed)) };
            tokio::select! {
                (requirements, ()) = both => requirements?,
                never = progress => match never {},
            }
        };
        println!("  {:>6.1} s  quiet", seconds(&journal));
        journal.remark(What::Phase, "quiet");
        settle(&system, &cast.crew).await?;
        tokio::time::sleep(STANDING).await;
        println!("  {:>6.1} s  drain ({} were asked too much)", seconds(&journal), cast.shed);
        journal.remark(What::Phase, "drain");
        if let Err(error) = cast.drain(DRAIN).await {
            // Whoever has not read everything is named by the verdict.
            println!("  {error:#}");
        }
        watching.cancel();
        watch.await?;
        wechat::note(&system.wechat.platform, &journal, &mint);
        flow_off(&system).await?;
        system.database.dump(&folder.join("dump")).await?;
        capture(&system, &folder.join("dump/capture.jsonl")).await?;
        journal.remark(What::Phase, "end");
        cast.leave(DRAIN).await?;
        journal.close()?;
        println!("  {:>6.1} s  verdict", seconds(&journal));
        system.stop().await?;
        Ok(requirements)
    }
}

/// Says how it goes, for as long as it goes.
async fn progress(world: Arc<World>, load: Load, journal: &Journal) -> std::convert::Infallible {
    let mut before = world.accepted.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(PROGRESS).await;
        let now = world.accepted.load(Ordering::Relaxed);
        let rate = f64::from(u32::try_from(now - before).unwrap_or(u32::MAX)) / PROGRESS.as_secs_f64();
        let left = f64::from(u32::try_from(load.messages.saturating_sub(now)).unwrap_or(u32::MAX));
        let left = match left {
            0.0 => "until the fault is over".to_owned(),
            left if rate > 0.0 => format!("{:.0} s to go", left / rate),
            _ => "nothing gets through".to_owned(),
        };
        println!("  {:>6.1} s  {now} of {} accepted, {rate:.0}/s, {left}", seconds(journal), load.messages);
        before = now;
    }
}

/// What stands in Redis, and whose it is by its key.
async fn capture(system: &System, file: &Path) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(file)?);
    if let Ok(backbone) = system.backbone() {
        for capture in backbone.captures().await? {
            journal::row(&mut file, &capture)?;
        }
    }
    Ok(std::io::Write::flush(&mut file)?)
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

/// Everybody says what they have left, customers open their windows as often as it takes, and everything that was
/// accepted goes where it belongs.
async fn settle(system: &System, crew: &Crew) -> anyhow::Result<()> {
    for last in [false, true] {
        if last {
            crew.last_words().await;
        }
        if tokio::time::timeout(QUIET, crew.rest()).await.is_err() {
            println!("  not everybody has said what they had to say");
        }
    }
    let begun = Instant::now();
    let mut calm = 0;
    while calm < 3 {
        let moving = system.database.count("FROM delivery WHERE state IN ('pending', 'sending')").await?;
        let held = system.database.count("FROM delivery WHERE state = 'held'").await?;
        let events = system.database.count("FROM outbox").await?;
        calm = if moving + held + events == 0 { calm + 1 } else { 0 };
        if begun.elapsed() > QUIET {
            println!("  it does not settle: {} messages and {events} events still wait", moving + held);
            break;
        }
        if moving == 0 && held > 0 {
            // Whoever was sent more than a window holds while they could not write has to write more than once.
            crew.last_words().await;
            drop(tokio::time::timeout(QUIET, crew.rest()).await);
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    Ok(())
}

/// That somebody came back is an event, too.
async fn flow_off(system: &System) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut calm = 0;
    while calm < 10 && begun.elapsed() < STANDING * 10 {
        calm = if system.database.count("FROM outbox").await? == 0 { calm + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn seconds(journal: &Journal) -> f64 {
    Duration::from_nanos(journal.now()).as_secs_f64()
}
