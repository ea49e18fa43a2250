//! Whether the agent's clients still listen. XMPP presence is not liveness: a client whose connection hibernates stays
//! present for minutes while messages vanish into it (XEP-0198). So a missed offer, or a message whose receipt does not
//! come, makes us ask; whoever does not answer is not there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Seat;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::stanza::{Iq, IqKind};
use crate::model::id::ConversationId;
use crate::model::time::Millis;

/// A receipt that does not come for so long makes us ask.
const RECEIPT: Duration = Duration::from_secs(15);
/// A client that does not answer for so long is not there.
const PONG: Duration = Duration::from_secs(5);
/// Asked because an offer was missed.
pub(super) const OFFER: char = 'p';
/// Asked because a receipt did not come.
const RECEIPTS: char = 'r';
/// Messages whose receipts are waited for.
const MOST: usize = 64;

/// What is known of one client.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Habits {
    /// Whether it sends receipts; unknown until it says so.
    receipts: Option<bool>,
    /// Whether it speaks XEP-0142.
    workgroup: bool,
    /// Whether it answers pings itself: then a refusal is the server's.
    pings: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Watch {
    habits: BTreeMap<String, Habits>,
    /// Clients that were asked, with the number of the question and until when they may take.
    asked: BTreeMap<String, (u64, Millis)>,
    questions: u64,
    /// Messages without a receipt, and when they were sent.
    unreceipted: Vec<(ConversationId, i64, Millis)>,
}

impl Watch {
    /// A client is there; `true` if it was not known.
    pub(super) fn meet(&mut self, resource: &str, workgroup: bool) -> bool {
        let new = !self.habits.contains_key(resource);
        self.habits.entry(resource.to_owned()).or_default().workgroup |= workgroup;
        new
    }

    pub(super) fn forget(&mut self, resource: Option<&str>) {
        match resource {
            Some(resource) => {
                self.habits.remove(resource);
                self.asked.remove(resource);
            }
            None => {
                self.habits.clear();
                self.asked.clear();
            }
        }
    }

    /// A client was heard: it need not answer any more.
    pub(super) fn heard(&mut self, resource: &str) {
        self.asked.remove(resource);
    }

    /// Whether every client that is there sends receipts: otherwise what was written counts as arrived.
    pub(super) fn receipts(&self, counting: &[&str]) -> bool {
        let sends = |resource: &&str| self.habits.get(*resource).is_some_and(|habits| habits.receipts == Some(true));
        counting.iter().all(sends)
    }

    /// The clients that speak XEP-0142.
    pub(super) fn workgroup(&self) -> impl Iterator<Item = &str> {
        self.habits.iter().filter(|(_, habits)| habits.workgroup).map(|(resource, _)| resource.as_str())
    }

    /// A message was sent whose receipt should come.
    pub(super) fn sent(&mut self, conv: ConversationId, seq: i64, now: Millis) {
        if self.unreceipted.len() < MOST {
            self.unreceipted.push((conv, seq, now));
        }
    }

    /// A receipt has come: for everything up to there.
    pub(super) fn receipted(&mut self, conv: ConversationId, seq: i64) {
        self.unreceipted.retain(|(of, at, _)| *of != conv || *at > seq);
    }

    /// Whether a receipt is overdue; the messages are forgotten then, since the question covers them.
    fn overdue(&mut self, now: Millis) -> bool {
        let overdue = self.unreceipted.iter().any(|(_, _, sent)| now.since(*sent) >= RECEIPT);
        if overdue {
            self.unreceipted.clear();
        }
        overdue
    }

    /// The clients that should have answered by now.
    fn silent(&mut self, now: Millis) -> Vec<String> {
        let late = self.asked.iter().filter(|(_, (_, until))| now >= *until).map(|(resource, _)| resource.clone());
        let late: Vec<String> = late.collect();
        for resource in &late {
            self.asked.remove(resource);
        }
        late
    }

    /// A client said what it can.
    fn features(&mut self, resource: &str, query: Option<&Element>) {
        let Some(habits) = self.habits.get_mut(resource) else { return };
        let named: Vec<&str> =
            query.into_iter().flat_map(Element::elements).filter_map(|line| line.get("var")).collect();
        habits.receipts = Some(named.contains(&ns::RECEIPTS));
        habits.workgroup |= named.contains(&ns::WORKGROUP);
        habits.pings = named.contains(&ns::PING);
    }

    fn answers_pings(&self, resource: &str) -> bool {
        self.habits.get(resource).is_some_and(|habits| habits.pings)
    }

    /// A client that answers and yet sends no receipts does not send them to us: many send them to contacts only.
    fn sends_none(&mut self, resource: &str) {
        if let Some(habits) = self.habits.get_mut(resource) {
            habits.receipts = Some(false);
        }
    }
}

impl Seat {
    /// Asks every client whether it is there, under an id that begins with what made us ask.
    pub(super) async fn ask_clients(&mut self, about: char) {
        let until = self.now().plus(PONG);
        let resources: Vec<String> = self.clients.counting().map(ToOwned::to_owned).collect();
        for resource in resources {
            let Ok(to) = self.jid.with_resource(&resource) else { continue };
            self.watch.questions += 1;
            let question = self.watch.questions;
            let route = crate::channel::xmpp::outgoing::Route { from: &self.home, to: &to };
            let ping = route.ask("get", &format!("{about}{question}"), Element::new("ping", ns::PING));
            self.desk.out.send(ping).await;
            self.watch.asked.entry(resource).or_insert((question, until));
        }
    }

    /// Asks a client what it can.
    pub(super) async fn ask_features(&self, resource: &str) {
        let Ok(to) = self.jid.with_resource(resource) else { return };
        let route = crate::channel::xmpp::outgoing::Route { from: &self.home, to: &to };
        let query = Element::new("query", ns::DISCO_INFO);
        self.desk.out.send(route.ask("get", &format!("f{resource}"), query)).await;
    }

    /// Takes those who did not answer for gone.
    pub(super) async fn watch_over(&mut self) {
        let now = self.now();
        if self.watch.overdue(now) {
            self.ask_clients(RECEIPTS).await;
        }
        for resource in self.watch.silent(now) {
            tracing::info!(agent = %self.agent, "a client does not answer although it is present: taken for gone");
            self.clients.silent(&resource);
        }
    }

    /// The answer to something that a client was asked.
    pub(super) async fn answered(&mut self, iq: &Iq) {
        let resource = iq.from.resource().unwrap_or_default();
        if iq.id.starts_with('f') {
            let query = iq.payload.as_ref().filter(|_| iq.kind == IqKind::Result);
            self.watch.features(resource, query);
            return self.heard(&iq.from).await;
        }
        let refused = iq.kind == IqKind::Error && iq.id.starts_with([OFFER, RECEIPTS]);
        if refused && self.watch.answers_pings(resource) && is_away(iq) {
            self.watch.asked.remove(resource);
            return self.clients.silent(resource);
        }
        // Even a refusal is a sign of life.
        if iq.id.starts_with(RECEIPTS) {
            self.watch.sends_none(resource);
        }
        self.heard(&iq.from).await;
    }
}

/// Whether the server itself says that the client is not there.
fn is_away(iq: &Iq) -> bool {
    iq.condition.as_deref().is_some_and(|condition| {
        matches!(condition, "service-unavailable" | "recipient-unavailable" | "item-not-found" | "gone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn conv() -> ConversationId {
        ConversationId::parse("c_01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap()
    }

    #[test]
    fn a_receipt_that_does_not_come_is_noticed_once() {
        let mut watch = Watch::default();
        watch.sent(conv(), 7, NOW);
        watch.sent(conv(), 8, NOW);
        watch.receipted(conv(), 7);
        assert!(!watch.overdue(NOW.plus(Duration::from_secs(14))));
        assert!(watch.overdue(NOW.plus(Duration::from_secs(15))));
        assert!(!watch.overdue(NOW.plus(Duration::from_secs(60))));
    }

    #[test]
    fn receipts_count_only_where_every_client_sends_them() {
        let mut watch = Watch::default();
        assert!(watch.meet("phone", false) && !watch.meet("phone", false));
        assert!(!watch.receipts(&["phone"]), "not known yet");
        let feature = Element::new("feature", ns::DISCO_INFO).attr("var", ns::RECEIPTS);
        watch.features("phone", Some(&Element::new("query", ns::DISCO_INFO).child(feature)));
        assert!(watch.receipts(&["phone"]));
        watch.meet("desk", true);
        assert!(!watch.receipts(&["phone", "desk"]));
        assert_eq!(watch.workgroup().collect::<Vec<_>>(), ["desk"]);
        watch.sends_none("phone");
        assert!(!watch.receipts(&["phone"]));
    }

    #[test]
    fn who_does_not_answer_in_time_is_named() {
        let mut watch = Watch::default();
        watch.asked.insert("phone".into(), (1, NOW.plus(PONG)));
        assert!(watch.silent(NOW).is_empty());
        assert_eq!(watch.silent(NOW.plus(PONG)), ["phone"]);
        watch.asked.insert("phone".into(), (2, NOW.plus(PONG)));
        watch.heard("phone");
        assert!(watch.silent(NOW.plus(PONG)).is_empty());
    }
}
