//! Configuration: default, then file, then environment; all problems are reported at once. Knows no tenant.
//!
//! A setting is a key in a section. Every section has a type with its own `read`, which checks what it takes; a key
//! that no section asks for is refused. Problems carry key paths and never values.

pub mod backend;
pub mod bus;
pub mod http;
pub mod hub;
mod merge;
mod planted;
pub mod problem;
pub mod process;
pub mod reader;
pub mod robot;
pub mod socket;
pub mod source;
pub mod store;
pub mod wechat;

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use toml::Table;

pub use backend::{Disk, Media};
pub use bus::Bus;
pub use http::Http;
pub use hub::{Durability, Hub, Redis};
pub use planted::{Bug, planted};
pub use problem::{Problem, Problems};
pub use process::{Drain, Log, LogFormat, Secrets};
pub use robot::Robot;
pub use socket::Socket;
pub use store::{Postgres, Sqlite, Store};
pub use wechat::Wechat;

use reader::{Document, Reader};

/// Every key with its default value and an explanation, as `default-config` prints it.
pub const DEFAULT: &str = include_str!("default.toml");

/// The sections whose `url` may hold a password.
const WITH_PASSWORD: [&str; 3] = ["store", "hub", "bus"];

/// The exit code of a process that was configured wrongly (`EX_CONFIG`).
pub const EXIT_CODE: u8 = 78;

/// The settings of the process, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything that the process keeps.
    pub data_dir: PathBuf,
    /// `[http]`
    pub http: Http,
    /// `[socket]`
    pub socket: Socket,
    /// `[store]`
    pub store: Store,
    /// `[hub]`
    pub hub: Hub,
    /// `[bus]`
    pub bus: Bus,
    /// `[media]`
    pub media: Media,
    /// `[wechat]`
    pub wechat: Wechat,
    /// `[robot]`
    pub robot: Robot,
    /// `[secret]`
    pub secret: Secrets,
    /// `[tenants] dir`
    pub tenants_dir: Option<PathBuf>,
    /// `[template] dir`
    pub template_dir: Option<PathBuf>,
    /// `[drain]`
    pub drain: Drain,
    /// `[log]`
    pub log: Log,
    /// What is risky about these settings.
    pub warnings: Problems,
}

/// Where settings come from besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML file, laid over the defaults.
    pub file: Option<PathBuf>,
    /// Settings of a command, laid over the file, as TOML text (`demo` uses this).
    pub preset: Option<String>,
    /// Environment variables: settings, and what `env:NAME` names.
    pub env: BTreeMap<String, String>,
}

/// Reads and checks all settings.
///
/// # Errors
/// Every problem of all sources, not only the first.
pub fn load(sources: &Sources) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let mut merged = table("the built-in defaults", DEFAULT, &mut problems);
    let file = sources.file.as_deref();
    if let Some(layer) = file.and_then(|path| read_file(path, &mut problems)) {
        check_privacy(file, &layer, &mut problems);
        merge::overlay(&mut merged, layer);
    }
    if let Some(preset) = &sources.preset {
        merge::overlay(&mut merged, table("the preset", preset, &mut problems));
    }
    let environment = merge::from_environment(&merged, sources.env.iter(), &mut problems);
    merge::overlay(&mut merged, environment);
    if !problems.is_empty() {
        return Err(problems);
    }
    read(&merged, &sources.env)
}

impl Config {
    /// Makes the data folder unless it is there, for nobody else: it holds what customers said.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_data_dir(&self) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir)
    }
}

fn read(merged: &Table, env: &BTreeMap<String, String>) -> Result<Config, Problems> {
    let data_dir = merged.get("data").and_then(|data| data.get("dir")).and_then(toml::Value::as_str);
    let data_dir = PathBuf::from(data_dir.unwrap_or("data"));
    let document = Document::new(env.clone(), &data_dir);
    let root = Reader::new(&document, merged, "");
    let config = Config {
        data_dir: section(&root, "data", |r| PathBuf::from(r.text("dir"))),
        http: section(&root, "http", Http::read),
        socket: section(&root, "socket", Socket::read),
        store: section(&root, "store", |r| Store::read(r, &data_dir)),
        hub: section(&root, "hub", |r| Hub::read(r, &data_dir)),
        bus: section(&root, "bus", |r| Bus::read(r, &data_dir)),
        media: section(&root, "media", |r| Media::read(r, &data_dir)),
        wechat: section(&root, "wechat", Wechat::read),
        robot: section(&root, "robot", Robot::read),
        secret: section(&root, "secret", |r| Secrets::read(r, &data_dir)),
        tenants_dir: section(&root, "tenants", process::folder),
        template_dir: section(&root, "template", process::folder),
        drain: section(&root, "drain", Drain::read),
        log: section(&root, "log", Log::read),
        warnings: Problems::default(),
    };
    root.unknown();
    let (problems, warnings) = document.finish();
    problems.or(Config { warnings, ..config })
}

fn section<T>(root: &Reader<'_>, key: &'static str, read: impl Fn(&Reader<'_>) -> T) -> T {
    let whole = |reader: &Reader<'_>| {
        let value = read(reader);
        reader.unknown();
        value
    };
    root.section(key).map_or_else(|| root.empty(key, whole), |reader| whole(&reader))
}

/// Parses TOML. A syntax error is told by its line: the text around it might be a secret.
pub(crate) fn table(name: &str, text: &str, problems: &mut Problems) -> Table {
    match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            problems.push(format!("{name}, line {line}"), "is not valid TOML");
            Table::new()
        }
    }
}

fn read_file(path: &Path, problems: &mut Problems) -> Option<Table> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(table(&path.display().to_string(), &text, problems)),
        Err(error) => {
            problems.push(path.display().to_string(), format!("cannot be read: {error}"));
            None
        }
    }
}

/// A password inside a file that anybody may read is no secret.
fn check_privacy(path: Option<&Path>, layer: &Table, problems: &mut Problems) {
    if !path.is_some_and(source::others_can_read) {
        return;
    }
    for section in WITH_PASSWORD {
        let url = layer.get(section).and_then(|section| section.get("url")).and_then(toml::Value::as_str);
        if url.is_some_and(|url| !source::is_reference(url)) {
            let what = "stands in a file that others can read: chmod 600 it, or use env:NAME or file:PATH";
            problems.push(format!("{section}.url"), what);
        }
    }
}

#[cfg(test)]
mod tests;
