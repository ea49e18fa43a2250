//! A round of the sweep: who is to be looked at still, and how many at a time. Knows recipients, not what a look finds.
//!
//! All at once would keep everybody else waiting: the store's cores for as long as the look takes, and then the sockets of
//! thousands who are told what they know already. So a round is cut into looks that take a few milliseconds, spread evenly
//! over its steps. Their order is the same in each round, and one look more or less moves none of them by much: whoever is
//! looked at early in one round is not looked at late in the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::lease::Reading;
use crate::hub::Recipient;
use crate::model::id::{AgentId, ContactId, TenantId};

/// Customers of one look: few while a round has steps enough, but not so few that the statements cost more than what they
/// find.
const CONTACTS: RangeInclusive<usize> = 50..=250;
/// Agents of one look, each with a list of conversations.
const AGENTS: RangeInclusive<usize> = 2..=25;

/// The recipients of one tenant on this node.
#[derive(Debug, Default)]
pub(super) struct Here {
    pub(super) contacts: BTreeSet<ContactId>,
    pub(super) agents: BTreeSet<AgentId>,
}

/// Who is looked at together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Who {
    Contacts(Vec<ContactId>),
    Agents(Vec<AgentId>),
    /// What all of a tenant share.
    Shared,
}

/// One look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) tenant: TenantId,
    /// All of the tenant who are here.
    pub(super) here: Arc<Here>,
    pub(super) who: Who,
}

/// What is left of a round.
#[derive(Debug, Default)]
pub(in crate::core) struct Round {
    looks: VecDeque<Look>,
    /// Leases that are still to be read.
    pub(super) leases: Option<Reading>,
    /// How many it had.
    all: usize,
    /// Its steps, and how many of them were taken.
    steps: usize,
    taken: usize,
}

/// The recipients, by tenant.
pub(super) fn by_tenant(recipients: Vec<Recipient>) -> BTreeMap<TenantId, Here> {
    let mut tenants: BTreeMap<TenantId, Here> = BTreeMap::new();
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

impl Here {
    /// These people, as many at a time as one look takes where a round has so many steps; customers and agents evenly mixed,
    /// for a look at some costs more than a look at the others.
    pub(super) fn people(&self, steps: usize) -> impl Iterator<Item = Who> {
        let at_a_time =
            |all: usize, range: RangeInclusive<usize>| all.div_ceil(steps.max(1)).clamp(*range.start(), *range.end());
        let contacts = portions(&self.contacts, at_a_time(self.contacts.len(), CONTACTS));
        let agents = portions(&self.agents, at_a_time(self.agents.len(), AGENTS));
        // The middle of each portion's share of the round, times the number of both.
        let place = |n: usize, others: usize| (2 * n + 1) * others.max(1);
        let (many, few) = (contacts.len(), agents.len());
        let contacts = contacts.into_iter().enumerate().map(|(n, some)| (place(n, few), Who::Contacts(some)));
        let agents = agents.into_iter().enumerate().map(|(n, some)| (place(n, many), Who::Agents(some)));
        let mut all: Vec<_> = contacts.chain(agents).collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, who)| who)
    }
}

fn portions<T: Clone>(all: &BTreeSet<T>, most: usize) -> Vec<Vec<T>> {
    let mut rest = all.iter().cloned();
    std::iter::from_fn(|| Some(rest.by_ref().take(most).collect::<Vec<_>>()).filter(|some| !some.is_empty())).collect()
}

impl Round {
    /// Of these, to be over after so many steps. The leases are read beside.
    pub(super) fn of(
        tenants: impl IntoIterator<Item = (TenantId, Here)>,
        leases: Option<Reading>,
        steps: usize,
    ) -> Self {
        let looks = tenants.into_iter().flat_map(|(tenant, here)| {
            let here = Arc::new(here);
            let who: Vec<Who> = here.people(steps).chain([Who::Shared]).collect();
            who.into_iter().map(move |who| Look { tenant: tenant.clone(), here: Arc::clone(&here), who })
        });
        let looks: VecDeque<Look> = looks.collect();
        Self { all: looks.len(), looks, leases, steps, taken: 0 }
    }

    /// The looks of the next step.
    pub(super) fn step(&mut self) -> impl Iterator<Item = Look> {
        self.taken += 1;
        let due = (self.all * self.taken).div_ceil(self.steps.max(1)).min(self.all);
        let gone = self.all - self.looks.len();
        self.looks.drain(..due - gone)
    }

    /// Whether nothing is left of it.
    pub(in crate::core) fn is_over(&self) -> bool {
        self.looks.is_empty() && self.leases.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Millis;

    fn here(contacts: usize, agents: usize) -> Here {
        Here {
            contacts: (0..contacts).map(|_| ContactId::generate(Millis(1))).collect(),
            agents: (0..agents).map(|n| AgentId::parse(&format!("agent-{n}")).unwrap()).collect(),
        }
    }

    fn people(looks: impl Iterator<Item = Look>) -> usize {
        looks
            .map(|look| match look.who {
                Who::Contacts(some) => some.len(),
                Who::Agents(some) => some.len(),
                Who::Shared => 0,
            })
            .sum()
    }

    #[test]
    fn a_round_is_over_after_its_steps_and_has_looked_at_everybody_once() {
        let tenants = ["bank", "shop"].map(|tenant| (TenantId::parse(tenant).unwrap(), here(4_000, 60)));
        let mut round = Round::of(tenants, None, 12);
        let steps: Vec<usize> = (0..12).map(|_| people(round.step())).collect();
        assert!(round.is_over());
        assert_eq!(steps.iter().sum::<usize>(), 2 * 4_060);
        assert!(steps.iter().all(|people| *people <= 4 * CONTACTS.end()), "{steps:?}");
    }

    #[test]
    fn a_few_people_are_all_looked_at_and_what_they_share_with_them() {
        let mut round = Round::of([(TenantId::parse("shop").unwrap(), here(3, 2))], None, 12);
        let looks: Vec<Look> = (0..12).flat_map(|_| round.step().collect::<Vec<_>>()).collect();
        assert!(round.is_over() && looks.iter().any(|look| look.who == Who::Shared));
        assert_eq!(people(looks.into_iter()), 5);
    }

    /// At which step each look of a round is.
    fn steps(looks: usize) -> Vec<usize> {
        // Each portion of agents is a look, and what they share is the last one.
        let mut round = Round::of([(TenantId::parse("shop").unwrap(), here(0, (looks - 1) * 25))], None, 1);
        (round.all, round.steps) = (round.looks.len(), 12);
        (0..12).flat_map(|step| round.step().map(|_| step).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn one_look_more_or_less_moves_nobody_by_much() {
        assert_eq!(steps(3), [0, 4, 8]);
        for looks in 3..60 {
            let (before, after) = (steps(looks), steps(looks + 1));
            assert_eq!(before.len(), looks, "all of them");
            for (n, step) in before.iter().enumerate() {
                // It comes before this one, or behind it.
                assert!(after[n + 1] <= step + 4 && after[n] + 4 >= *step, "{looks}: {before:?}, {after:?}");
            }
        }
    }

    #[test]
    fn agents_are_spread_over_the_steps_unless_they_are_few_or_very_many() {
        let most = |agents| {
            let here = here(0, agents);
            here.people(12).map(|who| if let Who::Agents(some) = who { some.len() } else { 0 }).max().unwrap()
        };
        assert_eq!([1, 50, 120, 1_000].map(most), [1, 5, 10, 25]);
    }

    #[test]
    fn a_node_without_anybody_has_nothing_to_look_at() {
        let mut round = Round::of([], None, 12);
        assert!(round.is_over());
        assert_eq!(round.step().count(), 0);
    }
}
