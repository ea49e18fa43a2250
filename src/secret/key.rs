//! Master keys: their ids, the ring of current and previous ones, and the key file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Error;
use crate::config::Secrets;
use crate::config::source::Reference;

/// A 32-byte key. Its id is derived from it, so that a key need not be named by hand.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; 32]>,
    id: String,
}

impl Key {
    /// Takes the bytes into care.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"yizhan key id\0").chain_update(bytes).finalize();
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: Zeroizing::new(bytes), id }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_not_base64| Error::Key)?);
        <[u8; 32]>::try_from(bytes.as_slice()).map(Self::new).map_err(|_wrong_length| Error::Key)
    }

    /// Eight hexadecimal digits that tell keys apart and say nothing about them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A key for another purpose (signed addresses, hashed identifiers). Different purposes give unrelated keys.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let seed = Sha256::new().chain_update(b"yizhan derive\0").chain_update(self.bytes.as_slice());
        Zeroizing::new(seed.chain_update(purpose.as_bytes()).finalize().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// The key that seals, and those that still open.
#[derive(Debug, Clone)]
pub struct Keyring {
    current: Key,
    previous: Vec<Key>,
}

impl Keyring {
    /// `current` seals; all of them open.
    #[must_use]
    pub fn new(current: Key, previous: Vec<Key>) -> Self {
        Self { current, previous }
    }

    /// The key that seals.
    #[must_use]
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// All keys, the one that seals first.
    pub fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id() == id)
    }
}

/// Reads the keys that the settings name.
///
/// # Errors
/// [`Error::Source`] or [`Error::Key`].
pub fn open(settings: &Secrets, env: &BTreeMap<String, String>) -> Result<Keyring, Error> {
    let read = |reference: &Reference| Key::parse(reference.read(env).map_err(Error::Source)?.expose());
    let previous = settings.previous_keys.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Keyring::new(read(&settings.master_key)?, previous))
}

/// [`open`], after making a missing key file where the settings allow it. An existing file is never touched.
///
/// # Errors
/// As [`open`], and [`Error::Write`].
pub fn prepare(settings: &Secrets, env: &BTreeMap<String, String>) -> Result<Keyring, Error> {
    if let (true, Reference::File(path)) = (settings.generate, &settings.master_key) {
        make_file(path).map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    open(settings, env)
}

fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let key = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = Zeroizing::new(STANDARD.encode(key.as_slice()));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn settings(path: &Path, generate: bool) -> Secrets {
        Secrets { master_key: Reference::File(path.to_owned()), previous_keys: Vec::new(), generate }
    }

    #[test]
    fn a_missing_file_is_made_once_and_only_where_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/master.key");
        let env = BTreeMap::new();
        assert!(matches!(prepare(&settings(&path, false), &env), Err(Error::Source(_))));
        assert!(!path.exists());

        let made = prepare(&settings(&path, true), &env).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = prepare(&settings(&path, true), &env).unwrap();
        assert_eq!(made.current().id(), again.current().id());
    }

    #[test]
    fn a_key_of_the_wrong_size_is_refused() {
        let env = BTreeMap::from([("K".to_owned(), STANDARD.encode([1; 31])), ("T".to_owned(), "ha ha".to_owned())]);
        for name in ["K", "T"] {
            let master_key = Reference::Env(name.to_owned());
            let refused = open(&Secrets { master_key, previous_keys: Vec::new(), generate: false }, &env);
            assert!(matches!(refused, Err(Error::Key)), "{name}");
        }
    }

    #[test]
    fn keys_show_only_their_id_and_purposes_do_not_mix() {
        let key = Key::new([7; 32]);
        assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
        assert_ne!(*key.derive("media"), *key.derive("openid"));
        assert_ne!(*key.derive("media"), *Key::new([8; 32]).derive("media"));
    }
}
