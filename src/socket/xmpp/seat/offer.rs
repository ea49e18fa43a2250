//! What is offered to an agent on XMPP, under numbers that can be typed. Every node gives an offer the same number.

use std::time::Duration;

use super::watch::OFFER;
use super::{Seat, part, within};
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::core::Error;
use crate::core::request::Request;
use crate::hub::digest;
use crate::model::account::XmppNotice;
use crate::model::code::Code;
use crate::model::id::AssignmentId;
use crate::model::jid::Jid;
use crate::socket::xmpp::frame::{Conversation, Offer};
use crate::socket::xmpp::words;

/// Offers that one agent can have at a time, far beyond what a router makes.
const MOST: usize = 64;

/// The offers of one agent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Offers(Vec<(u32, Offer)>);

impl Offers {
    /// Takes an offer up; its number, or nothing if it is known already.
    fn add(&mut self, offer: Offer) -> Option<u32> {
        if self.0.len() >= MOST || self.0.iter().any(|(_, known)| known.assignment == offer.assignment) {
            return None;
        }
        // Two digits, out of the offer itself; the next free one if another offer has it.
        let first = u32::try_from(digest(offer.assignment.to_string()) % 90).unwrap_or_default();
        let number = (0..90).map(|step| 10 + (first + step) % 90).find(|number| self.by_number(*number).is_none())?;
        self.0.push((number, offer));
        Some(number)
    }

    fn by_number(&self, number: u32) -> Option<&Offer> {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, offer)| offer)
    }

    fn remove(&mut self, assignment: AssignmentId) -> Option<(u32, Offer)> {
        let place = self.0.iter().position(|(_, offer)| offer.assignment == assignment)?;
        Some(self.0.remove(place))
    }

    /// The offer with this number, or the only one there is.
    fn chosen(&self, number: Option<u32>) -> Result<&Offer, &'static str> {
        match (number, self.0.as_slice()) {
            (_, []) => Err(words::NO_OFFER),
            (Some(number), _) => self.by_number(number).ok_or(words::NO_SUCH_OFFER),
            (None, [(_, only)]) => Ok(only),
            (None, _) => Err(words::NO_SUCH_OFFER),
        }
    }

    /// The numbers and customers, to be chosen from.
    pub(super) fn listed(&self) -> impl Iterator<Item = (u32, &Offer)> {
        self.0.iter().map(|(number, offer)| (*number, offer))
    }
}

impl Seat {
    /// From where offers of a queue come.
    fn queue_of(&self, offer: &Offer) -> Jid {
        let queue = offer.queue.as_ref().and_then(|queue| self.desk.address(queue.as_str()));
        queue.unwrap_or_else(|| self.home.clone())
    }

    pub(super) async fn offered(&mut self, offer: Offer) {
        let Some(live) = &mut self.live else { return };
        let Some(number) = live.offers.add(offer.clone()) else { return };
        let left = offer.expires_at.since(self.now()).max(Duration::from_secs(1));
        let from = self.queue_of(&offer);
        let text = words::offer(number, &offer.contact.name, &offer.summary, left);
        let id = format!("o{}", offer.assignment);
        self.desk.out.send(self.route(&from).notice(self.notice().as_str(), &id, &text)).await;
        self.offer_to_workgroups(&from, &offer, left).await;
    }

    fn notice(&self) -> XmppNotice {
        self.desk.declared().map_or(XmppNotice::Headline, |(_, settings)| settings.notice)
    }

    /// Clients that speak XEP-0142 get the offer as such, too.
    async fn offer_to_workgroups(&self, from: &Jid, offer: &Offer, left: Duration) {
        for resource in self.watch.workgroup() {
            let Ok(to) = self.jid.with_resource(resource) else { continue };
            let timeout = Element::new("timeout", ns::WORKGROUP).text(left.as_secs().to_string());
            let metadata = Element::new("value", ns::WORKGROUP).attr("name", "question").text(offer.summary.clone());
            let metadata = Element::new("metadata", ns::WORKGROUP).child(metadata);
            let payload = Element::new("offer", ns::WORKGROUP)
                .attr("id", offer.assignment.to_string())
                .attr("jid", self.address_of(offer.conv).map(|jid| jid.to_string()).unwrap_or_default())
                .child(timeout)
                .child(metadata);
            let route = crate::channel::xmpp::outgoing::Route { from, to: &to };
            self.desk.out.send(route.ask("set", &format!("w{}", offer.assignment), payload)).await;
        }
    }

    pub(super) async fn revoked(&mut self, assignment: AssignmentId, reason: &str) {
        let Some((number, offer)) = self.live.as_mut().and_then(|live| live.offers.remove(assignment)) else { return };
        let from = self.queue_of(&offer);
        let id = format!("r{assignment}");
        let text = words::revoked(number, reason);
        self.desk.out.send(self.route(&from).notice(self.notice().as_str(), &id, &text)).await;
        for resource in self.watch.workgroup() {
            let Ok(to) = self.jid.with_resource(resource) else { continue };
            let payload = Element::new("offer-revoke", ns::WORKGROUP)
                .attr("id", assignment.to_string())
                .child(Element::new("reason", ns::WORKGROUP).text(reason));
            let route = crate::channel::xmpp::outgoing::Route { from: &from, to: &to };
            self.desk.out.send(route.ask("set", &id, payload)).await;
        }
        if reason == "expired" {
            // Nobody answered: perhaps nobody is there.
            self.ask_clients(OFFER).await;
        }
    }

    /// Takes the offer with this number; what to tell if it was not taken.
    pub(super) async fn take(&mut self, number: Option<u32>) -> Result<(), String> {
        let offer = self.chosen(number)?;
        self.accept(&offer).await
    }

    /// Takes an offer.
    pub(super) async fn accept(&mut self, offer: &Offer) -> Result<(), String> {
        let request = Request::OfferAccept { assignment: offer.assignment, token: offer.token.clone() };
        let taken = self.perform(request).await;
        self.forget_offer(offer, &taken);
        let taken = taken.map_err(|error| error.message)?;
        // The same is announced; whichever comes first opens the chat.
        if let Some(conversation) = part::<Conversation>(&taken, "conv") {
            self.conversation(conversation, false).await;
        }
        Ok(())
    }

    /// Leaves the offer with this number to others.
    pub(super) async fn skip(&mut self, number: Option<u32>) -> Result<(), String> {
        let offer = self.chosen(number)?;
        self.reject(&offer).await
    }

    /// Leaves an offer to others.
    pub(super) async fn reject(&mut self, offer: &Offer) -> Result<(), String> {
        let request = Request::OfferReject { assignment: offer.assignment, token: offer.token.clone(), reason: None };
        let left = self.perform(request).await;
        self.forget_offer(offer, &left);
        left.map(drop).map_err(|error| error.message)
    }

    /// The offer of an assignment.
    pub(super) fn offer(&self, assignment: AssignmentId) -> Option<Offer> {
        let mut offers = self.live.iter().flat_map(|live| live.offers.listed());
        offers.find(|(_, offer)| offer.assignment == assignment).map(|(_, offer)| offer.clone())
    }

    fn chosen(&self, number: Option<u32>) -> Result<Offer, String> {
        let live = self.live.as_ref().ok_or(words::OFFLINE)?;
        Ok(live.offers.chosen(number)?.clone())
    }

    /// An offer that was answered, or no longer stands, has no number any more.
    fn forget_offer<T>(&mut self, offer: &Offer, outcome: &Result<T, Error>) {
        let over = outcome.as_ref().err().is_none_or(|error| matches!(error.code, Code::OfferGone | Code::NotFound));
        if let Some(live) = self.live.as_mut().filter(|_| over) {
            live.offers.remove(offer.assignment);
        }
    }

    /// Asks the core for something in the agent's name.
    ///
    /// # Errors
    /// As the request's own rules say.
    pub(super) async fn perform(&self, request: Request) -> Result<serde_json::Value, Error> {
        let offline = || Error::new(Code::Conflict, words::OFFLINE);
        let client = self.live.as_ref().map(|live| std::sync::Arc::clone(&live.client)).ok_or_else(offline)?;
        within(self.desk.core.perform(&client, request)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ConversationId, SessionId};
    use crate::model::time::Millis;
    use crate::socket::xmpp::frame;

    fn offer(at: i64) -> Offer {
        Offer {
            assignment: AssignmentId::generate(Millis(at)),
            session: SessionId::generate(Millis(at)),
            conv: ConversationId::generate(Millis(at)),
            queue: None,
            contact: frame::Contact { name: "张三".into(), channel: "web".into() },
            summary: String::new(),
            expires_at: Millis(at),
            token: String::new(),
        }
    }

    #[test]
    fn an_offer_has_one_number_on_every_node() {
        let one = offer(1);
        let (mut here, mut there) = (Offers::default(), Offers::default());
        let number = here.add(one.clone()).unwrap();
        assert_eq!(there.add(one.clone()), Some(number));
        assert!((10..100).contains(&number) && here.add(one).is_none());
    }

    #[test]
    fn numbers_differ_and_the_only_offer_needs_none() {
        let mut offers = Offers::default();
        assert_eq!(offers.chosen(None).unwrap_err(), words::NO_OFFER);
        let numbers: std::collections::BTreeSet<u32> = (0..64).filter_map(|at| offers.add(offer(at))).collect();
        assert_eq!(numbers.len(), 64);
        assert_eq!(offers.chosen(None).unwrap_err(), words::NO_SUCH_OFFER);
        let mut one = Offers::default();
        let number = one.add(offer(5)).unwrap();
        assert!(one.chosen(None).is_ok() && one.chosen(Some(number)).is_ok() && one.chosen(Some(9)).is_err());
    }
}
