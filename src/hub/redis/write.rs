//! What this node tells others: hints in batches, who came and who left, and that it is still there.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redis::{Pipeline, pipe};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Lost;
use super::key::member;
use super::link::{LEASE_MS, Link};
use crate::hub::count::Counters;
use crate::hub::remote::{Outgoing, Remote};
use crate::hub::wire::Entry;
use crate::model::id::NodeId;

/// Entries that a stream keeps, about: what its node has not read beyond that is dropped.
const KEPT: u64 = 2_000;
/// How often the node looks after itself.
const BEAT: Duration = Duration::from_secs(1);
/// Every so many beats the others are told that the node is there.
const SAY_HERE: u32 = 3;
/// Every so many beats everything in Redis is renewed.
const RENEW: u32 = 10;
/// A node that was silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);

impl Link<'_> {
    /// Writes until Redis is lost.
    pub(super) async fn write(&self, waiting: &mut mpsc::Receiver<Outgoing>) -> Result<(), Lost> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = 0_u32;
        loop {
            tokio::select! {
                batch = Remote::batch(waiting) => self.send(&batch).await?,
                () = self.remote.changed.notified() => self.announce().await?,
                _ = beat.tick() => {
                    beats = beats.wrapping_add(1);
                    self.beat(beats).await?;
                }
            }
        }
    }

    /// Sends hints: one command per node that hears any of them, all at once.
    async fn send(&self, batch: &[Outgoing]) -> Result<(), Lost> {
        let packed = self.remote.pack(batch);
        try_join_all(packed.into_iter().map(|(node, entries)| self.post(node, entries))).await?;
        Ok(())
    }

    async fn post(&self, node: NodeId, entries: Vec<Entry>) -> Result<(), Lost> {
        let stream = self.keys.stream(node);
        let mut commands = pipe();
        let counts: Vec<usize> = entries.iter().map(Entry::hints).collect();
        for entry in entries {
            add(&mut commands, &stream, &entry.into_bytes());
        }
        let ids: Vec<Option<String>> = self.shared.ask_all(&commands).await?;
        let refused = ids.iter().zip(counts).filter(|(id, _)| id.is_none()).map(|(_, hints)| hints).sum();
        Counters::add(&self.remote.counters.dropped, refused);
        Ok(())
    }

    /// Tells nodes the same; those that are not there do not hear it.
    pub(super) async fn tell(&self, nodes: Vec<NodeId>, bytes: &[u8]) -> Result<(), Lost> {
        let told = nodes.into_iter().map(|node| async move {
            let mut commands = pipe();
            add(&mut commands, &self.keys.stream(node), bytes);
            self.shared.ask_all::<(Option<String>,)>(&commands).await
        });
        try_join_all(told).await?;
        Ok(())
    }

    /// Writes into the registry who came and who left, and tells the others.
    async fn announce(&self) -> Result<(), Lost> {
        let changes = self.remote.take_changes();
        if changes.are_none() {
            return Ok(());
        }
        if changes.are_many() {
            return self.enter().await;
        }
        let (node, number) = (self.remote.node, self.own.next_number());
        self.own.note(&changes.came);
        let mut commands = pipe();
        for recipient in &changes.came {
            self.add(&mut commands, recipient.tenant(), &[member(recipient)]);
        }
        for recipient in &changes.left {
            commands.cmd("SREM").arg(self.keys.at(node, recipient.tenant())).arg(member(recipient)).ignore();
        }
        commands.cmd("SET").arg(self.keys.number(node)).arg(number).arg("PX").arg(LEASE_MS).ignore();
        let mut entry = Entry::default();
        entry.changed(node, number, &changes.came, &changes.left);
        let bytes = entry.into_bytes();
        let peers = self.remote.peers();
        tokio::try_join!(self.shared.ask_all::<()>(&commands), self.tell(peers, &bytes))?;
        Ok(())
    }

    async fn beat(&self, beats: u32) -> Result<(), Lost> {
        let stream = self.keys.stream(self.remote.node);
        let mut commands = pipe();
        commands.cmd("PEXPIRE").arg(&stream).arg(LEASE_MS);
        commands.cmd("XTRIM").arg(&stream).arg("MINID").arg(self.own.position()).ignore();
        commands.cmd("XLEN").arg(&stream);
        let (there, length): (bool, u64) = self.shared.ask_all(&commands).await?;
        // The last entry that was read stays.
        self.remote.counters.lag.store(length.saturating_sub(1), Ordering::Relaxed);
        if !there {
            tracing::warn!("Redis has lost what this node had in it; it is written again");
            return self.enter().await;
        }
        if beats.is_multiple_of(RENEW) {
            self.renew().await?;
        }
        if beats.is_multiple_of(SAY_HERE) {
            let dead = self.remote.registry_mut().bury(SILENCE, Instant::now());
            for node in dead {
                tracing::warn!(node = %node, "a node has not been heard of for 30 s and is taken for dead");
            }
            self.say_here().await?;
        }
        Ok(())
    }

    /// Tells the others that this node is there.
    pub(super) async fn say_here(&self) -> Result<(), Lost> {
        let mut entry = Entry::default();
        entry.here(self.remote.node, self.own.number());
        self.tell(self.remote.peers(), &entry.into_bytes()).await
    }

    /// Renews the registry, and looks for nodes that have not introduced themselves.
    async fn renew(&self) -> Result<(), Lost> {
        let node = self.remote.node;
        let mut commands = pipe();
        commands.cmd("PEXPIRE").arg(self.keys.number(node)).arg(LEASE_MS);
        commands.cmd("PEXPIRE").arg(self.keys.tenants(node)).arg(LEASE_MS).ignore();
        for tenant in self.own.tenants() {
            commands.cmd("PEXPIRE").arg(self.keys.at(node, &tenant)).arg(LEASE_MS).ignore();
        }
        let (registered,): (bool,) = self.shared.ask_all(&commands).await?;
        if !registered {
            return self.enter().await;
        }
        let known = self.remote.peers();
        for other in self.others().await?.into_iter().filter(|node| !known.contains(node)) {
            self.load(other).await?;
            if !self.remote.peers().contains(&other) {
                self.forget(other).await?;
            }
        }
        Ok(())
    }

    /// Takes a node that left nothing behind out of the list.
    async fn forget(&self, node: NodeId) -> Result<(), Lost> {
        let mut command = redis::cmd("SREM");
        command.arg(self.keys.nodes()).arg(node.to_string());
        self.shared.ask(&command).await
    }
}

/// Adds an entry to a stream, if its node is there.
fn add(commands: &mut Pipeline, stream: &str, bytes: &[u8]) {
    let command = commands.cmd("XADD").arg(stream).arg("NOMKSTREAM").arg("MAXLEN").arg("~").arg(KEPT);
    command.arg("*").arg("b").arg(bytes);
}
