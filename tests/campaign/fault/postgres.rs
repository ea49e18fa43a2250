//! PostgreSQL is killed, cut off, frozen, locked, slow, or full. Accepted stays accepted.

use std::time::{Duration, Instant};

use super::{Requirement, Stage};
use crate::service::Kind;
use crate::system::proxy::Mode;

/// F28: restarted, killed, every connection ended by the server, the address dead for a moment.
pub(super) async fn killed(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let backbone = stage.system.backbone()?;
    let mut longest = Duration::ZERO;
    stage.harm("PostgreSQL is killed and cut off");
    for _ in 0..if stage.brief { 2 } else { 5 } {
        backbone.services.kill(Kind::Postgres).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        backbone.services.resume(Kind::Postgres).await?;
        longest = longest.max(stage.until_writable().await?);
        tokio::time::sleep(Duration::from_secs(3)).await;

        let sql = backbone.services.sql("postgres").await?;
        let database = &backbone.database;
        sql.batch_execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ))
        .await?;
        longest = longest.max(stage.until_writable().await?);
        tokio::time::sleep(Duration::from_secs(2)).await;

        backbone.postgres.set(Mode::Refuse);
        backbone.postgres.cut(None);
        tokio::time::sleep(Duration::from_secs(2)).await;
        backbone.postgres.set(Mode::Pass);
        longest = longest.max(stage.until_writable().await?);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    stage.heal("PostgreSQL");
    Ok(vec![Requirement::at_most("writable after PostgreSQL is back", longest.as_secs_f64(), 2.0, "s")])
}

impl Stage<'_> {
    /// How long until both nodes say that they are ready.
    async fn until_writable(&self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            let mut ready = true;
            for node in &self.system.nodes {
                ready &= node.is_ready().await;
            }
            if ready {
                return Ok(begun.elapsed());
            }
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(30), "the nodes do not recover");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// F29: frozen; then one conversation locked; then every answer late.
pub(super) async fn frozen_locked_slow(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let backbone = stage.system.backbone()?;
    let span = Duration::from_secs(if stage.brief { 8 } else { 20 });
    stage.harm("PostgreSQL frozen");
    backbone.services.freeze(Kind::Postgres).await?;
    tokio::time::sleep(span).await;
    backbone.services.thaw(Kind::Postgres).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;

    let sql = backbone.services.sql(&backbone.database).await?;
    sql.batch_execute("BEGIN").await?;
    sql.batch_execute("SELECT 1 FROM conversation WHERE tenant = 'acme' LIMIT 1 FOR UPDATE").await?;
    tokio::time::sleep(span).await;
    sql.batch_execute("ROLLBACK").await?;
    tokio::time::sleep(Duration::from_secs(3)).await;

    backbone.postgres.set(Mode::Delay(300));
    tokio::time::sleep(span).await;
    backbone.postgres.set(Mode::Pass);
    stage.heal("PostgreSQL");
    Ok(Vec::new())
}

/// F30: every connection is taken by somebody else, and those of the nodes are gone.
pub(super) async fn exhausted(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let backbone = stage.system.backbone()?;
    let mut taken = Vec::new();
    let sql = backbone.services.sql("postgres").await?;
    stage.harm("connections of PostgreSQL exhausted");
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        backbone.database
    );
    backbone.postgres.set(Mode::Refuse);
    sql.batch_execute(&end).await?;
    while let Ok(connection) = backbone.services.sql("postgres").await {
        taken.push(connection);
    }
    backbone.postgres.set(Mode::Pass);
    tokio::time::sleep(Duration::from_secs(if stage.brief { 8 } else { 20 })).await;
    let mut refused = 0;
    for node in &stage.system.nodes {
        refused += i64::from(!node.is_ready().await);
    }
    let count = taken.len();
    drop((taken, sql));
    let back = stage.until_writable().await?;
    stage.heal("connections");
    Ok(vec![
        Requirement::noted("connections taken", count.to_string()),
        Requirement::at_least("nodes that say they are not ready meanwhile", refused, 2),
        Requirement::at_most("ready after they are given back", back.as_secs_f64(), 5.0, "s"),
    ])
}
