//! The claim: a waiting session and an agent's place, both taken or none.
//!
//! Reading comes first and may be out of date; the two conditional changes decide. The entry is claimed before the
//! place, always in this order, so that two claims cannot wait for each other.

use std::collections::HashSet;
use std::time::Duration;

use crate::model::assignment::State;
use crate::model::id::{AgentId, AssignmentId, ConversationId, QueueId, SessionId};
use crate::model::presence::{Candidate, LAST_CHOICE};
use crate::model::time::Millis;
use crate::store::agent::{self, Agent};
use crate::store::queue::{self, Entry};
use crate::store::{Error, Tx};

use super::{Assignment, insert};

/// Entries that one claim looks at: beyond them nobody is served out of turn.
const DEPTH: i64 = 64;

/// Exclusions that end within this time are cooldowns.
const PASSING: Duration = Duration::from_secs(24 * 3600);

/// The terms of an offer.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// When it is made.
    pub now: Millis,
    /// When it ends.
    pub deadline: Millis,
}

impl Terms {
    /// The offer of a session to an agent under these terms, with a token that cannot be guessed.
    #[must_use]
    pub fn offer(&self, session: SessionId, conv: ConversationId, agent: AgentId) -> Assignment {
        Assignment {
            assignment: AssignmentId::generate(self.now),
            session,
            conv,
            agent,
            state: State::Offered,
            queue: None,
            token: format!("{:032x}", rand::random::<u128>()),
            offered_at: self.now,
            deadline: self.deadline,
            accepted_at: None,
            ended_at: None,
            reason: None,
            disposition: None,
            transfer_from: None,
        }
    }
}

/// Offers the first session of a queue that somebody can take to whoever can take it best. `None` when there is no
/// such pair now.
///
/// # Errors
/// When a statement fails.
pub fn claim(tx: &mut Tx<'_>, queue: &QueueId, terms: Terms) -> Result<Option<Assignment>, Error> {
    claim_fit(tx, queue, terms, |_, _| true)
}

/// As [`claim`], each session for those agents only who fit it.
///
/// # Errors
/// When a statement fails.
pub fn claim_fit(
    tx: &mut Tx<'_>,
    queue: &QueueId,
    terms: Terms,
    fits: impl Fn(&Agent, SessionId) -> bool,
) -> Result<Option<Assignment>, Error> {
    let mut ready = agent::of_queue(tx, queue)?;
    ready.retain(|agent| agent.presence.routable(terms.now));
    if ready.is_empty() {
        return Ok(None);
    }
    ready.sort_by(|a, b| candidate(a).order(&candidate(b)).then_with(|| a.agent.cmp(&b.agent)));
    let waiting = queue::waiting(tx, queue, DEPTH)?;
    let sessions: Vec<SessionId> = waiting.iter().map(|(entry, _)| entry.session).collect();
    let excluded: HashSet<_> = queue::excluded(tx, &sessions, terms.now)?.into_iter().collect();
    for (entry, last) in waiting {
        let fit: Vec<&AgentId> = in_turn(&ready, last.as_ref())
            .filter(|agent| fits(agent, entry.session) && !excluded.contains(&(entry.session, agent.agent.clone())))
            .map(|agent| &agent.agent)
            .collect();
        if let Some(made) = pair(tx, &entry, &fit, terms)? {
            return Ok(Some(made));
        }
    }
    Ok(None)
}

/// Gives the first waiting session of a queue to an agent who asks for it. `Ok(None)` when nobody waits.
///
/// # Errors
/// When a statement fails.
pub fn claim_by(tx: &mut Tx<'_>, queue: &QueueId, agent: &AgentId, terms: Terms) -> Result<Option<Assignment>, Error> {
    let waiting = queue::waiting(tx, queue, DEPTH)?;
    let sessions: Vec<SessionId> = waiting.iter().map(|(entry, _)| entry.session).collect();
    // A cooldown does not bind who asks; what the agent passes on does not come back this way.
    let lasting = queue::excluded(tx, &sessions, terms.now.plus(PASSING))?;
    for (entry, _) in waiting {
        if lasting.contains(&(entry.session, agent.clone())) || !queue::offer(tx, entry.session)? {
            continue;
        }
        return made(tx, &entry, agent, terms).map(Some);
    }
    Ok(None)
}

/// Offers a certain waiting session to a certain agent. `None` when the agent takes nothing now; the entry then waits
/// on.
///
/// # Errors
/// When a statement fails.
pub fn claim_for(tx: &mut Tx<'_>, entry: &Entry, agent: &AgentId, terms: Terms) -> Result<Option<Assignment>, Error> {
    pair(tx, entry, &[agent], terms)
}

fn candidate(agent: &Agent) -> Candidate {
    let presence = agent.presence;
    Candidate {
        load: presence.load,
        capacity: presence.capacity,
        last_offer_at: agent.last_offer_at,
        last_choice: agent.reason.as_deref() == Some(LAST_CHOICE),
    }
}

/// The agents in the order in which they are asked: who served the customer last goes first.
fn in_turn<'a>(ready: &'a [Agent], last: Option<&'a AgentId>) -> impl Iterator<Item = &'a Agent> {
    let known = ready.iter().filter(move |agent| Some(&agent.agent) == last);
    let others = ready.iter().filter(move |agent| Some(&agent.agent) != last);
    known.chain(others)
}

/// Takes the entry, then the first place that is still free; puts the entry back when there is none.
fn pair(tx: &mut Tx<'_>, entry: &Entry, fit: &[&AgentId], terms: Terms) -> Result<Option<Assignment>, Error> {
    if fit.is_empty() || !queue::offer(tx, entry.session)? {
        return Ok(None);
    }
    for agent in fit {
        if agent::take_slot(tx, agent, terms.now)? {
            return made(tx, entry, agent, terms).map(Some);
        }
    }
    queue::put_back(tx, entry.session)?;
    Ok(None)
}

fn made(tx: &mut Tx<'_>, entry: &Entry, agent: &AgentId, terms: Terms) -> Result<Assignment, Error> {
    let offer =
        Assignment { queue: Some(entry.queue.clone()), ..terms.offer(entry.session, entry.conv, agent.clone()) };
    insert(tx, &offer)?;
    Ok(offer)
}
