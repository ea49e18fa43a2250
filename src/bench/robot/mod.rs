//! How well the built-in robot finds the question that was meant, beside plain BM25 and exact match, on a set that was
//! made for this project; and how long it takes with many questions.

pub mod curve;
pub mod measure;
mod report;
pub mod set;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;

use super::Report;
use super::machine::Machine;
use super::measure::Latency;
use crate::robot::faq::{Base, Weights};
use measure::{Contender, Got, Ready};
use set::{Case, Set};

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the evaluation set.
    pub set: PathBuf,
    /// Where the disk is looked at, as for every experiment.
    pub cache: PathBuf,
    /// Questions of the index whose speed is measured.
    pub questions: usize,
    /// How often each text is asked when speed is measured.
    pub repeats: usize,
    /// Makes the order of texts, and the many questions.
    pub seed: u64,
    /// A short run: not to be quoted.
    pub quick: bool,
    /// Measure although the machine is busy.
    pub busy: bool,
}

/// What a question base holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holding {
    /// Standard wordings and the two of the development half.
    Kept,
    /// Standard wordings alone.
    Bare,
}

impl Holding {
    const ALL: [Self; 2] = [Self::Kept, Self::Bare];

    fn similar(self) -> &'static [usize] {
        match self {
            Self::Kept => &[0, 1],
            Self::Bare => &[],
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Kept => "标准问与两个相似问 with two similar wordings each",
            Self::Bare => "仅标准问 standard wordings alone",
        }
    }
}

/// What was found.
struct Found {
    cases: Vec<Case>,
    got: Vec<(Holding, Contender, Vec<Got>)>,
    speed: Vec<(Contender, Latency)>,
    /// How long it took to load the dictionary, and to index the many questions, in milliseconds.
    load: f64,
    build: f64,
    fitted: Weights,
}

/// Runs the experiment.
///
/// # Errors
/// The set cannot be read, or the machine is busy.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let options = options.clone();
    tokio::task::spawn_blocking(move || all(&options)).await.context("the experiment broke off")?
}

fn all(options: &Options) -> anyhow::Result<Report> {
    std::fs::create_dir_all(&options.cache).with_context(|| format!("cannot make {}", options.cache.display()))?;
    let set = Set::read(&options.set)?;
    let machine = Machine::look(&options.cache)?;
    machine.must_be_quiet(options.busy)?;
    let begin = Instant::now();
    let base = Arc::new(Base::load()?);
    let load = begin.elapsed().as_secs_f64() * 1_000.0;
    let cases = set.held();
    let mut got = Vec::new();
    for holding in Holding::ALL {
        let questions = set.questions(holding.similar());
        for contender in Contender::ALL {
            let mut ready = Ready::new(contender, &questions, &base);
            got.push((holding, contender, cases.iter().map(|case| ready.ask(&case.text)).collect()));
        }
    }
    let many = measure::many(&set, options.questions, options.seed);
    let (mut speed, mut build) = (Vec::new(), f64::NAN);
    for contender in Contender::ALL {
        let begin = Instant::now();
        let mut ready = Ready::new(contender, &many, &base);
        if contender == Contender::Robot {
            build = begin.elapsed().as_secs_f64() * 1_000.0;
        }
        speed.push((contender, ready.latency(&cases, options.repeats, options.seed)));
    }
    let found = Found { cases, got, speed, load, build, fitted: measure::fitted(&set, &base) };
    Ok(report::render(options, &machine, &found))
}
