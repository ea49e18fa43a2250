//! What can be asked of the program. Knows how to read words, not what they start.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::fault::{ALL, Fault};
use crate::planted::Plant;

/// How to use it.
pub const USAGE: &str = "\
故障战役：真实进程、真实服务、注入故障、核对记录。
A fault campaign: real processes and services, faults, a recorded history and a checker.

usage: scripts/campaign [OPTION]...
  --gate            the faults of a change's gate, with few messages (about 12 minutes on 2 cores)
  --full            every fault, or those named, with 10,000 messages (about 2 hours); writes their rows in the table of
                    docs/RELIABILITY.md, each as soon as it is there
  --planted         every planted bug with the fault that has to catch it; writes their rows in its table, too
  --fault F05,F12   some faults; may be given several times. `--fault none` is load alone
  --from F20        leaves out the faults before this one
  --table           writes the rows of a run that is not --full, too
  --messages N      messages to be accepted per fault
  --rate N          messages a second
  --threads N       customers
  --seed N          of all choices and marks
  --upgrade-from FILE
                    nodes start with this older gateway, and each is the built one from its first restart on: with
                    --fault F02 a rolling upgrade under load
  --keep DIR        keep histories, dumps and logs there
  --check DIR       judge what was kept, again
  --bug NAME        with this planted bug; with --planted, only this one
  --list            faults and planted bugs
  --help
exit code: 0 valid, 1 invalid, 2 unknown";

/// What was asked.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which faults.
    pub faults: Vec<Fault>,
    /// Whether with as many messages as it takes to believe it.
    pub full: bool,
    /// Whether the table is written.
    pub table: bool,
    /// Whether the planted bugs are to be caught.
    pub planted: bool,
    /// Whether to list what there is.
    pub list: bool,
    /// Whether to explain.
    pub help: bool,
    /// Messages per fault, if not the usual.
    pub messages: Option<usize>,
    /// Messages a second.
    pub rate: Option<f64>,
    /// Customers.
    pub threads: Option<u32>,
    /// Of all choices.
    pub seed: Option<u64>,
    /// The gateway that nodes are upgraded from.
    pub upgrade_from: Option<PathBuf>,
    /// Where everything is kept.
    pub keep: Option<PathBuf>,
    /// What to judge again.
    pub check: Option<PathBuf>,
    /// A planted bug.
    pub bug: Option<String>,
    /// The words themselves.
    words: Vec<String>,
}

impl Options {
    /// How it was called.
    pub fn command(&self) -> String {
        format!("scripts/campaign {}", self.words.join(" "))
    }

    /// Reads words.
    pub fn read(words: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { help: words.is_empty(), words: words.to_vec(), ..Self::default() };
        let (mut words, mut from) = (words.iter(), None);
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--gate" => options.faults.extend(ALL.iter().filter(|fault| fault.gate)),
                "--full" => (options.full, options.table) = (true, true),
                "--table" => options.table = true,
                "--planted" => options.planted = true,
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--fault" => {
                    let faults = value()?.split(',').map(named).collect::<anyhow::Result<Vec<_>>>()?;
                    options.faults.extend(faults);
                }
                "--from" => from = Some(named(value()?)?),
                "--messages" => options.messages = Some(value()?.parse()?),
                "--rate" => options.rate = Some(value()?.parse()?),
                "--threads" => options.threads = Some(value()?.parse()?),
                "--seed" => options.seed = Some(value()?.parse()?),
                "--upgrade-from" => options.upgrade_from = Some(PathBuf::from(value()?)),
                "--keep" => options.keep = Some(PathBuf::from(value()?)),
                "--check" => options.check = Some(PathBuf::from(value()?)),
                "--bug" => {
                    let name = value()?;
                    let plant = Plant::named(name).with_context(|| format!("there is no planted bug {name}"))?;
                    options.bug = Some(plant.bug.name());
                }
                other => bail!("unknown option {other}\n\n{USAGE}"),
            }
        }
        if options.faults.is_empty() && (options.full || from.is_some()) {
            options.faults.extend(ALL);
        }
        if let Some(from) = from {
            options.faults = options.faults.into_iter().skip_while(|fault| *fault != from).collect();
        }
        Ok(options)
    }
}

fn named(name: &str) -> anyhow::Result<Fault> {
    Fault::named(name).with_context(|| format!("there is no fault {name}"))
}
