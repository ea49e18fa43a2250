//! What can be asked of the program. Knows how to read words, not what they start.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::fault::{ALL, Fault};

/// How to use it.
pub const USAGE: &str = "\
故障战役：真实进程、真实服务、注入故障、核对记录。
A fault campaign: real processes and services, faults, a recorded history and a checker.

usage: scripts/campaign [OPTION]...
  --gate            the faults of a change's gate, with few messages (about 12 minutes on 2 cores)
  --full            every fault with 10,000 messages (about 2 hours); writes the table of docs/RELIABILITY.md
  --planted         every planted bug with the fault that has to catch it; writes its table, too
  --fault F05       one fault; may be given several times. `--fault none` is load alone
  --messages N      messages to be accepted per fault
  --rate N          messages a second
  --threads N       customers
  --seed N          of all choices and marks
  --keep DIR        keep histories, dumps and logs there
  --check DIR       judge what was kept, again
  --bug NAME        with this planted bug (a build with --features planted)
  --list            faults and planted bugs
  --help
exit code: 0 valid, 1 invalid, 2 unknown";

/// What was asked.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which faults.
    pub faults: Vec<Fault>,
    /// Whether the table is written.
    pub full: bool,
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
    /// Where everything is kept.
    pub keep: Option<PathBuf>,
    /// What to judge again.
    pub check: Option<PathBuf>,
    /// A planted bug.
    pub bug: Option<String>,
}

impl Options {
    /// Reads words.
    pub fn read(words: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { help: words.is_empty(), ..Self::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--gate" => options.faults.extend(ALL.iter().filter(|fault| fault.gate)),
                "--full" => {
                    options.faults.extend(ALL);
                    options.full = true;
                }
                "--planted" => options.planted = true,
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--fault" => {
                    let name = value()?;
                    options.faults.push(Fault::named(name).with_context(|| format!("there is no fault {name}"))?);
                }
                "--messages" => options.messages = Some(value()?.parse()?),
                "--rate" => options.rate = Some(value()?.parse()?),
                "--threads" => options.threads = Some(value()?.parse()?),
                "--seed" => options.seed = Some(value()?.parse()?),
                "--keep" => options.keep = Some(PathBuf::from(value()?)),
                "--check" => options.check = Some(PathBuf::from(value()?)),
                "--bug" => options.bug = Some(value()?.clone()),
                other => bail!("unknown option {other}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }
}
