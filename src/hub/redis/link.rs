//! One connection to Redis, from registering to its loss or to taking leave.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use redis::{Pipeline, cmd, pipe};
use tokio::sync::mpsc;

use super::connection::{Exclusive, Shared};
use super::key::{Keys, member, recipient};
use super::own::Own;
use super::{Lost, Settings};
use crate::hub::Recipient;
use crate::hub::remote::{Outgoing, Remote};
use crate::hub::wire::Entry;
use crate::model::id::{NodeId, TenantId};
use crate::runtime::Stop;

/// What a node has in Redis ends after this time unless it is renewed, milliseconds.
pub(super) const LEASE_MS: u64 = 30_000;
/// Members of a set that one command adds.
const CHUNK: usize = 1_000;

/// See the module.
pub(super) struct Link<'a> {
    pub(super) remote: &'a Remote,
    pub(super) keys: &'a Keys,
    pub(super) own: &'a Own,
    pub(super) shared: Shared,
    exclusive: Option<Exclusive>,
}

impl<'a> Link<'a> {
    /// Connects, registers everybody who is attached here, and learns who is attached elsewhere.
    pub(super) async fn open(remote: &'a Remote, settings: &'a Settings, own: &'a Own) -> Result<Self, Lost> {
        let shared = settings.source.commands().await?;
        let exclusive = Some(settings.source.reads().await?);
        let link = Self { remote, keys: &settings.keys, own, shared, exclusive };
        link.enter().await?;
        Ok(link)
    }

    /// Moves hints in both directions until `stop` or the loss of Redis.
    pub(super) async fn serve(&mut self, waiting: &mut mpsc::Receiver<Outgoing>, stop: &Stop) -> Result<(), Lost> {
        let Some(mut exclusive) = self.exclusive.take() else { return Ok(()) };
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            lost = self.read(&mut exclusive) => lost,
            lost = self.write(waiting) => lost,
        };
        exclusive.discard();
        ended
    }

    /// Registers this node and introduces it to the others.
    pub(super) async fn enter(&self) -> Result<(), Lost> {
        self.register().await?;
        for node in self.others().await? {
            self.load(node).await?;
        }
        self.say_here().await
    }

    /// The other nodes that Redis knows.
    pub(super) async fn others(&self) -> Result<Vec<NodeId>, Lost> {
        let nodes = self.keys.nodes();
        let mut commands = pipe();
        commands.cmd("SADD").arg(&nodes).arg(self.remote.node.to_string()).ignore();
        commands.cmd("SMEMBERS").arg(&nodes);
        let (names,): (Vec<String>,) = self.shared.ask_all(&commands).await?;
        let parsed = names.iter().filter_map(|name| NodeId::parse(name).ok());
        Ok(parsed.filter(|node| *node != self.remote.node).collect())
    }

    /// Writes everybody who is attached here into Redis, in place of what is there. Whoever loads it meanwhile sees a
    /// part, and the number of before, and will load it again.
    async fn register(&self) -> Result<(), Lost> {
        let node = self.remote.node;
        let everybody = self.remote.everybody();
        let old: Vec<String> = self.shared.ask(cmd("SMEMBERS").arg(self.keys.tenants(node))).await?;
        let mut by_tenant: HashMap<&TenantId, Vec<String>> = HashMap::new();
        for recipient in &everybody {
            by_tenant.entry(recipient.tenant()).or_default().push(member(recipient));
        }
        let mut clear = pipe();
        for tenant in old.iter().filter_map(|name| TenantId::parse(name).ok()) {
            clear.cmd("DEL").arg(self.keys.at(node, &tenant)).ignore();
        }
        clear.cmd("DEL").arg(self.keys.tenants(node)).ignore();
        self.shared.ask_all::<()>(&clear).await?;
        for (tenant, members) in &by_tenant {
            for chunk in members.chunks(CHUNK) {
                let mut commands = pipe();
                self.add(&mut commands, tenant, chunk);
                self.shared.ask_all::<()>(&commands).await?;
            }
        }
        self.own.renew(by_tenant.into_keys().cloned().collect());
        self.own.rewind_if(self.open_stream(self.own.next_number()).await?);
        Ok(())
    }

    /// Makes sure that this node can be told something, and says which change was the last. Whether the stream was
    /// not there.
    async fn open_stream(&self, number: u64) -> Result<bool, Lost> {
        let (node, stream) = (self.remote.node, self.keys.stream(self.remote.node));
        let mut commands = pipe();
        commands.cmd("EXISTS").arg(&stream);
        commands.cmd("XADD").arg(&stream).arg("*").arg("b").arg(Entry::default().into_bytes()).ignore();
        commands.cmd("PEXPIRE").arg(&stream).arg(LEASE_MS).ignore();
        commands.cmd("SET").arg(self.keys.number(node)).arg(number).arg("PX").arg(LEASE_MS).ignore();
        let (existed,): (bool,) = self.shared.ask_all(&commands).await?;
        Ok(!existed)
    }

    /// Adds members of a tenant to the registry.
    pub(super) fn add(&self, commands: &mut Pipeline, tenant: &TenantId, members: &[String]) {
        let node = self.remote.node;
        let (at, tenants) = (self.keys.at(node, tenant), self.keys.tenants(node));
        commands.cmd("SADD").arg(&at).arg(members).ignore();
        commands.cmd("PEXPIRE").arg(&at).arg(LEASE_MS).ignore();
        commands.cmd("SADD").arg(&tenants).arg(tenant.as_str()).ignore();
        commands.cmd("PEXPIRE").arg(&tenants).arg(LEASE_MS).ignore();
    }

    /// Loads the recipients of another node. One that is not registered is left as it is known: it registers again
    /// soon, or is forgotten after its silence.
    pub(super) async fn load(&self, node: NodeId) -> Result<(), Lost> {
        let mut commands = pipe();
        commands.cmd("GET").arg(self.keys.number(node));
        commands.cmd("SMEMBERS").arg(self.keys.tenants(node));
        let (number, tenants): (Option<u64>, Vec<String>) = self.shared.ask_all(&commands).await?;
        let Some(number) = number else { return Ok(()) };
        let tenants: Vec<TenantId> = tenants.iter().filter_map(|name| TenantId::parse(name).ok()).collect();
        let mut all: HashSet<Recipient> = HashSet::new();
        for chunk in tenants.chunks(100) {
            let mut commands = pipe();
            for tenant in chunk {
                commands.cmd("SMEMBERS").arg(self.keys.at(node, tenant));
            }
            let sets: Vec<Vec<String>> = self.shared.ask_all(&commands).await?;
            for (tenant, members) in chunk.iter().zip(sets) {
                all.extend(members.iter().filter_map(|member| recipient(tenant, member)));
            }
        }
        self.remote.registry_mut().load(node, number, &all, Instant::now());
        Ok(())
    }

    /// Takes leave of the others. What cannot be said ends by itself.
    pub(super) async fn leave(self) {
        let mut entry = Entry::default();
        entry.gone(self.remote.node);
        let bytes = entry.into_bytes();
        let peers = self.remote.peers();
        let node = self.remote.node;
        let mut own = pipe();
        own.cmd("DEL").arg(self.keys.stream(node)).arg(self.keys.number(node)).arg(self.keys.tenants(node)).ignore();
        for tenant in self.own.tenants() {
            own.cmd("DEL").arg(self.keys.at(node, &tenant)).ignore();
        }
        let mut forget = cmd("SREM");
        forget.arg(self.keys.nodes()).arg(node.to_string());
        let said = async {
            self.tell(peers, &bytes).await?;
            self.shared.ask::<()>(&forget).await?;
            self.shared.ask_all::<()>(&own).await
        };
        if let Err(lost) = said.await {
            tracing::warn!(error = %lost, "Redis was not told that this node stops; its entries end by themselves");
        }
    }
}
