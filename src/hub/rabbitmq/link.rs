//! One connection to RabbitMQ: what is declared on it, and how a message leaves.

use futures_util::future::try_join_all;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio::sync::mpsc;

use super::{Lost, Names, Number, PATIENCE, Settings};
use crate::config::Durability;
use crate::hub::remote::{Outgoing, Remote};
use crate::hub::wire::Entry;
use crate::model::id::NodeId;
use crate::runtime::Stop;

/// Messages that a node's queue keeps, and their bytes: the oldest are dropped beyond.
const KEPT: i64 = 2_000;
const KEPT_BYTES: i64 = 64 * 1024 * 1024;
/// A queue that outlives its connection ends after this time, milliseconds.
const EXPIRES: i64 = 60_000;

/// See the module.
pub(super) struct Link<'a> {
    pub(super) remote: &'a Remote,
    pub(super) number: &'a Number,
    pub(super) durability: Durability,
    /// This node's queue. A new one for each connection: the broker may hold the last one for a connection that is dead
    /// without its knowledge.
    queue: String,
    names: &'a Names,
    connection: Connection,
    channel: Channel,
    consumer: Option<Consumer>,
}

/// Waits no longer than that.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(Lost::Silent))
}

/// Connects under a name that operators see.
pub(super) async fn connect(settings: &Settings, name: &str) -> Result<Connection, Lost> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = lapin::runtime::default_runtime()?;
    let connecting = Connection::connect_uri_with_config(settings.uri.clone(), properties, settings.tls(), runtime);
    Ok(tokio::time::timeout(PATIENCE * 3, connecting).await.map_err(|_elapsed| Lost::Silent)??)
}

fn short(text: &str) -> ShortString {
    ShortString::from(text)
}

impl<'a> Link<'a> {
    /// Connects, makes this node's queue, and introduces the node to the others.
    pub(super) async fn open(remote: &'a Remote, settings: &'a Settings, number: &'a Number) -> Result<Self, Lost> {
        let names = &settings.names;
        let connection = connect(settings, &format!("yizhan {}", remote.node)).await?;
        let channel = within(async { Ok(connection.create_channel().await?) }).await?;
        if settings.durability == Durability::Confirmed {
            within(async { Ok(channel.confirm_select(ConfirmSelectOptions::default()).await?) }).await?;
        }
        let durability = settings.durability;
        let queue = format!("{}{}.{:08x}", names.queue, remote.node, rand::random::<u32>());
        let mut link = Self { remote, number, durability, queue, names, connection, channel, consumer: None };
        let consumer = tokio::time::timeout(PATIENCE * 3, link.declare()).await.map_err(|_elapsed| Lost::Silent)??;
        link.consumer = Some(consumer);
        link.introduce().await?;
        Ok(link)
    }

    async fn declare(&self) -> Result<Consumer, lapin::Error> {
        let (names, queue) = (self.names, &self.queue);
        let reading = self.connection.create_channel().await?;
        for (exchange, kind) in [(&names.direct, ExchangeKind::Direct), (&names.everybody, ExchangeKind::Fanout)] {
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            reading.exchange_declare(short(exchange), kind, options, FieldTable::default()).await?;
        }
        let lasting = self.durability != Durability::Transient;
        let options = QueueDeclareOptions {
            durable: lasting,
            exclusive: !lasting,
            auto_delete: !lasting,
            ..QueueDeclareOptions::default()
        };
        let mut arguments = FieldTable::default();
        arguments.insert(short("x-max-length"), AMQPValue::LongLongInt(KEPT));
        arguments.insert(short("x-max-length-bytes"), AMQPValue::LongLongInt(KEPT_BYTES));
        if lasting {
            arguments.insert(short("x-expires"), AMQPValue::LongLongInt(EXPIRES));
        }
        reading.queue_declare(short(queue), options, arguments).await?;
        for (exchange, key) in [(&names.direct, self.remote.node.to_string()), (&names.everybody, String::new())] {
            let options = QueueBindOptions::default();
            reading.queue_bind(short(queue), short(exchange), short(&key), options, FieldTable::default()).await?;
        }
        let options = BasicConsumeOptions { no_ack: !lasting, exclusive: true, ..BasicConsumeOptions::default() };
        reading.basic_consume(short(queue), short("hub"), options, FieldTable::default()).await
    }

    /// Tells everybody that this node is there and asks who is attached to them.
    async fn introduce(&self) -> Result<(), Lost> {
        let mut entry = Entry::default();
        entry.here(self.remote.node, self.number.now());
        entry.ask(self.remote.node);
        self.tell_everybody(entry).await
    }

    /// Moves hints in both directions until `stop` or the loss of RabbitMQ.
    pub(super) async fn serve(&mut self, waiting: &mut mpsc::Receiver<Outgoing>, stop: &Stop) -> Result<(), Lost> {
        let Some(consumer) = self.consumer.take() else { return Ok(()) };
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            lost = self.read(consumer) => lost,
            lost = self.write(waiting) => lost,
        }
    }

    /// Sends to all nodes, this one included.
    pub(super) async fn tell_everybody(&self, entry: Entry) -> Result<(), Lost> {
        self.publish(vec![(self.names.everybody.clone(), String::new(), entry)]).await
    }

    /// Sends to one node each.
    pub(super) async fn tell(&self, entries: Vec<(NodeId, Entry)>) -> Result<(), Lost> {
        let direct = &self.names.direct;
        let messages = entries.into_iter().map(|(node, entry)| (direct.clone(), node.to_string(), entry));
        self.publish(messages.collect()).await
    }

    /// Publishes all at once and waits until they have left, or were taken where that is asked for.
    async fn publish(&self, messages: Vec<(String, String, Entry)>) -> Result<(), Lost> {
        let mode = if self.durability == Durability::Transient { 1 } else { 2 };
        let properties = BasicProperties::default().with_delivery_mode(mode);
        let bodies: Vec<_> =
            messages.into_iter().map(|(exchange, key, entry)| (exchange, key, entry.into_bytes())).collect();
        let publish = bodies.iter().map(|(exchange, key, body)| {
            let options = BasicPublishOptions::default();
            self.channel.basic_publish(short(exchange), short(key), options, body, properties.clone())
        });
        within(async {
            let confirms = try_join_all(publish).await?;
            if self.durability == Durability::Confirmed {
                let taken = try_join_all(confirms).await?;
                if taken.iter().any(lapin::Confirmation::is_nack) {
                    return Err(Lost::Refused);
                }
            }
            Ok(())
        })
        .await
    }

    /// Takes leave of the others. What cannot be said they find out by themselves.
    pub(super) async fn leave(self) {
        let mut entry = Entry::default();
        entry.gone(self.remote.node);
        let left = async {
            self.tell_everybody(entry).await?;
            within(async { Ok(self.channel.queue_delete(short(&self.queue), QueueDeleteOptions::default()).await?) })
                .await?;
            within(async { Ok(self.connection.close(200, short("stopping")).await?) }).await
        };
        if let Err(lost) = left.await {
            tracing::warn!(error = %lost, "RabbitMQ was not told that this node stops");
        }
    }
}
