//! Finds in the tables what no hint announced, for everybody who is attached to this node. Runs only where there may be
//! other nodes: their hints can get lost.
//!
//! Each recipient is looked up once in a round, and soon after it was attached, when other nodes may not have known of it
//! yet. What has not changed since the last look costs a row and tells nobody. What has changed is told to the
//! sockets here a moment later, which know from its mark whether a hint was faster.

mod agent;
mod call;
mod contact;
mod desk;
mod lease;
mod list;
mod round;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use self::contact::ContactSeen;
use self::desk::DeskSeen;
use self::lease::Reading;
use self::list::AgentSeen;
pub(super) use self::round::Round;
use self::round::{Look, Who, by_tenant};
use super::call::CallsSeen;
use super::effect::Push;
use super::mark::marked;
use super::{Core, Error};
use crate::config::{Bug, planted};
use crate::hub::{Head, Hint, Recipient};
use crate::model::id::{AgentId, ContactId, ConversationId, TenantId};
use crate::runtime::Stop;

/// Hints are this much slower than a look at the tables, at most, while all is well: so long after the look its news is
/// told.
const LAG: Duration = Duration::from_millis(250);
/// Looks are short and far between: messages wait for the cores while several follow each other.
const STEP: Duration = Duration::from_millis(50);
/// Steps of a round: everybody is looked up each 3.5 s.
const STEPS: usize = 70;
/// The looks of a round are over after so many of them, even if some take longer.
const LOOKING: usize = 60;
/// Each so many steps those who have come since are looked up.
const FRESH: usize = 10;
/// What the log says of a tenant whose look failed.
const UNSEEN: &str = "a tenant could not be looked at";
/// What was not touched for so long was told to whoever has come since.
const RECENT: Duration = Duration::from_secs(15);

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
    /// What was found and not told yet, and when.
    news: VecDeque<(Instant, Vec<(Recipient, Hint)>)>,
    /// Statements of the last round, about.
    pub(super) statements: usize,
}

impl Memory {
    fn found(&mut self, news: News) {
        self.statements += news.statements;
        if !news.list.is_empty() {
            self.news.push_back((Instant::now(), news.list));
        }
    }
}

impl Core {
    /// Looks until `stop`.
    pub async fn run_sweep(&self, stop: Stop) {
        if !self.hub().spans_nodes() || planted(Bug::SweepOff) {
            return stop.cancelled().await;
        }
        let (mut memory, mut round) = (Memory::default(), Round::default());
        let mut pace = tokio::time::interval(STEP);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for step in (0..STEPS).cycle() {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = pace.tick() => {}
            }
            // What was committed just before a look was still on its way as a hint then.
            self.tell_swept(&mut memory, LAG);
            if let Err(error) = self.sweep_step(step, &mut round, &mut memory).await {
                tracing::warn!(error = ?error, "what hints may have missed could not be looked up");
                // With the store away the rest would fail, too.
                round = Round::default();
            }
        }
    }

    /// One step of the sweep, which begins a round with step 0.
    ///
    /// # Errors
    /// When the store is away; what was found until then counts.
    pub(super) async fn sweep_step(&self, step: usize, round: &mut Round, memory: &mut Memory) -> Result<(), Error> {
        if step == 0 {
            *round = self.begin_round(memory);
        }
        if step.is_multiple_of(FRESH) {
            self.sweep_fresh(memory).await?;
        }
        // A round with nobody in it counts as well: whoever watches the sweep sees that it goes on.
        if step == 0 || !round.is_over() { self.look_on(round, memory).await } else { Ok(()) }
    }

    /// Everybody who is attached here; whoever is not any more is forgotten.
    pub(super) fn begin_round(&self, memory: &mut Memory) -> Round {
        memory.statements = 0;
        let recipients = self.hub().recipients();
        let here = recipients.len();
        // Half of the looks, for who connects with several devices.
        let leases = (here > 0).then(|| Reading::of(here, LOOKING / 2, self.clock().now()));
        let mut tenants = by_tenant(recipients);
        tenants.retain(|tenant, _| self.tenants().tenant(tenant).is_some());
        memory.contacts.retain(|tenant, _| tenants.contains_key(tenant));
        memory.agents.retain(|tenant, _| tenants.contains_key(tenant));
        memory.desks.retain(|tenant, _| tenants.contains_key(tenant));
        memory.calls.retain(|tenant, _| tenants.contains_key(tenant));
        for (tenant, here) in &tenants {
            if let Some(known) = memory.contacts.get_mut(tenant) {
                known.retain(|contact, _| here.contacts.contains(contact));
            }
            if let Some(known) = memory.agents.get_mut(tenant) {
                known.retain(|agent, _| here.agents.contains(agent));
            }
        }
        Round::of(tenants, leases, LOOKING)
    }

    /// Takes the next step of a round.
    ///
    /// # Errors
    /// When the store is away; what was found until then counts.
    pub(super) async fn look_on(&self, round: &mut Round, memory: &mut Memory) -> Result<(), Error> {
        for look in round.step() {
            Error::one_of_many(self.look_at(&look, memory).await, &look.tenant, UNSEEN)?;
        }
        if let Some(leases) = round.leases.take() {
            memory.statements += 1;
            round.leases = self.sweep_leases(leases).await?;
        }
        if round.is_over() {
            let statements = u64::try_from(memory.statements).unwrap_or(u64::MAX);
            self.inner.sweep.statements.store(statements, Ordering::Relaxed);
            self.inner.sweep.rounds.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn look_at(&self, look: &Look, memory: &mut Memory) -> Result<(), Error> {
        let Look { tenant, here, who } = look;
        match who {
            Who::Contacts(contacts) => self.sweep_contacts(tenant, contacts.clone(), memory).await,
            Who::Agents(agents) => self.sweep_agents(tenant, agents.clone(), memory).await,
            Who::Shared => {
                self.sweep_calls(tenant, here, memory).await?;
                if here.agents.is_empty() { Ok(()) } else { self.sweep_desk(tenant, memory).await }
            }
        }
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
    /// When the store is away; what was found until then counts.
    pub(super) async fn sweep_fresh(&self, memory: &mut Memory) -> Result<(), Error> {
        for (tenant, new) in by_tenant(self.hub().take_fresh()) {
            if self.tenants().tenant(&tenant).is_none() {
                continue;
            }
            // Whoever is here anew knows nothing of what was seen before.
            if let Some(known) = memory.contacts.get_mut(&tenant) {
                known.retain(|contact, _| !new.contacts.contains(contact));
            }
            if let Some(known) = memory.agents.get_mut(&tenant) {
                known.retain(|agent, _| !new.agents.contains(agent));
            }
            let new = Arc::new(new);
            for who in new.people(1) {
                let look = Look { tenant: tenant.clone(), here: Arc::clone(&new), who };
                Error::one_of_many(self.look_at(&look, memory).await, &tenant, UNSEEN)?;
            }
            if !new.agents.is_empty() {
                Error::one_of_many(self.show_desk(&tenant, &new.agents, memory).await, &tenant, UNSEEN)?;
            }
        }
        Ok(())
    }

    /// Tells the sockets of this node what was found at least so long ago.
    pub(super) fn tell_swept(&self, memory: &mut Memory, ago: Duration) {
        while let Some((_, list)) = memory.news.pop_front_if(|(found, _)| found.elapsed() >= ago) {
            for (to, hint) in list {
                self.hub().publish_here(&to, &hint);
            }
        }
    }
}
