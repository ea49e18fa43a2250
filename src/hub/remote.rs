//! What publishing sockets and the task of a back end share: the queue to other nodes, what is known of them, and the
//! changes that they have to hear of. Knows no transport.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use tokio::sync::{Notify, mpsc};

use super::count::{Counters, Counts};
use super::local::Local;
use super::registry::{Next, Registry};
use super::wire::{Entry, Item, Payload};
use super::{Hint, Recipient};
use crate::model::id::NodeId;

/// Hints that may wait for the back end; what does not fit is dropped, and found by the sweep.
const QUEUE: usize = 16_384;
/// Hints that one batch takes from the queue.
const BATCH: usize = 512;
/// Bytes after which an entry is full.
const ENTRY: usize = 32 * 1024;

/// Changes that are told one by one at most.
const MANY: usize = 10_000;
/// Recipients that wait for their first look at most.
const FRESH: usize = 20_000;

/// A hint on its way to other nodes.
#[derive(Debug)]
pub(super) struct Outgoing {
    to: Recipient,
    hint: Hint,
}

/// Recipients that came to this node and left it since the last look.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) came: Vec<Recipient>,
    pub(super) left: Vec<Recipient>,
}

impl Changes {
    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.came.is_empty() && self.left.is_empty()
    }

    /// Whether it is better to tell everything than what has changed.
    pub(super) fn are_many(&self) -> bool {
        self.came.len() + self.left.len() > MANY
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) node: NodeId,
    pub(super) counters: Counters,
    local: Local,
    registry: RwLock<Registry>,
    queue: mpsc::Sender<Outgoing>,
    /// Taken by the task of the back end for as long as it runs.
    pub(super) waiting: tokio::sync::Mutex<mpsc::Receiver<Outgoing>>,
    /// Recipients whose presence here changed and that nobody was told of.
    changes: Mutex<HashSet<Recipient>>,
    pub(super) changed: Notify,
    /// Recipients that a sweep has not looked at since a connection was attached under them.
    fresh: Mutex<Vec<Recipient>>,
}

impl Remote {
    pub(super) fn new(node: NodeId, local: Local) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            node,
            counters: Counters::default(),
            local,
            registry: RwLock::default(),
            queue,
            waiting: tokio::sync::Mutex::new(waiting),
            changes: Mutex::default(),
            changed: Notify::new(),
            fresh: Mutex::default(),
        }
    }

    /// Queues a hint if somebody on another node hears it. Never waits.
    pub(super) fn publish(&self, to: &Recipient, hint: &Hint) {
        if self.registry().nodes_of(to).is_empty() {
            return;
        }
        let up = self.counters.up.load(Ordering::Relaxed);
        if up && self.queue.try_send(Outgoing { to: to.clone(), hint: hint.clone() }).is_ok() {
            Counters::add(&self.counters.published, 1);
        } else {
            Counters::add(&self.counters.dropped, 1);
        }
    }

    /// Notes that recipients came to this node or left it: which of both, the sockets say when it is told.
    pub(super) fn changed(&self, recipients: impl IntoIterator<Item = Recipient>) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.extend(recipients);
        if !changes.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Notes that a connection was attached. Beyond a bound it is left to the next round of the sweep.
    pub(super) fn attached(&self, recipients: &[Recipient]) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.len() < FRESH {
            fresh.extend_from_slice(recipients);
        }
    }

    /// Those who were attached since the last call.
    pub(super) fn take_fresh(&self) -> Vec<Recipient> {
        std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has changed since the last call.
    pub(super) fn take_changes(&self) -> Changes {
        let changed = std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        let (came, left) = changed.into_iter().partition(|recipient| self.local.has(recipient));
        Changes { came, left }
    }

    /// Everybody who is attached here.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        self.local.recipients()
    }

    /// Everybody who is attached here, told in one piece: then no change of before needs to be told any more.
    pub(super) fn everybody(&self) -> Vec<Recipient> {
        drop(self.take_changes());
        self.recipients()
    }

    /// Waits for hints and takes a batch of them, in order. Dropping the future loses nothing.
    pub(super) async fn batch(waiting: &mut mpsc::Receiver<Outgoing>) -> Vec<Outgoing> {
        let mut batch = Vec::new();
        waiting.recv_many(&mut batch, BATCH).await;
        batch
    }

    /// The batch as entries for the nodes that hear it. A hint for several recipients is written once.
    pub(super) fn pack(&self, batch: &[Outgoing]) -> HashMap<NodeId, Vec<Entry>> {
        let registry = self.registry();
        let mut entries: HashMap<NodeId, Vec<Entry>> = HashMap::new();
        for run in batch.chunk_by(|one, next| one.hint.is(&next.hint)) {
            let Some(first) = run.first() else { continue };
            let mut nodes: HashMap<NodeId, Vec<&Recipient>> = HashMap::new();
            for item in run {
                registry.nodes_of(&item.to).iter().for_each(|node| nodes.entry(*node).or_default().push(&item.to));
            }
            match Payload::of(&first.hint) {
                Ok(payload) => nodes.into_iter().for_each(|(node, to)| {
                    let list = entries.entry(node).or_default();
                    if list.last().is_none_or(|entry| entry.len() >= ENTRY) {
                        list.push(Entry::default());
                    }
                    if let Some(entry) = list.last_mut() {
                        entry.hint(&to, &payload);
                    }
                }),
                Err(error) => tracing::error!(error = %error, "a hint could not be written"),
            }
        }
        entries
    }

    /// Does what an entry of another node says; the nodes whose recipients have to be loaded, and those that ask for
    /// ours.
    pub(super) fn apply(&self, entry: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let items = match super::wire::read(entry) {
            Ok(items) => items,
            Err(error) => {
                tracing::warn!(error = %error, "an entry of another node is ignored; do all nodes run one version?");
                return asked;
            }
        };
        for item in items {
            self.item(item, &mut asked);
        }
        asked
    }

    fn item(&self, item: Item, asked: &mut Asked) {
        let now = Instant::now();
        let (node, next) = match item {
            Item::Hint(to, hint) => {
                Counters::add(&self.counters.received, 1);
                to.iter().for_each(|recipient| self.local.publish(recipient, &hint));
                return;
            }
            Item::Ask(node) => return asked.ask.push(node),
            Item::Here(node, _) | Item::Changed { node, .. } | Item::All { node, .. } if node == self.node => return,
            Item::Here(node, number) => (node, self.registry_mut().here(node, number, now)),
            Item::Changed { node, number, came, left } => {
                (node, self.registry_mut().changed(node, number, (came, left), now))
            }
            Item::All { node, number, first, last, recipients } => {
                self.registry_mut().part(node, number, (first, last), recipients, now);
                return;
            }
            Item::Gone(node) => return self.registry_mut().forget(node),
        };
        if next == Next::Load && !asked.load.contains(&node) {
            asked.load.push(node);
        }
    }

    /// The back end answers from now on.
    pub(super) fn up(&self) {
        self.registry_mut().awake(Instant::now());
        self.counters.up.store(true, Ordering::Relaxed);
    }

    /// The back end does not answer: what waits for it is dropped.
    pub(super) fn down(&self, waiting: &mut mpsc::Receiver<Outgoing>) {
        self.counters.up.store(false, Ordering::Relaxed);
        let mut lost = 0;
        while waiting.try_recv().is_ok() {
            lost += 1;
        }
        Counters::add(&self.counters.dropped, lost);
    }

    pub(super) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nodes that are known.
    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.registry().peers()
    }

    /// The numbers now.
    pub(super) fn counts(&self) -> Counts {
        let registry = self.registry();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Counts { peers: count(registry.peers().len()), elsewhere: count(registry.len()), ..self.counters.read() }
    }
}

/// What other nodes make necessary.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Whose recipients have to be loaded.
    pub(super) load: Vec<NodeId>,
    /// Who wants to know ours.
    pub(super) ask: Vec<NodeId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Frame;
    use crate::model::id::{AgentId, TenantId};
    use crate::model::time::Millis;

    fn agent(name: &str) -> Recipient {
        Recipient::Agent(TenantId::parse("t").unwrap(), AgentId::parse(name).unwrap())
    }

    fn frame(text: &str) -> Hint {
        Hint::Frame(Frame::plain(text))
    }

    /// A node that knows of two others: `li` is attached on both, `wu` on the second.
    fn remote() -> (Remote, NodeId, NodeId) {
        let [own, one, two] = [1, 2, 3].map(|at| NodeId::generate(Millis(at)));
        let remote = Remote::new(own, Local::default());
        remote.registry_mut().load(one, 1, &HashSet::from([agent("li")]), Instant::now());
        remote.registry_mut().load(two, 1, &HashSet::from([agent("li"), agent("wu")]), Instant::now());
        (remote, one, two)
    }

    fn said(entries: &[Entry]) -> usize {
        entries.iter().map(Entry::hints).sum()
    }

    #[test]
    fn a_hint_for_several_is_written_once_per_node_that_hears_it() {
        let (remote, one, two) = remote();
        remote.up();
        let hint = frame("hello");
        for to in [agent("li"), agent("wu"), agent("nobody")] {
            remote.publish(&to, &hint);
        }
        remote.publish(&agent("li"), &frame("again"));
        let mut waiting = remote.waiting.try_lock().unwrap();
        let mut batch = Vec::new();
        while let Ok(item) = waiting.try_recv() {
            batch.push(item);
        }
        assert_eq!(batch.len(), 3, "what nobody hears elsewhere is not queued");
        let packed = remote.pack(&batch);
        assert_eq!((said(&packed[&one]), said(&packed[&two])), (2, 2));
        assert_eq!((packed[&one].len(), packed[&two].len()), (1, 1), "one entry each");
    }

    #[test]
    fn while_the_back_end_is_away_nothing_waits_for_it() {
        let (remote, ..) = remote();
        remote.publish(&agent("li"), &frame("too early"));
        remote.up();
        remote.publish(&agent("li"), &frame("queued"));
        remote.down(&mut remote.waiting.try_lock().unwrap());
        remote.publish(&agent("li"), &frame("too late"));
        let counts = remote.counts();
        assert_eq!((counts.published, counts.dropped, counts.up), (1, 3, false));
    }

    #[test]
    fn a_queue_that_is_full_drops_and_counts() {
        let (remote, ..) = remote();
        remote.up();
        let hint = frame("x");
        for _ in 0..QUEUE + 5 {
            remote.publish(&agent("li"), &hint);
        }
        assert_eq!(remote.counts().dropped, 5);
    }
}
