//! Another module of the contact centre: takes every event from the broker and writes it down, also those that nobody
//! asked for. Comes back whatever happens to the broker.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::history::{Kind, Mint, What};
use crate::journal::Journal;
use crate::load::web::text;

/// Our queue.
pub const QUEUE: &str = "campaign";
const EXCHANGE: &str = "yizhan.events";
const UNROUTED: &str = "yizhan.unrouted";
const PAUSE: Duration = Duration::from_millis(300);

/// Somebody who listens.
#[derive(Debug)]
pub struct Listener {
    url: String,
    journal: Journal,
    mint: Mint,
    stop: CancellationToken,
    /// Whether our queue is bound to the exchange.
    bind: watch::Sender<bool>,
}

impl Listener {
    /// Listens in the background. What lies in the queue from before is thrown away.
    pub async fn start(port: u16, journal: Journal, mint: Mint) -> anyhow::Result<Arc<Self>> {
        let url = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        channel.queue_purge(QUEUE.into(), QueuePurgeOptions::default()).await?;
        // Nobody has declared this one before the first gateway runs; the refusal costs the channel.
        let other = connection.create_channel().await?;
        drop(other.queue_purge(UNROUTED.into(), QueuePurgeOptions::default()).await);
        let (stop, bind) = (CancellationToken::new(), watch::Sender::new(true));
        let listener = Arc::new(Self { url, journal, mint, stop, bind });
        tokio::spawn(Arc::clone(&listener).listen(QUEUE));
        tokio::spawn(Arc::clone(&listener).listen(UNROUTED));
        tokio::spawn(Arc::clone(&listener).stay_bound());
        Ok(listener)
    }

    /// Ends it.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Binds our queue from now on, or leaves it as it is.
    pub fn bind(&self, bound: bool) {
        self.bind.send_replace(bound);
    }

    /// A channel of its own, for harm.
    pub async fn channel(&self) -> anyhow::Result<(Connection, Channel)> {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }

    async fn listen(self: Arc<Self>, queue: &'static str) {
        while !self.stop.is_cancelled() {
            // Whatever breaks, the next try is the answer: the broker is what is being harmed.
            drop(self.stop.run_until_cancelled(self.consume(queue)).await);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn consume(&self, queue: &str) -> anyhow::Result<()> {
        let (_connection, channel) = self.channel().await?;
        channel.basic_qos(200, BasicQosOptions::default()).await?;
        if queue == QUEUE {
            channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
        }
        let (tag, options) = (format!("campaign-{queue}"), BasicConsumeOptions::default());
        let mut consumer =
            channel.basic_consume(queue.into(), tag.as_str().into(), options, FieldTable::default()).await?;
        while let Some(delivery) = consumer.next().await {
            let delivery = delivery?;
            self.note(&delivery);
            delivery.ack(BasicAckOptions::default()).await?;
        }
        anyhow::bail!("the queue is gone")
    }

    /// Bindings go with an exchange or a queue that is deleted.
    async fn stay_bound(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            if *self.bind.borrow() {
                drop(self.stop.run_until_cancelled(self.bind_once()).await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn bind_once(&self) -> anyhow::Result<()> {
        let (_connection, channel) = self.channel().await?;
        loop {
            if *self.bind.borrow() {
                channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
                let (all, options) = ("yizhan.#".into(), QueueBindOptions::default());
                channel.queue_bind(QUEUE.into(), EXCHANGE.into(), all, options, FieldTable::default()).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn note(&self, delivery: &Delivery) {
        let body = String::from_utf8_lossy(&delivery.data);
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let key = delivery.routing_key.as_str();
        let mut line = self.journal.line("bus", Kind::Recv, What::Event);
        line.ten = key.split('.').nth(1).unwrap_or_default().to_owned();
        line.id = text(&event, "id").map(str::to_owned);
        line.arg = text(&event, "type").unwrap_or_default().to_owned();
        line.code = delivery.exchange.to_string();
        let mut tokens = self.mint.ours(&body);
        tokens.dedup();
        line.tok = tokens.into_iter().map(|token| self.mint.write(token)).collect();
        self.journal.write(&line);
    }
}
