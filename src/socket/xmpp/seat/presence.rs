//! Whether the agent is there, and which status that chooses. What the agent chose elsewhere stands until the presence
//! changes again.

use std::time::Duration;

use super::chat::Chat;
use super::{Seat, Subscription, within};
use crate::channel::xmpp::place::Place;
use crate::channel::xmpp::show::Show;
use crate::channel::xmpp::stanza::{Presence, PresenceKind};
use crate::core::request::Request;
use crate::model::account::XmppAway;
use crate::model::jid::Jid;
use crate::socket::xmpp::frame::Queue;
use crate::socket::xmpp::words;
use crate::store::xmpp::Seat as Known;

/// An account that was made after it was asked never heard of it: asked again so often.
const PENDING: Duration = Duration::from_secs(3_600);
/// Whoever refused is left in peace for so long.
const REFUSED: Duration = Duration::from_secs(24 * 3_600);
/// Rooms of an agent who has not come since the link opened are closed after this time: servers that restart have their
/// clients back by then.
const LEFT: Duration = Duration::from_secs(120);
/// The pause before an agent who could not be let in is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// Servers answer a probe about nobody with silence: after it the agent is away.
const PROBE: Duration = Duration::from_secs(5);

impl Seat {
    /// The link has just opened: asks whether the agent is there, and for leave to see it if nobody has.
    pub(super) async fn begin(&mut self) {
        let now = self.now();
        self.left = Some(now.plus(LEFT));
        if self.subscription == Subscription::Granted {
            let probe = self.route(&self.home).presence("probe");
            self.desk.out.send(probe).await;
            self.probed = Some(self.now().plus(PROBE));
        } else if self.subscription != Subscription::Denied || self.refused.is_none_or(|at| now.since(at) > REFUSED) {
            self.ask().await;
        }
    }

    async fn ask(&mut self) {
        if self.subscription != Subscription::Granted {
            self.subscription = Subscription::Asked;
        }
        self.asked = self.now();
        let subscribe = self.route(&self.home).presence("subscribe");
        self.desk.out.send(subscribe).await;
    }

    /// A presence of one of the agent's clients, or a change of what we may see.
    pub(super) async fn presence(&mut self, presence: Presence) {
        let Presence { from, to, kind, .. } = presence;
        tracing::debug!(agent = %self.agent, kind = ?kind, "a presence of an agent");
        match kind {
            PresenceKind::Available { show, priority, workgroup } => {
                self.available(&from, show, priority, workgroup).await;
            }
            PresenceKind::Unavailable => {
                self.probed = None;
                self.clients.unavailable(from.resource());
                self.watch.forget(from.resource());
            }
            PresenceKind::Subscribed => {
                self.subscription = Subscription::Granted;
                let probe = self.route(&self.home).presence("probe");
                self.desk.out.send(probe).await;
            }
            PresenceKind::Unsubscribed if to.bare() == self.home => {
                self.subscription = Subscription::Denied;
                self.clients.unavailable(None);
            }
            PresenceKind::Subscribe => {
                self.desk.out.send(self.route(&to.bare()).presence("subscribed")).await;
                self.answer_probe(&to).await;
                // Whoever adds us shows good will: ask for what was refused before.
                if self.subscription != Subscription::Granted {
                    self.ask().await;
                }
            }
            PresenceKind::Probe => self.answer_probe(&to).await,
            PresenceKind::Error if self.clients.shown().is_none() => {
                self.subscription = Subscription::Invalid;
                self.probed = None;
            }
            PresenceKind::Unsubscribe | PresenceKind::Unsubscribed | PresenceKind::Error => {}
        }
        self.follow().await;
    }

    async fn available(&mut self, from: &Jid, show: Show, priority: i8, workgroup: bool) {
        if self.subscription != Subscription::Granted {
            // Sent to us alone: later changes would not come, and the agent would seem to stay as they are now.
            self.ask().await;
            let home = self.home.clone();
            return self.tell(&home, words::SUBSCRIBE).await;
        }
        self.probed = None;
        let resource = from.resource().unwrap_or_default().to_owned();
        self.clients.available(&resource, show, priority);
        if self.watch.meet(&resource, workgroup) {
            self.ask_features(&resource).await;
        }
    }

    /// Something came from one of the agent's clients: it lives, whatever we thought.
    pub(super) async fn heard(&mut self, from: &Jid) {
        let resource = from.resource().unwrap_or_default();
        self.watch.heard(resource);
        if self.clients.heard(resource) {
            tracing::info!(agent = %self.agent, "a client that was taken for dead is heard again");
            self.follow().await;
        }
    }

    /// Lets the core know what the clients show.
    pub(super) async fn follow(&mut self) {
        let now = self.now();
        if self.probed.is_some_and(|until| now >= until) {
            self.probed = None;
            // Silence: nobody is there, or we may not know any more. Asking again does no harm.
            self.ask().await;
        }
        if self.subscription == Subscription::Asked && now.since(self.asked) >= PENDING {
            self.ask().await;
        }
        match (self.clients.shown(), self.live.is_some()) {
            (Some(show), false) if now >= self.not_before => {
                self.arrive().await;
                if self.live.is_none() {
                    self.not_before = now.plus(AGAIN);
                }
                if self.live.is_some() && !self.follows_still(show) {
                    self.choose(show).await;
                }
            }
            (Some(show), true) if self.followed != Some(show) => self.choose(show).await,
            (None, true) => {
                self.followed = None;
                self.close_rooms().await;
                self.leave().await;
            }
            (None, false) if self.probed.is_none() => {
                self.followed = None;
                if self.left.is_some_and(|until| now >= until) {
                    self.close_kept().await;
                }
            }
            _ => {}
        }
        self.note().await;
    }

    /// Whether the presence is the one that was followed before another node took over, and the agent is still signed in:
    /// then what the agent chose since stands.
    fn follows_still(&self, show: Show) -> bool {
        self.followed == Some(show) && self.live.as_ref().is_some_and(|live| live.stayed)
    }

    async fn choose(&mut self, show: Show) {
        let away = self.desk.declared().map_or(XmppAway::Ready, |(_, settings)| settings.away);
        let (status, reason) = show.status(away);
        if self.set_status(status.as_str(), reason.map(ToOwned::to_owned)).await.is_ok() {
            self.followed = Some(show);
        }
    }

    /// Chooses a status.
    pub(super) async fn set_status(&mut self, status: &str, reason: Option<String>) -> Result<(), crate::core::Error> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let before = std::mem::replace(&mut live.status, status.to_owned());
        let request = Request::PresenceSet { status: status.to_owned(), reason, capacity: None };
        let client = std::sync::Arc::clone(&live.client);
        let outcome = within(self.desk.core.perform(&client, request)).await;
        if let (Err(error), Some(live)) = (&outcome, &mut self.live) {
            tracing::warn!(agent = %self.agent, error = ?error, "the status of an agent on XMPP was not set; tried again");
            live.status = before;
        }
        tracing::debug!(agent = %self.agent, status, "an agent on XMPP has chosen a status");
        outcome.map(drop)
    }

    /// Writes what has changed, for the API and for whichever node is next.
    async fn note(&mut self) {
        let current = (self.subscription, self.followed);
        if self.noted == current {
            return;
        }
        let known = Known {
            agent: self.agent.to_string(),
            jid: self.jid.to_string(),
            home: self.home.to_string(),
            subscription: self.subscription.as_str().to_owned(),
            shown: self.followed.map(Show::as_str).unwrap_or_default().to_owned(),
            at: self.now(),
        };
        let (tenant, account) = &self.desk.key;
        match within(self.desk.core.xmpp_note_seat(tenant, account, known)).await {
            Ok(()) => self.noted = current,
            Err(error) => tracing::debug!(agent = %self.agent, error = ?error, "a seat on XMPP could not be noted"),
        }
    }

    async fn answer_probe(&self, to: &Jid) {
        let at = to.bare();
        let there = match Place::of(&at, &self.desk.domain) {
            Place::Conversation(conv) => self.live.as_ref().and_then(|live| live.chats.get(&conv)).map(Chat::is_open),
            Place::Desk | Place::Queue(_) => Some(true),
            Place::Nothing => None,
        };
        let answer = match there {
            Some(true) => self.route(&at).available(None, ""),
            _ => self.route(&at).presence("unavailable"),
        };
        self.desk.out.send(answer).await;
    }

    /// Shows how long a queue is, in the agent's contact list.
    pub(super) async fn show_queue(&self, queue: &Queue) {
        let served = self.desk.declared().is_some_and(|(tenant, _)| {
            let seed = tenant.agents.iter().find(|seed| seed.id == self.agent);
            seed.is_some_and(|seed| seed.queues.contains(&queue.queue))
        });
        let Some(at) = self.desk.address(queue.queue.as_str()).filter(|_| served) else { return };
        let status = format!("{} {}", queue.name, words::standing(queue.waiting, queue.longest_ms));
        self.desk.out.send(self.route(&at).available(None, &status)).await;
    }
}
