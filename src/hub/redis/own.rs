//! What a node remembers of itself over every loss of Redis.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::hub::Recipient;
use crate::model::id::TenantId;

/// The start of a stream.
const START: &str = "0-0";

/// See the module.
#[derive(Debug)]
pub(super) struct Own {
    number: AtomicU64,
    position: Mutex<String>,
    tenants: Mutex<HashSet<TenantId>>,
}

impl Own {
    /// A node that has announced nothing yet. Numbers begin anywhere, so that a part that was started again is not
    /// taken for the one before.
    pub(super) fn new() -> Self {
        Self {
            number: AtomicU64::new(u64::from(rand::random::<u32>()) << 16),
            position: Mutex::new(START.to_owned()),
            tenants: Mutex::default(),
        }
    }

    /// The number of the last change that was announced.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// The number of the next change.
    pub(super) fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How far the node's stream was read.
    pub(super) fn position(&self) -> String {
        self.position.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The stream was read up to here.
    pub(super) fn read(&self, position: String) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }

    /// The stream begins anew, if it does.
    pub(super) fn rewind_if(&self, anew: bool) {
        if anew {
            self.read(START.to_owned());
        }
    }

    /// Tenants that had recipients here.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Notes the tenants of recipients that came.
    pub(super) fn note(&self, recipients: &[Recipient]) {
        let mut known = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        for tenant in recipients.iter().map(Recipient::tenant) {
            if !known.contains(tenant) {
                known.insert(tenant.clone());
            }
        }
    }

    /// These are all tenants that have recipients here.
    pub(super) fn renew(&self, tenants: HashSet<TenantId>) {
        *self.tenants.lock().unwrap_or_else(PoisonError::into_inner) = tenants;
    }
}
