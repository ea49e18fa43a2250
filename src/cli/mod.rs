//! The command-line face: arguments, what is printed, exit codes. Knows what to start, not how it is composed.

mod args;
mod bench;
mod check;
mod doctor;
mod experiment;
mod health;
mod migrate;
mod office;
mod process;
mod root;
mod tenant;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;

use crate::admin::{asyncapi, openapi};
use crate::config::{self, Config, Problems, Sources};
use crate::secret::{self, Keyring};
use crate::store::{self, Store};

use args::{Cli, Command};

/// How a command ends when it is not simply done.
#[derive(Debug)]
enum Failure {
    /// The settings or a declaration are wrong: exit code 78.
    Settings(Problems),
    /// Anything else: exit code 1.
    Other(anyhow::Error),
    /// What was found has been printed already: exit code 1.
    Told,
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

type Outcome = Result<(), Failure>;

/// What every command is given.
#[derive(Debug)]
struct Given {
    config_file: Option<PathBuf>,
    env: BTreeMap<String, String>,
}

impl Given {
    /// The settings, with those of a command between file and environment.
    fn config(&self, preset: Option<String>) -> Result<Config, Problems> {
        config::load(&Sources { file: self.config_file.clone(), preset, env: self.env.clone() })
    }
}

/// The store of the settings, brought up to date, in a data folder that exists.
fn open_store(config: &Config) -> anyhow::Result<Store> {
    make_data_dir(config)?;
    Store::open(&store::Settings::from(&config.store)).context("cannot open the store")
}

fn make_data_dir(config: &Config) -> anyhow::Result<()> {
    config.make_data_dir().with_context(|| format!("cannot make the data folder {}", config.data_dir.display()))
}

fn open_keyring(config: &Config, env: &BTreeMap<String, String>) -> anyhow::Result<Arc<Keyring>> {
    let keyring = secret::prepare(&config.secret, env);
    keyring.map(Arc::new).context(
        "no usable master key (make one with: head -c 32 /dev/urandom | base64 > FILE && chmod 600 FILE, \
         or set secret.generate)",
    )
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let given = Given { config_file: cli.config, env: std::env::vars_os().filter_map(text).collect() };
    match run(&given, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Settings(problems)) => {
            complain(&format!("配置有误 settings are wrong:\n{problems}"));
            ExitCode::from(config::EXIT_CODE)
        }
        Err(Failure::Other(error)) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
        Err(Failure::Told) => ExitCode::FAILURE,
    }
}

fn run(given: &Given, command: Command) -> Outcome {
    match command {
        Command::Demo(demo) => process::demo(given, &demo),
        Command::Serve => process::serve(given),
        Command::Simulate(simulate) => process::simulate(given, &simulate),
        Command::Doctor => doctor::run(given),
        Command::Health(health) => health::run(given, &health),
        Command::Migrate(migrate) => migrate::run(given, &migrate),
        Command::CheckConfig => check::run(given),
        Command::DefaultConfig => {
            say(config::DEFAULT.trim_end());
            Ok(())
        }
        Command::Asyncapi => {
            say(asyncapi::document().trim_end());
            Ok(())
        }
        Command::Openapi => {
            say(openapi::document().trim_end());
            Ok(())
        }
        Command::Tenant { command } => tenant::run(given, command),
        Command::Faq { command } => office::faq(given, command),
        Command::Flow { command } => office::flow(given, command),
        Command::Bench { command } => bench::run(command),
    }
}

/// Prints an answer. Nothing is done about a reader that has gone away.
fn say(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints what went wrong.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Waits for a short piece of asynchronous work.
fn wait<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("cannot start the runtime")?.block_on(work))
}
