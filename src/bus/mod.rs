//! Module events, commands and questions. Carries events to the other modules of a contact centre, takes their orders and
//! asks them; knows no session.

pub mod ask;
mod breaker;
pub mod command;
mod figure;
mod local;
mod rabbitmq;

use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::Instant;

use ask::{Ask, AskError};
use command::Commands;
pub use figure::{Figures, Questions};

use crate::config;
use crate::model::event::Occurrence;
use crate::model::id::NodeId;

/// Why the bus did not take events, in words that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or was lost. The same call may succeed later.
    #[error("the broker is away: {0}")]
    Away(String),
    /// It takes nothing for the moment: it is short of memory or disk space.
    #[error("the broker takes no messages for now: it is short of memory or disk space (see its alarms)")]
    Blocked,
    /// It does not let us in, or not do what we have to. Somebody has to change its settings or ours.
    #[error("the broker refuses: {reason}. {advice}")]
    Refused {
        /// The broker's words.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
}

/// What became of a batch of events.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The ids of those that the bus has for good: their rows may go.
    pub taken: Vec<String>,
    /// Why the others were not taken, if there are others.
    pub failure: Option<Error>,
}

/// The bus of this node. Clones share it.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Listeners in this process.
    Local(local::Local),
    /// A RabbitMQ broker.
    Rabbitmq(rabbitmq::Rabbitmq),
}

impl Bus {
    /// A bus for a single process.
    #[must_use]
    pub fn local() -> Self {
        Self::Local(local::Local::new())
    }

    /// The bus of the settings. A broker is not called yet.
    ///
    /// # Errors
    /// When the broker's address has no meaning.
    pub fn open(settings: &config::Bus) -> Result<Self, Error> {
        Ok(match settings {
            config::Bus::Local => Self::local(),
            config::Bus::Rabbitmq(settings) => Self::Rabbitmq(rabbitmq::Rabbitmq::new(settings)?),
        })
    }

    /// Whether it can be reached and lets us in; for an operator. Changes nothing on it.
    ///
    /// # Errors
    /// When it is away or refuses.
    pub async fn probe(&self) -> Result<(), Error> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Rabbitmq(rabbitmq) => rabbitmq.probe().await,
        }
    }

    /// Hands events over, in their order. What is `taken` the bus has for good: every local listener that keeps up, or
    /// the broker's disk. Dropping the future leaves open what was taken.
    pub async fn publish(&self, events: &[Occurrence]) -> Outcome {
        match self {
            Self::Local(local) => local.publish(events),
            Self::Rabbitmq(rabbitmq) => rabbitmq.publish(events).await,
        }
    }

    /// Whether it carries events to other processes. A process has no listener of its own unless it is a test's.
    #[must_use]
    pub fn leaves_process(&self) -> bool {
        matches!(self, Self::Rabbitmq(_))
    }

    /// Whether anybody may be listening. If not, events need not be read to be handed over.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        match self {
            Self::Local(local) => local.is_heard(),
            Self::Rabbitmq(_) => true,
        }
    }

    /// Counts events that were offered to nobody.
    pub fn pass_over(&self, events: usize) {
        if let Self::Local(local) = self {
            local.pass_over(events);
        }
    }

    /// Listens to the events that pass through this process from now on, if it is a local bus. A listener that falls
    /// behind by more than the buffer loses the oldest and is told how many.
    #[must_use]
    pub fn listen(&self) -> Option<broadcast::Receiver<Occurrence>> {
        match self {
            Self::Local(local) => Some(local.listen()),
            Self::Rabbitmq(_) => None,
        }
    }

    /// Begins to take commands, those for any node and those for this one. Dropping them gives back what was not ended.
    ///
    /// # Errors
    /// When the broker is away or refuses.
    pub async fn subscribe(&self, node: NodeId) -> Result<Commands, Error> {
        match self {
            Self::Local(_) => Ok(Commands::none()),
            Self::Rabbitmq(rabbitmq) => rabbitmq.subscribe(node).await,
        }
    }

    /// Asks another module and waits for its answer, at most for the question's own time. Dropping the future stops the
    /// waiting, not the module.
    ///
    /// # Errors
    /// [`AskError`]; on a local bus always [`AskError::NoService`], because no module listens there.
    pub async fn ask(&self, request: Ask) -> Result<Value, AskError> {
        let begin = Instant::now();
        let (outcome, tally) = match self {
            Self::Local(local) => (Err(AskError::NoService), local.questions()),
            Self::Rabbitmq(rabbitmq) => (rabbitmq.ask(request).await, rabbitmq.questions()),
        };
        tally.note(&outcome, begin.elapsed());
        outcome
    }

    /// Whether it ends in this process.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        match self {
            Self::Local(local) => local.figures(),
            Self::Rabbitmq(rabbitmq) => rabbitmq.figures(),
        }
    }
}
