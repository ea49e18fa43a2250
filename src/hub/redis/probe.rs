//! What an operator should know of this Redis.

use redis::{InfoDict, cmd};

use super::Settings;
use super::connection::Shared;
use crate::hub::probe::Probe;

impl Settings {
    /// Looks at Redis.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(in crate::hub) async fn probe(&self) -> Result<Probe, String> {
        let told = |lost: super::Lost| lost.to_string();
        let shared = self.source.commands().await.map_err(told)?;
        let nodes: u64 = shared.ask(cmd("SCARD").arg(self.keys.nodes())).await.map_err(told)?;
        let mut about = format!("Redis answers, {nodes} nodes are registered");
        if matches!(shared, Shared::Cluster(_)) {
            about.push_str(" in the cluster");
            return Ok(Probe { about, risk: None });
        }
        // A user with few rights may not ask for this; then nothing is known of it.
        let Ok(info) = shared.ask::<InfoDict>(&cmd("INFO")).await else { return Ok(Probe { about, risk: None }) };
        if let Some(version) = info.get::<String>("redis_version") {
            about.push_str(&format!(", version {version}"));
        }
        let bounded = info.get::<u64>("maxmemory").is_some_and(|bytes| bytes > 0);
        let policy = info.get::<String>("maxmemory_policy").filter(|policy| bounded && policy != "noeviction");
        let risk = policy.map(|policy| {
            format!("maxmemory-policy is {policy}: set it to noeviction, or hints and registrations vanish under load")
        });
        Ok(Probe { about, risk })
    }
}
