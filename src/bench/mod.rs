//! Experiments that an operator can repeat: `yizhan bench`. Drives Redis, RabbitMQ and whole gateways from outside; knows
//! no arguments and prints nothing but progress.

pub mod agent;
pub mod architecture;
pub mod call;
pub mod certificate;
pub mod crowd;
mod front;
pub mod http;
pub mod machine;
pub mod measure;
pub mod pace;
pub mod parcel;
pub mod plot;
pub mod port;
pub mod process;
pub mod queue;
pub mod relay;
pub mod robot;
pub mod service;
mod setting;
pub mod site;
pub mod stream;
pub mod table;
pub mod visitor;
pub mod ws;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use measure::Chance;
pub use setting::Setting;
use table::Slot;

/// Where the results of experiments are told.
const DOCUMENT: &str = "docs/EXPERIMENTS.md";
/// Where their plots are.
const PLOTS: &str = "docs/experiments";

/// What an experiment found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its name in the document's markers.
    pub name: &'static str,
    /// Tables, in Markdown.
    pub text: String,
    /// Plots: name of the file and SVG.
    pub plots: Vec<(String, String)>,
    /// What did not keep its promise, or could not be measured. Any of it fails the run.
    pub failures: Vec<String>,
}

impl Report {
    /// Whether [`Report::write`] will find its place; asked before a run that takes long.
    ///
    /// # Errors
    /// The document is not below the folder, or has no place for this experiment.
    pub fn has_place(root: &Path, name: &str) -> anyhow::Result<()> {
        Slot { document: &root.join(DOCUMENT), name }.around().map(drop)
    }

    /// Writes tables and plots into the documents of a project.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn write(&self, root: &Path) -> anyhow::Result<()> {
        let folder = root.join(PLOTS);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut text = self.text.clone();
        for (file, svg) in &self.plots {
            std::fs::write(folder.join(file), svg).with_context(|| format!("cannot write {file}"))?;
            text.push_str(&format!("\n![{file}](experiments/{file})\n"));
        }
        Slot { document: &root.join(DOCUMENT), name: self.name }.write(&text)
    }
}

/// Takes everything as often as it is repeated, in random order, and goes on where something fails. Returns what failed.
async fn take_all<T: Clone>(
    all: &[T],
    word: impl Fn(&T) -> String,
    (repeats, seed): (usize, u64),
    mut take: impl AsyncFnMut(&T, &Progress) -> anyhow::Result<()>,
) -> Vec<String> {
    let (mut chance, mut progress) = (Chance::new(seed), Progress::new(all.len() * repeats));
    let mut failures = Vec::new();
    for _ in 0..repeats {
        for one in chance.shuffle(all.to_vec()) {
            let word = word(&one);
            progress.step(&word);
            if let Err(error) = take(&one, &progress).await {
                progress.say(&format!("失败 FAILED {word}: {error:#}"));
                failures.push(format!("{word}: {error:#}"));
            }
        }
    }
    failures
}

/// Tells whoever waits how far a run is, on standard error.
#[derive(Debug)]
struct Progress {
    begin: Instant,
    done: usize,
    all: usize,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self { begin: Instant::now(), done: 0, all }
    }

    fn say(&self, what: &str) {
        let time: Duration = self.begin.elapsed();
        let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
        // Nothing is done about a reader that has gone away.
        drop(writeln!(std::io::stderr().lock(), "[{minutes:02}:{seconds:02} {}/{}] {what}", self.done, self.all));
    }

    fn step(&mut self, what: &str) {
        self.done += 1;
        self.say(what);
    }
}
