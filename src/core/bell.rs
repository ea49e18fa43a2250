//! Wake-ups that name whom they are about. A ring is remembered until it is heard; many rings are heard as one.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::id::TenantId;

/// Rung for a tenant, heard by one service.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<BTreeSet<TenantId>>,
    notify: Notify,
}

impl Bell {
    /// Rings for a tenant. Never waits.
    pub(crate) fn ring(&self, tenant: &TenantId) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !rung.contains(tenant) {
            rung.insert(tenant.clone());
        }
        drop(rung);
        self.notify.notify_one();
    }

    /// Waits for a ring and returns for whom it was. Dropping the future loses nothing.
    pub(crate) async fn heard(&self) -> BTreeSet<TenantId> {
        loop {
            self.notify.notified().await;
            let rung = std::mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner));
            if !rung.is_empty() {
                return rung;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rings_before_anybody_listens_are_heard_once() {
        let bell = Bell::default();
        let (a, b) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        bell.ring(&a);
        bell.ring(&b);
        bell.ring(&a);
        assert_eq!(bell.heard().await, BTreeSet::from([a, b]));
    }
}
