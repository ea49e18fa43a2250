//! How queues stand, told to other modules every few seconds. It passes by the outbox: a lost figure is not missed.

use std::collections::HashMap;
use std::time::Duration;

use super::duty::Duty;
use super::{Core, Error};
use crate::bus::Bus;
use crate::model::event::queue::Stats;
use crate::model::id::{QueueId, TenantId};
use crate::runtime::Stop;
use crate::store::standing::{self, Standing};

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// What was told last.
type Told = HashMap<(TenantId, QueueId), Stats>;

impl Core {
    /// Tells how queues stand while this node has the duty, until `stop`. Queues in which nothing changes are left out.
    pub async fn run_standing(&self, bus: Bus, duty: Duty, stop: Stop) {
        let mut told = Told::new();
        while tokio::time::timeout(EVERY, stop.cancelled()).await.is_err() {
            if !duty.is_held() {
                told.clear();
                continue;
            }
            if let Err(error) = self.tell_standing(&bus, &mut told).await {
                tracing::warn!(error = ?error, "other modules are not told how queues stand");
            }
        }
    }

    async fn tell_standing(&self, bus: &Bus, told: &mut Told) -> Result<(), Error> {
        let now = self.clock().now();
        let standing = self.store().survey(move |conn| standing::all(conn, now).map_err(Error::from)).await?;
        let mut events = Vec::new();
        for Standing { tenant, queue, waiting, since, ready, serving, capacity } in standing {
            let longest = since.map(|since| now.since(since)).unwrap_or_default();
            let longest_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
            let stats = Stats { queue: queue.clone(), waiting, longest_ms, ready, serving, capacity };
            let key = (tenant, queue);
            if told.get(&key) != Some(&stats) {
                events.push(self.occurrence(&key.0, &stats)?);
                told.insert(key, stats);
            }
        }
        if let Some(error) = bus.publish(&events).await.failure {
            // The next figures are as good as these.
            tracing::debug!(error = %error, "figures of queues are lost");
        }
        Ok(())
    }
}
