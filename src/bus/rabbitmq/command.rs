//! Commands in: two queues per node, the one that all nodes share and its own; answers and parked commands go out on a
//! connection of their own, because the broker stops reading from whoever publishes when it is short of memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Acker, BasicProperties, Channel, Confirmation, Connection, Consumer};
use tokio::time::timeout;

use super::publish::PERSISTENT;
use super::{Inner, link, topology};
use crate::bus::Error;
use crate::bus::command::{Command, Door};
use crate::model::id::NodeId;

/// Time allowed to hand an answer over. Whoever asked asks again.
const ANSWER: Duration = Duration::from_secs(5);
/// The header that says why a command was parked.
const REASON: &str = "x-yizhan-reason";
/// The header that says which node parked it.
const NODE: &str = "x-yizhan-node";
/// The header in which the broker counts failed deliveries.
const FAILURES: &str = "x-delivery-count";

/// The commands that come in.
pub(in crate::bus) struct Subscription {
    /// Closes with the subscription; the broker then gives what was not acknowledged to others.
    _connection: Connection,
    shared: Consumer,
    own: Consumer,
    own_queue: ShortString,
    desk: Arc<Desk>,
}

/// The way back: answers, parked commands.
struct Desk {
    _connection: Connection,
    channel: Channel,
    node: NodeId,
}

/// What belongs to one command: how to acknowledge it, and whom to answer.
pub(in crate::bus) struct Slip {
    acker: Acker,
    properties: BasicProperties,
    routing_key: ShortString,
    desk: Arc<Desk>,
}

// Neither shows what was said.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("own_queue", &self.own_queue).finish_non_exhaustive()
    }
}

impl fmt::Debug for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slip").field("routing_key", &self.routing_key).finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) async fn open(inner: &Inner, node: NodeId) -> Result<Self, Error> {
        let desk = Desk::open(inner, node).await?;
        let connection = inner.address.connect("yizhan commands").await?;
        let channel = link::within(connection.create_channel()).await?;
        link::within(channel.basic_qos(inner.settings.prefetch, BasicQosOptions::default())).await?;
        let own_queue = link::within(topology::declare_commands(&channel, node)).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default);
        let shared = channel.basic_consume(topology::COMMANDS.into(), "".into(), options, none());
        let shared = link::within(shared).await?;
        let own = link::within(channel.basic_consume(own_queue.clone(), "".into(), options, none())).await?;
        Ok(Self { _connection: connection, shared, own, own_queue, desk: Arc::new(desk) })
    }

    pub(in crate::bus) async fn next(&mut self) -> Result<Command, Error> {
        // The end of either queue is the end of both: they are declared together.
        let next = tokio::select! {
            next = self.shared.next() => next,
            next = self.own.next() => next,
        };
        match next {
            Some(Ok(delivery)) => Ok(self.command(delivery)),
            Some(Err(error)) => Err(link::diagnose(&error)),
            None => Err(Error::Away("a queue of commands is gone".into())),
        }
    }

    fn command(&self, delivery: Delivery) -> Command {
        let Delivery { routing_key, properties, data, acker, .. } = delivery;
        let number = |value: &AMQPValue| match value {
            AMQPValue::LongLongInt(count) => u32::try_from(*count).ok(),
            AMQPValue::LongInt(count) => u32::try_from(*count).ok(),
            _ => None,
        };
        let failures = properties.headers().as_ref().and_then(|headers| headers.inner().get(FAILURES)).and_then(number);
        let life = properties.expiration().as_ref().and_then(|text| text.as_str().parse().ok());
        Command {
            door: if routing_key.as_str() == topology::ANY { Door::Any } else { Door::Node },
            id: properties.message_id().as_ref().map(ToString::to_string),
            body: data,
            life: life.map(Duration::from_millis),
            failures: failures.unwrap_or(0),
            slip: Slip { acker, properties, routing_key, desk: Arc::clone(&self.desk) },
        }
    }
}

impl Desk {
    async fn open(inner: &Inner, node: NodeId) -> Result<Self, Error> {
        let connection = inner.address.connect("yizhan answers").await?;
        let channel = link::within(connection.create_channel()).await?;
        link::within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Self { _connection: connection, channel, node })
    }

    /// Publishes and waits for the confirm.
    async fn publish(
        &self,
        exchange: &str,
        key: ShortString,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), Error> {
        let options = BasicPublishOptions { mandatory: false, immediate: false };
        let sent = async { self.channel.basic_publish(exchange.into(), key, options, body, properties).await?.await };
        match timeout(ANSWER, sent).await {
            Ok(Ok(Confirmation::Ack(_))) => Ok(()),
            Ok(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => {
                Err(Error::Away(format!("'{exchange}' does not take a message")))
            }
            Ok(Err(error)) => Err(link::diagnose(&error)),
            Err(_elapsed) => Err(Error::Away(format!("no confirm within {} s", ANSWER.as_secs()))),
        }
    }
}

impl Slip {
    pub(in crate::bus) async fn answer(&self, answer: &str) {
        let Some(to) = self.properties.reply_to().clone() else { return };
        let mut headers = FieldTable::default();
        headers.insert(NODE.into(), AMQPValue::LongString(self.desk.node.to_string().into()));
        let mut properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_app_id("yizhan".into())
            .with_headers(headers);
        if let Some(correlation) = self.properties.correlation_id().clone() {
            properties = properties.with_correlation_id(correlation);
        }
        if let Err(error) = self.desk.publish("", to, answer.as_bytes(), properties).await {
            tracing::warn!(error = %error, "an answer to a command did not get through");
        }
    }

    /// The sender's headers, without the broker's own count.
    fn headers(&self) -> FieldTable {
        let mut headers = FieldTable::default();
        for (name, value) in self.properties.headers().iter().flat_map(FieldTable::inner) {
            if name.as_str() != FAILURES {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers
    }

    pub(in crate::bus) async fn park(&self, reason: &str, body: &[u8]) -> Result<(), Error> {
        let mut headers = self.headers();
        headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
        headers.insert(NODE.into(), AMQPValue::LongString(self.desk.node.to_string().into()));
        // Without its expiration: it stays until somebody has looked at it.
        let properties = kept(&self.properties).with_headers(headers);
        self.desk.publish(topology::DEAD, self.routing_key.clone(), body, properties).await
    }

    pub(in crate::bus) async fn put_back(&self, body: &[u8]) -> Result<(), Error> {
        let mut properties = kept(&self.properties).with_headers(self.headers());
        if let Some(expiration) = self.properties.expiration().clone() {
            properties = properties.with_expiration(expiration);
        }
        self.desk.publish(topology::COMMANDS, self.routing_key.clone(), body, properties).await
    }

    pub(in crate::bus) async fn acknowledge(&self) -> Result<(), Error> {
        link::within(self.acker.ack(BasicAckOptions::default())).await.map(drop)
    }

    pub(in crate::bus) async fn give_back(&self) -> Result<(), Error> {
        let again = BasicNackOptions { multiple: false, requeue: true };
        link::within(self.acker.nack(again)).await.map(drop)
    }
}

/// The properties that a message keeps when we send it on. Not the name of its user: the broker only takes our own.
fn kept(from: &BasicProperties) -> BasicProperties {
    let mut kept = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if let Some(value) = from.content_type().clone() {
        kept = kept.with_content_type(value);
    }
    if let Some(value) = from.message_id().clone() {
        kept = kept.with_message_id(value);
    }
    if let Some(value) = from.correlation_id().clone() {
        kept = kept.with_correlation_id(value);
    }
    if let Some(value) = from.reply_to().clone() {
        kept = kept.with_reply_to(value);
    }
    if let Some(value) = from.app_id().clone() {
        kept = kept.with_app_id(value);
    }
    if let Some(at) = from.timestamp() {
        kept = kept.with_timestamp(*at);
    }
    kept
}
