//! Reports of one customer that come faster than anybody acts: what is beyond the measure is answered and not kept.
//!
//! Only reports whose loss changes nothing: positions, menu views, scans. Messages are never dropped, nor is following
//! or leaving.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::inbound::{ChannelEvent, Inbound, InboundKind};
use crate::model::time::Millis;

/// Reports of one customer that are kept in one span.
const MEASURE: u32 = 30;
/// The span.
const SPAN: Duration = Duration::from_secs(10);
/// Customers that are remembered; beyond that all whose span has passed are forgotten, and if need be all.
const MOST: usize = 50_000;

/// Counts of reports, shared by all workers.
#[derive(Debug, Default)]
pub struct Floods {
    counts: Mutex<HashMap<String, (Millis, u32)>>,
}

impl Floods {
    /// Whether a delivery is beyond the measure of its customer on this account.
    pub fn drowns(&self, account: &str, inbound: &Inbound, now: Millis) -> bool {
        let InboundKind::Event(event) = &inbound.kind else { return false };
        if matches!(event, ChannelEvent::Followed { .. } | ChannelEvent::Unfollowed) {
            return false;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST {
            counts.retain(|_, (since, _)| now.since(*since) < SPAN);
            if counts.len() >= MOST {
                counts.clear();
            }
        }
        let (since, count) = counts.entry(format!("{account}/{}", inbound.from)).or_insert((now, 0));
        if now.since(*since) >= SPAN {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count > MEASURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::Content;
    use crate::model::id::RemoteId;

    fn inbound(from: &str, kind: InboundKind) -> Inbound {
        Inbound {
            dedupe: String::new(),
            from: RemoteId::parse(from).unwrap(),
            sent_at: Millis(0),
            kind,
            raw_type: "event".into(),
            ext_id: None,
            opens: None,
            fetch: Vec::new(),
        }
    }

    fn position(from: &str) -> Inbound {
        inbound(from, InboundKind::Event(ChannelEvent::Position { lat: None, lon: None }))
    }

    #[test]
    fn one_customer_in_a_hurry_is_coalesced_and_others_are_not() {
        let floods = Floods::default();
        let kept = (0..1000).filter(|_| !floods.drowns("t.oa", &position("o1"), Millis(1))).count();
        assert_eq!(kept, 30);
        assert!(!floods.drowns("t.oa", &position("o2"), Millis(1)));
        assert!(!floods.drowns("u.oa", &position("o1"), Millis(1)));
        assert!(!floods.drowns("t.oa", &position("o1"), Millis(1).plus(SPAN)), "the next span counts anew");
    }

    #[test]
    fn what_matters_is_never_dropped() {
        let floods = Floods::default();
        for kind in [
            InboundKind::Message(Content::text("hi")),
            InboundKind::Event(ChannelEvent::Unfollowed),
            InboundKind::Event(ChannelEvent::Followed { scene: None }),
        ] {
            assert!((0..1000).all(|_| !floods.drowns("t.oa", &inbound("o1", kind.clone()), Millis(1))));
        }
    }
}
