//! RabbitMQ is killed, or what is declared on it is taken away. Chat goes on, and no event is lost.

use std::time::Duration;

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use super::{Requirement, Stage};
use crate::service::Kind;
use crate::system::broker::QUEUE;

/// F24: killed while events are published, and started again.
pub(super) async fn killed(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let services = &stage.system.backbone()?.services;
    stage.harm("RabbitMQ is killed");
    for _ in 0..if stage.brief { 1 } else { 3 } {
        services.kill(Kind::Rabbitmq).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        services.resume(Kind::Rabbitmq).await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let waiting = stage.system.database.count("FROM outbox").await?;
    stage.heal("RabbitMQ");
    Ok(vec![Requirement::noted("events that waited when it was back", waiting.to_string())])
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
