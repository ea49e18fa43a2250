//! Declaring tenants: apply, list, show, load, re-seal. Knows neither files nor screens.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Problems;
use crate::model::id::TenantId;
use crate::model::robot::RobotSetting;
use crate::model::time::Millis;
use crate::robot::webhook::SigningKeys;
use crate::secret::Keyring;
use crate::store::audit::Entry;
use crate::store::tenant::{DeclaredAgent, Stored};
use crate::store::{self, Store};
use crate::tenant::declaration::{self, Declaration};
use crate::tenant::robot::Adapter;
use crate::tenant::service::Kind;
use crate::tenant::{Credential, Registry, Tenant};

/// Why a tenant could not be declared or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The declaration could not be sealed or opened.
    #[error("tenant {tenant}: {source}")]
    Declaration {
        /// The tenant.
        tenant: TenantId,
        /// Why.
        #[source]
        source: declaration::Error,
    },
    /// What is in force is sealed under a key that is not at hand.
    #[error(
        "tenant {tenant} is in force, and {closed}: add that key to secret.previous_keys; if it is lost, \
         `yizhan tenant apply --lost-key` puts the declaration in its place"
    )]
    Sealed {
        /// The tenant.
        tenant: TenantId,
        /// What does not open.
        closed: declaration::Error,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// The process is ending.
    #[error("the work was cut short")]
    Cut(#[from] tokio::task::JoinError),
}

/// What became of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is in force under this version.
    Changed(i64),
    /// It says what was in force already, under this version.
    Unchanged(i64),
}

/// One line of the list of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The tenant.
    pub id: TenantId,
    /// What customers read.
    pub name: String,
    /// The version in force.
    pub version: i64,
    /// Since when.
    pub applied_at: Millis,
    /// How many channel accounts, queues and agents it declares.
    pub counts: (usize, usize, usize),
}

/// The tenants of the store, under the keys that open them.
#[derive(Debug, Clone)]
pub struct Tenants {
    store: Store,
    keyring: Arc<Keyring>,
    clock: Clock,
}

impl Tenants {
    /// The tenants of `store`.
    #[must_use]
    pub fn new(store: Store, keyring: Arc<Keyring>, clock: Clock) -> Self {
        Self { store, keyring, clock }
    }

    /// Puts a declaration in force, unless it says what is in force already. One that is in force and does not open under
    /// the keys at hand is left as it is: other nodes may be working with it, under the key that is missing here.
    ///
    /// # Errors
    /// [`Error`]; then nothing has changed.
    pub async fn apply(&self, declaration: Declaration) -> Result<Applied, Error> {
        self.put(declaration, Unopened::Refuse).await
    }

    /// As [`Tenants::apply`], but also in place of what does not open, after its key was lost. Only an operator can know that.
    ///
    /// # Errors
    /// As [`Tenants::apply`].
    pub async fn replace(&self, declaration: Declaration) -> Result<Applied, Error> {
        self.put(declaration, Unopened::Replace).await
    }

    async fn put(&self, declaration: Declaration, unopened: Unopened) -> Result<Applied, Error> {
        let scope = self.store.tenant(&declaration.tenant.id);
        let stored = scope.read(store::tenant::find).await?;
        let keyring = Arc::clone(&self.keyring);
        let sealed = tokio::task::spawn_blocking(move || seal(&declaration, stored.as_ref(), &keyring, unopened));
        let (body, agents) = match sealed.await?? {
            Sealed::Same(version) => return Ok(Applied::Unchanged(version)),
            Sealed::New(body, agents) => (body, agents),
        };
        let now = self.clock.now();
        let version = scope.write(move |tx| store::tenant::apply(tx, &body, &agents, now)).await?;
        Ok(Applied::Changed(version))
    }

    /// Every tenant in force that opens, ready for the registry. One that does not, because a newer version wrote it or its
    /// key is not at hand, is logged and left out: the others are served.
    ///
    /// # Errors
    /// [`Error::Store`], or [`Error::Declaration`] when there are tenants and none opens.
    pub async fn load(&self) -> Result<Vec<Tenant>, Error> {
        let stored = self.store.survey(store::tenant::all).await?;
        let (mut usable, mut first) = (Vec::with_capacity(stored.len()), None);
        for stored in &stored {
            match self.open(stored) {
                Ok(tenant) => usable.push(tenant),
                Err(error) => {
                    unusable(&stored.tenant, stored.version, &error);
                    first = first.or(Some(error));
                }
            }
        }
        match first {
            Some(error) if usable.is_empty() => Err(error),
            _ => Ok(usable),
        }
    }

    /// One tenant in force; `None` when it does not exist.
    ///
    /// # Errors
    /// As [`Tenants::load`].
    pub async fn load_one(&self, id: &TenantId) -> Result<Option<Tenant>, Error> {
        let stored = self.store.tenant(id).read(store::tenant::find).await?;
        stored.map(|stored| self.open(&stored)).transpose()
    }

    /// Brings a registry up to date with the store; says how many tenants were new or changed. A tenant that does not
    /// open keeps its earlier version, is logged, and is tried again at the next call.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn refresh(&self, registry: &Registry) -> Result<usize, Error> {
        let mut changed = 0;
        for (id, version) in self.store.survey(store::tenant::versions).await? {
            if registry.tenant(&id).is_some_and(|known| known.version >= version) {
                continue;
            }
            match self.load_one(&id).await {
                Ok(Some(tenant)) => {
                    registry.put(tenant);
                    changed += 1;
                }
                Ok(None) => {}
                Err(Error::Store(error)) => return Err(error.into()),
                Err(error) => unusable(&id, version, &error),
            }
        }
        Ok(changed)
    }

    fn open(&self, stored: &Stored) -> Result<Tenant, Error> {
        Declaration::open(&stored.body, stored.version, &self.keyring)
            .map(|declaration| declaration.tenant)
            .map_err(|source| Error::Declaration { tenant: stored.tenant.clone(), source })
    }

    /// What is in force, in short.
    ///
    /// # Errors
    /// As [`Tenants::load`].
    pub async fn list(&self) -> Result<Vec<Summary>, Error> {
        let stored = self.store.survey(store::tenant::all).await?;
        let summary = |stored: &Stored| {
            let tenant = self.open(stored)?;
            Ok(Summary {
                id: tenant.id,
                name: tenant.name,
                version: stored.version,
                applied_at: stored.applied_at,
                counts: (tenant.accounts.len(), tenant.queues.len(), tenant.agents.len()),
            })
        };
        stored.iter().map(summary).collect()
    }

    /// A declaration in force, its secrets covered; `None` when the tenant does not exist.
    ///
    /// # Errors
    /// As [`Tenants::load`].
    pub async fn show(&self, id: &TenantId) -> Result<Option<String>, Error> {
        let stored = self.store.tenant(id).read(store::tenant::find).await?;
        let shown = stored.map(|stored| Declaration::show(&stored.body)).transpose();
        shown.map_err(|source| Error::Declaration { tenant: id.clone(), source })
    }

    /// At most `limit` of the newest lines of a tenant's audit trail, newest first; `None` when there is no such tenant.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn trail(&self, id: &TenantId, limit: i64) -> Result<Option<Vec<Entry>>, Error> {
        let read = move |tx: &mut store::Tx<'_>| match store::tenant::find(tx)? {
            Some(_) => store::audit::latest(tx, limit).map(Some),
            None => Ok(None),
        };
        Ok(self.store.tenant(id).read(read).await?)
    }

    /// Seals every secret again under the current key; says how many tenants that changed. After it the previous
    /// keys are not needed any more.
    ///
    /// # Errors
    /// As [`Tenants::load`]; tenants before the failing one stay re-sealed.
    pub async fn reseal(&self) -> Result<usize, Error> {
        let mut changed = 0;
        for Stored { tenant, body, version, .. } in self.store.survey(store::tenant::all).await? {
            let body = Declaration::reseal(&body, &self.keyring)
                .map_err(|source| Error::Declaration { tenant: tenant.clone(), source })?;
            let Some(body) = body else { continue };
            let scope = self.store.tenant(&tenant);
            let kept = scope.write(move |tx| store::tenant::reseal(tx, &body, version)).await?;
            changed += usize::from(kept);
        }
        Ok(changed)
    }
}

fn unusable(tenant: &TenantId, version: i64, error: &Error) {
    tracing::error!(%tenant, version, %error, "tenant is not usable");
}

enum Sealed {
    Same(i64),
    New(String, Vec<DeclaredAgent>),
}

/// What becomes of a declaration in force whose secrets do not open under the keys at hand.
#[derive(Clone, Copy)]
enum Unopened {
    Refuse,
    Replace,
}

fn seal(
    declared: &Declaration,
    stored: Option<&Stored>,
    keyring: &Keyring,
    unopened: Unopened,
) -> Result<Sealed, Error> {
    let tenant = || declared.tenant.id.clone();
    if let Some(stored) = stored {
        match Declaration::open(&stored.body, stored.version, keyring) {
            Ok(in_force) if declared.says_the_same(&in_force) => return Ok(Sealed::Same(stored.version)),
            Err(closed @ declaration::Error::Secret { .. }) if matches!(unopened, Unopened::Refuse) => {
                return Err(Error::Sealed { tenant: tenant(), closed });
            }
            // What an earlier version stored and this one refuses is put right by the new declaration.
            Ok(_) | Err(_) => {}
        }
    }
    let sealed = signs(&declared.tenant).map_err(declaration::Error::from).and_then(|()| declared.seal(keyring));
    let sealed = sealed.and_then(|body| {
        let hashed = Declaration::open(&body, 0, keyring)?.tenant;
        Ok(Sealed::New(body, agents(&hashed)))
    });
    sealed.map_err(|source| Error::Declaration { tenant: tenant(), source })
}

/// Whether every secret that requests are signed with can sign.
fn signs(tenant: &Tenant) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for service in &tenant.services {
        if let Kind::Http { secret: Some(secret), .. } = &service.kind
            && let Err(unfit) = SigningKeys::new(secret, None)
        {
            problems.push(format!("service.{}.secret", service.id), unfit.problem);
        }
    }
    if let Some(Adapter::Outside(RobotSetting::Webhook(setting))) = tenant.robot.as_ref().map(|robot| &robot.adapter)
        && let Err(unfit) = SigningKeys::new(&setting.secret, setting.secret_previous.as_ref())
    {
        problems.push(format!("robot.{}", unfit.key), unfit.problem);
    }
    problems.or(())
}

/// The agents as the store keeps them. Every credential of a sealed declaration is a hash.
fn agents(tenant: &Tenant) -> Vec<DeclaredAgent> {
    let declared = tenant.agents.iter().map(|agent| DeclaredAgent {
        id: agent.id.clone(),
        login: agent.login.clone(),
        name: agent.name.clone(),
        password_hash: match &agent.credential {
            Credential::Hash(hash) => hash.clone(),
            Credential::Password(_) => String::new(),
        },
        role: agent.role.as_str(),
        capacity: i32::try_from(agent.capacity).unwrap_or(i32::MAX),
        queues: agent.queues.clone(),
    });
    declared.collect()
}

#[cfg(test)]
mod tests;
