//! The tenants of this process: an immutable snapshot, swapped as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Tenant;
use crate::model::account::ChannelAccount;
use crate::model::id::{AccountId, TenantId};

/// An account together with its tenant, both as they were when they were looked up.
#[derive(Debug, Clone)]
pub struct Target {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// The account.
    pub account: Arc<ChannelAccount>,
}

/// All tenants. Clones share them; readers never wait.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    tenants: Arc<ArcSwap<HashMap<TenantId, Arc<Tenant>>>>,
}

impl Registry {
    /// A registry of these tenants.
    #[must_use]
    pub fn new(tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let this = Self::default();
        this.replace_all(tenants);
        this
    }

    /// The tenant of that name.
    #[must_use]
    pub fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.tenants.load().get(id).cloned()
    }

    /// The account behind a public key `<tenant>.<account>`, as in callback addresses and widget tags.
    #[must_use]
    pub fn target(&self, key: &str) -> Option<Target> {
        let (tenant, account) = key.split_once('.')?;
        self.find(&TenantId::parse(tenant).ok()?, &AccountId::parse(account).ok()?)
    }

    /// The account of that name of that tenant.
    #[must_use]
    pub fn find(&self, tenant: &TenantId, account: &AccountId) -> Option<Target> {
        let tenant = self.tenant(tenant)?;
        let account = Arc::clone(tenant.account(account)?);
        Some(Target { tenant, account })
    }

    /// All tenants, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.tenants.load().values().cloned().collect()
    }

    /// Puts one tenant in place of its earlier version, unless the one in place is newer.
    pub fn put(&self, tenant: Tenant) {
        let tenant = Arc::new(tenant);
        self.tenants.rcu(|tenants| {
            let mut tenants = HashMap::clone(tenants);
            let newer = tenants.get(&tenant.id).is_some_and(|placed| placed.version > tenant.version);
            if !newer {
                tenants.insert(tenant.id.clone(), Arc::clone(&tenant));
            }
            tenants
        });
    }

    /// Puts these tenants in place of all.
    pub fn replace_all(&self, tenants: impl IntoIterator<Item = Tenant>) {
        let tenants = tenants.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant))).collect();
        self.tenants.store(Arc::new(tenants));
    }
}
