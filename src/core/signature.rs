//! What we sign so that it can come back without a row: addresses of blobs, tokens of visitors. Knows no HTTP.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::call::Invitation;
use crate::clock::Clock;
use crate::model::content::Media;
use crate::model::envelope::Envelope;
use crate::model::id::{AccountId, MediaId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::secret::Keyring;

/// Time to put an upload.
const UPLOAD: Duration = Duration::from_secs(900);

/// What an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reading a blob.
    Read,
    /// Putting a blob, once.
    Put,
}

/// An address that says itself who may use it and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Relative to the gateway's own origin.
    pub url: String,
    /// Until then.
    pub expires: Millis,
}

/// Signs and verifies. Clones share the keys; those before the last change still verify.
#[derive(Clone)]
pub struct Signer {
    keys: Arc<Vec<Zeroizing<[u8; 32]>>>,
    clock: Clock,
    life: Duration,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer with keys of its own, derived from the ring. Addresses of blobs are good for `life` at least, and up
    /// to twice as long: they change rarely, so that browsers can keep what they have.
    #[must_use]
    pub fn new(ring: &Keyring, clock: Clock, life: Duration) -> Self {
        let keys = ring.all().map(|key| key.derive("signature")).collect();
        Self { keys: Arc::new(keys), clock, life }
    }

    /// The address for reading a blob.
    #[must_use]
    pub fn read_url(&self, tenant: &TenantId, media: MediaId) -> Signed {
        let step = i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX / 4).max(1_000);
        let expires = Millis((self.clock.now().0 / step + 2) * step);
        let url = format!("/media/{media}?{}", self.query(Purpose::Read, tenant, media, expires));
        Signed { url, expires }
    }

    /// The address for putting a blob.
    #[must_use]
    pub fn put_url(&self, tenant: &TenantId, media: MediaId) -> Signed {
        let expires = Millis::from_seconds(self.clock.now().plus(UPLOAD).seconds());
        let url = format!("/api/v1/upload/{media}?{}", self.query(Purpose::Put, tenant, media, expires));
        Signed { url, expires }
    }

    fn query(&self, purpose: Purpose, tenant: &TenantId, media: MediaId, expires: Millis) -> String {
        let exp = expires.seconds();
        format!("t={tenant}&exp={exp}&sig={}", self.sign(&address(purpose, tenant, media, exp)))
    }

    /// Whether an address was signed by us for this purpose and is still good. `exp` is in seconds.
    #[must_use]
    pub fn verify(&self, purpose: Purpose, tenant: &TenantId, media: MediaId, exp: i64, sig: &str) -> bool {
        self.matches(&address(purpose, tenant, media, exp), sig) && self.clock.now() < Millis::from_seconds(exp)
    }

    /// Fills in the address of the envelope's blob, if the blob is here.
    pub fn dress(&self, envelope: &mut Envelope) {
        let tenant = &envelope.tenant;
        if let Some(media) = envelope.content.media_mut().filter(|media| media.size.is_some()) {
            media.url = Some(self.read_url(tenant, media.id).url);
        }
    }

    /// The envelope as JSON for a client, with the address of its blob if the blob is here.
    ///
    /// # Errors
    /// When a stored value has no JSON form.
    pub fn json(&self, envelope: &Arc<Envelope>) -> Result<String, serde_json::Error> {
        let bare = |media: &Media| media.size.is_some() && media.url.is_none();
        if !envelope.content.media().is_some_and(bare) {
            return serde_json::to_string(&**envelope);
        }
        let mut dressed = Envelope::clone(envelope);
        self.dress(&mut dressed);
        serde_json::to_string(&dressed)
    }

    /// The state that a page gives back when it returns a customer to a step of a form.
    #[must_use]
    pub fn flow_token(&self, tenant: &TenantId, session: SessionId, serial: u64) -> String {
        let plain = format!("{tenant}.{session}.{serial}");
        let sig = self.sign(&way_back(&plain));
        format!("{plain}.{sig}")
    }

    /// The step that a page returns a customer to, if the state is ours.
    #[must_use]
    pub fn flow_step(&self, token: &str) -> Option<(TenantId, SessionId, u64)> {
        let (plain, sig) = token.rsplit_once('.')?;
        if !self.matches(&way_back(plain), sig) {
            return None;
        }
        let mut parts = plain.rsplitn(3, '.');
        let serial = parts.next()?.parse().ok()?;
        let session = SessionId::parse(parts.next()?).ok()?;
        Some((TenantId::parse(parts.next()?).ok()?, session, serial))
    }

    /// The token of a link to a call.
    #[must_use]
    pub fn call_token(&self, invitation: &Invitation) -> String {
        let plain = invitation.written();
        let sig = self.sign(&call(&plain));
        format!("{plain}.{sig}")
    }

    /// What the token of a link to a call says, if it is ours. Whether it is still good the caller decides.
    #[must_use]
    pub fn invitation(&self, token: &str) -> Option<Invitation> {
        let (plain, sig) = token.rsplit_once('.')?;
        if self.matches(&call(plain), sig) { Invitation::parse(plain) } else { None }
    }

    /// A fresh token for a visitor of this account.
    #[must_use]
    pub fn visitor_token(&self, tenant: &TenantId, account: &AccountId) -> String {
        let random = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let sig = self.sign(&visitor(tenant, account, &random));
        format!("{random}.{sig}")
    }

    /// Whether a token was made by us for a visitor of this account.
    #[must_use]
    pub fn verify_visitor(&self, tenant: &TenantId, account: &AccountId, token: &str) -> bool {
        token.split_once('.').is_some_and(|(random, sig)| self.matches(&visitor(tenant, account, random), sig))
    }

    /// A key of any length fits HMAC; without a key nothing verifies.
    fn mac(key: &[u8; 32], text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }

    fn sign(&self, text: &str) -> String {
        let tag = self.keys.first().and_then(|key| Self::mac(key, text)).map(|mac| mac.finalize().into_bytes());
        tag.map(|tag| URL_SAFE_NO_PAD.encode(tag)).unwrap_or_default()
    }

    fn matches(&self, text: &str, sig: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(sig) else { return false };
        self.keys.iter().filter_map(|key| Self::mac(key, text)).any(|mac| mac.verify_slice(&tag).is_ok())
    }
}

/// What is signed of a way back to a step of a form.
fn way_back(plain: &str) -> String {
    format!("flow\n{plain}")
}

/// What is signed of a link to a call.
fn call(plain: &str) -> String {
    format!("call\n{plain}")
}

fn address(purpose: Purpose, tenant: &TenantId, media: MediaId, exp: i64) -> String {
    let word = match purpose {
        Purpose::Read => "read",
        Purpose::Put => "put",
    };
    // Neither ids nor numbers contain a line feed: two different addresses never give the same text.
    format!("media\n{word}\n{tenant}\n{media}\n{exp}")
}

fn visitor(tenant: &TenantId, account: &AccountId, random: &str) -> String {
    format!("visitor\n{tenant}\n{account}\n{random}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::secret::Key;

    const LIFE: Duration = Duration::from_secs(3600);

    pub(crate) fn signer(clock: &Clock) -> Signer {
        Signer::new(&Keyring::new(Key::new([7; 32]), Vec::new()), clock.clone(), LIFE)
    }

    fn parts(url: &str) -> (i64, String) {
        let query: Vec<(&str, &str)> =
            url.split_once('?').unwrap().1.split('&').map(|p| p.split_once('=').unwrap()).collect();
        (query[1].1.parse().unwrap(), query[2].1.to_owned())
    }

    #[test]
    fn an_address_is_good_for_its_tenant_purpose_blob_and_time_only() {
        let clock = Clock::system();
        let signer = signer(&clock);
        let (tenant, other) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        let media = MediaId::generate(clock.now());
        let (exp, sig) = parts(&signer.read_url(&tenant, media).url);
        assert!(signer.verify(Purpose::Read, &tenant, media, exp, &sig));
        assert!(!signer.verify(Purpose::Put, &tenant, media, exp, &sig));
        assert!(!signer.verify(Purpose::Read, &other, media, exp, &sig));
        assert!(!signer.verify(Purpose::Read, &tenant, MediaId::generate(clock.now()), exp, &sig));
        assert!(!signer.verify(Purpose::Read, &tenant, media, exp + 1, &sig));
        assert!(!signer.verify(Purpose::Read, &tenant, media, exp, ""));
        clock.turn(LIFE * 2);
        assert!(!signer.verify(Purpose::Read, &tenant, media, exp, &sig));
    }

    #[test]
    fn a_changed_key_still_verifies_what_the_last_one_signed() {
        let clock = Clock::system();
        let tenant = TenantId::parse("a").unwrap();
        let media = MediaId::generate(clock.now());
        let (exp, sig) = parts(&signer(&clock).put_url(&tenant, media).url);
        let rotated = Signer::new(&Keyring::new(Key::new([8; 32]), vec![Key::new([7; 32])]), clock.clone(), LIFE);
        assert!(rotated.verify(Purpose::Put, &tenant, media, exp, &sig));
        let stranger = Signer::new(&Keyring::new(Key::new([8; 32]), Vec::new()), clock, LIFE);
        assert!(!stranger.verify(Purpose::Put, &tenant, media, exp, &sig));
    }

    #[test]
    fn a_visitor_token_belongs_to_one_site() {
        let signer = signer(&Clock::system());
        let (tenant, account) = (TenantId::parse("a").unwrap(), AccountId::parse("site").unwrap());
        let token = signer.visitor_token(&tenant, &account);
        assert!(signer.verify_visitor(&tenant, &account, &token));
        assert!(!signer.verify_visitor(&tenant, &AccountId::parse("shop").unwrap(), &token));
        for forged in ["", "guess", "guess.guess", token.split_at(1).1] {
            assert!(!signer.verify_visitor(&tenant, &account, forged), "{forged}");
        }
    }
}
