//! The signature of Standard Webhooks, version 1: HMAC-SHA256 over `id.timestamp.body`. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::secret::Secret;

use super::super::error::{RobotError, SettingError};

const PREFIX: &str = "whsec_";
/// Sizes of keys that the specification allows, bytes.
const KEY: std::ops::RangeInclusive<usize> = 24..=64;

/// The three headers of a signed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`, seconds.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more of them, with spaces between.
    pub signature: &'a str,
}

/// The key in force, and the one before it while it is being changed.
#[derive(Clone)]
pub struct SigningKeys(Vec<Zeroizing<Vec<u8>>>);

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl SigningKeys {
    /// Reads the written keys.
    ///
    /// # Errors
    /// When one is not `whsec_` and 24 to 64 bytes in base64.
    pub fn new(secret: &Secret, previous: Option<&Secret>) -> Result<Self, SettingError> {
        let mut keys = vec![read("secret", secret)?];
        if let Some(previous) = previous {
            keys.push(read("secret_previous", previous)?);
        }
        Ok(Self(keys))
    }

    /// The value of `webhook-signature`, with a signature of each key.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let seconds = seconds.to_string();
        let macs = self.0.iter().filter_map(|key| mac(key, id, &seconds, body));
        let signatures = macs.map(|mac| format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// The three headers of a signed request.
    ///
    /// # Errors
    /// `Garbled` when the id fits into no header.
    pub(in crate::robot) fn headers(&self, id: &str, seconds: i64, body: &[u8]) -> Result<HeaderMap, RobotError> {
        let written = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", self.sign(id, seconds, body)),
        ];
        let mut headers = HeaderMap::with_capacity(written.len());
        for (name, value) in written {
            let value = HeaderValue::try_from(value).map_err(|_source| RobotError::Garbled("no header"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    /// Whether one of the signatures is that of one of the keys. Compared in constant time.
    #[must_use]
    pub fn signed(&self, signed: &Signed<'_>, body: &[u8]) -> bool {
        let given: Vec<Vec<u8>> = signed
            .signature
            .split(' ')
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .collect();
        self.0.iter().any(|key| {
            given.iter().any(|signature| {
                mac(key, signed.id, signed.timestamp, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
            })
        })
    }
}

fn read(name: &'static str, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SettingError> {
    let written = secret.expose();
    let key = STANDARD.decode(written.strip_prefix(PREFIX).unwrap_or_default()).map(Zeroizing::new);
    match key {
        Ok(key) if KEY.contains(&key.len()) => Ok(key),
        _ => Err(SettingError::new(name, "must be whsec_ and 24 to 64 bytes in base64")),
    }
}

fn mac(key: &[u8], id: &str, seconds: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length, so this is never `None`.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}
