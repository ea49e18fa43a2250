//! Who is attached on which other node: a replica in memory, kept by what the other nodes announce.
//!
//! Every change of a node carries a number. A number that does not follow the last one means that something was
//! missed: then the replica of that node is stale until it is loaded anew. Reading is on the hot path and asks nobody.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::Recipient;
use crate::model::id::NodeId;

/// What has to be done after an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// Something was missed: load the node's recipients.
    Load,
}

#[derive(Debug)]
struct Peer {
    number: u64,
    heard: Instant,
    /// Recipients of a load that comes in parts.
    loading: Option<HashSet<Recipient>>,
}

/// The recipients of the other nodes.
#[derive(Debug, Default)]
pub(super) struct Registry {
    peers: HashMap<NodeId, Peer>,
    at: HashMap<Recipient, Vec<NodeId>>,
}

impl Registry {
    /// The nodes on which a recipient is attached.
    pub(super) fn nodes_of(&self, recipient: &Recipient) -> &[NodeId] {
        self.at.get(recipient).map_or(&[], Vec::as_slice)
    }

    /// The nodes that are known.
    pub(super) fn peers(&self) -> Vec<NodeId> {
        self.peers.keys().copied().collect()
    }

    /// Recipients that are attached anywhere else.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    /// A node says that it is there and how many changes it has announced.
    pub(super) fn here(&mut self, node: NodeId, number: u64, now: Instant) -> Next {
        match self.peers.get_mut(&node) {
            Some(peer) => {
                peer.heard = now;
                if peer.number == number { Next::Nothing } else { Next::Load }
            }
            None => Next::Load,
        }
    }

    /// A node announces a change. One that was loaded already is ignored.
    pub(super) fn changed(
        &mut self,
        node: NodeId,
        number: u64,
        change: (Vec<Recipient>, Vec<Recipient>),
        now: Instant,
    ) -> Next {
        let Some(peer) = self.peers.get_mut(&node) else { return Next::Load };
        peer.heard = now;
        if number <= peer.number {
            return Next::Nothing;
        }
        if number != peer.number + 1 {
            return Next::Load;
        }
        peer.number = number;
        let (came, left) = change;
        came.into_iter().for_each(|recipient| self.add(node, recipient));
        left.iter().for_each(|recipient| self.remove(node, recipient));
        Next::Nothing
    }

    /// All recipients of a node, as of this change.
    pub(super) fn load(&mut self, node: NodeId, number: u64, recipients: &HashSet<Recipient>, now: Instant) {
        self.at.retain(|recipient, nodes| {
            if !recipients.contains(recipient) {
                nodes.retain(|other| *other != node);
            }
            !nodes.is_empty()
        });
        recipients.iter().for_each(|recipient| self.add(node, recipient.clone()));
        self.peers.insert(node, Peer { number, heard: now, loading: None });
    }

    /// A part of a load that comes in parts; with the last one it counts.
    pub(super) fn part(&mut self, node: NodeId, number: u64, ends: (bool, bool), part: Vec<Recipient>, now: Instant) {
        let peer = self.peers.entry(node).or_insert(Peer { number: 0, heard: now, loading: None });
        peer.heard = now;
        if ends.0 {
            peer.loading = Some(HashSet::new());
        }
        let Some(loading) = &mut peer.loading else { return };
        loading.extend(part);
        if ends.1 {
            let all = std::mem::take(loading);
            self.load(node, number, &all, now);
        }
    }

    /// Forgets a node.
    pub(super) fn forget(&mut self, node: NodeId) {
        if self.peers.remove(&node).is_some() {
            self.at.retain(|_, nodes| {
                nodes.retain(|other| *other != node);
                !nodes.is_empty()
            });
        }
    }

    /// Forgets the nodes that were silent for so long, and names them.
    pub(super) fn bury(&mut self, silence: Duration, now: Instant) -> Vec<NodeId> {
        let silent = |peer: &Peer| now.saturating_duration_since(peer.heard) >= silence;
        let dead: Vec<NodeId> = self.peers.iter().filter(|(_, peer)| silent(peer)).map(|(node, _)| *node).collect();
        dead.iter().for_each(|node| self.forget(*node));
        dead
    }

    /// Counts the silence of every node from now on: until now nobody could have been heard.
    pub(super) fn awake(&mut self, now: Instant) {
        self.peers.values_mut().for_each(|peer| peer.heard = now);
    }

    fn add(&mut self, node: NodeId, recipient: Recipient) {
        let nodes = self.at.entry(recipient).or_default();
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }

    fn remove(&mut self, node: NodeId, recipient: &Recipient) {
        if let Some(nodes) = self.at.get_mut(recipient) {
            nodes.retain(|other| *other != node);
            if nodes.is_empty() {
                self.at.remove(recipient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{AgentId, TenantId};
    use crate::model::time::Millis;

    fn agent(name: &str) -> Recipient {
        Recipient::Agent(TenantId::parse("t").unwrap(), AgentId::parse(name).unwrap())
    }

    fn nodes() -> (NodeId, NodeId) {
        (NodeId::generate(Millis(1)), NodeId::generate(Millis(2)))
    }

    #[test]
    fn changes_that_follow_are_applied_and_a_gap_is_noticed() {
        let (mut registry, (a, b), now) = (Registry::default(), nodes(), Instant::now());
        assert_eq!(registry.changed(a, 1, (vec![agent("li")], vec![]), now), Next::Load, "nobody knows it yet");
        registry.load(a, 4, &HashSet::from([agent("li")]), now);
        registry.load(b, 0, &HashSet::from([agent("li")]), now);
        assert_eq!(registry.changed(a, 4, (vec![], vec![agent("li")]), now), Next::Nothing, "loaded already");
        assert_eq!(registry.nodes_of(&agent("li")), [a, b]);
        assert_eq!(registry.changed(a, 5, (vec![agent("wu")], vec![agent("li")]), now), Next::Nothing);
        assert_eq!((registry.nodes_of(&agent("li")), registry.nodes_of(&agent("wu"))), (&[b][..], &[a][..]));
        assert_eq!(registry.changed(a, 7, (vec![], vec![agent("wu")]), now), Next::Load);
        assert_eq!(registry.here(a, 5, now), Next::Nothing);
        assert_eq!(registry.here(a, 7, now), Next::Load);
    }

    #[test]
    fn a_load_replaces_and_one_in_parts_counts_with_its_last() {
        let (mut registry, (a, _), now) = (Registry::default(), nodes(), Instant::now());
        registry.load(a, 1, &HashSet::from([agent("li"), agent("wu")]), now);
        registry.part(a, 9, (true, false), vec![agent("wu")], now);
        assert_eq!(registry.nodes_of(&agent("li")), [a], "not complete yet");
        registry.part(a, 9, (false, true), vec![agent("qi")], now);
        assert!(registry.nodes_of(&agent("li")).is_empty());
        assert_eq!((registry.nodes_of(&agent("wu")), registry.nodes_of(&agent("qi"))), (&[a][..], &[a][..]));
        assert_eq!(registry.here(a, 9, now), Next::Nothing);
    }

    #[test]
    fn a_silent_node_is_forgotten_unless_nobody_could_be_heard() {
        let (mut registry, (a, b), start) = (Registry::default(), nodes(), Instant::now());
        registry.load(a, 1, &HashSet::from([agent("li")]), start);
        registry.load(b, 1, &HashSet::from([agent("wu")]), start);
        let later = start + Duration::from_secs(40);
        registry.awake(start + Duration::from_secs(20));
        assert!(registry.bury(Duration::from_secs(30), later).is_empty());
        registry.here(b, 1, later);
        assert_eq!(registry.bury(Duration::from_secs(30), later + Duration::from_secs(15)), [a]);
        assert!(registry.nodes_of(&agent("li")).is_empty());
        assert_eq!(registry.len(), 1);
    }
}
