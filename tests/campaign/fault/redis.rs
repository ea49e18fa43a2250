//! Redis is gone, empty, frozen, or loses and repeats every hint. Nothing but time may be lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom as _;
use redis::Value;
use redis::aio::MultiplexedConnection;

use super::{Requirement, Stage};
use crate::service::Kind;

/// F13: restarted, empty, three times.
pub(super) async fn restarted(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let backbone = stage.system.backbone()?;
    stage.harm("Redis restarts, empty");
    let begun = Instant::now();
    for _ in 0..3 {
        backbone.services.kill(Kind::Redis).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        backbone.services.resume(Kind::Redis).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    stage.heal("Redis");
    Ok(vec![Requirement::noted(
        "three restarts, each 2 s away, within",
        format!("{:.0} s", begun.elapsed().as_secs_f64()),
    )])
}

/// F14: emptied under load.
pub(super) async fn emptied(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let mut redis = stage.system.backbone()?.services.redis().await?;
    stage.harm("FLUSHALL");
    let mut keys = Vec::new();
    for _ in 0..if stage.brief { 5 } else { 20 } {
        redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        keys.push(redis::cmd("DBSIZE").query_async::<i64>(&mut redis).await?);
    }
    stage.heal("Redis");
    Ok(vec![Requirement::noted("keys 1.5 s after each FLUSHALL", format!("{keys:?}"))])
}

/// F15: frozen; connections stay open and nothing answers.
pub(super) async fn frozen(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let services = &stage.system.backbone()?.services;
    let before: usize = stage.system.nodes.iter().filter_map(|node| node.probe().size()).map(|(_, fds)| fds).sum();
    stage.harm("Redis frozen");
    services.freeze(Kind::Redis).await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let during: usize = stage.system.nodes.iter().filter_map(|node| node.probe().size()).map(|(_, fds)| fds).sum();
    services.thaw(Kind::Redis).await?;
    stage.heal("Redis");
    let grown = i64::try_from(during).unwrap_or(0) - i64::try_from(before).unwrap_or(0);
    Ok(vec![Requirement::at_most("descriptors pile up while it is frozen", super::figure(grown), 200.0, "")])
}

/// F18: every hint is refused for a while; then each comes three times more, and out of order.
pub(super) async fn hints_lost_and_doubled(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let mut redis = stage.system.backbone()?.services.redis().await?;
    let lost = Duration::from_secs(if stage.brief { 15 } else { 60 });
    stage.harm("no hint gets through");
    for command in ["-xadd", "-publish", "-spublish"] {
        redis::cmd("ACL").arg("SETUSER").arg("default").arg(command).query_async::<()>(&mut redis).await?;
    }
    tokio::time::sleep(lost).await;
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("+@all").query_async::<()>(&mut redis).await?;
    let begun = Instant::now();
    let mut echoed = HashSet::new();
    let mut copies = 0;
    while begun.elapsed() < lost {
        copies += echo(&mut redis, &mut echoed).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.heal("hints");
    Ok(vec![Requirement::at_least("hints were doubled", copies, 1)])
}

/// Adds every entry of every stream three times more, in any order. How many were added.
async fn echo(redis: &mut MultiplexedConnection, echoed: &mut HashSet<(String, String)>) -> anyhow::Result<i64> {
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(redis).await?;
    let mut again = Vec::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(redis).await?;
        if kind != "stream" {
            continue;
        }
        let entries: Vec<(String, Vec<Value>)> =
            redis::cmd("XREVRANGE").arg(&key).arg("+").arg("-").arg("COUNT").arg(50).query_async(redis).await?;
        for (id, fields) in entries {
            if echoed.insert((key.clone(), id)) {
                again.extend(std::iter::repeat_n((key.clone(), fields), 3));
            }
        }
    }
    again.shuffle(&mut rand::rng());
    let mut added = 0;
    for (key, fields) in again {
        let mut add = redis::cmd("XADD");
        add.arg(&key).arg("*");
        for field in &fields {
            if let Value::BulkString(bytes) = field {
                add.arg(bytes);
            }
        }
        let id: String = add.query_async(redis).await?;
        echoed.insert((key, id));
        added += 1;
    }
    Ok(added)
}
