//! Keeping the lists of addresses from which the platform calls, for accounts that enforce them.

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use crate::runtime::Stop;

/// A good list is asked for again after this.
const KEPT: Duration = Duration::from_secs(3600);
/// Accounts without a good list, and new ones, are asked for again after this.
const AGAIN: Duration = Duration::from_secs(30);

impl Core {
    /// Keeps the lists until `stop`. While the platform does not answer, the last good list stays in force.
    pub async fn run_sources(&self, stop: Stop) {
        let mut since = KEPT;
        loop {
            let all = since >= KEPT;
            if all {
                since = Duration::ZERO;
            }
            // Each account may take as long as the platform is silent.
            if stop.run_until_cancelled(self.learn_sources(all)).await.is_none() {
                return;
            }
            since += AGAIN;
            drop(tokio::time::timeout(AGAIN, stop.cancelled()).await);
        }
    }

    async fn learn_sources(&self, all: bool) {
        let directory = self.directory_snapshot();
        for door in directory.enforcing().filter(|door| all || door.sources.load().is_none()) {
            match self.inner.parts.wechat.sources(&door.credentials).await {
                Ok(list) => door.sources.store(Some(Arc::new(list))),
                Err(error) => {
                    let account = &door.entrance.account;
                    tracing::error!(tenant = %door.entrance.tenant, account = %account, error = %error, "addresses of the platform not learned: the last good list stays");
                }
            }
        }
    }
}
