//! Another module of the contact centre: listens to events and sends commands, on the client's own connection.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;

use super::service::Service;
use super::socket::PATIENCE;

/// A connection of another module.
pub struct Broker {
    connection: Connection,
}

/// A queue that collects events.
pub struct Ear {
    consumer: Consumer,
}

/// An event as it arrived.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The event.
    pub event: Value,
    /// Where it was sent to.
    pub key: String,
    /// The message around it.
    pub properties: lapin::BasicProperties,
}

/// The address of a broker of the tests.
pub fn url(service: &Service) -> String {
    format!("amqp://guest:guest@127.0.0.1:{}/%2f", service.port())
}

impl Broker {
    /// Connects.
    pub async fn connect(service: &Service) -> Self {
        let connection = Connection::connect(&url(service), ConnectionProperties::default()).await.expect("the broker");
        Self { connection }
    }

    /// A channel of its own: a mistake closes the channel that it was made on.
    pub async fn channel(&self) -> Channel {
        self.connection.create_channel().await.expect("a channel")
    }

    /// Listens to the events of these keys, in a queue of the given name that outlives the broker.
    pub async fn listen(&self, queue: &str, key: &str) -> Ear {
        let bound = async {
            loop {
                let channel = self.channel().await;
                let none = FieldTable::default;
                channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), none()).await.expect("a queue");
                let exchange = "yizhan.events".into();
                let bind = channel.queue_bind(queue.into(), exchange, key.into(), QueueBindOptions::default(), none());
                if bind.await.is_ok() {
                    return channel;
                }
                // The exchange is not there yet: the gateway declares it when it connects.
                tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.unwrap_err();
            }
        };
        let channel = tokio::time::timeout(PATIENCE, bound).await.expect("the gateway declares its exchange");
        Self::consume(&channel, queue).await
    }

    async fn consume(channel: &Channel, queue: &str) -> Ear {
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await;
        Ear { consumer: consumer.expect("a consumer") }
    }
}

impl Ear {
    /// The next message, acknowledged.
    pub async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.consumer.next()).await;
        let delivery = next.unwrap_or_else(|_| panic!("a message within {PATIENCE:?}")).expect("the queue is there");
        let delivery = delivery.expect("the broker is there");
        assert!(delivery.ack(BasicAckOptions::default()).await.expect("the broker is there"));
        Heard {
            event: serde_json::from_slice(&delivery.data).unwrap_or(Value::Null),
            key: delivery.routing_key.to_string(),
            properties: delivery.properties,
        }
    }

    /// The next event of this type; others are passed over.
    pub async fn of_type(&mut self, kind: &str) -> Heard {
        let wanted = format!("yizhan.{kind}.v1");
        loop {
            let heard = self.next().await;
            if heard.event["type"] == wanted {
                return heard;
            }
        }
    }
}
