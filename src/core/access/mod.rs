//! Who may come in: passwords, sign-ins of browsers, one-time tickets, resume tokens, visitors. Knows no HTTP.
//!
//! Every token is `<tenant>.<random>` and stored as its SHA-256: a lookup tells nothing about the token by its time,
//! and the tables open no door to whoever reads them.

mod attempts;
mod hashing;
mod pass;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub(super) use self::attempts::Attempts;
use self::hashing::Hashing;
pub use self::pass::{Admitted, CallPass, Standing, Visit, VisitorPass};
use super::{Core, Error};
use crate::hub::{Hint, Recipient};
use crate::model::code::Code;
use crate::model::id::{AgentId, TenantId};
use crate::model::secret::Secret;
use crate::model::time::Millis;
use crate::secret::password;
use crate::store::{login, pass as passes};
use crate::template::Lang;

/// A sign-in that is not used for so long has ended.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Browsers of one person; the oldest makes room.
const MOST: i64 = 20;
/// A sign-in's last use is written at most this often.
const TOUCH: Duration = Duration::from_secs(60);

/// Lengths of life that the operator sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The longest that a sign-in lasts, however much it is used.
    pub sign_in: Duration,
    /// How long a lost connection can be resumed.
    pub resume: Duration,
    /// A third of the visitors' tickets per minute and IP; sign-ins have fixed limits.
    pub per_minute: u32,
}

/// What the person's own browser may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The person.
    pub id: AgentId,
    /// The name that others see.
    pub name: String,
    /// `agent`, `supervisor` or `admin`.
    pub role: String,
    /// The enterprise.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// Its language.
    pub lang: Lang,
}

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Who.
    pub profile: Profile,
    /// What writes by cookie have to show.
    pub csrf: String,
    hash: String,
}

impl SignIn {
    /// The enterprise.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.profile.tenant
    }
}

/// Checks who may come in. Clones share the counts of attempts.
#[derive(Debug, Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    core: Core,
    settings: Settings,
    accounts: Attempts<(String, String)>,
    addresses: Attempts<IpAddr>,
    visitors: Attempts<IpAddr>,
    hashing: Hashing,
}

fn wrong() -> Error {
    Error::new(Code::Unauthenticated, "账号或密码不正确 / wrong login or password")
}

pub(super) fn too_often(wait: Duration) -> Error {
    let after_ms = u64::try_from(wait.as_millis()).ok();
    Error { after_ms, ..Error::new(Code::RateLimited, "尝试过于频繁 / too many attempts") }
}

impl Access {
    /// Checks with these settings.
    #[must_use]
    pub fn new(core: Core, settings: Settings) -> Self {
        let quarter = Duration::from_secs(15 * 60);
        let inner = Inner {
            core,
            accounts: Attempts::new(10, quarter),
            addresses: Attempts::new(100, quarter),
            visitors: Attempts::new(settings.per_minute.saturating_mul(3), Duration::from_secs(60)),
            hashing: Hashing::default(),
            settings,
        };
        Self { inner: Arc::new(inner) }
    }

    fn now(&self) -> Millis {
        self.inner.core.clock().now()
    }

    /// Signs a browser in; returns the token that it keeps. An unknown login takes as long as a wrong password, and
    /// both get the same answer.
    ///
    /// # Errors
    /// `unauthenticated`, or `rate_limited` with the time to wait.
    pub async fn login(
        &self,
        ip: IpAddr,
        tenant: &str,
        name: &str,
        password: Secret,
    ) -> Result<(Secret, SignIn), Error> {
        let now = self.now();
        let account = (tenant.to_owned(), name.to_owned());
        self.inner.addresses.admit(&attempts::network(ip), now).map_err(too_often)?;
        self.inner.accounts.admit(&account, now).map_err(too_often)?;
        let tenant = TenantId::parse(tenant).ok().filter(|id| self.inner.core.tenants().tenant(id).is_some());
        let person = match &tenant {
            // No text of PostgreSQL holds U+0000: nobody is called so.
            Some(tenant) if !name.contains('\0') => {
                let name = name.to_owned();
                self.inner.core.scope(tenant).read(move |tx| login::person(tx, &name)).await.map_err(Error::from)?
            }
            _ => None,
        };
        let person = person.filter(|person| person.enabled);
        let hash = person.as_ref().map(|person| person.password_hash.clone());
        let right = self.inner.hashing.run(move || password::verify_password(&password, hash.as_deref())).await?;
        let (Some(tenant), Some(person), true) = (tenant, person, right) else { return Err(wrong()) };
        self.inner.accounts.forgive(&account);
        self.inner.addresses.take_back(&attempts::network(ip));
        self.open(tenant, person, now).await
    }

    async fn open(&self, tenant: TenantId, person: login::Person, now: Millis) -> Result<(Secret, SignIn), Error> {
        let token = token::fresh(&tenant);
        let (hash, csrf) = (token::hash(token.expose()), token::random());
        let profile = self.profile(&tenant, &person.id, person.name, person.role)?;
        let (agent, key, shown) = (profile.id.clone(), hash.clone(), csrf.clone());
        self.inner
            .core
            .scope(&tenant)
            .write(move |tx| login::add(tx, &key, &agent, &shown, now, MOST))
            .await
            .map_err(Error::from)?;
        tracing::info!(tenant = %tenant, agent = %profile.id, "signed in");
        Ok((token, SignIn { profile, csrf, hash }))
    }

    fn profile(&self, tenant: &TenantId, id: &str, name: String, role: String) -> Result<Profile, Error> {
        let declared = self.inner.core.tenants().tenant(tenant).ok_or_else(Error::not_found)?;
        Ok(Profile {
            id: AgentId::parse(id)?,
            name,
            role,
            tenant: tenant.clone(),
            tenant_name: declared.name.clone(),
            lang: declared.lang,
        })
    }

    /// The sign-in behind a browser's token, if it still stands. Using it keeps it alive.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn check(&self, token: &str) -> Result<Option<SignIn>, Error> {
        let Some(tenant) = token::tenant(token) else { return Ok(None) };
        let hash = token::hash(token);
        let Some(found) = self.alive(&tenant, &hash).await? else { return Ok(None) };
        let profile = self.profile(&tenant, &found.agent, found.name, found.role)?;
        Ok(Some(SignIn { profile, csrf: found.csrf, hash }))
    }

    /// The sign-in with this hash, if it is neither idle nor too old and its person may still come in.
    async fn alive(&self, tenant: &TenantId, hash: &str) -> Result<Option<login::SignedIn>, Error> {
        let scope = self.inner.core.scope(tenant);
        let key = hash.to_owned();
        let found = scope.read(move |tx| login::find(tx, &key)).await.map_err(Error::from)?;
        let now = self.now();
        let Some(found) = found.filter(|found| self.stands(found, now)) else { return Ok(None) };
        if now.since(Millis(found.seen_at)) >= TOUCH {
            let key = hash.to_owned();
            scope.write(move |tx| login::touch(tx, &key, now)).await.map_err(Error::from)?;
        }
        Ok(Some(found))
    }

    fn stands(&self, found: &login::SignedIn, now: Millis) -> bool {
        let young = now.since(Millis(found.created_at)) < self.inner.settings.sign_in;
        found.enabled && young && now.since(Millis(found.seen_at)) < IDLE
    }

    /// Ends a sign-in and closes the sockets behind it, on every node.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn logout(&self, sign_in: &SignIn) -> Result<(), Error> {
        let hash = sign_in.hash.clone();
        let tenant = sign_in.tenant();
        self.inner
            .core
            .scope(tenant)
            .write(move |tx| {
                login::remove(tx, &hash)?;
                passes::revoke(tx, &hash)
            })
            .await
            .map_err(Error::from)?;
        // Connections of the same person's other browsers look, find their own sign-in and stay.
        let to = Recipient::Agent(tenant.clone(), sign_in.profile.id.clone());
        self.inner.core.hub().publish(&to, &Hint::SignedOut);
        Ok(())
    }

    /// Takes away what has expired, of every tenant; to be called every few minutes.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn sweep(&self) -> Result<(), Error> {
        let now = self.now();
        let oldest = now.minus(self.inner.settings.sign_in);
        self.inner.accounts.forget(now);
        self.inner.addresses.forget(now);
        self.inner.visitors.forget(now);
        self.inner
            .core
            .store()
            .sweep(move |conn| {
                login::sweep(conn, oldest, now.minus(IDLE))?;
                passes::sweep(conn, now)
            })
            .await
            .map_err(Error::from)?;
        Ok(())
    }
}
