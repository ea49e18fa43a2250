//! A module that others ask: takes questions from a queue of its own and gives the answers that the test tells it.

use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, ExchangeKind};
use serde_json::{Map, Value};
use yizhan::bus::ask::Ask;
use yizhan::model::id::TenantId;

use super::broker::{Broker, Ear, Heard};

/// Where questions come in.
const EXCHANGE: &str = "yizhan.rpc";
/// How long a question is waited for: longer than a service is left alone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A serving module.
pub struct Clerk {
    channel: Channel,
    ear: Ear,
}

/// A question of the tenant `demo` with a key of its own, and twenty seconds for its answer.
pub fn question(service: &str, op: &str, args: Value) -> Ask {
    let args = args.as_object().cloned().unwrap_or_else(Map::new);
    let id = format!("q-{:016x}", rand::random::<u64>());
    let tenant = TenantId::parse("demo").expect("a name");
    Ask { service: service.into(), op: op.into(), args, tenant, id, timeout: Duration::from_secs(20) }
}

impl Clerk {
    /// Has a queue for the questions to a service, in which they wait as long as nobody takes them.
    pub async fn queue(broker: &Broker, service: &str) -> String {
        let (channel, queue) = (broker.channel().await, format!("{service}.questions"));
        let (none, durable) = (FieldTable::default, ExchangeDeclareOptions { durable: true, ..Default::default() });
        channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, none()).await.expect("the exchange");
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(queue.as_str().into(), options, none()).await.expect("a queue");
        let (key, bind) = (format!("{service}.#"), QueueBindOptions::default());
        let bound = channel.queue_bind(queue.as_str().into(), EXCHANGE.into(), key.into(), bind, none()).await;
        bound.expect("the exchange");
        queue
    }

    /// Serves a service.
    pub async fn serve(broker: &Broker, service: &str) -> Self {
        let queue = Self::queue(broker, service).await;
        let channel = broker.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { channel, ear: broker.hear(&queue).await }
    }

    /// The next question.
    pub async fn next(&mut self) -> Heard {
        self.ear.try_next(PATIENCE).await.expect("a question in time")
    }

    /// Takes the next question and answers it.
    pub async fn answers(&mut self, answer: &[u8]) {
        let question = self.next().await;
        self.answer(&question, answer).await;
    }

    /// Answers a question.
    pub async fn answer(&self, question: &Heard, answer: &[u8]) {
        let correlation = question.properties.correlation_id().clone().expect("a correlation");
        self.answer_as(question, correlation, answer).await;
    }

    /// Answers a question as if it was another.
    pub async fn answer_as(&self, question: &Heard, correlation: ShortString, answer: &[u8]) {
        let to = question.properties.reply_to().clone().expect("an address");
        let properties = BasicProperties::default().with_correlation_id(correlation);
        let sent = self.channel.basic_publish("".into(), to, BasicPublishOptions::default(), answer, properties).await;
        assert_eq!(sent.expect("the broker").await.expect("a confirm"), Confirmation::Ack(None));
    }
}
