//! One agent on XMPP, for as long as a link lasts: a task that owns what is known of the agent's clients and chats.
//!
//! Lifecycle: asks for the agent's presence · the agent is there: live, attached and leased as a connection of the
//! device `xmpp` · the agent is gone, or a client that should answer does not: not live, and the core's grace runs ·
//! the link ends: not live.

mod adhoc;
mod chat;
mod command;
mod invite;
mod kept;
mod live;
mod offer;
mod oversight;
mod presence;
mod room;
mod served;
mod talk;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::live::Live;
use self::room::SET_UP;
use self::watch::Watch;
use super::traffic::{Desk, ends};
use crate::channel::xmpp::outgoing::Route;
use crate::channel::xmpp::show::{Clients, Show};
use crate::channel::xmpp::stanza::{IqKind, Stanza};
use crate::core::{Error, Party};
use crate::hub::Hint;
use crate::model::code::Code;
use crate::model::id::AgentId;
use crate::model::jid::Jid;
use crate::model::time::Millis;
use crate::store::xmpp::Seat as Known;
use crate::tenant::{AgentSeed, Role, Tenant};

/// How often what is due is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Time for one request.
const WORK: Duration = Duration::from_secs(10);

/// Whether the agent lets us see their presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subscription {
    /// Nobody has asked yet.
    Unasked,
    /// The agent has to approve.
    Asked,
    /// Approved.
    Granted,
    /// Refused.
    Denied,
    /// The server knows no such account.
    Invalid,
}

impl Subscription {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Asked => "asked",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
        }
    }

    fn parse(text: &str) -> Self {
        let all = [Self::Asked, Self::Granted, Self::Denied, Self::Invalid];
        all.into_iter().find(|known| known.as_str() == text).unwrap_or(Self::Unasked)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Seat {
    desk: Arc<Desk>,
    party: Party,
    agent: AgentId,
    /// The agent's account.
    jid: Jid,
    /// The address of ours that subscribes to the agent's presence: one, always the same.
    home: Jid,
    subscription: Subscription,
    clients: Clients,
    /// The presence that was followed last.
    followed: Option<Show>,
    /// What is in the tables.
    noted: (Subscription, Option<Show>),
    /// When it was put there.
    refused: Option<Millis>,
    /// When to try again to let the agent in.
    not_before: Millis,
    /// When the agent was last asked to let us see the presence.
    asked: Millis,
    /// When whoever was asked for a presence counts as away.
    probed: Option<Millis>,
    watch: Watch,
    /// When rooms that were left for the agent are closed, unless the agent has come by then.
    left: Option<Millis>,
    live: Option<Box<Live>>,
}

/// Whether both declarations make the same seat.
pub(super) fn is_same(one: &AgentSeed, two: &AgentSeed) -> bool {
    (&one.id, &one.name, one.role, &one.queues, &one.xmpp) == (&two.id, &two.name, two.role, &two.queues, &two.xmpp)
}

impl Seat {
    /// A seat for an agent who is declared with an address.
    pub(super) fn new(desk: &Arc<Desk>, tenant: &Tenant, seed: &AgentSeed, known: Option<Known>) -> Option<Self> {
        let jid = seed.xmpp.clone()?;
        let queue = seed.queues.first().or_else(|| tenant.default_queue().map(|queue| &queue.id))?;
        let home = desk.address(queue.as_str())?;
        let agent = seed.id.clone();
        let party =
            Party::Agent { agent: agent.clone(), name: seed.name.clone(), supervisor: seed.role != Role::Agent };
        // What was known of another account or another address of ours says nothing about these.
        let known = known.filter(|known| known.jid == jid.to_string() && known.home == home.to_string());
        let subscription =
            known.as_ref().map_or(Subscription::Unasked, |known| Subscription::parse(&known.subscription));
        // Whoever refused is asked again after some time: an account that did not exist refuses, too.
        let refused = known.as_ref().map(|known| known.at);
        let followed = known.filter(|known| !known.shown.is_empty()).map(|known| Show::parse(&known.shown));
        Some(Self {
            desk: Arc::clone(desk),
            party,
            agent,
            jid,
            home,
            subscription,
            clients: Clients::default(),
            followed,
            noted: (subscription, followed),
            refused,
            not_before: Millis(0),
            asked: Millis(0),
            probed: None,
            watch: Watch::default(),
            left: None,
            live: None,
        })
    }

    /// Serves the agent until nobody sends stanzas any more: the link has ended, or the agent is declared otherwise.
    pub(super) async fn run(mut self, mut stanzas: mpsc::Receiver<Stanza>) {
        self.begin().await;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                stanza = stanzas.recv() => match stanza {
                    Some(stanza) => self.stanza(stanza).await,
                    None => break,
                },
                hint = hint(self.live.as_deref_mut()) => self.hint(hint).await,
                _ = look.tick() => self.look().await,
            }
        }
        self.leave().await;
    }

    async fn stanza(&mut self, stanza: Stanza) {
        if ends(&stanza).0.bare() != self.jid {
            return match stanza {
                Stanza::Presence(presence) => self.in_room(presence).await,
                Stanza::Message(message) => self.said_in_room(*message).await,
                Stanza::Iq(iq) if iq.kind == IqKind::Error && iq.id == SET_UP => self.room_refused(&iq.from).await,
                Stanza::Iq(_) => {}
            };
        }
        match stanza {
            Stanza::Presence(presence) => self.presence(presence).await,
            Stanza::Message(message) => {
                self.heard(&message.from).await;
                self.message(*message).await;
            }
            Stanza::Iq(iq) => self.iq(iq).await,
        }
    }

    /// What is due: marks to write, clients that should have answered, a connection that was lost.
    async fn look(&mut self) {
        self.flush_marks().await;
        self.tell_status().await;
        self.watch_over().await;
        self.read_on().await;
        self.tend_rooms().await;
        self.oversee().await;
        self.follow().await;
    }

    fn now(&self) -> Millis {
        self.desk.core.clock().now()
    }

    /// From one of our addresses to the agent.
    fn route<'a>(&'a self, from: &'a Jid) -> Route<'a> {
        Route { from, to: &self.jid }
    }

    /// Tells the agent something from one of our addresses.
    async fn tell(&self, from: &Jid, text: &str) {
        let id = format!("n{:016x}", rand::random::<u64>());
        self.desk.out.send(self.route(from).chat(&id, text)).await;
    }
}

async fn hint(live: Option<&mut Live>) -> Option<Hint> {
    match live {
        Some(live) => live.inlet.hints.recv().await,
        None => std::future::pending().await,
    }
}

/// A part of an answer.
fn part<T: DeserializeOwned>(answer: &Value, name: &str) -> Option<T> {
    serde_json::from_value(answer.get(name)?.clone()).ok()
}

/// What the core shows, as it is told to sockets.
fn read<T: DeserializeOwned>(view: &impl serde::Serialize) -> Result<T, Error> {
    let unreadable = |error| Error { source: Some(Box::new(error)), ..Error::not_found() };
    let text = serde_json::to_string(view).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(unreadable)
}

/// What a request came to, within the time for one.
async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::new(Code::Timeout, super::words::AWAY);
    tokio::time::timeout(WORK, work).await.unwrap_or_else(|_elapsed| Err(late()))
}
