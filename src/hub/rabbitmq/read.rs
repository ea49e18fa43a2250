//! What other nodes tell this one, as it comes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::Consumer;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;

use super::Lost;
use super::link::Link;
use crate::config::Durability;
use crate::hub::remote::Asked;
use crate::hub::wire::Entry;
use crate::model::id::NodeId;

/// Every node hears itself each second; after so long without a word the broker is away.
const SILENCE: Duration = Duration::from_secs(3);
/// One node is asked for everybody at most this often; its next word repeats what was missed.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Recipients that one entry names at most.
const PART: usize = 1_000;

impl Link<'_> {
    /// Reads until RabbitMQ is lost.
    pub(super) async fn read(&self, mut consumer: Consumer) -> Result<(), Lost> {
        let mut asked: HashMap<NodeId, Instant> = HashMap::new();
        loop {
            let next = tokio::time::timeout(SILENCE, consumer.next()).await.map_err(|_elapsed| Lost::Silent)?;
            let delivery = next.ok_or(Lost::Cancelled)??;
            self.heed(&delivery.data, &mut asked).await?;
            self.acknowledge(&delivery).await?;
        }
    }

    /// One acknowledgement each: hints come in batches already.
    async fn acknowledge(&self, delivery: &Delivery) -> Result<(), Lost> {
        if self.durability != Durability::Transient {
            delivery.ack(BasicAckOptions::default()).await?;
        }
        Ok(())
    }

    async fn heed(&self, payload: &[u8], asked: &mut HashMap<NodeId, Instant>) -> Result<(), Lost> {
        let Asked { load, ask } = self.remote.apply(payload);
        let mut entries = Vec::new();
        for node in load {
            if asked.get(&node).is_none_or(|at| at.elapsed() >= ASK_EVERY) {
                asked.insert(node, Instant::now());
                let mut entry = Entry::default();
                entry.ask(self.remote.node);
                entries.push((node, entry));
            }
        }
        for node in ask.into_iter().filter(|node| *node != self.remote.node) {
            entries.extend(self.everybody().into_iter().map(|entry| (node, entry)));
        }
        match entries.is_empty() {
            true => Ok(()),
            false => self.tell(entries).await,
        }
    }

    /// Everybody who is attached here, in parts. What changes meanwhile is announced under the next number.
    fn everybody(&self) -> Vec<Entry> {
        let number = self.number.now();
        let all = self.remote.recipients();
        let parts: Vec<_> = if all.is_empty() { vec![&all[..]] } else { all.chunks(PART).collect() };
        let last = parts.len().saturating_sub(1);
        let part = |(index, part)| {
            let mut entry = Entry::default();
            entry.all(self.remote.node, number, (index == 0, index == last), part);
            entry
        };
        parts.into_iter().enumerate().map(part).collect()
    }
}
