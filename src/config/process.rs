//! `[data]`, `[secret]`, `[tenants]`, `[template]`, `[drain]`, `[log]`: the process itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::reader::Reader;
use super::source::Reference;

/// Master keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Where the current master key is.
    pub master_key: Reference,
    /// Where the keys of before are.
    pub previous_keys: Vec<Reference>,
    /// Whether a missing key file is made.
    pub generate: bool,
}

impl Secrets {
    pub(super) fn read(r: &Reader<'_>, data: &Path) -> Self {
        let expected = "file:PATH or env:NAME, never the key itself";
        let reference = |text: &str| Reference::parse(text, data);
        let this = Self {
            master_key: r.parsed("master_key", expected, reference).unwrap_or_else(|| Reference::Env(String::new())),
            previous_keys: r.list("previous_keys", expected, reference),
            generate: r.flag("generate", false),
        };
        if this.generate && matches!(this.master_key, Reference::Env(_)) {
            r.problem("generate", "needs a master_key of the form file:PATH");
        }
        this
    }
}

/// A folder that may be left out.
pub(super) fn folder(r: &Reader<'_>) -> Option<PathBuf> {
    r.maybe("dir", "a folder", |text| Some(PathBuf::from(text)))
}

/// How the process stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// The process ends after this time, finished or not.
    pub deadline: Duration,
    /// Clients are told to come back at random moments within this time.
    pub spread: Duration,
}

impl Drain {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let this = Self { deadline: r.seconds("deadline_s", 25, 1..=600), spread: r.seconds("spread_s", 5, 0..=120) };
        if this.spread > this.deadline {
            r.problem("spread_s", "must not be more than drain.deadline_s");
        }
        this
    }
}

/// What log lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For a person at a terminal.
    Text,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Form of the lines.
    pub format: LogFormat,
    /// Filter directives, as `tracing` reads them.
    pub level: String,
}

impl Log {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let format = r.choice("format", &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
        let level = r.parsed("level", "a level, like info or info,yizhan=debug", |text| {
            EnvFilter::try_new(text).is_ok().then(|| text.to_owned())
        });
        let this =
            Self { format: format.unwrap_or(LogFormat::Json), level: level.unwrap_or_else(|| "info".to_owned()) };
        if this.level.contains("trace") {
            r.warning("level", "includes trace: libraries then log much more than is needed");
        }
        this
    }
}
