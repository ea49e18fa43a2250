//! Another module of the contact centre: listens to events and sends commands, on the client's own connection.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ExchangeKind};
use serde_json::{Value, json};
use yizhan::bus::Bus;
use yizhan::config;
use yizhan::model::secret::Secret;

use super::app::TestApp;
use super::service::Service;
use super::socket::PATIENCE;

/// When nothing has come for so long, nothing more is on its way.
const QUIET: Duration = Duration::from_secs(3);

/// A connection of another module.
pub struct Broker {
    connection: Connection,
}

/// A queue that collects events.
pub struct Ear {
    consumer: Consumer,
}

/// A way to give orders.
pub struct Office {
    channel: Channel,
    answers: String,
    ear: Ear,
}

/// An event as it arrived.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The event.
    pub event: Value,
    /// Where it was sent to.
    pub key: String,
    /// The message around it.
    pub properties: BasicProperties,
}

/// The address of a broker of the tests.
pub fn url(service: &Service) -> String {
    format!("amqp://guest:guest@127.0.0.1:{}/%2f", service.port())
}

/// A bus on this broker.
pub fn rabbitmq(url: &str) -> Bus {
    let settings = config::bus::Rabbitmq {
        url: Secret::new(url.to_owned()),
        ca_file: None,
        commands: true,
        prefetch: 64,
        unrouted_max: 1_000,
    };
    Bus::open(&config::Bus::Rabbitmq(settings)).expect("an address")
}

fn passive() -> QueueDeclareOptions {
    QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() }
}

impl Broker {
    /// Connects.
    pub async fn connect(service: &Service) -> Self {
        Self::connect_to(&url(service)).await
    }

    /// Connects to an address.
    pub async fn connect_to(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("the broker");
        Self { connection }
    }

    /// Publishes a message of anybody's.
    pub async fn publish(&self, exchange: &str, key: &str, body: &[u8]) {
        let options = BasicPublishOptions::default();
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let sent = channel.basic_publish(exchange.into(), key.into(), options, body, BasicProperties::default()).await;
        assert_eq!(sent.expect("the exchange").await.expect("a confirm"), Confirmation::Ack(None));
    }

    /// Deletes a queue with what is in it.
    pub async fn delete_queue(&self, queue: &str) {
        self.channel().await.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("the queue");
    }

    /// Deletes an exchange with its bindings.
    pub async fn delete_exchange(&self, exchange: &str) {
        let deleted = self.channel().await.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await;
        deleted.expect("the exchange");
    }

    /// Puts another exchange in the place of one.
    pub async fn replace_exchange(&self, exchange: &str, kind: &str) {
        self.delete_exchange(exchange).await;
        let kind = ExchangeKind::Custom(kind.to_owned());
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let channel = self.channel().await;
        channel.exchange_declare(exchange.into(), kind, options, FieldTable::default()).await.expect("the exchange");
    }

    /// A channel of its own: a mistake closes the channel that it was made on.
    pub async fn channel(&self) -> Channel {
        self.connection.create_channel().await.expect("a channel")
    }

    /// Whether a queue is there.
    pub async fn has_queue(&self, queue: &str) -> bool {
        self.channel().await.queue_declare(queue.into(), passive(), FieldTable::default()).await.is_ok()
    }

    /// How many messages of a queue wait for a consumer.
    pub async fn waiting(&self, queue: &str) -> u32 {
        let found = self.channel().await.queue_declare(queue.into(), passive(), FieldTable::default()).await;
        found.expect("the queue").message_count()
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

    /// Listens to a queue that exists.
    pub async fn hear(&self, queue: &str) -> Ear {
        Self::consume(&self.channel().await, queue).await
    }

    /// A way to give orders and hear the answers, once they are taken.
    pub async fn office(&self, app: &TestApp) -> Office {
        app.eventually("commands are taken", async || self.has_queue("yizhan.commands").await.then_some(())).await;
        let channel = self.channel().await;
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let answers = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("a queue");
        let answers = answers.name().to_string();
        let ear = Self::consume(&channel, &answers).await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Office { channel, answers, ear }
    }

    async fn consume(channel: &Channel, queue: &str) -> Ear {
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await;
        Ear { consumer: consumer.expect("a consumer") }
    }
}

impl Office {
    /// Gives an order to any node, under this id, and waits for its answer.
    pub async fn order(&mut self, id: &str, cmd: &str, args: Value) -> Value {
        let body = json!({ "cmd": cmd, "tenant": "demo", "actor": { "module": "crm" }, "args": args });
        self.tell("any", id, body.to_string().as_bytes()).await;
        self.answer_to(id).await
    }

    /// Sends a command as it is.
    pub async fn tell(&self, key: &str, id: &str, body: &[u8]) {
        let properties = BasicProperties::default()
            .with_message_id(id.into())
            .with_correlation_id(id.into())
            .with_reply_to(self.answers.as_str().into())
            .with_delivery_mode(2);
        self.publish(key, body, properties).await;
    }

    /// Sends a command with these properties.
    pub async fn publish(&self, key: &str, body: &[u8], properties: BasicProperties) {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let sent = self.channel.basic_publish("yizhan.commands".into(), key.into(), options, body, properties).await;
        let confirmed = sent.expect("the exchange").await.expect("a confirm");
        assert_eq!(confirmed, Confirmation::Ack(None), "a queue takes it");
    }

    /// The answer to the command of this id. Answers come in any order; what comes before it is passed over.
    pub async fn answer_to(&mut self, id: &str) -> Value {
        loop {
            let heard = self.ear.next().await;
            if heard.properties.correlation_id().as_ref().is_some_and(|found| found.as_str() == id) {
                return heard.event;
            }
        }
    }
}

impl Ear {
    /// The next message, acknowledged.
    pub async fn next(&mut self) -> Heard {
        self.try_next(PATIENCE).await.unwrap_or_else(|| panic!("a message within {PATIENCE:?}"))
    }

    /// The next message within this time, acknowledged.
    pub async fn try_next(&mut self, patience: Duration) -> Option<Heard> {
        let next = tokio::time::timeout(patience, self.consumer.next()).await.ok()?;
        let delivery = next.expect("the queue is there").expect("the broker is there");
        assert!(delivery.ack(BasicAckOptions::default()).await.expect("the broker is there"));
        Some(Heard {
            event: serde_json::from_slice(&delivery.data).unwrap_or(Value::Null),
            key: delivery.routing_key.to_string(),
            properties: delivery.properties,
        })
    }

    /// The next messages, so many.
    pub async fn take(&mut self, count: usize) -> Vec<Heard> {
        let mut heard = Vec::with_capacity(count);
        while heard.len() < count {
            heard.push(self.next().await);
        }
        heard
    }

    /// All that comes until nothing comes any more.
    pub async fn drain(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(next) = self.try_next(QUIET).await {
            heard.push(next);
        }
        heard
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
