//! `[[api_key]]`: programs that may use the administrator's API. Data and one comparison; knows no request.
//!
//! A key is `yz_<tenant>_<secret>`. It names its tenant, so that whoever shows it is looked up among that tenant's keys
//! and no others: two tenants that were given the same secret stay two, and a key in the wrong file is found when the
//! file is read. The prefix lets scanners of repositories find keys that were published by mistake.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Role;
use crate::config::reader::Reader;
use crate::model::id::{ApiKeyId, TenantId};
use crate::model::secret::Secret;

/// What every key begins with.
const PREFIX: &str = "yz_";
/// The shortest secret, in characters.
const SHORTEST: usize = 32;
/// The longest key that is looked at, bytes.
const LONGEST: usize = 256;
/// The form of a key, for whoever has to write one.
const FORM: &str = "must be yz_<tenant>_ and at least 32 letters or digits; make one with: \
    echo yz_TENANT_$(openssl rand -hex 24)";

/// A program's key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its name inside the tenant, for the audit trail.
    pub id: ApiKeyId,
    /// The whole key.
    pub key: Secret,
    /// What it may do.
    pub role: Role,
}

impl ApiKey {
    pub(super) fn read(r: &Reader<'_>, tenant: Option<&TenantId>) -> Option<Self> {
        let id = r.parsed("id", super::NAME, |text| ApiKeyId::parse(text).ok());
        if !r.has("key") {
            r.problem("key", "is required");
        }
        let key = r.secret("key");
        if let (Some(key), Some(tenant)) = (&key, tenant)
            && tenant_of(key.expose()).as_ref() != Some(tenant)
        {
            r.problem("key", FORM);
        }
        let role = r.choice("role", &[("supervisor", Role::Supervisor), ("admin", Role::Admin)]);
        r.unknown();
        Some(Self { id: id?, key: key?, role: role? })
    }

    /// Whether this is the key. Takes the same time wherever the two differ.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        let own = Sha256::digest(self.key.expose().as_bytes());
        own.as_slice().ct_eq(Sha256::digest(shown.as_bytes()).as_slice()).into()
    }
}

/// The tenant that a key names, if it has the form of a key.
#[must_use]
pub fn tenant_of(key: &str) -> Option<TenantId> {
    if key.len() > LONGEST {
        return None;
    }
    // No secret has the separator in it; names may.
    let (tenant, secret) = key.strip_prefix(PREFIX)?.rsplit_once('_')?;
    let plain = secret.len() >= SHORTEST && secret.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain { TenantId::parse(tenant).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_tenant() {
        let secret = "0123456789abcdef0123456789ABCDEF";
        let named = |key: &str| tenant_of(key).map(|tenant| tenant.to_string());
        assert_eq!(named(&format!("yz_demo_{secret}")).as_deref(), Some("demo"));
        assert_eq!(named(&format!("yz_north_bank_{secret}")).as_deref(), Some("north_bank"));
        for wrong in ["", "yz_demo_short", secret, &format!("demo_{secret}"), &format!("yz__{secret}")] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
        assert_eq!(named(&format!("yz_demo_{}", "a".repeat(300))), None);
    }

    #[test]
    fn only_the_whole_key_is_the_key() {
        let text = "yz_demo_0123456789abcdef0123456789abcdef";
        let key = ApiKey { id: ApiKeyId::parse("crm").unwrap(), key: Secret::new(text.to_owned()), role: Role::Admin };
        assert!(key.is(text));
        assert!(!key.is(text.strip_suffix('f').unwrap()) && !key.is(&format!("{text}0")) && !key.is(""));
    }
}
