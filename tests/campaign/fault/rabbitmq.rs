//! RabbitMQ is killed, or what is declared on it is taken away. Chat goes on, and no event is lost.

use std::time::{Duration, Instant};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use super::{Requirement, Stage};
use crate::service::Kind;
use crate::system::broker::QUEUE;
use crate::system::dump::Database;

/// F24: killed and started again, from the second time on while what has waited is being published.
pub(super) async fn killed(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let services = &stage.system.backbone()?.services;
    stage.harm("RabbitMQ is killed");
    let (mut most, mut under_way) = (0, 0);
    for _ in 0..if stage.brief { 2 } else { 4 } {
        services.kill(Kind::Rabbitmq).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        services.resume(Kind::Rabbitmq).await?;
        let (before, after) = until_published(&stage.system.database).await?;
        most = before.max(most);
        under_way += i64::from(0 < after && after < before);
    }
    stage.heal("RabbitMQ");
    Ok(vec![
        Requirement::noted("events that waited when it was back", most.to_string()),
        Requirement::at_least("times that some of them were published and others waited still", under_way, 1),
    ])
}

/// Waits until the first of the events that wait have been published; how many waited at most, and how many do now. Not for
/// ever: there may be none.
async fn until_published(database: &Database) -> anyhow::Result<(i64, i64)> {
    let (begun, mut most) = (Instant::now(), 0);
    loop {
        let waiting = database.count("FROM outbox").await?;
        if waiting < most || begun.elapsed() > Duration::from_secs(15) {
            return Ok((most, waiting));
        }
        most = waiting;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// F26: the binding, the queue and the exchange are taken away one after another.
pub(super) async fn undeclared(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let listener = &stage.system.backbone()?.listener;
    let span = Duration::from_secs(if stage.brief { 4 } else { 15 });
    stage.harm("binding, queue and exchange are taken away");
    listener.bind(false);
    let (_connection, channel) = listener.channel().await?;
    let none = FieldTable::default;
    channel.queue_unbind(QUEUE.into(), "yizhan.events".into(), "yizhan.#".into(), none()).await?;
    tokio::time::sleep(span).await;
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
    tokio::time::sleep(span).await;
    channel.exchange_delete("yizhan.events".into(), ExchangeDeleteOptions::default()).await?;
    tokio::time::sleep(span).await;
    listener.bind(true);
    channel.exchange_delete("yizhan.events".into(), ExchangeDeleteOptions::default()).await?;
    tokio::time::sleep(span).await;
    stage.heal("declarations");
    Ok(Vec::new())
}
