//! Where access tokens lie between uses, and who may fetch one: in this process only, or in the store for all nodes.
//!
//! One node at a time fetches: it holds a lease in the account's row, and everybody else takes what it brings. The row
//! outlives the process. Tokens are sealed in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::channel::wechat::Credentials;
use crate::config::{Bug, planted};
use crate::model::id::{AccountId, TenantId};
use crate::model::secret::Secret;
use crate::model::time::Millis;
use crate::secret::{Keyring, Place};
use crate::store::token::Kept;
use crate::store::{self, Store, Tx};

/// Shortest time between two replacements of refused tokens; also the platform's own rule for forced ones.
const REPLACE_EVERY: Duration = Duration::from_secs(30);
/// How long whoever fetches a token may take. The call itself has an earlier end.
const LEASE: Duration = Duration::from_secs(15);
/// Forced refreshes a day; the platform ignores more.
const FORCED_A_DAY: i32 = 20;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A token of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) value: Arc<str>,
    /// When it should be replaced.
    pub(super) due: Millis,
    /// When it is no longer good.
    pub(super) expires: Millis,
}

/// Which token is wanted.
#[derive(Debug, Clone)]
pub(super) enum Want {
    /// One that is good.
    Any,
    /// One that is good and is not this one, which the platform has refused.
    Other(Arc<str>),
}

/// How it stands with an account's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// This one is good.
    Take(Token),
    /// The asker fetches one and then says what became of it.
    Fetch,
    /// Somebody else fetches one, or has just failed to.
    Wait,
    /// A refused token was replaced moments ago.
    Refuse,
}

/// What became of a fetch.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// This token.
    Fetched(Token),
    /// Nothing, and nobody should try again before this time has passed.
    Failed(Duration),
}

/// What is known of one account's token.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    token: Option<Token>,
    replaced_at: Millis,
    holder: String,
    until: Millis,
    forced: i32,
    forced_since: Millis,
}

impl Book {
    fn claim(&mut self, want: &Want, now: Millis, asker: &str) -> Claim {
        let good = self.token.clone().filter(|token| now < token.expires && want.fits(&token.value));
        let taken = now < self.until && self.holder != asker;
        match good {
            Some(token) if taken || now < token.due => return Claim::Take(token),
            None if taken => return Claim::Wait,
            _ => {}
        }
        if let Want::Other(_) = want {
            if now.since(self.replaced_at) < REPLACE_EVERY && !planted(Bug::TokenStorm) {
                return Claim::Refuse;
            }
            self.replaced_at = now;
        }
        (self.holder, self.until) = (asker.to_owned(), now.plus(LEASE));
        Claim::Fetch
    }

    fn settle(&mut self, outcome: Outcome, now: Millis) {
        self.holder.clear();
        match outcome {
            Outcome::Fetched(token) => (self.token, self.until) = (Some(token), now),
            Outcome::Failed(pause) => self.until = now.plus(pause),
        }
    }

    fn may_force(&mut self, now: Millis) -> bool {
        if now.since(self.forced_since) >= DAY {
            (self.forced, self.forced_since) = (0, now);
        }
        self.forced = self.forced.saturating_add(1);
        self.forced <= FORCED_A_DAY
    }
}

impl Want {
    /// Whether this token would do.
    pub(super) fn fits(&self, token: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Other(refused) => **refused != *token,
        }
    }
}

type Key = (TenantId, AccountId, String);

/// The place.
#[derive(Debug)]
pub(super) enum Shelf {
    /// In this process, gone with it.
    Here(Mutex<HashMap<Key, Book>>),
    /// In the store.
    Shared { store: Store, keys: Arc<Keyring> },
}

impl Shelf {
    pub(super) async fn claim(
        &self,
        account: &Credentials,
        want: Want,
        now: Millis,
        asker: &str,
    ) -> Result<Claim, store::Error> {
        let asker = asker.to_owned();
        self.change(account, move |book| book.claim(&want, now, &asker)).await
    }

    pub(super) async fn settle(
        &self,
        account: &Credentials,
        outcome: Outcome,
        now: Millis,
    ) -> Result<(), store::Error> {
        self.change(account, move |book| book.settle(outcome, now)).await
    }

    /// Counts a forced refresh, if there may be one more today.
    pub(super) async fn may_force(&self, account: &Credentials, now: Millis) -> Result<bool, store::Error> {
        self.change(account, move |book| book.may_force(now)).await
    }

    async fn change<T: Send + 'static>(
        &self,
        account: &Credentials,
        step: impl FnOnce(&mut Book) -> T + Send + 'static,
    ) -> Result<T, store::Error> {
        match self {
            Self::Here(books) => {
                let key = (account.tenant.clone(), account.account.clone(), account.appid.clone());
                Ok(step(books.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default()))
            }
            Self::Shared { store, keys } => {
                let (keys, id, app) = (Arc::clone(keys), account.account.clone(), account.appid.clone());
                let work = move |tx: &mut Tx<'_>| {
                    let kept = store::token::find(tx, &id, &app)?.unwrap_or_default();
                    let spot = format!("{id}/{app}");
                    let place =
                        Place { table: "access_token", tenant: tx.tenant().as_str(), field: "token", id: &spot };
                    let mut book = open(&keys, &place, &kept);
                    let outcome = step(&mut book);
                    let sealed = close(&keys, &place, &kept, &book)?;
                    if sealed != kept {
                        store::token::save(tx, &id, &app, &sealed)?;
                    }
                    Ok(outcome)
                };
                store.tenant(&account.tenant).write(work).await
            }
        }
    }
}

/// A token that does not open, because its key is gone, is fetched anew.
fn open(keys: &Keyring, place: &Place<'_>, kept: &Kept) -> Book {
    let value = kept.token.as_deref().and_then(|sealed| {
        let opened = keys.open(place, sealed);
        opened.inspect_err(|error| tracing::warn!(%error, "a kept access token does not open")).ok()
    });
    let token = value.map(|value| Token { value: Arc::from(value.expose()), due: kept.due, expires: kept.expires });
    Book {
        token,
        replaced_at: kept.replaced_at,
        holder: kept.holder.clone(),
        until: kept.until,
        forced: kept.forced,
        forced_since: kept.forced_since,
    }
}

/// What has to be kept. A token that has not changed stays sealed as it was.
fn close(keys: &Keyring, place: &Place<'_>, before: &Kept, book: &Book) -> Result<Kept, store::Error> {
    let unsealed = open(keys, place, before).token;
    let token = match &book.token {
        token if *token == unsealed => before.token.clone(),
        None => None,
        Some(token) => {
            let secret = Secret::new(token.value.to_string());
            let sealed = keys
                .seal(place, &secret)
                .map_err(|error| store::Error::Damaged { what: "access token", value: error.to_string() })?;
            Some(sealed)
        }
    };
    let (due, expires) = book.token.as_ref().map_or((Millis(0), Millis(0)), |token| (token.due, token.expires));
    Ok(Kept {
        token,
        due,
        expires,
        replaced_at: book.replaced_at,
        holder: book.holder.clone(),
        until: book.until,
        forced: book.forced,
        forced_since: book.forced_since,
    })
}

#[cfg(test)]
mod tests;
