//! The bus on a RabbitMQ broker. Events go out confirmed; what is on the broker is declared by us, again and again.

mod link;
mod publish;
mod topology;

use std::sync::Arc;

use lapin::uri::AMQPUri;
use tokio::sync::Mutex;

use self::publish::Outlet;
use super::figure::{Counters, Figures};
use super::{Error, Outcome};
use crate::config;
use crate::model::event::Occurrence;

/// The broker. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Rabbitmq {
    inner: Arc<Inner>,
}

struct Inner {
    settings: config::bus::Rabbitmq,
    uri: AMQPUri,
    counters: Counters,
    /// The way out for events, while it is open.
    outlet: Mutex<Option<Outlet>>,
}

// The address holds a password.
impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Rabbitmq {
    pub(super) fn new(settings: &config::bus::Rabbitmq) -> Result<Self, Error> {
        let uri = link::address(settings.url.expose())?;
        let inner = Inner { settings: settings.clone(), uri, counters: Counters::default(), outlet: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(super) async fn publish(&self, events: &[Occurrence]) -> Outcome {
        publish::batch(&self.inner, events).await
    }

    pub(super) fn figures(&self) -> Figures {
        self.inner.counters.figures()
    }
}
