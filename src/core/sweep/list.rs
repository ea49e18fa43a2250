//! The conversations in the lists of agents: what a look reads of them, and what is remembered of it. Knows nobody who is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::channel::is_called;
use crate::core::Error;
use crate::hub::digest;
use crate::model::assignment::State;
use crate::model::id::{AgentId, AssignmentId, ConversationId, SessionId};
use crate::model::time::Millis;
use crate::model::window::Window;
use crate::store::delivery::Delivery;
use crate::store::sweep::{self, Head, Share};
use crate::store::{Tx, delivery};

/// What the last look saw of an agent.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentSeen {
    pub(super) offers: BTreeSet<AssignmentId>,
    pub(super) convs: BTreeMap<ConversationId, ConvSeen>,
    pub(super) sign_ins: u64,
}

/// What it saw of a conversation in the agent's list.
#[derive(Debug, Clone)]
pub(super) struct ConvSeen {
    pub(super) assignment: AssignmentId,
    pub(super) session: SessionId,
    /// Version of the session, and how the share stands.
    pub(super) stand: (i64, String, Millis),
    pub(super) seq: i64,
    pub(super) window: Window,
    /// Whether the log alone does not deliver its messages.
    pub(super) called: bool,
    /// Messages on their way through a channel, and how they stand.
    pub(super) unsettled: BTreeMap<i64, u64>,
    pub(super) customer: (i64, i64),
}

impl ConvSeen {
    /// The part of the log whose messages may stand otherwise on their channel than at the last look: they were on their
    /// way then, or not there.
    pub(super) fn moved_since(&self, was: &Self) -> Option<(i64, i64)> {
        if !self.called || (was.unsettled == self.unsettled && was.seq == self.seq) {
            return None;
        }
        Some((was.unsettled.keys().next().copied().unwrap_or(was.seq + 1), self.seq))
    }
}

/// The rows of a chunk of agents.
pub(super) struct Rows {
    pub(super) heads: HashMap<ConversationId, Head>,
    versions: HashMap<SessionId, i64>,
    unsettled: HashMap<ConversationId, BTreeMap<i64, u64>>,
    customers: HashMap<ConversationId, (i64, i64)>,
    /// How messages stand in the parts of logs in which that may have changed.
    pub(super) moved: HashMap<ConversationId, Vec<Delivery>>,
}

impl Rows {
    pub(super) fn read(tx: &mut Tx<'_>, shares: &[Share]) -> Result<Self, Error> {
        let held = shares.iter().filter(|share| share.state != State::Offered.as_str());
        let (convs, sessions): (BTreeSet<_>, BTreeSet<_>) = held.map(|share| (share.conv, share.session)).unzip();
        let convs: Vec<ConversationId> = convs.into_iter().collect();
        let sessions: Vec<SessionId> = sessions.into_iter().collect();
        let heads = sweep::heads(tx, &convs)?;
        let called: Vec<ConversationId> =
            heads.iter().filter(|head| is_called(head.kind)).map(|head| head.conv).collect();
        let mut unsettled: HashMap<ConversationId, BTreeMap<i64, u64>> = HashMap::new();
        if !called.is_empty() {
            for (conv, seq, stand) in sweep::unsettled(tx, &called)? {
                unsettled.entry(conv).or_default().insert(seq, digest(stand));
            }
        }
        Ok(Self {
            heads: heads.into_iter().map(|head| (head.conv, head)).collect(),
            versions: sweep::versions(tx, &sessions)?,
            unsettled,
            customers: sweep::customers_at(tx, &convs)?,
            moved: HashMap::new(),
        })
    }

    /// Reads what has moved since it was `known`; says how many statements that took.
    pub(super) fn read_moved(
        &mut self,
        tx: &mut Tx<'_>,
        shares: &[Share],
        known: &HashMap<AgentId, AgentSeen>,
    ) -> Result<usize, Error> {
        // Several may have shares of one conversation, each with a look of its own behind.
        let mut moved: BTreeMap<ConversationId, (i64, i64)> = BTreeMap::new();
        for share in shares {
            let was = known.get(&share.agent).and_then(|seen| seen.convs.get(&share.conv));
            let Some((was, now)) = was.zip(self.seen(share)) else { continue };
            if let Some((first, last)) = now.moved_since(was) {
                let part = moved.entry(share.conv).or_insert((first, last));
                part.0 = part.0.min(first);
            }
        }
        let parts: Vec<_> = moved.into_iter().map(|(conv, (first, last))| (conv, first, last)).collect();
        for item in delivery::of_parts(tx, &parts)? {
            self.moved.entry(item.conv).or_default().push(item);
        }
        Ok(parts.len().div_ceil(delivery::PARTS))
    }

    pub(super) fn seen(&self, share: &Share) -> Option<ConvSeen> {
        let head = self.heads.get(&share.conv)?;
        let version = self.versions.get(&share.session).copied()?;
        Some(ConvSeen {
            assignment: share.assignment,
            session: share.session,
            stand: (version, share.state.clone(), share.deadline),
            seq: head.seq,
            window: head.window,
            called: is_called(head.kind),
            unsettled: self.unsettled.get(&share.conv).cloned().unwrap_or_default(),
            customer: self.customers.get(&share.conv).copied().unwrap_or_default(),
        })
    }
}
