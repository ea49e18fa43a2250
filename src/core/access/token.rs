//! Opaque tokens: their making, their hash, and the tenant that they name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::model::id::TenantId;
use crate::model::secret::Secret;

/// The longest token that is looked at.
const LONGEST: usize = 200;

/// 256 random bits as text.
pub(super) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A new token of a tenant.
pub(super) fn fresh(tenant: &TenantId) -> Secret {
    Secret::new(format!("{tenant}.{}", random()))
}

/// What is stored in place of a token.
pub(super) fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// The tenant that a token names, if it has the form of a token.
pub(super) fn tenant(token: &str) -> Option<TenantId> {
    let (tenant, random) = token.split_once('.')?;
    let plain = random.len() == 43 && random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if token.len() <= LONGEST && plain { TenantId::parse(tenant).ok() } else { None }
}
