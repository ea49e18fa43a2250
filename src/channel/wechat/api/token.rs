//! Access tokens: one owner per account in this process, fetched before they expire, by one call at a time.
//!
//! Invariants: a token is used until it expires unless the platform refuses it; a refused token is replaced at most
//! every 30 s; a failed fetch is not repeated at once by everybody who waits for it. Two processes of a cluster do not
//! disturb each other as long as they use `stable_token`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::clock::Clock;
use crate::model::account::WechatTokenKind;
use crate::model::id::{AccountId, TenantId};
use crate::model::time::Millis;

use super::super::Credentials;
use super::super::error::{Error, Refusal, Verdict};
use super::answer::Object;
use super::transport::{Body, MAX_ANSWER, Request, Transport};

/// Longest life that is believed, seconds.
const MAX_LIFE: i64 = 7200;
/// A token is replaced this long before it expires, seconds.
const LEAD: i64 = 600;
/// Longest token; the documentation asks for room for 512 characters.
const MAX_TOKEN: usize = 1024;
/// Shortest time between two replacements of refused tokens; also the platform's own rule for forced ones.
const REPLACE_EVERY: Duration = Duration::from_secs(30);
/// Forced refreshes a day; the platform ignores more.
const FORCED_A_DAY: u32 = 20;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Pause after a failed fetch.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a failure that only the account's owner can mend.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// The tokens of every account that this process sends for.
#[derive(Debug)]
pub(super) struct Tokens {
    clock: Clock,
    slots: Mutex<HashMap<(TenantId, AccountId, String), Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    /// Held while a token is fetched, so that one call serves all who wait.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    replaced: Option<Millis>,
    /// Start of the current day of forced refreshes, and how many there were.
    forced: (Millis, u32),
    failure: Option<Failure>,
}

#[derive(Debug, Clone)]
struct Token {
    value: Arc<str>,
    due: Millis,
    expires: Millis,
}

#[derive(Debug, Clone)]
struct Failure {
    until: Millis,
    refusal: Option<Refusal>,
}

/// What a slot has.
enum Look {
    Fresh(Arc<str>),
    Due(Arc<str>),
    Nothing,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tokens {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, slots: Mutex::default() }
    }

    /// A token that is believed to be good.
    pub(super) async fn get(&self, transport: &Transport, credentials: &Credentials) -> Result<Arc<str>, Error> {
        let slot = self.slot(credentials);
        match slot.look(self.clock.now()) {
            Look::Fresh(token) => return Ok(token),
            Look::Due(token) => {
                let Ok(_flight) = slot.flight.try_lock() else { return Ok(token) };
                return match self.fetch(&slot, transport, credentials, false).await {
                    Ok(fresh) => Ok(fresh),
                    Err(error) => {
                        tracing::warn!(tenant.id = %credentials.tenant, account = %credentials.account, %error,
                            "access token not renewed; the current one is still good");
                        Ok(token)
                    }
                };
            }
            Look::Nothing => {}
        }
        let _flight = slot.flight.lock().await;
        match slot.look(self.clock.now()) {
            Look::Fresh(token) | Look::Due(token) => Ok(token),
            Look::Nothing => self.fetch(&slot, transport, credentials, false).await,
        }
    }

    /// Another token after the platform refused `refused`: the one that somebody fetched meanwhile, or a new one.
    pub(super) async fn replace(
        &self,
        transport: &Transport,
        credentials: &Credentials,
        refused: &str,
    ) -> Result<Arc<str>, Error> {
        let slot = self.slot(credentials);
        let _flight = slot.flight.lock().await;
        let now = self.clock.now();
        if let Look::Fresh(token) | Look::Due(token) = slot.look(now)
            && &*token != refused
        {
            return Ok(token);
        }
        {
            let mut state = lock(&slot.state);
            if state.replaced.is_some_and(|at| now.since(at) < REPLACE_EVERY) {
                return Err(Error::TokenRefused);
            }
            state.replaced = Some(now);
            state.token = None;
        }
        let token = self.fetch(&slot, transport, credentials, false).await?;
        if &*token != refused {
            return Ok(token);
        }
        // The platform hands out what it refuses. Only a forced refresh helps; the pause above keeps within its limits.
        match credentials.token_kind {
            WechatTokenKind::Stable if lock(&slot.state).may_force(now) => {
                self.fetch(&slot, transport, credentials, true).await
            }
            WechatTokenKind::Stable | WechatTokenKind::Classic => Err(Error::TokenRefused),
        }
    }

    fn slot(&self, credentials: &Credentials) -> Arc<Slot> {
        let key = (credentials.tenant.clone(), credentials.account.clone(), credentials.appid.clone());
        Arc::clone(lock(&self.slots).entry(key).or_default())
    }

    async fn fetch(
        &self,
        slot: &Slot,
        transport: &Transport,
        credentials: &Credentials,
        force: bool,
    ) -> Result<Arc<str>, Error> {
        let failed = lock(&slot.state).failure.clone();
        if let Some(failure) = failed.filter(|failure| failure.until > self.clock.now()) {
            let after = failure.until.since(self.clock.now());
            return Err(failure.refusal.map_or(Error::TokenPaused { after }, Error::Platform));
        }
        let result = ask(transport, credentials, force).await.and_then(|answer| read(&answer, self.clock.now()));
        let mut state = lock(&slot.state);
        match result {
            Ok(token) => {
                let value = Arc::clone(&token.value);
                state.token = Some(token);
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                state.failure = Some(Failure::of(&error, self.clock.now()));
                Err(certain(error))
            }
        }
    }
}

impl Slot {
    fn look(&self, now: Millis) -> Look {
        match &lock(&self.state).token {
            Some(token) if now < token.due => Look::Fresh(Arc::clone(&token.value)),
            Some(token) if now < token.expires => Look::Due(Arc::clone(&token.value)),
            _ => Look::Nothing,
        }
    }
}

impl State {
    fn may_force(&mut self, now: Millis) -> bool {
        if now.since(self.forced.0) >= DAY {
            self.forced = (now, 0);
        }
        self.forced.1 += 1;
        self.forced.1 <= FORCED_A_DAY
    }
}

impl Failure {
    fn of(error: &Error, now: Millis) -> Self {
        let refusal = if let Error::Platform(refusal) = error { Some(refusal.clone()) } else { None };
        let owner = matches!(error.verdict(), Verdict::Stop(_) | Verdict::RefreshToken);
        Self { until: now.plus(if owner { LONG_PAUSE } else { PAUSE }), refusal }
    }
}

/// Whatever happened to the token call, the business call was certainly not made.
fn certain(error: Error) -> Error {
    match error {
        Error::Lost(_) | Error::Garbled(_) => {
            tracing::warn!(%error, "access token not fetched");
            Error::TokenPaused { after: PAUSE }
        }
        other => other,
    }
}

async fn ask(transport: &Transport, credentials: &Credentials, force: bool) -> Result<Object, Error> {
    let (appid, secret) = (credentials.appid.as_str(), credentials.secret.expose());
    let answer = match credentials.token_kind {
        WechatTokenKind::Stable => {
            let body = json!({
                "grant_type": "client_credential", "appid": appid, "secret": secret, "force_refresh": force,
            });
            let body = Body { content_type: "application/json".into(), bytes: Bytes::from(body.to_string()) };
            let request = Request { path: "/cgi-bin/stable_token", query: &[], body: Some(body), limit: MAX_ANSWER };
            transport.exchange(request).await?
        }
        WechatTokenKind::Classic => {
            let query = [("grant_type", "client_credential"), ("appid", appid), ("secret", secret)];
            let request = Request { path: "/cgi-bin/token", query: &query, body: None, limit: MAX_ANSWER };
            transport.exchange(request).await?
        }
    };
    Object::read(&answer.body)
}

/// The token of an answer. It expires by our clock from now, however the platform's clock stands.
fn read(answer: &Object, now: Millis) -> Result<Token, Error> {
    let value = answer.text("access_token").ok_or(Error::Garbled("no access_token"))?;
    if value.is_empty() || value.len() > MAX_TOKEN || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Garbled("impossible access_token"));
    }
    let life = answer.integer("expires_in").unwrap_or(0).min(MAX_LIFE);
    if life <= 0 {
        return Err(Error::Garbled("impossible expires_in"));
    }
    // A stable token is handed out with what remains of its life, which can be less than the usual lead.
    let fresh = (life - LEAD).max((life / 2).min(60));
    let after = |seconds: i64| now.plus(Duration::from_secs(seconds.unsigned_abs()));
    Ok(Token { value: Arc::from(value), due: after(fresh), expires: after(life) })
}
