//! The connections of this process: their number, the order to stop, and how many one visitor has.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::id::{ConnectionId, ContactId, TenantId};

/// Counts live connections and tells them to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    open: AtomicUsize,
    signed_in: AtomicUsize,
    drain: CancellationToken,
    visitors: Mutex<HashMap<(TenantId, ContactId), VecDeque<ConnectionId>>>,
}

impl Roster {
    /// Counts a connection for as long as the guard lives.
    #[must_use]
    pub fn enter(&self) -> Presence {
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        Presence { roster: self.clone(), visitor: None, signed_in: false }
    }

    /// Connections that are open and those of them that are signed in.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.inner.open.load(Ordering::Relaxed), self.inner.signed_in.load(Ordering::Relaxed))
    }

    /// Tells every connection to send its client elsewhere; new ones are refused from now on.
    pub fn drain(&self) {
        self.inner.drain.cancel();
    }

    /// Cancelled once the process drains.
    #[must_use]
    pub fn draining(&self) -> &CancellationToken {
        &self.inner.drain
    }
}

/// One connection's entry; dropping it takes the entry out.
#[derive(Debug)]
pub struct Presence {
    roster: Roster,
    visitor: Option<(TenantId, ContactId, ConnectionId)>,
    signed_in: bool,
}

impl Presence {
    /// The connection belongs to an agent now.
    pub fn agent(&mut self) {
        self.count();
    }

    /// The connection belongs to this visitor now; the connection that has to make room, if there are more than `most`.
    pub fn visitor(
        &mut self,
        tenant: &TenantId,
        contact: ContactId,
        connection: ConnectionId,
        most: usize,
    ) -> Option<ConnectionId> {
        self.count();
        self.visitor = Some((tenant.clone(), contact, connection));
        let mut visitors = self.roster.inner.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let open = visitors.entry((tenant.clone(), contact)).or_default();
        open.push_back(connection);
        if open.len() > most { open.pop_front() } else { None }
    }

    fn count(&mut self) {
        if !std::mem::replace(&mut self.signed_in, true) {
            self.roster.inner.signed_in.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.roster.inner.open.fetch_sub(1, Ordering::Relaxed);
        if self.signed_in {
            self.roster.inner.signed_in.fetch_sub(1, Ordering::Relaxed);
        }
        let Some((tenant, contact, connection)) = self.visitor.take() else { return };
        let mut visitors = self.roster.inner.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, contact);
        if let Some(open) = visitors.get_mut(&key) {
            open.retain(|other| *other != connection);
            if open.is_empty() {
                visitors.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Millis;

    #[test]
    fn the_sixth_connection_of_a_visitor_pushes_the_oldest_out() {
        let roster = Roster::default();
        let (tenant, contact) = (TenantId::parse("t").unwrap(), ContactId::generate(Millis(1)));
        let ids: Vec<_> = (0..6).map(|i| ConnectionId::generate(Millis(i))).collect();
        let mut entries: Vec<_> = ids.iter().map(|_| roster.enter()).collect();
        let pushed: Vec<_> =
            entries.iter_mut().zip(&ids).map(|(entry, id)| entry.visitor(&tenant, contact, *id, 5)).collect();
        assert_eq!(pushed, [None, None, None, None, None, Some(ids[0])]);
        assert_eq!(roster.counts(), (6, 6));
        drop(entries);
        assert_eq!(roster.counts(), (0, 0));
        assert!(roster.inner.visitors.lock().unwrap().is_empty());
    }
}
