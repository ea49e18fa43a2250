//! What other nodes tell this one, as it comes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::cmd;

use super::Lost;
use super::connection::{BLOCK, Exclusive};
use super::link::Link;
use crate::model::id::NodeId;

/// Entries that one read takes at most.
const COUNT: usize = 128;
/// The registry of one node is loaded at most this often; its next word repeats what was missed.
const LOAD_EVERY: Duration = Duration::from_secs(1);

/// The answer to a read: per stream its name and its entries, each with its fields and values.
type Answer = Option<Vec<(String, Vec<(String, Vec<Vec<u8>>)>)>>;

impl Link<'_> {
    /// Reads until Redis is lost.
    pub(super) async fn read(&self, exclusive: &mut Exclusive) -> Result<(), Lost> {
        let stream = self.keys.stream(self.remote.node);
        let mut loaded: HashMap<NodeId, Instant> = HashMap::new();
        loop {
            let mut command = cmd("XREAD");
            command.arg("COUNT").arg(COUNT).arg("BLOCK").arg(millis(BLOCK));
            command.arg("STREAMS").arg(&stream).arg(self.own.position());
            let answer: Answer = exclusive.ask(&command).await?;
            let entries = answer.into_iter().flatten().flat_map(|(_, entries)| entries);
            for (id, fields) in entries {
                self.own.read(id);
                for payload in fields.iter().skip(1).step_by(2) {
                    self.heed(payload, &mut loaded).await?;
                    // Others on this thread have their turn between two entries.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    async fn heed(&self, payload: &[u8], loaded: &mut HashMap<NodeId, Instant>) -> Result<(), Lost> {
        let asked = self.remote.apply(payload);
        for node in asked.load {
            if loaded.get(&node).is_none_or(|at| at.elapsed() >= LOAD_EVERY) {
                loaded.insert(node, Instant::now());
                self.load(node).await?;
            }
        }
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
