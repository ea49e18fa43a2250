//! The bus on a RabbitMQ broker. Events go out confirmed; what is on the broker is declared by us, again and again.

mod ask;
mod command;
mod link;
mod publish;
mod topology;
mod waiting;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use self::ask::Asking;
pub(super) use self::command::{Slip, Subscription};
use self::link::Address;
use self::publish::Outlet;
use super::ask::{Ask, AskError};
use super::command::Commands;
use super::figure::{Counters, Figures, Tally};
use super::{Error, Outcome};
use crate::config;
use crate::model::event::Occurrence;
use crate::model::id::NodeId;

/// The broker. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Rabbitmq {
    inner: Arc<Inner>,
}

struct Inner {
    settings: config::bus::Rabbitmq,
    address: Address,
    counters: Counters,
    /// The way out for events, while it is open.
    outlet: Mutex<Option<Outlet>>,
    asking: Asking,
}

// The address holds a password.
impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Rabbitmq {
    pub(super) fn new(settings: &config::bus::Rabbitmq) -> Result<Self, Error> {
        let address = Address::of(settings)?;
        let inner = Inner {
            settings: settings.clone(),
            address,
            counters: Counters::default(),
            outlet: Mutex::default(),
            asking: Asking::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the broker lets us in.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let connection = self.inner.address.connect("yizhan doctor").await?;
        link::within(connection.close(200, "looked".into())).await
    }

    pub(super) async fn publish(&self, events: &[Occurrence]) -> Outcome {
        publish::batch(&self.inner, events).await
    }

    pub(super) async fn subscribe(&self, node: NodeId) -> Result<Commands, Error> {
        if !self.inner.settings.commands {
            return Ok(Commands::none());
        }
        Subscription::open(&self.inner, node).await.map(Commands::from)
    }

    pub(super) async fn ask(&self, request: Ask) -> Result<Value, AskError> {
        self.inner.asking.ask(&self.inner.address, request).await
    }

    pub(super) fn questions(&self) -> &Tally {
        &self.inner.counters.questions
    }

    pub(super) fn figures(&self) -> Figures {
        self.inner.counters.figures()
    }
}
