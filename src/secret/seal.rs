//! The sealed form: `v1:<key id>:<base64 of nonce and AES-256-GCM cipher text>`. Knows nothing of where keys come from.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Error, Key, Keyring};
use crate::model::secret::Secret;

const VERSION: &str = "v1";
const NONCE: usize = 12;

/// Where a sealed text stands. It is sealed in with the text, so that a text copied to another row, field or tenant
/// does not open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The tenant that owns the row.
    pub tenant: &'a str,
    /// The field inside the row.
    pub field: &'a str,
    /// The row inside the tenant.
    pub id: &'a str,
}

impl Place<'_> {
    /// The parts, each behind its length: no two places share a text.
    fn bound(&self) -> Vec<u8> {
        let mut bound = Vec::new();
        for part in [self.table, self.tenant, self.field, self.id] {
            bound.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        bound
    }
}

impl Keyring {
    /// Seals under the current key with a fresh nonce: two calls give different texts.
    ///
    /// # Errors
    /// [`Error::Broken`] when the text is too long for the cipher (64 GiB).
    pub fn seal(&self, place: &Place<'_>, text: &Secret) -> Result<String, Error> {
        let nonce: [u8; NONCE] = rand::random();
        let bound = place.bound();
        let payload = Payload { msg: text.expose().as_bytes(), aad: &bound };
        let sealed = cipher(self.current()).encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.map_err(|_broken| Error::Broken)?);
        Ok(format!("{VERSION}:{}:{}", self.current().id(), STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed for this place, under any key of the ring.
    ///
    /// # Errors
    /// [`Error::Form`], [`Error::UnknownKey`], [`Error::Broken`].
    pub fn open(&self, place: &Place<'_>, sealed: &str) -> Result<Secret, Error> {
        let (id, bytes) = split(sealed)?;
        let key = self.find(id).ok_or_else(|| Error::UnknownKey(id.to_owned()))?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Error::Form)?;
        let payload = Payload { msg: sealed, aad: &place.bound() };
        let opened = cipher(key).decrypt(&Nonce::<Aes256Gcm>::from(*nonce), payload);
        let text = String::from_utf8(opened.map_err(|_broken| Error::Broken)?);
        text.map(Secret::new).map_err(|_not_text| Error::Broken)
    }

    /// The text sealed again under the current key; `None` when it already is. The step of a rotation.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn reseal(&self, place: &Place<'_>, sealed: &str) -> Result<Option<String>, Error> {
        if split(sealed)?.0 == self.current().id() {
            return Ok(None);
        }
        self.seal(place, &self.open(place, sealed)?).map(Some)
    }
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(&(*key.bytes()).into())
}

fn split(sealed: &str) -> Result<(&str, Vec<u8>), Error> {
    let mut parts = sealed.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(id), Some(body)) => {
            let bytes = STANDARD_NO_PAD.decode(body).map_err(|_not_base64| Error::Form)?;
            Ok((id, bytes))
        }
        _ => Err(Error::Form),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PLACE: Place<'_> = Place { table: "tenant", tenant: "bank", field: "account.oa.secret", id: "bank" };

    fn ring(keys: &[u8]) -> Keyring {
        let mut keys = keys.iter().map(|&byte| Key::new([byte; 32]));
        Keyring::new(keys.next().unwrap(), keys.collect())
    }

    fn seal(ring: &Keyring) -> String {
        ring.seal(&PLACE, &Secret::new("s3cret 密文".into())).unwrap()
    }

    #[test]
    fn opens_where_it_was_sealed() {
        let sealed = seal(&ring(&[1]));
        assert!(sealed.starts_with("v1:") && !sealed.contains("s3cret"), "{sealed}");
        assert_eq!(ring(&[1]).open(&PLACE, &sealed).unwrap().expose(), "s3cret 密文");
    }

    #[test]
    fn does_not_open_anywhere_else() {
        let sealed = seal(&ring(&[1]));
        let elsewhere = [
            Place { table: "tenan", ..PLACE },
            Place { tenant: "shop", ..PLACE },
            Place { field: "account.oa.token", ..PLACE },
            Place { id: "bank2", ..PLACE },
            // The same characters, cut differently.
            Place { table: "tenantb", tenant: "ank", ..PLACE },
        ];
        for place in elsewhere {
            assert!(matches!(ring(&[1]).open(&place, &sealed), Err(Error::Broken)), "{place:?}");
        }
    }

    #[test]
    fn a_changed_text_does_not_open() {
        let sealed = seal(&ring(&[1]));
        let (head, body) = sealed.rsplit_once(':').unwrap();
        let mut bytes = STANDARD_NO_PAD.decode(body).unwrap();
        for at in [0, NONCE, bytes.len() - 1] {
            bytes[at] ^= 1;
            let changed = format!("{head}:{}", STANDARD_NO_PAD.encode(&bytes));
            assert!(matches!(ring(&[1]).open(&PLACE, &changed), Err(Error::Broken)), "byte {at}");
            bytes[at] ^= 1;
        }
        for malformed in ["", "v1", "v1:x", "v2:x:AAAA", "v1:x:*", "s3cret"] {
            assert!(matches!(ring(&[1]).open(&PLACE, malformed), Err(Error::Form)), "{malformed}");
        }
        let short = format!("{head}:{}", STANDARD_NO_PAD.encode([0; 4]));
        assert!(matches!(ring(&[1]).open(&PLACE, &short), Err(Error::Form)));
    }

    #[test]
    fn rotation_reseals_and_then_refuses_the_old_key() {
        let old = seal(&ring(&[1]));
        let both = ring(&[2, 1]);
        let new = both.reseal(&PLACE, &old).unwrap().expect("sealed under the previous key");
        assert_eq!(both.reseal(&PLACE, &new).unwrap(), None);
        assert_eq!(ring(&[2]).open(&PLACE, &new).unwrap().expose(), "s3cret 密文");
        assert!(matches!(ring(&[2]).open(&PLACE, &old), Err(Error::UnknownKey(_))));
    }

    #[test]
    fn nonces_do_not_repeat() {
        let ring = ring(&[1]);
        let nonces: HashSet<Vec<u8>> = (0..2_000).map(|_| split(&seal(&ring)).unwrap().1[..NONCE].to_vec()).collect();
        assert_eq!(nonces.len(), 2_000);
    }
}
