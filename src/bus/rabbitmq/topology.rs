//! The names of what we have on the broker, and how it comes to be there. Declaring again what is there does no harm.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use crate::config;
use crate::model::event::Occurrence;
use crate::model::id::NodeId;

/// The topic exchange of all events.
pub(super) const EVENTS: &str = "yizhan.events";
/// Where events go that nobody asked for: an exchange and its queue.
pub(super) const UNROUTED: &str = "yizhan.unrouted";

/// The direct exchange of all commands, and the queue of those that any node may take up.
pub(super) const COMMANDS: &str = "yizhan.commands";
/// Where commands go that nobody can do: an exchange and its queue.
pub(super) const DEAD: &str = "yizhan.commands.dead";
/// The routing key of commands that any node may take up.
pub(super) const ANY: &str = "any";
/// The routing key of commands for every node. A node's own id is the key of commands for that node.
const ALL: &str = "all";
/// Commands that wait for a node at most; beyond them the sender is refused.
const WAITING: i64 = 100_000;
/// Parked commands that are kept at most; the oldest go first.
const PARKED: i64 = 100_000;
/// A command that fails so often is parked. Brokers before version 4 know no limit of their own.
const DELIVERIES: i64 = 5;

/// The topic exchange of all questions to other modules, which bind queues of their own to `<service>.#`.
pub(super) const QUESTIONS: &str = "yizhan.rpc";

/// The address of an event: `yizhan.<tenant>.<entity>.<verb>`.
pub(super) fn routing_key(event: &Occurrence) -> String {
    format!("yizhan.{}.{}", event.tenant, event.kind)
}

fn table<const N: usize>(arguments: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Declares where events go.
pub(super) async fn declare_events(channel: &Channel, settings: &config::bus::Rabbitmq) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let none = FieldTable::default;
    channel.exchange_declare(UNROUTED.into(), ExchangeKind::Fanout, durable, none()).await?;
    // The newest are kept: they tell what is missing now.
    let kept = table([
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(i64::from(settings.unrouted_max))),
        ("x-overflow", text("drop-head")),
    ]);
    channel.queue_declare(UNROUTED.into(), QueueDeclareOptions::durable(), kept).await?;
    channel.queue_bind(UNROUTED.into(), UNROUTED.into(), "".into(), QueueBindOptions::default(), none()).await?;
    let alternate = table([("alternate-exchange", text(UNROUTED))]);
    channel.exchange_declare(EVENTS.into(), ExchangeKind::Topic, durable, alternate).await
}

/// Declares where questions go.
pub(super) async fn declare_questions(channel: &Channel) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(QUESTIONS.into(), ExchangeKind::Topic, durable, FieldTable::default()).await
}

/// Declares where commands come from, and the queue of this node's own, whose name it returns.
pub(super) async fn declare_commands(channel: &Channel, node: NodeId) -> lapin::Result<ShortString> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let (none, bind) = (FieldTable::default, QueueBindOptions::default);
    channel.exchange_declare(DEAD.into(), ExchangeKind::Fanout, durable, none()).await?;
    let parked = table([
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(PARKED)),
        ("x-overflow", text("drop-head")),
    ]);
    channel.queue_declare(DEAD.into(), QueueDeclareOptions::durable(), parked).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), bind(), none()).await?;
    channel.exchange_declare(COMMANDS.into(), ExchangeKind::Direct, durable, none()).await?;
    // `reject-publish` is what the broker asks for to hand dead letters over without losing any.
    let shared = table([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES)),
        ("x-dead-letter-exchange", text(DEAD)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-max-length", AMQPValue::LongLongInt(WAITING)),
    ]);
    channel.queue_declare(COMMANDS.into(), QueueDeclareOptions::durable(), shared).await?;
    channel.queue_bind(COMMANDS.into(), COMMANDS.into(), ANY.into(), bind(), none()).await?;
    // A name of its own for each connection: the broker may not have noticed yet that the one before is gone.
    let own: ShortString = format!("yizhan.node.{node}.{:08x}", rand::random::<u32>()).as_str().into();
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let dead = table([("x-dead-letter-exchange", text(DEAD))]);
    channel.queue_declare(own.clone(), options, dead).await?;
    for key in [ALL, node.to_string().as_str()] {
        channel.queue_bind(own.clone(), COMMANDS.into(), key.into(), bind(), none()).await?;
    }
    Ok(own)
}
