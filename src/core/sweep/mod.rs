//! Finds in the tables what no hint announced, for everybody who is attached to this node. Runs only where there may be
//! other nodes: their hints can get lost.
//!
//! Every `ROUND` each recipient is looked up, and soon after it was attached, when other nodes may not have known of it
//! yet. What has not changed since the last look costs a row and tells nobody. What has changed is told to the
//! sockets here, which know from its mark whether a hint was faster.

mod agent;
mod call;
mod contact;
mod desk;
mod lease;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::agent::AgentSeen;
use self::contact::ContactSeen;
use self::desk::DeskSeen;
use super::call::CallsSeen;
use super::effect::Push;
use super::mark::marked;
use super::{Core, Error};
use crate::config::{Bug, planted};
use crate::hub::{Head, Hint, Recipient};
use crate::model::code::Code;
use crate::model::id::{AgentId, ContactId, ConversationId, TenantId};
use crate::runtime::Stop;

/// Every recipient is looked up this often.
const ROUND: Duration = Duration::from_millis(3_500);
/// New recipients are looked up this often.
const FRESH: Duration = Duration::from_millis(500);
/// Hints are this much slower than a look at the tables, at most, while all is well.
const IN_FLIGHT: Duration = Duration::from_millis(250);
/// What was not touched for so long was told to whoever has come since.
const RECENT: Duration = Duration::from_secs(15);
/// Recipients of one look.
const CHUNK: usize = 500;

/// What a look found: whom to tell what, on this node.
#[derive(Debug, Default)]
struct News {
    list: Vec<(Recipient, Hint)>,
    /// Statements that the look took, about.
    statements: usize,
}

impl News {
    fn push(&mut self, to: &Recipient, push: &Push) -> Result<(), Error> {
        let frame = marked(push).map_err(Error::internal)?;
        self.list.push((to.clone(), Hint::Swept(frame)));
        Ok(())
    }

    fn head(&mut self, to: &Recipient, conv: ConversationId, seq: i64, base: i64) {
        self.list.push((to.clone(), Hint::Head(Arc::new(Head { conv, seq, base }))));
    }
}

/// What the sweep has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rounds since the start.
    pub rounds: u64,
    /// Statements of the last round, about.
    pub statements: u64,
}

/// The counters behind [`Swept`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    rounds: AtomicU64,
    statements: AtomicU64,
}

/// What the last look saw.
#[derive(Debug, Default)]
pub(super) struct Memory {
    contacts: HashMap<TenantId, HashMap<ContactId, Vec<ContactSeen>>>,
    agents: HashMap<TenantId, HashMap<AgentId, AgentSeen>>,
    desks: HashMap<TenantId, DeskSeen>,
    calls: HashMap<TenantId, CallsSeen>,
    /// What was found and not told yet.
    news: Vec<(Recipient, Hint)>,
    /// Statements of the last round, about.
    pub(super) statements: usize,
}

impl Memory {
    fn found(&mut self, news: News) {
        self.statements += news.statements;
        self.news.extend(news.list);
    }
}

/// The recipients of one tenant on this node.
#[derive(Debug, Default)]
struct Here {
    contacts: HashSet<ContactId>,
    agents: HashSet<AgentId>,
}

fn by_tenant(recipients: Vec<Recipient>) -> HashMap<TenantId, Here> {
    let mut tenants: HashMap<TenantId, Here> = HashMap::new();
    for recipient in recipients {
        match recipient {
            Recipient::Contact(tenant, contact) => drop(tenants.entry(tenant).or_default().contacts.insert(contact)),
            Recipient::Agent(tenant, agent) => drop(tenants.entry(tenant).or_default().agents.insert(agent)),
            // Whoever is one of all agents is also one agent.
            Recipient::Agents(_) => {}
        }
    }
    tenants
}

fn chunks<T: Clone>(all: &HashSet<T>) -> Vec<Vec<T>> {
    all.iter().cloned().collect::<Vec<_>>().chunks(CHUNK).map(<[T]>::to_vec).collect()
}

impl Core {
    /// Looks until `stop`.
    pub async fn run_sweep(&self, stop: Stop) {
        if !self.hub().spans_nodes() || planted(Bug::SweepOff) {
            return stop.cancelled().await;
        }
        let mut memory = Memory::default();
        let mut round = tokio::time::interval(ROUND);
        let mut fresh = tokio::time::interval(FRESH);
        for timer in [&mut round, &mut fresh] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                _ = round.tick() => self.sweep_all(&mut memory).await,
                _ = fresh.tick() => self.sweep_fresh(&mut memory).await,
            };
            if let Err(error) = looked {
                tracing::warn!(error = ?error, "what hints may have missed could not be looked up");
            }
            if !memory.news.is_empty() {
                // What was committed just before the look is still on its way as a hint.
                drop(tokio::time::timeout(IN_FLIGHT, stop.cancelled()).await);
                self.tell_swept(&mut memory);
            }
        }
    }

    /// Looks once at everybody who is attached here.
    ///
    /// # Errors
    /// When the store is away; what was found until then counts.
    pub(super) async fn sweep_all(&self, memory: &mut Memory) -> Result<(), Error> {
        memory.statements = self.sweep_leases().await?;
        let here = by_tenant(self.hub().recipients());
        memory.contacts.retain(|tenant, _| here.contains_key(tenant));
        memory.agents.retain(|tenant, _| here.contains_key(tenant));
        memory.desks.retain(|tenant, _| here.contains_key(tenant));
        memory.calls.retain(|tenant, _| here.contains_key(tenant));
        for (tenant, here) in here {
            if self.tenants().tenant(&tenant).is_none() {
                continue;
            }
            match self.sweep_tenant(&tenant, &here, memory).await {
                Err(error) if error.code == Code::DependencyUnavailable => return Err(error),
                Err(error) => tracing::error!(tenant = %tenant, error = ?error, "a tenant could not be looked at"),
                Ok(()) => {}
            }
        }
        let statements = u64::try_from(memory.statements).unwrap_or(u64::MAX);
        self.inner.sweep.statements.store(statements, Ordering::Relaxed);
        self.inner.sweep.rounds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn sweep_tenant(&self, tenant: &TenantId, here: &Here, memory: &mut Memory) -> Result<(), Error> {
        let (mut contacts, mut agents) = (HashMap::new(), HashMap::new());
        for chunk in chunks(&here.contacts) {
            contacts.extend(self.sweep_contacts(tenant, chunk, memory).await?);
        }
        for chunk in chunks(&here.agents) {
            agents.extend(self.sweep_agents(tenant, chunk, memory).await?);
        }
        self.sweep_calls(tenant, here, memory).await?;
        // Whoever has left is forgotten with the old map.
        memory.contacts.insert(tenant.clone(), contacts);
        memory.agents.insert(tenant.clone(), agents);
        if here.agents.is_empty() {
            return Ok(());
        }
        self.sweep_desk(tenant, memory).await
    }

    /// What the sweep has done so far.
    #[must_use]
    pub fn swept(&self) -> Swept {
        let Counters { rounds, statements } = &self.inner.sweep;
        Swept { rounds: rounds.load(Ordering::Relaxed), statements: statements.load(Ordering::Relaxed) }
    }

    /// Looks at those who came since the last look.
    ///
    /// # Errors
    /// As [`Core::sweep_all`].
    pub(super) async fn sweep_fresh(&self, memory: &mut Memory) -> Result<(), Error> {
        for (tenant, new) in by_tenant(self.hub().take_fresh()) {
            if self.tenants().tenant(&tenant).is_none() {
                continue;
            }
            for chunk in chunks(&new.contacts) {
                let known = memory.contacts.entry(tenant.clone()).or_default();
                chunk.iter().for_each(|contact| drop(known.remove(contact)));
                let seen = self.sweep_contacts(&tenant, chunk, memory).await?;
                memory.contacts.entry(tenant.clone()).or_default().extend(seen);
            }
            for chunk in chunks(&new.agents) {
                let known = memory.agents.entry(tenant.clone()).or_default();
                chunk.iter().for_each(|agent| drop(known.remove(agent)));
                let seen = self.sweep_agents(&tenant, chunk, memory).await?;
                memory.agents.entry(tenant.clone()).or_default().extend(seen);
            }
            if !new.agents.is_empty() {
                self.show_desk(&tenant, &new.agents, memory).await?;
            }
        }
        Ok(())
    }

    /// Tells the sockets of this node what was found.
    pub(super) fn tell_swept(&self, memory: &mut Memory) {
        for (to, hint) in memory.news.drain(..) {
            self.hub().publish_here(&to, &hint);
        }
    }
}
