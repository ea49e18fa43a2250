//! Processes that are killed, stopped in order, and killed in the middle of a call to WeChat.

use std::time::{Duration, Instant};

use super::{Requirement, Stage};
use crate::system::proxy::Mode;

/// F05: killed under load, and started again at once.
pub(super) async fn killed_again_and_again(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let times = if stage.brief { 10 } else { 50 };
    let mut longest = Duration::ZERO;
    stage.harm("kill -9");
    for n in 0..times {
        tokio::time::sleep(Duration::from_millis(700 + (n * 137) % 900)).await;
        stage.until_accepted(Duration::from_secs(1)).await;
        for node in &mut stage.system.nodes {
            node.kill().await?;
            node.start()?;
            longest = longest.max(node.ready().await?);
        }
    }
    stage.heal("kill -9");
    Ok(vec![Requirement::at_most("restart to ready", longest.as_secs_f64(), 2.0, "s")])
}

/// F01: one node after another is killed and stays away for ten seconds.
pub(super) async fn nodes_killed(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let (rounds, count) = (if stage.brief { 2 } else { 6 }, stage.system.nodes.len());
    stage.harm("nodes are killed");
    for n in 0..rounds {
        let begun = Instant::now();
        if let Some(node) = stage.system.nodes.get_mut(n % count) {
            node.kill().await?;
            tokio::time::sleep(Duration::from_secs(10)).await;
            node.start()?;
            node.ready().await?;
        }
        tokio::time::sleep(Duration::from_secs(20).saturating_sub(begun.elapsed())).await;
    }
    stage.heal("nodes");
    Ok(Vec::new())
}

/// F02: every node is stopped in order and started again, several times.
pub(super) async fn rolling_restart(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let (mut longest, mut badly) = (Duration::ZERO, 0);
    stage.harm("rolling restart");
    for _ in 0..if stage.brief { 1 } else { 3 } {
        for node in &mut stage.system.nodes {
            let (status, took) = node.stop(Duration::from_secs(40)).await?;
            longest = longest.max(took);
            badly += i64::from(status.code() != Some(0));
            node.start()?;
            node.ready().await?;
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    }
    stage.heal("rolling restart");
    Ok(vec![
        Requirement::at_most("a drain takes", longest.as_secs_f64(), 10.0, "s"),
        Requirement::at_most("processes that did not end with exit code 0", super::figure(badly), 0.0, ""),
    ])
}

/// F04: killed between the row that says "sending" and the call, and between the answer and its commit.
pub(super) async fn killed_while_sending(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    stage.harm("killed in the middle of a call");
    let mut caught = 0;
    for mode in [Mode::Hold, Mode::HoldAnswers] {
        for _ in 0..if stage.brief { 1 } else { 3 } {
            stage.system.api.set(mode);
            stage.until_sending(4).await?;
            for node in &mut stage.system.nodes {
                node.kill().await?;
            }
            // Now it is sure that nobody works on them any more.
            caught += stage.system.database.count("FROM delivery WHERE state = 'sending'").await?;
            stage.system.api.cut(None);
            stage.system.api.set(Mode::Pass);
            for node in &mut stage.system.nodes {
                node.start()?;
            }
            for node in &mut stage.system.nodes {
                node.ready().await?;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
    stage.heal("calls");
    Ok(vec![Requirement::at_least("sends caught in the middle", caught, 2)])
}

impl Stage<'_> {
    /// Waits until so many sends are under way, as the store knows it; not for ever, for it may never come to know.
    async fn until_sending(&self, wanted: i64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.system.database.count("FROM delivery WHERE state = 'sending'").await? < wanted
            && begun.elapsed() < Duration::from_secs(30)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
