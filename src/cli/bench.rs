//! `bench`: experiments. Turns arguments into what `bench` is asked for, and prints what it found.

use std::path::Path;

use anyhow::Context as _;

use super::experiment::{Architecture, Bench, Calls, Experiment, Part, Queue, Relay, Robot};
use super::{Failure, Outcome, complain, say, wait};
use crate::bench::{Report, Setting, architecture, call, queue, relay, robot};
use crate::runtime::Stop;
use crate::runtime::signals::Signals;

pub(super) fn run(asked: Bench) -> Outcome {
    match asked {
        Bench::Queue(asked) => {
            let options = queue_options(&asked)?;
            tell(&asked.experiment, "bench queue", queue::run(&options))
        }
        Bench::Relay(asked) => {
            let options = relay_options(&asked)?;
            tell(&asked.experiment, "bench relay", relay::run(&options))
        }
        Bench::Architecture(asked) => {
            let options = architecture_options(&asked)?;
            tell(&asked.experiment, options.name(), architecture::run(&options))
        }
        Bench::Call(asked) => {
            let options = call_options(&asked)?;
            tell(&asked.experiment, "bench call", call::run(&options))
        }
        Bench::Robot(asked) => {
            let options = robot_options(&asked)?;
            tell(&asked.experiment, "bench robot", robot::run(&options))
        }
        Bench::Consumer { contender, url, queue, effects, seed } => {
            wait(queue::consume(&queue::Orders { contender, url, queue, effects, seed }))??;
            Ok(())
        }
    }
}

/// Runs an experiment, prints and writes down what it found. A signal ends it with all that it has started.
fn tell(asked: &Experiment, name: &str, experiment: impl Future<Output = anyhow::Result<Report>>) -> Outcome {
    let root = Path::new("");
    if asked.write {
        Report::has_place(root, name)?;
    }
    let report = wait(async {
        let (stop, abort) = (Stop::new(), Stop::new());
        let signals = Signals::catch().context("cannot catch signals")?;
        tokio::spawn(signals.forward(stop.clone(), abort));
        tokio::select! {
            report = Box::pin(experiment) => report,
            () = stop.cancelled() => Err(anyhow::anyhow!("interrupted")),
        }
    })??;
    say(&report.text);
    if asked.write {
        report.write(root)?;
    }
    if report.failures.is_empty() {
        return Ok(());
    }
    complain(&format!("{} 项失败 failures, listed above", report.failures.len()));
    Err(Failure::Told)
}

/// What every experiment with servers is told.
fn setting(asked: &Experiment) -> anyhow::Result<Setting> {
    let Experiment { service, cache, repeats, seed, quick, busy, .. } = asked;
    Ok(Setting {
        service: service.clone(),
        cache: cache.clone(),
        program: this_program()?,
        repeats: usize::from(repeats.unwrap_or(if *quick { 1 } else { 3 })),
        seed: *seed,
        quick: *quick,
        busy: *busy,
    })
}

fn queue_options(asked: &Queue) -> anyhow::Result<queue::Options> {
    let given = |list: &[u16], otherwise: &[usize]| match list {
        [] => otherwise.to_vec(),
        list => list.iter().map(|n| usize::from(*n)).collect(),
    };
    let wide = |list: &[u32]| list.iter().map(|n| usize::try_from(*n)).collect::<Result<Vec<_>, _>>();
    let depths = if asked.depths.is_empty() {
        if asked.experiment.quick { vec![] } else { vec![10_000] }
    } else {
        wide(&asked.depths)?
    };
    Ok(queue::Options {
        setting: setting(&asked.experiment)?,
        redis: asked.redis.clone(),
        rabbitmq: asked.rabbitmq.clone(),
        parts: asked.part.iter().map(|part| part_of(*part)).collect(),
        only: asked.only.clone(),
        clients: given(&asked.clients, if asked.experiment.quick { &[8] } else { &[1, 8, 64] }),
        depths,
        sizes: wide(&asked.sizes)?,
    })
}

fn relay_options(asked: &Relay) -> anyhow::Result<relay::Options> {
    Ok(relay::Options {
        setting: setting(&asked.experiment)?,
        only: asked.only.clone(),
        rates: asked.rates.clone(),
        visitors: usize::try_from(asked.visitors)?,
        tenants: usize::from(asked.tenants),
        workers: usize::from(asked.workers),
    })
}

fn architecture_options(asked: &Architecture) -> anyhow::Result<architecture::Options> {
    let idle = asked.idle.unwrap_or(if asked.experiment.quick { 200 } else { 2_000 });
    Ok(architecture::Options {
        setting: setting(&asked.experiment)?,
        only: asked.only.clone(),
        rates: asked.rates.clone(),
        size: usize::from(asked.size),
        visitors: usize::try_from(asked.visitors)?,
        idle: usize::try_from(idle)?,
        workers: usize::from(asked.workers),
        connections: asked.connections.iter().map(|count| usize::from(*count)).collect(),
        tls: asked.tls,
    })
}

fn call_options(asked: &Calls) -> anyhow::Result<call::Options> {
    Ok(call::Options {
        setting: setting(&asked.experiment)?,
        only: asked.only.clone(),
        rates: asked.rates.clone(),
        visitors: usize::try_from(asked.visitors)?,
        workers: usize::from(asked.workers),
    })
}

fn robot_options(asked: &Robot) -> anyhow::Result<robot::Options> {
    let Experiment { cache, repeats, seed, quick, busy, .. } = &asked.experiment;
    Ok(robot::Options {
        set: asked.set.clone(),
        cache: cache.clone(),
        questions: usize::try_from(asked.questions)?,
        repeats: usize::from(repeats.unwrap_or(if *quick { 1 } else { 20 })),
        seed: *seed,
        quick: *quick,
        busy: *busy,
    })
}

fn this_program() -> anyhow::Result<std::path::PathBuf> {
    std::env::current_exe().context("cannot find this program")
}

fn part_of(part: Part) -> queue::Part {
    match part {
        Part::Hub => queue::Part::Hub,
        Part::Throughput => queue::Part::Throughput,
        Part::Latency => queue::Part::Latency,
        Part::Churn => queue::Part::Churn,
        Part::Consumer => queue::Part::Consumer,
        Part::Broker => queue::Part::Broker,
    }
}
