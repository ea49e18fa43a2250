//! Access tokens: one for each account in the whole cluster, fetched before it expires, by one call at a time.
//!
//! Each process remembers the token it uses; everything else is on the [`Shelf`]. Invariants: a token is used until it
//! expires unless the platform refuses it; a refused token is replaced at most every 30 s over all nodes; a failed fetch
//! is not repeated at once by everybody who waits for it.

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
use super::shelf::{Claim, Outcome, Shelf, Token, Want};
use super::transport::{Body, MAX_ANSWER, Request, Transport};

/// Longest life that is believed, seconds.
const MAX_LIFE: i64 = 7200;
/// A token is replaced this long before it expires, seconds.
const LEAD: i64 = 600;
/// Longest token; the documentation asks for room for 512 characters.
const MAX_TOKEN: usize = 1024;
/// Pause after a failed fetch.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a failure that only the account's owner can mend.
const LONG_PAUSE: Duration = Duration::from_secs(30);
/// How often the shelf is looked at while another node fetches a token, and the pause in between: together longer than
/// a fetch takes.
const LOOKS: u32 = 40;
const LOOK: Duration = Duration::from_millis(200);

/// The tokens of every account that this process sends for.
#[derive(Debug)]
pub(super) struct Tokens {
    clock: Clock,
    shelf: Shelf,
    /// This process among those that share the shelf.
    asker: String,
    slots: Mutex<HashMap<(TenantId, AccountId, String), Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    /// Held while a token is asked for, so that one question serves all who wait.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failure: Option<Failure>,
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
    pub(super) fn new(clock: Clock, shelf: Shelf) -> Self {
        let asker = format!("{:032x}", rand::random::<u128>());
        Self { clock, shelf, asker, slots: Mutex::default() }
    }

    /// A token that is believed to be good.
    pub(super) async fn get(&self, transport: &Transport, credentials: &Credentials) -> Result<Arc<str>, Error> {
        let slot = self.slot(credentials);
        match slot.look(self.clock.now()) {
            Look::Fresh(token) => return Ok(token),
            Look::Due(token) => {
                let Ok(_flight) = slot.flight.try_lock() else { return Ok(token) };
                return match self.obtain(&slot, transport, credentials, Want::Any).await {
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
            Look::Nothing => self.obtain(&slot, transport, credentials, Want::Any).await,
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
        if let Look::Fresh(token) | Look::Due(token) = slot.look(self.clock.now())
            && &*token != refused
        {
            return Ok(token);
        }
        self.obtain(&slot, transport, credentials, Want::Other(Arc::from(refused))).await
    }

    fn slot(&self, credentials: &Credentials) -> Arc<Slot> {
        let key = (credentials.tenant.clone(), credentials.account.clone(), credentials.appid.clone());
        Arc::clone(lock(&self.slots).entry(key).or_default())
    }

    /// The token on the shelf, or a new one that is then put there.
    async fn obtain(
        &self,
        slot: &Slot,
        transport: &Transport,
        account: &Credentials,
        want: Want,
    ) -> Result<Arc<str>, Error> {
        let failed = lock(&slot.state).failure.clone();
        if let Some(failure) = failed.filter(|failure| failure.until > self.clock.now()) {
            let after = failure.until.since(self.clock.now());
            return Err(failure.refusal.map_or(Error::TokenPaused { after }, Error::Platform));
        }
        if let Some(token) = self.claim(account, &want).await? {
            return Ok(slot.keep(token));
        }
        let result = self.fetch(transport, account, &want).await;
        let outcome = match &result {
            Ok(fetched) => Outcome::Fetched(fetched.token.clone()),
            Err(error) => Outcome::Failed(Failure::pause(error)),
        };
        if let Err(error) = self.shelf.settle(account, outcome, self.clock.now()).await {
            tracing::warn!(tenant.id = %account.tenant, account = %account.account, %error,
                "an access token could not be kept for the other nodes");
        }
        match result {
            Ok(fetched) if fetched.stale => Err(Error::TokenRefused),
            Ok(fetched) => Ok(slot.keep(fetched.token)),
            Err(error) => {
                lock(&slot.state).failure = Some(Failure::of(&error, self.clock.now()));
                Err(certain(error))
            }
        }
    }

    /// The token that another node has put on the shelf; `None` when it is this one's turn to fetch one.
    async fn claim(&self, account: &Credentials, want: &Want) -> Result<Option<Token>, Error> {
        for _ in 0..LOOKS {
            let claim = self.shelf.claim(account, want.clone(), self.clock.now(), &self.asker).await;
            match claim {
                Ok(Claim::Take(token)) => return Ok(Some(token)),
                Ok(Claim::Fetch) => return Ok(None),
                Ok(Claim::Refuse) => return Err(Error::TokenRefused),
                Ok(Claim::Wait) => tokio::time::sleep(LOOK).await,
                Err(error) => {
                    tracing::warn!(tenant.id = %account.tenant, account = %account.account, %error,
                        "access tokens cannot be looked up");
                    return Err(Error::TokenPaused { after: PAUSE });
                }
            }
        }
        Err(Error::TokenPaused { after: PAUSE })
    }

    /// Asks the platform; by force only when it hands out what it has refused, and within its limits.
    async fn fetch(&self, transport: &Transport, account: &Credentials, want: &Want) -> Result<Fetched, Error> {
        let token = read(&ask(transport, account, false).await?, self.clock.now())?;
        if want.fits(&token.value) {
            return Ok(Fetched { token, stale: false });
        }
        let stable = account.token_kind == WechatTokenKind::Stable;
        if !stable || !self.shelf.may_force(account, self.clock.now()).await.unwrap_or(false) {
            return Ok(Fetched { token, stale: true });
        }
        let token = read(&ask(transport, account, true).await?, self.clock.now())?;
        Ok(Fetched { token, stale: false })
    }
}

/// A token as the platform gave it.
struct Fetched {
    token: Token,
    /// Whether it is the one that the platform has just refused.
    stale: bool,
}

impl Slot {
    fn look(&self, now: Millis) -> Look {
        match &lock(&self.state).token {
            Some(token) if now < token.due => Look::Fresh(Arc::clone(&token.value)),
            Some(token) if now < token.expires => Look::Due(Arc::clone(&token.value)),
            _ => Look::Nothing,
        }
    }

    fn keep(&self, token: Token) -> Arc<str> {
        let value = Arc::clone(&token.value);
        *lock(&self.state) = State { token: Some(token), failure: None };
        value
    }
}

impl Failure {
    fn of(error: &Error, now: Millis) -> Self {
        let refusal = if let Error::Platform(refusal) = error { Some(refusal.clone()) } else { None };
        Self { until: now.plus(Self::pause(error)), refusal }
    }

    /// How long nobody should try again.
    fn pause(error: &Error) -> Duration {
        let owner = matches!(error.verdict(), Verdict::Stop(_) | Verdict::RefreshToken);
        if owner { LONG_PAUSE } else { PAUSE }
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
