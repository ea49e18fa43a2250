//! What another module tells the gateway to do, as a message: who may take it up, how to answer, how to be rid of it.
//! Knows no command's meaning.

use std::time::Duration;

use super::Error;
use super::rabbitmq::{Slip, Subscription};

/// For whom a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// For any one node: whoever takes it does it for all.
    Any,
    /// For this node, perhaps among others.
    Node,
}

/// A command that waits for its end. One that is dropped without an end comes again.
#[derive(Debug)]
pub struct Command {
    /// For whom.
    pub door: Door,
    /// The sender's key: the same one means the same command.
    pub id: Option<String>,
    /// What it says.
    pub body: Vec<u8>,
    /// After this time nobody waits for it any more.
    pub life: Option<Duration>,
    /// How often it has failed before.
    pub failures: u32,
    pub(super) slip: Slip,
}

impl Command {
    /// It is done, or refused for good: answers, then takes it off the queue. An answer that does not get through is
    /// given again when the sender asks again.
    ///
    /// # Errors
    /// When the broker is lost meanwhile; the command comes again.
    pub async fn done(self, answer: &str) -> Result<(), Error> {
        self.slip.answer(answer).await;
        self.slip.acknowledge().await
    }

    /// Nobody can ever do it: puts it where somebody can look at it, with the reason, and answers.
    ///
    /// # Errors
    /// When the broker is lost meanwhile, or does not take it; the command comes again.
    pub async fn park(self, reason: &str, answer: &str) -> Result<(), Error> {
        self.slip.park(reason, &self.body).await?;
        self.done(answer).await
    }

    /// It failed through a fault of ours: comes again, a bounded number of times, and is then parked.
    ///
    /// # Errors
    /// When the broker is lost meanwhile; the command comes again.
    pub async fn fail(self) -> Result<(), Error> {
        self.slip.give_back().await
    }

    /// It cannot be done now through no fault of its own: goes to the end of its queue, and this does not count as a
    /// failure.
    ///
    /// # Errors
    /// When the broker is lost meanwhile, or does not take it; the command comes again.
    pub async fn put_back(self) -> Result<(), Error> {
        self.slip.put_back(&self.body).await?;
        self.slip.acknowledge().await
    }
}

/// The commands that come in, for as long as the connection lasts.
#[derive(Debug)]
pub struct Commands(Source);

#[derive(Debug)]
enum Source {
    /// Nobody sends any here.
    None,
    /// Those of a broker.
    Rabbitmq(Box<Subscription>),
}

impl From<Subscription> for Commands {
    fn from(subscription: Subscription) -> Self {
        Self(Source::Rabbitmq(Box::new(subscription)))
    }
}

impl Commands {
    /// None, ever.
    pub(super) fn none() -> Self {
        Self(Source::None)
    }

    /// The next command. Dropping the future loses none.
    ///
    /// # Errors
    /// When the connection is lost or the queue is gone: subscribe anew.
    pub async fn next(&mut self) -> Result<Command, Error> {
        match &mut self.0 {
            Source::None => std::future::pending().await,
            Source::Rabbitmq(subscription) => subscription.next().await,
        }
    }
}
