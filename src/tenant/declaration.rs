//! A tenant's declaration as text: read, made fit for storing, and read back.
//!
//! The stored form is the declaration with every secret sealed to its place and every password hashed. References
//! (`env:`, `file:`) are resolved on the way in: what is stored stands on its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Tenant, secrets};
use crate::config::problem::Problems;
use crate::config::reader::{Document, Reader};
use crate::secret::{self, Keyring, Place, password};

/// What marks a sealed value in the stored form.
const SEALED: &str = "sealed:";

/// A declaration that was read and found valid.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// What it declares.
    pub tenant: Tenant,
    /// What is risky about it.
    pub warnings: Problems,
    table: Table,
}

/// Why a declaration could not be stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The declaration is wrong.
    #[error(transparent)]
    Invalid(#[from] Problems),
    /// A secret could not be sealed or opened.
    #[error("{key} {source}")]
    Secret {
        /// The key's path.
        key: String,
        /// Why.
        #[source]
        source: secret::Error,
    },
    /// A password could not be hashed.
    #[error("{key} {source}")]
    Password {
        /// The key's path.
        key: String,
        /// Why.
        #[source]
        source: password::Error,
    },
    /// The declaration could not be written as TOML.
    #[error("cannot write the declaration")]
    Write(#[from] toml::ser::Error),
}

impl Declaration {
    /// Reads and checks a declaration. `name` is what problems with the syntax are reported under; relative `file:`
    /// references start at `base`.
    ///
    /// # Errors
    /// Every problem, with its key path and without any value.
    pub fn parse(name: &str, text: &str, env: &BTreeMap<String, String>, base: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let table = crate::config::table(name, text, &mut problems);
        problems.or(())?;
        Self::check(table, env, base)
    }

    fn check(table: Table, env: &BTreeMap<String, String>, base: &Path) -> Result<Self, Problems> {
        let document = Document::new(env.clone(), base);
        let tenant = Tenant::read(&Reader::new(&document, &table, ""));
        let (mut problems, warnings) = document.finish();
        if problems.is_empty() && tenant.is_none() {
            problems.push("id", "the declaration is incomplete");
        }
        problems.or(())?;
        tenant.map(|tenant| Self { tenant, warnings, table }).ok_or_else(Problems::default)
    }

    /// Reads every `*.toml` of a folder, sorted by name. Problems carry the file's name.
    ///
    /// # Errors
    /// The problems of all files; a tenant that two files declare is one.
    pub fn read_folder(folder: &Path, env: &BTreeMap<String, String>) -> Result<Vec<Self>, Problems> {
        let mut problems = Problems::default();
        let mut declarations: Vec<Self> = Vec::new();
        for path in toml_files(folder, &mut problems) {
            match Self::read_file(&path, env) {
                Ok(declaration) if declarations.iter().any(|known| known.tenant.id == declaration.tenant.id) => {
                    problems.push(path.display().to_string(), "declares a tenant that another file declares");
                }
                Ok(declaration) => declarations.push(declaration),
                Err(found) => {
                    for problem in found.iter() {
                        problems.push(format!("{}: {}", path.display(), problem.key), &problem.what);
                    }
                }
            }
        }
        problems.or(declarations)
    }

    /// Reads one file; relative `file:` references start beside it.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn read_file(path: &Path, env: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text, env, path.parent().unwrap_or_else(|| Path::new(""))),
            Err(error) => {
                let mut problems = Problems::default();
                problems.push(name, format!("cannot be read: {error}"));
                Err(problems)
            }
        }
    }

    /// The form that may be stored: secrets sealed under the current key, passwords hashed.
    ///
    /// Hashing takes tens of milliseconds per password: run this off the asynchronous threads.
    ///
    /// # Errors
    /// [`Error::Secret`], [`Error::Password`], [`Error::Write`].
    pub fn seal(&self, keyring: &Keyring) -> Result<String, Error> {
        let mut table = self.table.clone();
        let tenant = self.tenant.id.as_str();
        let resolved = secrets::resolved(&self.tenant);
        for (path, value) in secrets::places(&mut table) {
            let Some(secret) = resolved.get(&path) else { continue };
            let sealed = keyring.seal(&place(tenant, &path), secret);
            let sealed = sealed.map_err(|source| Error::Secret { key: path, source })?;
            *value = Value::String(format!("{SEALED}{sealed}"));
        }
        for (agent, seed) in tables(&mut table, "agent").zip(&self.tenant.agents) {
            if let super::Credential::Password(password) = &seed.credential {
                let hash = password::hash_password(password);
                let hash =
                    hash.map_err(|source| Error::Password { key: format!("agent.{}.password", seed.id), source })?;
                agent.remove("password");
                agent.insert("password_hash".to_owned(), Value::String(hash));
            }
        }
        Ok(toml::to_string(&table)?)
    }

    /// Reads a stored declaration back.
    ///
    /// # Errors
    /// [`Error::Secret`] when a secret does not open, [`Error::Invalid`] when this version refuses what an earlier
    /// one stored.
    pub fn open(stored: &str, version: i64, keyring: &Keyring) -> Result<Self, Error> {
        let mut problems = Problems::default();
        let mut table = crate::config::table("the stored declaration", stored, &mut problems);
        problems.or(())?;
        let tenant = table.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        each_sealed(&mut table, |path, sealed| Ok(keyring.open(&place(&tenant, path), sealed)?.expose().to_owned()))?;
        let mut declaration = Self::check(table, &BTreeMap::new(), Path::new(""))?;
        declaration.tenant.version = version;
        Ok(declaration)
    }

    /// Whether both declare the same, however their secrets are written and their passwords kept.
    ///
    /// Verifies passwords, which takes tens of milliseconds each: run this off the asynchronous threads.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let credentials = || self.tenant.agents.iter().zip(&other.tenant.agents);
        self.bare() == other.bare() && credentials().all(|(one, two)| one.credential.matches(&two.credential))
    }

    /// The table with every reference resolved and without passwords.
    fn bare(&self) -> Table {
        let mut table = self.table.clone();
        let resolved = secrets::resolved(&self.tenant);
        for (path, value) in secrets::places(&mut table) {
            if let Some(secret) = resolved.get(&path) {
                *value = Value::String(secret.expose().to_owned());
            }
        }
        for agent in tables(&mut table, "agent") {
            agent.remove("password");
            agent.remove("password_hash");
        }
        table
    }

    /// The stored form under the current key; `None` when every secret already is. The step of a key rotation.
    ///
    /// # Errors
    /// [`Error::Secret`] when a secret does not open.
    pub fn reseal(stored: &str, keyring: &Keyring) -> Result<Option<String>, Error> {
        let mut problems = Problems::default();
        let mut table = crate::config::table("the stored declaration", stored, &mut problems);
        problems.or(())?;
        let tenant = table.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut changed = false;
        each_sealed(&mut table, |path, sealed| {
            let again = keyring.reseal(&place(&tenant, path), sealed)?;
            changed |= again.is_some();
            Ok(format!("{SEALED}{}", again.as_deref().unwrap_or(sealed)))
        })?;
        if changed { Ok(Some(toml::to_string(&table)?)) } else { Ok(None) }
    }

    /// The declaration for a person's eyes: every secret and hash is covered.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn show(stored: &str) -> Result<String, Error> {
        let mut problems = Problems::default();
        let mut table = crate::config::table("the stored declaration", stored, &mut problems);
        problems.or(())?;
        let covered = || Value::String("••••".to_owned());
        secrets::places(&mut table).into_iter().for_each(|(_, value)| *value = covered());
        for agent in tables(&mut table, "agent") {
            for (_, value) in agent.iter_mut().filter(|(key, _)| key.starts_with("password")) {
                *value = covered();
            }
        }
        Ok(toml::to_string(&table)?)
    }
}

fn toml_files(folder: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.unwrap_or_else(|error| {
        problems.push(folder.display().to_string(), format!("cannot be read: {error}"));
        Vec::new()
    });
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths
}

fn place<'a>(tenant: &'a str, path: &'a str) -> Place<'a> {
    Place { table: "tenant", tenant, field: path, id: tenant }
}

fn tables<'a>(table: &'a mut Table, key: &str) -> impl Iterator<Item = &'a mut Table> {
    let list = table.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_table_mut)
}

/// Replaces every sealed value by what `change` makes of it.
fn each_sealed(
    table: &mut Table,
    mut change: impl FnMut(&str, &str) -> Result<String, secret::Error>,
) -> Result<(), Error> {
    for (path, value) in secrets::places(table) {
        let Some(sealed) = value.as_str().and_then(|text| text.strip_prefix(SEALED)) else { continue };
        *value = Value::String(change(&path, sealed).map_err(|source| Error::Secret { key: path, source })?);
    }
    Ok(())
}
