//! A faithful WeChat platform for official accounts: pushes with the real signatures, modes and repeats, the API with its
//! tokens, windows, quotas and error texts, phones to act with, and faults to script. Knows WeChat's side only; of the
//! gateway it knows nothing but a callback address.
//!
//! Its HTTP face is [`configure`]; tests may act through [`Platform`] and [`Actor`] instead.
//!
//! Bounds: the ledger keeps 2,000 entries of each kind, a phone 300 messages and 600 stream events, an account
//! 10,000 phones, all media together 256 MiB, pushes under way 4,096.

mod act;
mod actor;
mod api;
mod blob;
mod deed;
mod errcode;
mod fault;
mod ledger;
mod menu;
mod multipart;
mod page;
mod parcel;
mod phone;
mod push;
mod raw;
mod setting;
#[cfg(test)]
mod test;
mod token;
mod tree;
mod world;
mod xml;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

pub use self::act::{Act, ActError};
pub use self::actor::{Actor, ExpectError};
pub use self::fault::{Fault, Reset};
pub use self::ledger::{AnswerEntry, Attempt, CallEntry, LedgerView, PushEntry, SendEntry, TokenEntry};
pub use self::menu::Button;
pub use self::page::configure;
pub use self::parcel::{Answered, Outgoing, Parcel};
pub use self::phone::{From, Kind, PhoneMessage, State, Via};
pub use self::push::{FAILURE_TEXT, Verification};
pub use self::raw::Raw;
pub use self::setting::{AccountSettings, Settings, SettingsError, Spacing, Temper, Timing};

use self::world::World;
use crate::clock::Clock;
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::secret::Secret;

/// Pushes that may be under way at once.
const IN_FLIGHT: usize = 4_096;

/// Why a platform cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The settings contradict themselves.
    #[error("the simulator's settings cannot be used")]
    Settings(#[from] SettingsError),
    /// TLS could not be set up.
    #[error("the simulator's HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
}

/// The platform. Clones are handles on the same one.
///
/// Lifecycle: pushes run in the background of the current tokio runtime; [`Platform::stop`] ends them and all open
/// streams, after which the handle still answers but delivers nothing.
#[derive(Debug, Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    timing: Timing,
    client: push::Client,
    stop: CancellationToken,
    in_flight: AtomicUsize,
    world: Mutex<World>,
}

impl Platform {
    /// A platform with these accounts.
    ///
    /// # Errors
    /// [`BuildError`] when two accounts share an AppID, a key is none, or TLS cannot be set up.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, BuildError> {
        let timing = settings.timing;
        let world = Mutex::new(World::new(settings, clock.now())?);
        let client = push::Client::new()?;
        let (stop, in_flight) = (CancellationToken::new(), AtomicUsize::new(0));
        Ok(Self { inner: Arc::new(Inner { clock, timing, client, stop, in_flight, world }) })
    }

    /// Adds an account to a running platform.
    ///
    /// # Errors
    /// [`SettingsError`] when its AppID is taken or its key is none.
    pub fn add_account(&self, settings: AccountSettings) -> Result<(), SettingsError> {
        self.world().add(settings)
    }

    /// Says where the platform is reachable, once the port is known; see [`Settings::base_url`].
    pub fn set_base_url(&self, base_url: &str) {
        self.world().base_url = base_url.trim_end_matches('/').to_owned();
    }

    /// Sends the pushes of an account elsewhere from now on.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`].
    pub fn set_callback(&self, appid: &str, url: &str) -> Result<(), ActError> {
        self.change(appid, |settings| url.clone_into(&mut settings.callback_url))
    }

    /// Changes mode and format of an account from the next push on.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`].
    pub fn set_mode(&self, appid: &str, mode: WechatMode, format: WechatFormat) -> Result<(), ActError> {
        self.change(appid, |settings| (settings.mode, settings.format) = (mode, format))
    }

    /// Changes token or key of an account. Deliveries of pushes under way and the next `stragglers` pushes still use the
    /// old ones.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`], or [`ActError::BadRequest`] when the key is none.
    pub fn rotate(
        &self,
        appid: &str,
        token: Option<Secret>,
        key: Option<Secret>,
        stragglers: u32,
    ) -> Result<(), ActError> {
        let mut world = self.world();
        let account = world.account_mut(appid).ok_or(ActError::UnknownAccount)?;
        account.rotate(token, key, stragglers).map_err(|error| ActError::BadRequest(error.to_string()))
    }

    /// Makes every access token of an account worthless at once.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`].
    pub fn revoke_tokens(&self, appid: &str) -> Result<(), ActError> {
        let now = self.clock().now();
        self.world().account_mut(appid).ok_or(ActError::UnknownAccount)?.tokens.revoke_all(now);
        Ok(())
    }

    /// Adds faults; the first that fits a call takes it.
    ///
    /// # Errors
    /// [`ActError::Busy`] when more than 256 would stand.
    pub fn add_faults(&self, rules: Vec<Fault>) -> Result<(), ActError> {
        if self.world().faults.add(rules) { Ok(()) } else { Err(ActError::Busy) }
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// What went over the wire, for one account or all.
    #[must_use]
    pub fn ledger(&self, appid: Option<&str>) -> LedgerView {
        self.world().ledger.view(appid)
    }

    /// What went over the wire since the last time, which is then forgotten.
    #[must_use]
    pub fn take_ledger(&self) -> LedgerView {
        self.world().ledger.take()
    }

    /// Empties the ledger.
    pub fn clear_ledger(&self) {
        self.world().ledger.clear();
    }

    /// Pushes under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.in_flight.load(Ordering::Relaxed)
    }

    /// Ends pushes under way and all open streams.
    pub fn stop(&self) {
        self.inner.stop.cancel();
    }

    fn change(&self, appid: &str, change: impl FnOnce(&mut AccountSettings)) -> Result<(), ActError> {
        let mut world = self.world();
        change(&mut world.account_mut(appid).ok_or(ActError::UnknownAccount)?.settings);
        Ok(())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // Every change is complete before anything can panic, so that a poisoned lock guards a good state.
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn timing(&self) -> Timing {
        self.inner.timing
    }

    fn client(&self) -> &push::Client {
        &self.inner.client
    }

    fn stop_token(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    fn has_room(&self) -> bool {
        self.in_flight() < IN_FLIGHT
    }

    fn count_flight(&self) -> Flight {
        self.inner.in_flight.fetch_add(1, Ordering::Relaxed);
        Flight(Arc::clone(&self.inner))
    }
}

/// Counts one push as under way for as long as it lives.
struct Flight(Arc<Inner>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
