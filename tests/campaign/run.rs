//! One fault after another: the campaign, its verdict, its row in the table.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::check::{self, Verdict};
use crate::fault::{self, Fault, Requirement};
use crate::history::Records;
use crate::history::plan::{Plan, Tenant};
use crate::load::pace::Load;
use crate::options::Options;
use crate::perform::Performance;
use crate::planted::{self, Catch, Plant};
use crate::system::Topology;
use crate::system::declare::{FIRMS, PASSWORD};
use crate::system::services::Services;
use crate::table;

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
        for plant in planted::ALL {
            println!("{:<20} {:<5} {}", plant.bug.name(), plant.fault, plant.about);
        }
        return Ok(0);
    }
    if let Some(folder) = &options.check {
        let records = Records::read(folder);
        let verdict = check::judge(&records);
        tell_verdict(&records, &verdict);
        return Ok(verdict.exit_code());
    }
    let mut services = Lazy::default();
    if options.planted {
        return planted(options, &mut services).await;
    }
    let (mut worst, mut told) = (0, Vec::new());
    let mut clock = Eta::of(options.faults.len());
    for fault in &options.faults {
        clock.next();
        let outcome = services.campaign(*fault, options.bug.as_deref(), options).await;
        if options.table {
            table::fault(*fault, &outcome, &options.command())?;
        }
        let code = outcome.as_ref().map_or(2, Outcome::exit_code);
        if let Err(error) = outcome {
            println!("  {} could not be run: {error:#}\n", fault.name);
        }
        told.push(format!("{} {}", fault.name, table::word(code)));
        worst = match (worst, code) {
            (1, _) | (_, 1) => 1,
            (one, two) => one.max(two),
        };
    }
    println!("{}", told.join(", "));
    Ok(worst)
}

/// How far it is.
struct Eta {
    all: usize,
    done: usize,
    begun: Instant,
}

impl Eta {
    fn of(all: usize) -> Self {
        Self { all, done: 0, begun: Instant::now() }
    }

    /// Says so before the next one.
    fn next(&mut self) {
        let minutes = |took: Duration| took.as_secs().div_ceil(60);
        let each = u32::try_from(self.done).ok().and_then(|done| self.begun.elapsed().checked_div(done));
        let left = u32::try_from(self.all - self.done).unwrap_or(0);
        let left = each.map_or_else(String::new, |each| format!(", about {} min to go", minutes(each * left)));
        self.done += 1;
        println!("[{}/{}] after {} min{left}", self.done, self.all, minutes(self.begun.elapsed()));
    }
}

/// Every planted bug with its fault, or only the one that was named.
async fn planted(options: &Options, services: &mut Lazy) -> anyhow::Result<u8> {
    let wanted = |plant: &Plant| options.bug.as_ref().is_none_or(|name| plant.bug.name().eq_ignore_ascii_case(name));
    let plants: Vec<_> = planted::ALL.into_iter().filter(wanted).collect();
    let (mut clock, mut catches) = (Eta::of(plants.len()), Vec::new());
    for plant in plants {
        clock.next();
        let fault = Fault::named(plant.fault).with_context(|| format!("there is no fault {}", plant.fault))?;
        println!("{}: {}", plant.bug.name(), plant.about);
        let mut own = options.clone();
        own.threads = own.threads.or(plant.threads);
        let outcome = services.campaign(fault, Some(&plant.bug.name()), &own).await;
        let catch = Catch::of(plant, outcome);
        println!("{}\n", catch.told());
        planted::tell(&catch)?;
        catches.push(catch);
    }
    catches.iter().for_each(|catch| println!("{}", catch.told()));
    Ok(u8::from(!catches.iter().all(Catch::caught)))
}

/// The servers of a cluster, started when they are first needed.
#[derive(Debug, Default)]
struct Lazy(Option<Arc<Services>>);

impl Lazy {
    async fn of(&mut self, fault: Fault) -> anyhow::Result<Option<Arc<Services>>> {
        if fault.topology == Topology::Single {
            return Ok(None);
        }
        if self.0.is_none() {
            self.0 = Some(Services::start().await?);
        }
        Ok(self.0.clone())
    }

    /// One campaign. Servers that it has left in an unknown state are not used again.
    async fn campaign(&mut self, fault: Fault, bug: Option<&str>, options: &Options) -> anyhow::Result<Outcome> {
        let services = self.of(fault).await?;
        let outcome = campaign(fault, services, bug, options).await;
        if outcome.is_err() {
            self.0 = None;
        }
        outcome
    }
}

fn plan(fault: Fault, seed: u64) -> Plan {
    let secrets = FIRMS.iter().flat_map(|firm| [firm.secret(), firm.token(), firm.key()]);
    Plan {
        fault: fault.name.to_owned(),
        topology: fault.topology.name().to_owned(),
        seed,
        silence: fault.silence,
        events: fault.topology == Topology::Cluster,
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

async fn campaign(
    fault: Fault,
    services: Option<Arc<Services>>,
    bug: Option<&str>,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let (folder, _temporary) = folder(fault, options)?;
    println!("{} {} — {}", fault.name, fault.topology.name(), fault.about);
    let seed = options.seed.unwrap_or(42);
    let load = Load {
        threads: options.threads.unwrap_or(200),
        rate: options.rate.unwrap_or(if options.full { 120.0 } else { 50.0 }),
        messages: options.messages.unwrap_or(if options.full { 10_000 } else { 1_000 }),
    };
    std::fs::write(folder.join("plan.json"), serde_json::to_string(&plan(fault, seed))?)?;
    let upgrade_from = options.upgrade_from.as_deref();
    if let Some(older) = upgrade_from {
        println!("  upgraded from {}", older.display());
    }
    let performance = Performance { fault, folder: &folder, load, seed, services, bug, upgrade_from };
    let mut requirements = performance.perform().await?;
    let records = Records::read(&folder);
    requirements.extend(fault::measured(fault, &records));
    let verdict = check::judge(&records);
    let (.., harmed) = verdict.delays.told();
    requirements.extend(fault::shown(fault, harmed));
    let outcome = Outcome { fault, verdict, requirements, took: begun.elapsed() };
    tell(&outcome, &records);
    Ok(outcome)
}

fn tell(outcome: &Outcome, records: &Records) {
    for requirement in &outcome.requirements {
        let mark = if requirement.holds { "ok" } else { "FAILED" };
        println!("  {mark}: {} — measured {}", requirement.what, requirement.measured);
    }
    tell_verdict(records, &outcome.verdict);
    let word = table::word(outcome.exit_code());
    println!("  {} {word} after {:.0} s\n", outcome.fault.name, outcome.took.as_secs_f64());
}

fn tell_verdict(records: &Records, verdict: &Verdict) {
    let counts = &verdict.counts;
    let (p50, p99, harmed) = verdict.delays.told();
    println!(
        "  accepted {} of {} (refused {}, unknown {}, of those stored {}), shown {}, to WeChat {} (uncertain {}), \
         events {}",
        counts.accepted,
        counts.attempted,
        counts.failed,
        counts.unknown,
        counts.recovered,
        counts.shown,
        counts.sent,
        counts.uncertain,
        counts.events,
    );
    println!(
        "  to the screen: p50 {p50} ms, p99 {p99} ms; while harmed at most {harmed} ms, recovered after {} ms",
        verdict.recovery_ms
    );
    let report = check::report(records, verdict);
    if !report.is_empty() {
        println!("{report}");
    }
}
