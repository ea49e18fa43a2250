//! What only one node of a cluster does at a time: taken in SQL, renewed, and left to others when its node dies.
//!
//! A node believes that it has a duty for less time than the row says, so that it stops before another may begin. If
//! it was halted in between, it may be wrong: whoever changes rows for a duty asks for it again in the same transaction
//! (`Duty::confirm`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Core, Error};
use crate::clock::Clock;
use crate::model::id::NodeId;
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::{Conn, duty};

/// How quickly a duty changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A duty whose node does not renew it for so long is free.
    pub lease: Duration,
    /// The holder stops so long before that.
    pub margin: Duration,
    /// How often the holder renews it, and how often others look whether it is free.
    pub look: Duration,
}

impl Pace {
    /// For work that may rest for some seconds.
    pub const CALM: Self =
        Self { lease: Duration::from_secs(8), margin: Duration::from_secs(2), look: Duration::from_secs(2) };
    /// For what people wait for.
    pub const BRISK: Self =
        Self { lease: Duration::from_secs(5), margin: Duration::from_secs(1), look: Duration::from_secs(1) };
}

/// One holding of a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holding {
    /// Which one; `None` when there is nobody to share the duty with.
    term: Option<i64>,
    /// Until when the node may rely on it.
    until: Millis,
}

/// A duty as its worker sees it. Clones share it.
#[derive(Debug, Clone)]
pub struct Duty {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: Box<str>,
    node: NodeId,
    clock: Clock,
    pace: Pace,
    holding: watch::Sender<Option<Holding>>,
}

impl Duty {
    /// Whether this node has it now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.holding().is_some()
    }

    fn holding(&self) -> Option<Holding> {
        let holding = *self.inner.holding.borrow();
        holding.filter(|holding| self.inner.clock.now() < holding.until)
    }

    /// Returns when this node has it, or may have it soon. To be asked in a loop with [`Duty::is_held`].
    pub async fn hope(&self) {
        let mut changes = self.inner.holding.subscribe();
        changes.mark_unchanged();
        if !self.is_held() {
            // Nothing is sent when a holding only ends; then there is nothing to hope for either.
            drop(tokio::time::timeout(self.inner.pace.look, changes.changed()).await);
        }
    }

    /// Whether the duty is still this node's, asked inside the transaction that relies on it.
    pub(super) fn confirm(&self, conn: &mut Conn) -> Result<bool, Error> {
        match self.holding() {
            None => Ok(false),
            Some(Holding { term: None, .. }) => Ok(true),
            Some(Holding { term: Some(term), .. }) => Ok(duty::holds(conn, &self.inner.name, self.inner.node, term)?),
        }
    }
}

impl Core {
    /// A duty of this name. Without another node on the same tables it is this node's, and costs nothing.
    #[must_use]
    pub fn duty(&self, name: impl Into<Box<str>>, pace: Pace) -> Duty {
        let alone = Holding { term: None, until: Millis(i64::MAX) };
        let holding = watch::Sender::new((!self.store().is_shared()).then_some(alone));
        Duty {
            inner: Arc::new(Inner { name: name.into(), node: self.node(), clock: self.clock().clone(), pace, holding }),
        }
    }

    /// Takes a duty whenever it is free and keeps it, until `stop`; then others may have it at once.
    pub async fn keep_duty(&self, duty: Duty, stop: Stop) {
        if !self.store().is_shared() {
            return stop.cancelled().await;
        }
        while !stop.is_cancelled() {
            if let Err(error) = self.tend_duty(&duty).await {
                tracing::warn!(error = ?error, duty = &*duty.inner.name, "a duty could not be renewed");
            }
            drop(tokio::time::timeout(duty.inner.pace.look, stop.cancelled()).await);
        }
        let held = duty.inner.holding.send_replace(None);
        if let Some(Holding { term: Some(term), .. }) = held {
            let (name, node) = (duty.inner.name.clone(), duty.inner.node);
            let released = self.store().sweep(move |conn| duty::release(conn, &name, node, term).map_err(Error::from));
            if let Err(error) = released.await {
                tracing::warn!(error = ?error, duty = &*duty.inner.name, "a duty is left to end by itself");
            }
        }
    }

    /// Renews a duty, or takes it if it is free.
    ///
    /// # Errors
    /// When the store is away; a holding then ends by itself.
    pub(crate) async fn tend_duty(&self, duty: &Duty) -> Result<(), Error> {
        let (name, node, pace) = (duty.inner.name.clone(), duty.inner.node, duty.inner.pace);
        // The time before the statement: however long it takes, the belief ends before the row does.
        let now = self.clock().now();
        let held = *duty.inner.holding.borrow();
        let term = held.and_then(|held| held.term);
        let got = self
            .store()
            .sweep(move |conn| {
                if let Some(term) = term
                    && duty::renew(conn, &name, node, term, now.plus(pace.lease))?
                {
                    return Ok::<_, Error>(Some(term));
                }
                Ok(duty::take(conn, &name, node, now, now.plus(pace.lease))?)
            })
            .await?;
        match (term, got) {
            (None, Some(term)) => tracing::info!(duty = &*duty.inner.name, term, "this node has the duty now"),
            (Some(_), None) => tracing::warn!(duty = &*duty.inner.name, "another node has taken the duty"),
            _ => {}
        }
        let holding =
            got.map(|term| Holding { term: Some(term), until: now.plus(pace.lease.saturating_sub(pace.margin)) });
        duty.inner.holding.send_replace(holding);
        Ok(())
    }
}
