//! Writes histories: one file per kind of writer, one clock for all. Knows no meaning of a line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use yizhan::clock::Clock;

use super::history::{Kind, Line, What};

/// The histories of one campaign. Clones write into the same files.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    begun: Instant,
    /// What the wall showed then, milliseconds.
    wall: i64,
    folder: PathBuf,
    files: Mutex<HashMap<String, BufWriter<File>>>,
    broken: AtomicBool,
}

impl Journal {
    /// Begins histories in a folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let inner = Inner {
            begun: Instant::now(),
            wall: Clock::system().now().0,
            folder: folder.to_owned(),
            files: Mutex::default(),
            broken: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Now, in nanoseconds since the beginning.
    pub fn now(&self) -> u64 {
        u64::try_from(self.inner.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A time of the wall clock, in milliseconds, on the clock of the histories.
    pub fn at_wall(&self, ms: i64) -> u64 {
        u64::try_from(ms.saturating_sub(self.inner.wall)).unwrap_or(0).saturating_mul(1_000_000)
    }

    /// A line of now.
    pub fn line(&self, p: &str, k: Kind, f: What) -> Line {
        Line::new(self.now(), p, k, f)
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) {
        let group = line.p.split(':').next().unwrap_or("other");
        let mut files = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(group) {
            match File::create(self.inner.folder.join(format!("{group}.jsonl"))) {
                Ok(file) => drop(files.insert(group.to_owned(), BufWriter::new(file))),
                Err(_unwritable) => self.inner.broken.store(true, Ordering::Relaxed),
            }
        }
        let written = files.get_mut(group).is_some_and(|file| row(file, line).is_ok());
        if !written {
            self.inner.broken.store(true, Ordering::Relaxed);
        }
    }

    /// A remark of the campaign itself.
    pub fn remark(&self, f: What, arg: &str) {
        let mut line = self.line("nemesis", Kind::Fault, f);
        arg.clone_into(&mut line.arg);
        self.write(&line);
    }

    /// Brings everything to the files.
    ///
    /// # Errors
    /// When a line is missing: then the histories are worth nothing.
    pub fn close(&self) -> anyhow::Result<()> {
        for file in self.inner.files.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            file.flush()?;
        }
        anyhow::ensure!(!self.inner.broken.load(Ordering::Relaxed), "a line of the history could not be written");
        Ok(())
    }
}

/// Writes one row of JSON.
pub fn row(file: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(file.write_all(&text)?)
}
