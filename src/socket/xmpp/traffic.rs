//! An open link: stanzas come in and go to whom they concern, until the link ends, the duty is gone, or `stop`.
//!
//! Every agent with an address has a task of their own, customers share a few, so that each one's stanzas stay in
//! order and nobody waits for somebody else's store. What does not fit is refused to its sender with `wait`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::customer::Customers;
use super::desk::is_gone;
use super::outlet::{self, Outlet};
use super::seat::{self, Seat};
use super::{Key, words};
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::error::LinkError;
use crate::channel::xmpp::link::{LinkReader, LinkWriter};
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::{Refusal, Route};
use crate::channel::xmpp::place::Place;
use crate::channel::xmpp::stanza::{Iq, IqKind, MessageKind, PresenceKind, Stanza};
use crate::channel::xmpp::stream::Incoming;
use crate::core::Core;
use crate::core::duty::Duty;
use crate::model::account::{ChannelSettings, XmppAccount};
use crate::model::id::AgentId;
use crate::model::jid::Jid;
use crate::runtime::Stop;
use crate::tenant::{AgentSeed, Tenant};

/// Stanzas that may wait for one agent.
const WAITING: usize = 64;
/// How often the duty, the declaration and the server are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often the server is asked whether it is there, and how long its answer may take.
const PING: Duration = Duration::from_secs(15);
const PONG: Duration = Duration::from_secs(10);
/// How long agents may take to leave when the link ends.
const LEAVING: Duration = Duration::from_secs(10);

/// What everybody at a desk shares.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) core: Core,
    pub(super) key: Key,
    pub(super) domain: String,
    pub(super) out: Outlet,
    /// Rooms that were opened, and for which agent.
    pub(super) rooms: Mutex<HashMap<Jid, Jid>>,
}

impl Desk {
    /// The tenant as it is declared now, with the account.
    pub(super) fn declared(&self) -> Option<(Arc<Tenant>, XmppAccount)> {
        let tenant = self.core.tenants().tenant(&self.key.0)?;
        let ChannelSettings::Xmpp(settings) = &tenant.account(&self.key.1)?.channel else { return None };
        let settings = settings.clone();
        Some((tenant, settings))
    }

    /// What happens in this room concerns this agent from now on.
    pub(super) fn open_room(&self, room: &Jid, agent: &Jid) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).insert(room.clone(), agent.clone());
    }

    /// What happens in this room concerns nobody any more.
    pub(super) fn close_room(&self, room: &Jid) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).remove(room);
    }

    /// Whether a room is open.
    pub(super) fn has_room(&self, room: &Jid) -> bool {
        self.agent_of(room).is_some()
    }

    fn agent_of(&self, room: &Jid) -> Option<Jid> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    /// One of our addresses.
    pub(super) fn address(&self, local: &str) -> Option<Jid> {
        Jid::at(local, &self.domain).ok()
    }
}

/// An agent's task.
struct Sitting {
    seed: AgentSeed,
    inbox: mpsc::Sender<Stanza>,
}

struct Traffic {
    desk: Arc<Desk>,
    tenant: Option<Arc<Tenant>>,
    rooms: Option<String>,
    seats: HashMap<Jid, Sitting>,
    tasks: JoinSet<AgentId>,
    customers: Customers,
    asked: Option<Instant>,
    answered: Instant,
    pings: u64,
}

/// Carries stanzas until the link ends; the reason, unless it was `stop` or the duty.
pub(super) async fn carry(
    core: &Core,
    key: &Key,
    settings: &XmppAccount,
    (mut reader, mut writer): (LinkReader, LinkWriter),
    duty: &Duty,
    stop: &Stop,
) -> Option<LinkError> {
    let (out, waiting) = outlet::open();
    let desk = Arc::new(Desk {
        core: core.clone(),
        key: key.clone(),
        domain: settings.domain.clone(),
        out,
        rooms: Mutex::default(),
    });
    let customers = Customers::begin(&desk);
    let mut traffic = Traffic {
        desk,
        tenant: None,
        rooms: settings.rooms.clone(),
        seats: HashMap::new(),
        tasks: JoinSet::new(),
        customers,
        asked: None,
        answered: Instant::now(),
        pings: 0,
    };
    let ended = {
        let mut writing = outlet::writing(&mut writer, waiting);
        let ended = writing.until(traffic.run(&mut reader, duty, stop)).await;
        // What agents and customers have to say last still goes out.
        writing.beside(traffic.leave()).await;
        ended
    };
    if !ended.as_ref().is_some_and(is_gone) {
        let fault = match &ended {
            Some(LinkError::Fault(fault)) => Some(*fault),
            _ => None,
        };
        writer.close(fault).await;
    }
    ended
}

impl Traffic {
    async fn run(&mut self, reader: &mut LinkReader, duty: &Duty, stop: &Stop) -> Option<LinkError> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                _ = look.tick() => {
                    if !duty.is_held() {
                        tracing::warn!(account = %self.desk.key.1, "the XMPP link is left to another node");
                        return None;
                    }
                    if let Some(error) = self.look().await {
                        return Some(error);
                    }
                }
                incoming = reader.next() => match incoming {
                    Ok(Some(incoming)) => self.take(incoming),
                    Ok(None) => return Some(LinkError::Closed),
                    Err(error) => return Some(error),
                },
                Some(over) = self.tasks.join_next() => self.over(over),
            }
        }
    }

    /// Sees whether the server answers, and who has been declared.
    async fn look(&mut self) -> Option<LinkError> {
        let now = Instant::now();
        if self.asked.is_some_and(|asked| now.duration_since(asked) > PONG) {
            return Some(LinkError::Dead);
        }
        if self.asked.is_none() && now.duration_since(self.answered) > PING {
            // Asked of ourselves: the server has to carry it out and back.
            let own = Jid::parse(&self.desk.domain).ok()?;
            self.pings += 1;
            let ping = Element::new("ping", ns::PING);
            self.desk.out.offer(Route { from: &own, to: &own }.ask("get", &format!("link{}", self.pings), ping));
            self.asked = Some(now);
        }
        let (tenant, settings) = self.desk.declared()?;
        self.rooms = settings.rooms;
        if self.tenant.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &tenant)) {
            self.seat_agents(&tenant).await;
            self.tenant = Some(tenant);
        }
        None
    }

    /// Gives everybody who is declared with an address a task, and takes it from the others.
    async fn seat_agents(&mut self, tenant: &Arc<Tenant>) {
        let declared: HashMap<&Jid, &AgentSeed> =
            tenant.agents.iter().filter_map(|seed| seed.xmpp.as_ref().map(|jid| (jid, seed))).collect();
        self.seats.retain(|jid, sitting| declared.get(jid).is_some_and(|seed| seat::is_same(&sitting.seed, seed)));
        if declared.keys().all(|jid| self.seats.contains_key(*jid)) {
            return;
        }
        let known = match self.desk.core.xmpp_seats(&self.desk.key.0, &self.desk.key.1).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(error = ?error, "what is known of agents on XMPP could not be read");
                Vec::new()
            }
        };
        for (jid, seed) in declared {
            if self.seats.contains_key(jid) {
                continue;
            }
            let known = known.iter().find(|known| known.agent == seed.id.as_str()).cloned();
            let Some(seat) = Seat::new(&self.desk, tenant, seed, known) else { continue };
            let (inbox, stanzas) = mpsc::channel(WAITING);
            let agent = seed.id.clone();
            self.tasks.spawn(async move {
                // It holds much and is moved nowhere: one allocation per agent.
                Box::pin(seat.run(stanzas)).await;
                agent
            });
            self.seats.insert(jid.clone(), Sitting { seed: seed.clone(), inbox });
        }
    }

    fn over(&mut self, over: Result<AgentId, tokio::task::JoinError>) {
        if let Err(error) = over {
            tracing::error!(error = %error, "an agent's task on XMPP broke; it begins anew");
            self.seats.retain(|_, sitting| !sitting.inbox.is_closed());
            self.tenant = None;
        }
    }

    fn take(&mut self, incoming: Incoming) {
        let element = match incoming {
            Incoming::Stanza(element) => element,
            Incoming::Oversize(tag) => return self.too_large(&tag),
            // A second header is none; the end is the reader's.
            Incoming::Header(_) | Incoming::End => return,
        };
        match Stanza::read(&element) {
            Ok(stanza) => self.pass(stanza),
            Err(why) => tracing::debug!(account = %self.desk.key.1, why = %why, "a stanza was passed over"),
        }
    }

    /// Somebody sent more than servers let through: it is refused, and everybody else goes on.
    fn too_large(&self, tag: &Element) {
        let (Some(from), Some(to)) = (tag.get("from"), tag.get("to")) else { return };
        let (Ok(from), Ok(to)) = (Jid::parse(from), Jid::parse(to)) else { return };
        if tag.name() == "message" && tag.get("type") != Some("error") {
            let route = Route { from: &to, to: &from };
            self.desk.out.offer(route.refused(tag.get("id"), Refusal::Policy, words::TOO_LARGE));
        }
    }

    fn pass(&mut self, stanza: Stanza) {
        let (from, to) = ends(&stanza);
        if from.domain() == self.desk.domain {
            return self.own(&stanza);
        }
        if Place::of(to, &self.desk.domain) == Place::Nothing {
            return self.refuse(&stanza, Refusal::NotFound, words::NO_SUCH_ADDRESS);
        }
        let bare = from.bare();
        let of_room = self.rooms.as_deref() == Some(bare.domain());
        let agent = if of_room { self.desk.agent_of(&bare) } else { Some(bare) };
        let Some(agent) = agent else { return };
        if let Some(sitting) = self.seats.get(&agent) {
            if let Err(mpsc::error::TrySendError::Full(stanza)) = sitting.inbox.try_send(stanza) {
                self.refuse(&stanza, Refusal::Wait, words::TOO_FAST);
            }
            return;
        }
        if of_room {
            return;
        }
        if let Some(stanza) = self.customers.take(stanza) {
            self.refuse(&stanza, Refusal::Wait, words::TOO_FAST);
        }
    }

    /// What we said to ourselves, to hear whether the server carries it.
    fn own(&mut self, stanza: &Stanza) {
        let Stanza::Iq(iq) = stanza else { return };
        if !iq.id.starts_with("link") {
            return;
        }
        (self.asked, self.answered) = (None, Instant::now());
    }

    fn refuse(&self, stanza: &Stanza, refusal: Refusal, text: &str) {
        if let Some(answer) = refused(stanza, refusal, text) {
            self.desk.out.offer(answer);
        }
    }

    /// Lets agents leave in order: the link has ended, or is about to.
    async fn leave(&mut self) {
        self.seats.clear();
        let tasks = &mut self.tasks;
        let left = timeout(LEAVING, async { while tasks.join_next().await.is_some() {} }).await;
        if left.is_err() {
            tracing::warn!(account = %self.desk.key.1, "agents on XMPP did not leave in time; their leases end by themselves");
        }
        self.customers.end().await;
    }
}

/// From whom, and to which of our addresses.
pub(super) fn ends(stanza: &Stanza) -> (&Jid, &Jid) {
    match stanza {
        Stanza::Message(message) => (&message.from, &message.to),
        Stanza::Presence(presence) => (&presence.from, &presence.to),
        Stanza::Iq(Iq { from, to, .. }) => (from, to),
    }
}

/// The refusal of a stanza, if its kind is answered at all.
pub(super) fn refused(stanza: &Stanza, refusal: Refusal, text: &str) -> Option<Element> {
    match stanza {
        Stanza::Message(message) => {
            let asks = message.kind != MessageKind::Error && (message.body.is_some() || message.file.is_some());
            let route = Route { from: &message.to, to: &message.from };
            asks.then(|| route.refused(message.id.as_deref(), refusal, text))
        }
        Stanza::Iq(iq) => matches!(iq.kind, IqKind::Get | IqKind::Set).then(|| iq.refuse(refusal, text)),
        Stanza::Presence(presence) => {
            let route = Route { from: &presence.to, to: &presence.from };
            (presence.kind == PresenceKind::Subscribe).then(|| route.presence("unsubscribed"))
        }
    }
}
