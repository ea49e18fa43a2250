//! What this node tells others: hints in batches, who came and who left, and that it is still there.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Lost;
use super::link::Link;
use crate::hub::remote::{Outgoing, Remote};
use crate::hub::wire::Entry;

/// How often the others are told that the node is there, and the node hears itself.
const BEAT: Duration = Duration::from_secs(1);
/// A node that was silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);

impl Link<'_> {
    /// Writes until RabbitMQ is lost.
    pub(super) async fn write(&self, waiting: &mut mpsc::Receiver<Outgoing>) -> Result<(), Lost> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = Remote::batch(waiting) => self.send(&batch).await?,
                () = self.remote.changed.notified() => self.announce().await?,
                _ = beat.tick() => self.beat().await?,
            }
        }
    }

    async fn send(&self, batch: &[Outgoing]) -> Result<(), Lost> {
        let packed = self.remote.pack(batch);
        let each = packed.into_iter().flat_map(|(node, entries)| entries.into_iter().map(move |entry| (node, entry)));
        self.tell(each.collect()).await
    }

    /// Tells the others who came and who left.
    async fn announce(&self) -> Result<(), Lost> {
        let changes = self.remote.take_changes();
        if changes.are_none() {
            return Ok(());
        }
        if changes.are_many() {
            // A number that nobody was told makes everybody ask.
            self.number.next();
            return self.beat().await;
        }
        let mut entry = Entry::default();
        entry.changed(self.remote.node, self.number.next(), &changes.came, &changes.left);
        self.tell_everybody(entry).await
    }

    async fn beat(&self) -> Result<(), Lost> {
        let dead = self.remote.registry_mut().bury(SILENCE, Instant::now());
        for node in dead {
            tracing::warn!(node = %node, "a node has not been heard of for 30 s and is taken for dead");
        }
        let mut entry = Entry::default();
        entry.here(self.remote.node, self.number.now());
        self.tell_everybody(entry).await
    }
}
