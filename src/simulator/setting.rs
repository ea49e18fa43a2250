//! What the simulated platform is told about its accounts and its temper. Knows no state and no protocol step.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use super::menu::Button;
use crate::model::account::{WechatAccount, WechatFormat, WechatMode};
use crate::model::secret::Secret;

/// Everything that a platform is started with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the platform is reachable, with the path it is mounted under and without a slash at the end, for example
    /// `http://127.0.0.1:8080/simulator`. Addresses of media begin with it. May be set later, when the port is known.
    #[serde(default)]
    pub base_url: String,
    /// The accounts.
    #[serde(rename = "account", default)]
    pub accounts: Vec<AccountSettings>,
    /// How deliveries are timed.
    #[serde(default)]
    pub timing: Timing,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not TOML, or an unknown or missing key.
    #[error("simulator settings cannot be read")]
    Syntax(#[from] toml::de::Error),
    /// Two accounts share an AppID.
    #[error("two simulated accounts have the AppID {0}")]
    DoubleAppid(String),
    /// An encrypted mode without a key, or a key that is not one.
    #[error("the EncodingAESKey of {0} is missing or not a key")]
    Key(String),
}

impl Settings {
    /// Settings from a TOML text with `base_url`, `[timing]` and `[[account]]` tables.
    ///
    /// # Errors
    /// [`SettingsError::Syntax`] when the text is not of this shape.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        Ok(toml::from_str(text)?)
    }
}

/// When a delivery counts as failed and when the next one leaves.
/// The real figures: five seconds, three deliveries altogether
/// (<https://developers.weixin.qq.com/doc/subscription/guide/product/message/Receiving_standard_messages.html>).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Time for a complete answer, milliseconds.
    pub answer_within_ms: u64,
    /// Deliveries altogether.
    pub deliveries: u32,
    /// When the next delivery leaves after a failed one.
    pub spacing: Spacing,
    /// Whether each delivery is signed anew with its own time and nonce. What the real platform does is not documented.
    pub resign: bool,
}

/// When the next delivery leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// One per time-out: at 0, 5 and 10 s, even when the answer failed early.
    Slots,
    /// As soon as the one before has failed.
    AtOnce,
}

impl Default for Timing {
    fn default() -> Self {
        Self { answer_within_ms: 5_000, deliveries: 3, spacing: Spacing::Slots, resign: true }
    }
}

impl Timing {
    /// Time for a complete answer.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        Duration::from_millis(self.answer_within_ms)
    }

    /// The real rules in a fraction of the time: `answer_within` per delivery, the next one at once.
    #[must_use]
    pub fn compressed(answer_within: Duration) -> Self {
        let answer_within_ms = u64::try_from(answer_within.as_millis()).unwrap_or(u64::MAX);
        Self { answer_within_ms, spacing: Spacing::AtOnce, ..Self::default() }
    }
}

/// One simulated official account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// `wx` and 16 hexadecimal digits.
    pub appid: String,
    /// The original id: `ToUserName` of every push.
    pub gh_id: String,
    /// What followers read.
    pub name: String,
    /// AppSecret.
    pub secret: Secret,
    /// Signature token.
    pub token: Secret,
    /// EncodingAESKey; may be absent in plain mode.
    #[serde(default)]
    pub aes_key: Option<Secret>,
    /// How pushes are sent.
    #[serde(default)]
    pub mode: WechatMode,
    /// How bodies are written.
    #[serde(default)]
    pub format: WechatFormat,
    /// Where pushes go.
    #[serde(default)]
    pub callback_url: String,
    /// The finer points.
    #[serde(default)]
    pub temper: Temper,
}

/// What differs between accounts besides their credentials. Defaults describe a verified account of today.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Temper {
    /// Whether the account is verified; without it customer-service messages are refused with 48001.
    pub verified: bool,
    /// The menu it starts with.
    pub menu: Vec<Button>,
    /// Daily limits that differ from the defaults of a new account, by path (`/cgi-bin/…`).
    pub quotas: BTreeMap<String, u32>,
    /// Calls per minute of one path before 45011.
    pub per_minute: u32,
    /// Life of a new access token, seconds.
    pub token_life_s: u32,
    /// Error codes as texts instead of numbers, as some answers in the field have them.
    pub string_errcode: bool,
    /// Allowances of several triggers add up instead of taking the greater one.
    pub windows_add_up: bool,
    /// Addresses that may ask for tokens; nothing means any.
    pub ip_whitelist: Option<Vec<IpAddr>>,
    /// Mini programs associated with the account.
    pub weapps: Vec<String>,
    /// Customer-service accounts that a send may name.
    pub kf_accounts: Vec<String>,
}

impl Default for Temper {
    fn default() -> Self {
        Self {
            verified: true,
            menu: Vec::new(),
            quotas: BTreeMap::new(),
            per_minute: 60_000,
            token_life_s: 7_200,
            string_errcode: false,
            windows_add_up: false,
            ip_whitelist: None,
            weapps: Vec::new(),
            kf_accounts: Vec::new(),
        }
    }
}

impl AccountSettings {
    /// The platform's side of an account that a tenant has declared: same credentials, pushes to `callback_url`.
    #[must_use]
    pub fn of(account: &WechatAccount, name: &str, callback_url: String) -> Self {
        Self {
            appid: account.appid.clone(),
            gh_id: account.gh_id.clone(),
            name: name.to_owned(),
            secret: account.secret.clone(),
            token: account.token.clone(),
            aes_key: account.aes_key.clone(),
            mode: account.mode,
            format: account.format,
            callback_url,
            temper: Temper::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "[[account]]\nappid='wx1'\ngh_id='gh_1'\nname='n'\nsecret='s'\ntoken='t'\nmode='plain'\n";

    #[test]
    fn settings_are_read_from_toml_with_the_real_timing_by_default() {
        let text = format!(
            "base_url='http://h/s'\n{ACCOUNT}[account.temper]\nverified=false\nmenu=[{{name='a',type='click',key='K'}}]\n"
        );
        let settings = Settings::from_toml(&text).unwrap();
        assert_eq!((settings.timing.answer_within(), settings.timing.deliveries), (Duration::from_secs(5), 3));
        let account = &settings.accounts[0];
        assert_eq!((account.mode, account.temper.verified), (WechatMode::Plain, false));
        assert_eq!(account.temper.menu[0].key.as_deref(), Some("K"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        for extra in ["colour='red'", "[account.temper]\ncolour='red'"] {
            assert!(matches!(Settings::from_toml(&format!("{ACCOUNT}{extra}\n")), Err(SettingsError::Syntax(_))));
        }
    }
}
