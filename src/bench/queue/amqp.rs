//! The queues of RabbitMQ: how a message gets in, how it is taken and finished. Knows frames of AMQP, not loads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::place::{Letter, PATIENCE, Place};
use super::structure::{Class, Structure};

/// How many messages the broker may hand over ahead of their acks.
const PREFETCH: u16 = 100;
/// `delivery_mode` of messages that are written to disk.
const PERSISTENT: u8 = 2;

/// Connects. Eight clients share a connection as channels, as RabbitMQ's guides advise.
///
/// # Errors
/// The server does not answer.
pub(super) async fn connect(url: &str) -> anyhow::Result<Connection> {
    let connecting = Connection::connect(url, ConnectionProperties::default());
    Ok(timeout(PATIENCE, connecting).await.context("RabbitMQ does not answer")??)
}

/// How queues of a structure are declared.
pub(super) fn declaration(place: &Place) -> (QueueDeclareOptions, FieldTable) {
    let mut arguments = FieldTable::default();
    if matches!(place.contender.structure, Structure::Quorum | Structure::QuorumWindow) {
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    }
    let durable = place.contender.class != Class::Memory;
    (QueueDeclareOptions { durable, ..QueueDeclareOptions::default() }, arguments)
}

/// Makes the queue if it is not there; a server that lost everything has lost it, too.
async fn make(place: &Place, channel: &Channel) -> anyhow::Result<()> {
    let (options, arguments) = declaration(place);
    channel.queue_declare(place.queue.as_str().into(), options, arguments).await?;
    Ok(())
}

/// Removes the queue.
pub(super) async fn remove(place: &Place, channel: &Channel) -> anyhow::Result<()> {
    channel.queue_delete(place.queue.as_str().into(), QueueDeleteOptions::default()).await?;
    Ok(())
}

/// The sending end.
pub(super) struct Hand {
    channel: Channel,
    // A connection ends with its last handle.
    _connection: Arc<Connection>,
    place: Place,
    properties: BasicProperties,
}

impl Hand {
    pub(super) async fn open(place: &Place, connection: Arc<Connection>) -> anyhow::Result<Self> {
        let channel = connection.create_channel().await?;
        make(place, &channel).await?;
        if place.contender.confirms() {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
        }
        let durable = place.contender.class != Class::Memory;
        let properties = BasicProperties::default();
        let properties = if durable { properties.with_delivery_mode(PERSISTENT) } else { properties };
        Ok(Self { channel, _connection: connection, place: place.clone(), properties })
    }

    /// Publishes. The future is done when the broker has confirmed, at once if it does not confirm.
    pub(super) async fn send(&self, letter: &Letter) -> anyhow::Result<BoxFuture<'static, anyhow::Result<Vec<u64>>>> {
        let confirms = self.place.contender.confirms();
        // Only then is what finds no queue told.
        let options = BasicPublishOptions { mandatory: confirms, ..BasicPublishOptions::default() };
        let queue = self.place.queue.as_str().into();
        let body = letter.body.as_bytes();
        let confirm = self.channel.basic_publish("".into(), queue, options, body, self.properties.clone()).await?;
        let n = letter.n;
        Ok(async move {
            match confirm.await? {
                Confirmation::Ack(None) => Ok(vec![n]),
                Confirmation::NotRequested if !confirms => Ok(vec![n]),
                other => bail!("message {n} was not taken: {other:?}"),
            }
        }
        .boxed())
    }

    /// Waits until the broker has worked on everything that was published.
    pub(super) async fn barrier(&self) -> anyhow::Result<()> {
        let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        // A channel's commands are done in turn, and the queue is asked for its length.
        self.channel.queue_declare(self.place.queue.as_str().into(), look, FieldTable::default()).await?;
        Ok(())
    }
}

/// The taking end.
pub(super) struct Consumer {
    consumer: lapin::Consumer,
    _channel: Channel,
    _connection: Arc<Connection>,
    /// Whether many are taken and finished together.
    many: bool,
    taken: Vec<Delivery>,
}

impl Consumer {
    pub(super) async fn open(place: &Place, connection: Arc<Connection>) -> anyhow::Result<Self> {
        let channel = connection.create_channel().await?;
        make(place, &channel).await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let (queue, options) = (place.queue.as_str().into(), BasicConsumeOptions::default());
        let consumer = channel.basic_consume(queue, "".into(), options, FieldTable::default()).await?;
        let many = place.contender.window() > 1;
        Ok(Self { consumer, _channel: channel, _connection: connection, many, taken: Vec::new() })
    }

    /// The next messages, none if nothing comes for a moment.
    pub(super) async fn take(&mut self, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        let most = if self.many { usize::from(PREFETCH) } else { 1 };
        match timeout(wait, self.consumer.next()).await {
            Ok(Some(delivery)) => self.taken.push(delivery?),
            Ok(None) => bail!("the consumer was cancelled"),
            Err(_elapsed) => return Ok(VecDeque::new()),
        }
        while self.taken.len() < most
            && let Some(Some(delivery)) = self.consumer.next().now_or_never()
        {
            self.taken.push(delivery?);
        }
        Ok(self.taken.iter_mut().map(|delivery| std::mem::take(&mut delivery.data)).collect())
    }

    /// Finishes what the last take returned.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        let many = self.taken.len() > 1;
        if let Some(last) = self.taken.drain(..).next_back() {
            let sent = last.acker.ack(BasicAckOptions { multiple: many }).await?;
            ensure!(sent, "the ack was not sent");
        }
        Ok(())
    }
}
