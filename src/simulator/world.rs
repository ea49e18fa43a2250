//! The platform's whole state: accounts, phones, media, ledger, faults. Behind one lock, never held across a wait.
//! Knows no HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::blob::{Blob, BlobKind, Blobs, THUMB};
use super::fault::Faults;
use super::ledger::Ledger;
use super::phone::{Phone, PhoneMessage};
use super::setting::{AccountSettings, Settings, SettingsError};
use super::token::{Standing, Tokens};
use crate::channel::wechat::crypto::Key;
use crate::model::account::WechatMode;
use crate::model::secret::Secret;
use crate::model::time::Millis;

/// Phones per account. Beyond it the longest idle one that no page looks at is forgotten.
const PHONES: usize = 10_000;
/// Parametric codes per account that are remembered.
const CODES: usize = 1_000;

/// What a push is signed and encrypted with. A push keeps what was in force when the person acted.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(crate) token: Secret,
    pub(crate) key: Option<Key>,
    pub(crate) old: bool,
}

/// A parametric QR code.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) ticket: String,
    pub(crate) scene: String,
    pub(crate) until: Option<Millis>,
}

/// One account with everything that belongs to it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) settings: AccountSettings,
    pub(crate) tokens: Tokens,
    pub(crate) usage: BTreeMap<&'static str, Usage>,
    pub(crate) phones: HashMap<String, Phone>,
    pub(crate) codes: Vec<Code>,
    /// The month of the last quota clearing, and how many there were in it.
    pub(crate) clears: (i64, u32),
    seal: Arc<Seal>,
    previous: Option<Arc<Seal>>,
    /// Pushes that still leave under the previous seal.
    stragglers: u32,
}

/// How often a path was called.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) day: i64,
    pub(crate) today: u32,
    pub(crate) minute: i64,
    pub(crate) this_minute: u32,
}

impl Account {
    fn new(settings: AccountSettings) -> Result<Self, SettingsError> {
        let seal = seal(&settings)?;
        Ok(Self {
            settings,
            tokens: Tokens::default(),
            usage: BTreeMap::new(),
            phones: HashMap::new(),
            codes: Vec::new(),
            clears: (0, 0),
            seal: Arc::new(seal),
            previous: None,
            stragglers: 0,
        })
    }

    /// What the next push is sealed with.
    pub(crate) fn next_seal(&mut self) -> Arc<Seal> {
        match &self.previous {
            Some(previous) if self.stragglers > 0 => {
                self.stragglers -= 1;
                Arc::clone(previous)
            }
            _ => Arc::clone(&self.seal),
        }
    }

    /// Changes key and token; the next `stragglers` pushes still leave under the old ones, and so do all deliveries of
    /// pushes that are under way.
    pub(crate) fn rotate(
        &mut self,
        token: Option<Secret>,
        key: Option<Secret>,
        stragglers: u32,
    ) -> Result<(), SettingsError> {
        let mut changed = self.settings.clone();
        changed.token = token.unwrap_or(changed.token);
        changed.aes_key = key.or(changed.aes_key);
        let seal = seal(&changed)?;
        let old = Seal { token: self.seal.token.clone(), key: self.seal.key.clone(), old: true };
        self.settings = changed;
        self.seal = Arc::new(seal);
        self.previous = Some(Arc::new(old));
        self.stragglers = stragglers;
        Ok(())
    }

    /// Remembers a code; the oldest goes when there are too many.
    pub(crate) fn remember(&mut self, code: Code) {
        if self.codes.len() >= CODES {
            self.codes.remove(0);
        }
        self.codes.push(code);
    }
}

fn seal(settings: &AccountSettings) -> Result<Seal, SettingsError> {
    let bad = || SettingsError::Key(settings.appid.clone());
    let key = match &settings.aes_key {
        Some(text) => Some(Key::parse(text.expose()).map_err(|_not_a_key| bad())?),
        None if settings.mode == WechatMode::Plain => None,
        None => return Err(bad()),
    };
    Ok(Seal { token: settings.token.clone(), key, old: false })
}

/// The state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) base_url: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) blobs: Blobs,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    last_id: u64,
    last_msg_id: i64,
}

impl World {
    pub(crate) fn new(settings: Settings, now: Millis) -> Result<Self, SettingsError> {
        let mut world = Self {
            base_url: settings.base_url,
            accounts: Vec::new(),
            blobs: Blobs::default(),
            ledger: Ledger::default(),
            faults: Faults::default(),
            last_id: 0,
            // Above 2^53, as real ones are: a reader that takes them for floating point loses them.
            last_msg_id: now.0.saturating_mul(10_000),
        };
        settings.accounts.into_iter().try_for_each(|account| world.add(account))?;
        Ok(world)
    }

    /// Adds an account.
    pub(crate) fn add(&mut self, settings: AccountSettings) -> Result<(), SettingsError> {
        if self.account(&settings.appid).is_some() {
            return Err(SettingsError::DoubleAppid(settings.appid));
        }
        self.accounts.push(Account::new(settings)?);
        Ok(())
    }

    pub(crate) fn account(&self, appid: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.settings.appid == appid)
    }

    pub(crate) fn account_mut(&mut self, appid: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.settings.appid == appid)
    }

    /// The account that a token was issued to, with what the token is worth.
    pub(crate) fn owner(&self, token: &str, now: Millis) -> Option<(&Account, Standing)> {
        self.accounts.iter().find_map(|account| Some((account, account.tokens.standing(token, now)?)))
    }

    /// The account of a phone.
    pub(crate) fn account_of(&mut self, openid: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.phones.contains_key(openid))
    }

    pub(crate) fn phone(&self, openid: &str) -> Option<&Phone> {
        self.accounts.iter().find_map(|account| account.phones.get(openid))
    }

    pub(crate) fn phone_mut(&mut self, openid: &str) -> Option<&mut Phone> {
        self.accounts.iter_mut().find_map(|account| account.phones.get_mut(openid))
    }

    /// Puts a phone into an account, forgetting an idle one if there are too many.
    pub(crate) fn add_phone(account: &mut Account, phone: Phone) {
        if account.phones.len() >= PHONES {
            let idle = account.phones.values().filter(|phone| !phone.watched()).min_by_key(|phone| phone.last_active);
            if let Some(openid) = idle.map(|phone| phone.openid.clone()) {
                account.phones.remove(&openid);
            }
        }
        account.phones.insert(phone.openid.clone(), phone);
    }

    /// Shows a message on a phone; gives its id. Nothing when the phone is gone.
    pub(crate) fn show(&mut self, openid: &str, draft: PhoneMessage, now: Millis) -> Option<String> {
        let id = self.next_id("p");
        let phone = self.phone_mut(openid)?;
        phone.show(PhoneMessage { id: id.clone(), at: now, ..draft });
        Some(id)
    }

    /// An id that is unique on this platform.
    pub(crate) fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}{}", self.last_id)
    }

    /// The next `MsgId`.
    pub(crate) fn next_msg_id(&mut self) -> i64 {
        self.last_msg_id = self.last_msg_id.saturating_add(1);
        self.last_msg_id
    }

    /// Takes a medium of an account; gives its `media_id`.
    pub(crate) fn keep(
        &mut self,
        appid: &str,
        kind: BlobKind,
        content_type: &'static str,
        bytes: bytes::Bytes,
        now: Millis,
    ) -> String {
        self.blobs.put(Blob { appid: appid.to_owned(), kind, content_type, bytes, created: now })
    }

    /// Takes the picture in front of a video.
    pub(crate) fn keep_thumb(&mut self, appid: &str, now: Millis) -> String {
        self.keep(appid, BlobKind::Thumb, "image/jpeg", bytes::Bytes::from_static(THUMB), now)
    }

    /// Where a medium can be fetched without a token: absolute, for the gateway.
    pub(crate) fn absolute_url(&self, media_id: &str) -> String {
        format!("{}/blob/{media_id}", self.base_url)
    }

    /// Where a medium can be fetched: path only, for the phone page, which has the same origin.
    pub(crate) fn page_url(&self, media_id: &str) -> String {
        let after_scheme = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
        if path.is_empty() { format!("/blob/{media_id}") } else { format!("/{path}/blob/{media_id}") }
    }

    /// The page's address of a live medium of one of these kinds.
    pub(crate) fn media(&self, id: &str, appid: &str, kinds: &[BlobKind], now: Millis) -> Option<String> {
        let blob = self.blobs.live(id, appid, now)?;
        kinds.contains(&blob.kind).then(|| self.page_url(id))
    }
}
