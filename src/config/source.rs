//! Where a secret's text comes from: in place, an environment variable, or a file that only its owner may read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::secret::Secret;

/// A named place outside the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
}

impl Reference {
    /// Reads `env:NAME` or `file:PATH`; a relative path starts at `base`. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str, base: &Path) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) => Some(Self::Env(name.to_owned())),
            ("file", path) => Some(Self::File(base.join(path))),
            _ => None,
        }
    }

    /// The text behind the reference, without surrounding white space.
    ///
    /// # Errors
    /// What is wrong with the place, for a person; never the text itself.
    pub fn read(&self, env: &BTreeMap<String, String>) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => env
                .get(name)
                .cloned()
                .ok_or_else(|| format!("names the environment variable {name}, which is not set"))?,
            Self::File(path) => {
                if others_can_read(path) {
                    return Err(format!("names {}, which others can read (chmod 600 it)", path.display()));
                }
                fs::read_to_string(path).map_err(|error| format!("names {}: {error}", path.display()))?
            }
        };
        match text.trim() {
            "" => Err("names a place that is empty".to_owned()),
            trimmed => Ok(Secret::new(trimmed.to_owned())),
        }
    }
}

/// Whether the text is `env:NAME` or `file:PATH`.
pub(super) fn is_reference(text: &str) -> bool {
    Reference::parse(text, Path::new("")).is_some()
}

/// The secret that the text is or names.
pub(super) fn resolve(text: &str, env: &BTreeMap<String, String>, base: &Path) -> Result<Secret, String> {
    match Reference::parse(text, base) {
        Some(reference) => reference.read(env),
        None => Ok(Secret::new(text.to_owned())),
    }
}

/// Whether anybody on this machine may read the file. `false` when it cannot be looked at.
pub(super) fn others_can_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> BTreeMap<String, String> {
        BTreeMap::from([("TOKEN".to_owned(), " t0ken \n".to_owned()), ("BLANK".to_owned(), " ".to_owned())])
    }

    #[test]
    fn text_stands_for_itself() {
        assert_eq!(resolve("plain", &env(), Path::new("")).unwrap().expose(), "plain");
        assert_eq!(resolve("postgres://u:p@h/d", &env(), Path::new("")).unwrap().expose(), "postgres://u:p@h/d");
    }

    #[test]
    fn environment_is_looked_up_and_trimmed() {
        assert_eq!(resolve("env:TOKEN", &env(), Path::new("")).unwrap().expose(), "t0ken");
        assert!(resolve("env:NONE", &env(), Path::new("")).unwrap_err().contains("NONE"));
        assert!(resolve("env:BLANK", &env(), Path::new("")).unwrap_err().contains("empty"));
    }

    #[test]
    fn a_file_must_be_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "s3cret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = resolve("file:key", &env(), dir.path()).unwrap_err();
        assert!(refused.contains("others can read") && !refused.contains("s3cret"), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(resolve("file:key", &env(), dir.path()).unwrap().expose(), "s3cret");
        assert!(resolve("file:absent", &env(), dir.path()).is_err());
    }
}
