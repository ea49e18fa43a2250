//! Processes that are killed.

use std::time::Duration;

use super::{Requirement, Stage};

/// F05: killed under load, and started again at once.
pub(super) async fn killed_again_and_again(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let times = if stage.brief { 10 } else { 50 };
    let mut longest = Duration::ZERO;
    stage.harm("kill -9");
    for n in 0..times {
        tokio::time::sleep(Duration::from_millis(700 + (n * 137) % 900)).await;
        let node = &mut stage.system.nodes[0];
        node.kill().await?;
        node.start()?;
        longest = longest.max(node.ready().await?);
    }
    stage.heal("kill -9");
    Ok(vec![Requirement::at_most("restart to ready", longest.as_secs_f64(), 2.0, "s")])
}
