//! Which state a push tells, so that a connection that was told it already is not told again.

use std::sync::Arc;

use super::effect::{Push, Receipt, SessionView};
use super::state::Ready;
use crate::hub::{Audience, Frame, Mark, digest};

/// The frame of a push, with its mark: by it a sweep can tell the same without repeating it.
pub(super) fn marked(push: &Push) -> Result<Arc<Frame>, serde_json::Error> {
    let text = serde_json::to_string(push)?;
    let place = match push {
        Push::Conversation(view) => Some((view.conv, view.last_seq)),
        _ => None,
    };
    Ok(Arc::new(Frame { mark: mark(push, &text), place, audience: Audience::All, text: text.into() }))
}

/// What a push is about, and what it says of it. What is worth nothing later has no mark.
fn mark(push: &Push, text: &str) -> Option<Mark> {
    Some(match push {
        Push::Receipt(receipt) => sent_or_far(receipt),
        Push::Session(view) => {
            // A version alone is no news.
            let state = serde_json::to_string(&SessionView { v: 0, ..(**view).clone() }).unwrap_or_default();
            Mark::of(("session", view.session.to_string()), state)
        }
        Push::Conversation(view) => {
            let session = view.session.as_ref();
            let share = session.and_then(|session| session.assignment.as_ref()).map(|share| share.assignment);
            listed(&view.conv.to_string(), session.map(|session| session.session.to_string()), share)
        }
        Push::ConversationGone { conv } => Mark::of(("conv", conv.to_string()), 0_u64),
        Push::Offer(view) => Mark::of(("offer", view.assignment.to_string()), true),
        Push::OfferRevoke { assignment, .. } => Mark::of(("offer", assignment.to_string()), false),
        Push::Presence(view) => Mark::of(("agent", view.agent.as_str()), text),
        Push::Queue(view) => Mark::of(("queue", view.queue.as_str()), view.waiting),
        Push::Window(view) => Mark::of(("window", view.conv.to_string()), text),
        Push::Media { id, state, .. } => Mark::of(("media", id.to_string()), state),
        Push::Typing { .. } | Push::Growing { .. } | Push::Suggest(_) => return None,
    })
}

/// A conversation is in the list, with this session and this share of it.
fn listed(conv: &str, session: Option<String>, share: Option<impl std::fmt::Display>) -> Mark {
    Mark::of(("conv", conv), digest((session, share.map(|share| share.to_string()))) | 1)
}

/// A message stands like this on its channel, or somebody is that far.
fn sent_or_far(receipt: &Receipt) -> Mark {
    let conv = receipt.conv.to_string();
    match receipt.seq {
        Some(seq) => Mark::of(("sent", conv, seq), (receipt.state, receipt.code.as_deref())),
        None => Mark::of(("far", conv, receipt.who.as_str()), (receipt.delivered, receipt.read)),
    }
}

impl Ready {
    /// What a client has been told when it has been told this.
    ///
    /// # Errors
    /// When a view cannot be written as JSON.
    pub(super) fn marks(&self) -> Result<Vec<Mark>, serde_json::Error> {
        let convs = self.convs.iter().flat_map(|view| {
            let session = view.session.clone().map(|session| Push::Session(Box::new(session)));
            [Some(Push::Conversation(Box::new(view.clone()))), session].into_iter().flatten()
        });
        let offers = self.offers.iter().map(|offer| Push::Offer(Box::new(offer.clone())));
        let agents = self.agent.iter().chain(&self.colleagues).map(|agent| Push::Presence(agent.clone()));
        let queues = self.queues.iter().map(|queue| Push::Queue(queue.clone()));
        let all = convs.chain(offers).chain(agents).chain(queues);
        all.filter_map(|push| marked(&push).map(|frame| frame.mark).transpose()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::effect::{AgentView, QueueView};
    use crate::model::id::{AgentId, QueueId};

    fn mark_of(push: &Push) -> Mark {
        marked(push).unwrap().mark.unwrap()
    }

    #[test]
    fn the_same_state_has_the_same_mark_and_another_one_another() {
        let queue = |waiting, longest_ms| {
            Push::Queue(QueueView { queue: QueueId::parse("q").unwrap(), name: "队列".into(), waiting, longest_ms })
        };
        assert_eq!(mark_of(&queue(2, 100)), mark_of(&queue(2, 5_000)), "time alone is no news");
        assert_ne!(mark_of(&queue(2, 100)).value, mark_of(&queue(3, 100)).value);
        assert_eq!(mark_of(&queue(2, 100)).thing, mark_of(&queue(3, 100)).thing);
        let agent = |load| {
            Push::Presence(AgentView {
                agent: AgentId::parse("q").unwrap(),
                name: "李".into(),
                status: "ready".into(),
                reason: None,
                load,
                capacity: 5,
                display: "ready",
            })
        };
        assert_ne!(mark_of(&agent(1)).value, mark_of(&agent(2)).value);
        assert_ne!(mark_of(&agent(1)).thing, mark_of(&queue(1, 1)).thing, "an agent is no queue of the same name");
    }
}
