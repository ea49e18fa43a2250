//! One account's credentials, checked and decoded once. Knows no request.

use crate::model::account::{WechatAccount, WechatFormat, WechatMode, WechatTokenKind};
use crate::model::id::{AccountId, TenantId};
use crate::model::secret::Secret;

use super::crypto::{CryptoError, Key};

/// Why an account cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An empty token would accept everybody's signature.
    #[error("token must not be empty")]
    Token,
    /// Without AppID or original id no message can be told from another account's.
    #[error("appid and gh_id must not be empty")]
    Identity,
    /// Encrypted modes need a key.
    #[error("aes_key is needed in safe and compatible mode")]
    MissingKey,
    /// A key is not 43 characters of base 64.
    #[error("aes_key: {0}")]
    Key(#[from] CryptoError),
}

/// What the callback and the API client need to know of an account.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The enterprise.
    pub tenant: TenantId,
    /// The account's name inside it.
    pub account: AccountId,
    /// Trailing id of every encrypted message.
    pub appid: String,
    /// `ToUserName` of every push.
    pub gh_id: String,
    /// AppSecret.
    pub secret: Secret,
    /// Mode that the owner configured on the platform.
    pub mode: WechatMode,
    /// Format that the owner configured on the platform.
    pub format: WechatFormat,
    /// Where access tokens come from.
    pub token_kind: WechatTokenKind,
    /// Largest accepted difference of clocks in seconds; 0 accepts any.
    pub window_s: u32,
    /// Whether callbacks are taken only from the addresses that the platform names.
    pub enforce_sources: bool,
    /// Signature tokens, the current one first.
    pub(super) tokens: Vec<Secret>,
    /// Keys, the current one first; empty only in plain mode.
    pub(super) keys: Vec<Key>,
}

impl Credentials {
    /// Checks and decodes the settings of an account.
    ///
    /// # Errors
    /// When the account could not verify, or could be fooled: see [`Error`].
    pub fn new(tenant: &TenantId, account: &AccountId, settings: &WechatAccount) -> Result<Self, Error> {
        if settings.appid.is_empty() || settings.gh_id.is_empty() {
            return Err(Error::Identity);
        }
        let tokens: Vec<_> = [Some(&settings.token), settings.token_previous.as_ref()].into_iter().flatten().collect();
        if tokens.iter().any(|token| token.expose().is_empty()) {
            return Err(Error::Token);
        }
        let keys = [settings.aes_key.as_ref(), settings.aes_key_previous.as_ref()].into_iter().flatten();
        let keys = keys.map(|key| Key::parse(key.expose())).collect::<Result<Vec<_>, _>>()?;
        if settings.mode != WechatMode::Plain && settings.aes_key.is_none() {
            return Err(Error::MissingKey);
        }
        Ok(Self {
            tenant: tenant.clone(),
            account: account.clone(),
            appid: settings.appid.clone(),
            gh_id: settings.gh_id.clone(),
            secret: settings.secret.clone(),
            mode: settings.mode,
            format: settings.format,
            token_kind: settings.token_kind,
            window_s: settings.replay_window_s,
            enforce_sources: settings.enforce_sources,
            tokens: tokens.into_iter().cloned().collect(),
            keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn prepare(change: impl FnOnce(&mut WechatAccount)) -> Result<Credentials, Error> {
        let mut settings = fixture::settings();
        change(&mut settings);
        Credentials::new(&TenantId::parse("t").unwrap(), &AccountId::parse("a").unwrap(), &settings)
    }

    #[test]
    fn an_account_without_means_to_verify_is_refused() {
        assert!(prepare(|_| ()).is_ok());
        assert_eq!(prepare(|s| s.token = Secret::new(String::new())).unwrap_err(), Error::Token);
        assert_eq!(prepare(|s| s.token_previous = Some(Secret::new(String::new()))).unwrap_err(), Error::Token);
        assert_eq!(prepare(|s| s.aes_key = None).unwrap_err(), Error::MissingKey);
        assert_eq!(prepare(|s| s.gh_id.clear()).unwrap_err(), Error::Identity);
        assert!(prepare(|s| (s.aes_key, s.mode) = (None, WechatMode::Plain)).is_ok());
    }

    #[test]
    fn keys_of_another_length_or_alphabet_are_refused() {
        let with = |key: String| prepare(|s| s.aes_key = Some(Secret::new(key)));
        assert!(with("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG".into()).is_ok());
        for bad in ["a".repeat(42), "a".repeat(44), format!("{}-", "a".repeat(42)), format!("{}_", "a".repeat(42))] {
            assert_eq!(with(bad).unwrap_err(), Error::Key(CryptoError::Key));
        }
    }
}
