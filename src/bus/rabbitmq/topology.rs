//! The names of what we have on the broker, and how it comes to be there. Declaring again what is there does no harm.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::config;
use crate::model::event::Occurrence;

/// The topic exchange of all events.
pub(super) const EVENTS: &str = "yizhan.events";
/// Where events go that nobody asked for: an exchange and its queue.
pub(super) const UNROUTED: &str = "yizhan.unrouted";

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
