//! Reads a TOML table key by key: types, ranges, choices, secrets, and what nobody asked for.
//!
//! A reader never stops at a problem. It notes it under the key's path, hands back a harmless stand-in and goes
//! on, so that one run reports everything. Values never enter a problem's text.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::problem::Problems;
use super::source;
use crate::model::secret::Secret;

/// What all readers of one document share.
#[derive(Debug)]
pub struct Document {
    /// Environment variables that `env:NAME` may name.
    pub env: BTreeMap<String, String>,
    /// Where relative paths of `file:PATH` start.
    pub base: PathBuf,
    problems: RefCell<Problems>,
    warnings: RefCell<Problems>,
    inline_secret: Cell<bool>,
}

impl Document {
    /// A document without problems so far.
    #[must_use]
    pub fn new(env: BTreeMap<String, String>, base: &Path) -> Self {
        Self {
            env,
            base: base.to_owned(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            inline_secret: Cell::new(false),
        }
    }

    /// Notes a problem under a full key path.
    pub fn problem(&self, key: impl Into<String>, what: impl Into<String>) {
        self.problems.borrow_mut().push(key, what);
    }

    /// Notes a risk under a full key path.
    pub fn warning(&self, key: impl Into<String>, what: impl Into<String>) {
        self.warnings.borrow_mut().push(key, what);
    }

    /// Whether a secret stood in the document itself instead of behind `env:` or `file:`.
    #[must_use]
    pub fn has_inline_secret(&self) -> bool {
        self.inline_secret.get()
    }

    /// The problems and the warnings.
    #[must_use]
    pub fn finish(self) -> (Problems, Problems) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

/// Reads one table.
#[derive(Debug)]
pub struct Reader<'a> {
    document: &'a Document,
    table: &'a Table,
    path: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Reader<'a> {
    /// A reader of `table`, which stands at `path` (empty for the whole document).
    #[must_use]
    pub fn new(document: &'a Document, table: &'a Table, path: impl Into<String>) -> Self {
        Self { document, table, path: path.into(), asked: RefCell::default() }
    }

    /// The full path of a key of this table.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Notes a problem with a key of this table.
    pub fn problem(&self, key: &str, what: impl Into<String>) {
        self.document.problem(self.path(key), what);
    }

    /// Notes a risk of a key of this table.
    pub fn warning(&self, key: &str, what: impl Into<String>) {
        self.document.warning(self.path(key), what);
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn missing(&self, key: &str) {
        self.problem(key, "is required");
    }

    /// A text, or `None` when the key is absent.
    #[must_use]
    pub fn maybe_text(&self, key: &'static str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.problem(key, "must be a text");
        }
        text
    }

    /// A text that must be there and not be empty.
    #[must_use]
    pub fn text(&self, key: &'static str) -> &'a str {
        if !self.has(key) {
            self.missing(key);
        }
        let text = self.maybe_text(key).unwrap_or_default();
        if text.is_empty() && self.table.get(key).is_some_and(Value::is_str) {
            self.problem(key, "must not be empty");
        }
        text
    }

    /// A text that `parse` understands, or `None` when it is absent or empty. The problem says "must be `expected`".
    #[must_use]
    pub fn maybe<T>(&self, key: &'static str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.maybe_text(key).filter(|text| !text.is_empty())?;
        let value = parse(text);
        if value.is_none() {
            self.problem(key, format!("must be {expected}"));
        }
        value
    }

    /// Like [`Reader::maybe`], for a key that must be there.
    #[must_use]
    pub fn parsed<T>(&self, key: &'static str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if self.text(key).is_empty() { None } else { self.maybe(key, expected, parse) }
    }

    /// A whole number in `range`; `default` when absent.
    #[must_use]
    pub fn int(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(value) = self.value(key) else { return default };
        let Some(number) = value.as_integer() else {
            self.problem(key, "must be a whole number");
            return default;
        };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.problem(key, format!("must be from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// A number from 0 to 1; `default` when absent.
    #[must_use]
    pub fn ratio(&self, key: &'static str, default: f64) -> f64 {
        let Some(value) = self.value(key) else { return default };
        match value.as_float() {
            Some(number) if (0.0..=1.0).contains(&number) => number,
            _ => {
                self.problem(key, "must be a number from 0.0 to 1.0");
                default
            }
        }
    }

    /// Like [`Reader::int`], for counts and sizes held in memory.
    #[must_use]
    pub fn count(&self, key: &'static str, default: usize, range: RangeInclusive<usize>) -> usize {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let number = self.int(key, wide(default), wide(*range.start())..=wide(*range.end()));
        usize::try_from(number).unwrap_or(default)
    }

    /// A duration in whole seconds; the key ends in `_s`.
    #[must_use]
    pub fn seconds(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.int(key, default, range))
    }

    /// A duration in whole milliseconds; the key ends in `_ms`.
    #[must_use]
    pub fn millis(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.int(key, default, range))
    }

    /// `true` or `false`; `default` when absent.
    #[must_use]
    pub fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.problem(key, "must be true or false");
            default
        })
    }

    /// One of `choices`; the first of them when absent.
    #[must_use]
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let first = choices.first().map(|(_, value)| *value);
        if !self.has(key) {
            return first;
        }
        let text = self.maybe_text(key)?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.problem(key, format!("must be one of {}", names.join(", ")));
        }
        found.or(first)
    }

    /// The texts of a list, each with its index; empty when absent.
    #[must_use]
    pub fn texts(&self, key: &'static str) -> Vec<&'a str> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let texts = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
        texts.unwrap_or_else(|| {
            self.problem(key, "must be a list of texts");
            Vec::new()
        })
    }

    /// A list of texts that `parse` understands; problems carry the index.
    #[must_use]
    pub fn list<T>(&self, key: &'static str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut list = Vec::new();
        for (index, text) in self.texts(key).into_iter().enumerate() {
            match parse(text) {
                Some(item) => list.push(item),
                None => self.problem(&format!("{key}[{index}]"), format!("must be {expected}")),
            }
        }
        list
    }

    /// A table inside this one; `None` when absent.
    #[must_use]
    pub fn section(&self, key: &'static str) -> Option<Reader<'a>> {
        let value = self.value(key)?;
        let table = value.as_table();
        if table.is_none() {
            self.problem(key, "must be a section");
        }
        Some(Reader::new(self.document, table?, self.path(key)))
    }

    /// Reads a table that is absent as if it were there and empty, so that every key takes its default.
    pub fn empty<T>(&self, key: &'static str, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        read(&Reader::new(self.document, &Table::new(), self.path(key)))
    }

    /// The tables of an array of tables (`[[key]]`); empty when absent.
    #[must_use]
    pub fn sections(&self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let tables: Option<Vec<&Table>> =
            value.as_array().and_then(|items| items.iter().map(Value::as_table).collect());
        let Some(tables) = tables else {
            self.problem(key, format!("must be a list of [[{key}]] sections"));
            return Vec::new();
        };
        let at = |index: usize| self.path(&format!("{key}[{index}]"));
        tables.into_iter().enumerate().map(|(index, table)| Reader::new(self.document, table, at(index))).collect()
    }

    /// A secret: the text itself, `env:NAME` or `file:PATH`; `None` when the key is absent or empty.
    #[must_use]
    pub fn secret(&self, key: &'static str) -> Option<Secret> {
        let text = self.maybe_text(key).filter(|text| !text.is_empty())?;
        if !source::is_reference(text) {
            self.document.inline_secret.set(true);
        }
        source::resolve(text, &self.document.env, &self.document.base).map_err(|what| self.problem(key, what)).ok()
    }

    /// Every key of this table with its text.
    #[must_use]
    pub fn all_texts(&self) -> BTreeMap<String, String> {
        let text = |(key, value): (&String, &Value)| match value.as_str() {
            Some(text) => Some((key.clone(), text.to_owned())),
            None => {
                self.problem(key, "must be text");
                None
            }
        };
        self.table.iter().filter_map(text).collect()
    }

    /// Notes every key that nobody has asked for so far: the last step of reading a table.
    pub fn unknown(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(key.as_str())) {
            self.problem(key, "is not a known key");
        }
    }
}
