//! Module events and commands. Carries events to the other modules of a contact centre; knows no session.

mod local;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::model::id::TenantId;

/// One event on its way to other modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The tenant.
    pub tenant: TenantId,
    /// Unique: whoever gets the same id twice has got the same event twice.
    pub id: String,
    /// The event as JSON: `kind`, `data`, and `session` with `sequence` where it belongs to a session.
    pub body: Arc<str>,
}

/// Why the bus did not take events.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is away; they stay in the outbox.
    #[error("the bus is away")]
    Away,
}

/// The bus of this node. Clones share it.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Listeners in this process.
    Local(local::Local),
}

impl Bus {
    /// A bus for a single process.
    #[must_use]
    pub fn local() -> Self {
        Self::Local(local::Local::new())
    }

    /// Hands events over. When it returns, every listener that keeps up has them.
    ///
    /// # Errors
    /// [`Error::Away`]: none of them may be forgotten.
    pub async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        match self {
            Self::Local(local) => {
                local.publish(events);
                std::future::ready(Ok(())).await
            }
        }
    }

    /// Listens to the events of this process from now on. A listener that falls behind by more than the buffer loses
    /// the oldest and is told how many.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        match self {
            Self::Local(local) => local.listen(),
        }
    }
}
