//! A room of a session (XEP-0045) as it stands: how it is entered, who is in it, and how far the log has been told in it.
//! The customer is there as the conversation's own address. Pure but for the stanzas it writes; knows no seat.
//!
//! A room outlives the link that made it. Whoever enters it again is told what was said meanwhile, ours and others':
//! that is where to go on, so that nothing is told twice and nothing is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::Route;
use crate::channel::xmpp::place::marked;
use crate::channel::xmpp::stanza::{Message, MessageKind, Presence, PresenceKind};
use crate::channel::xmpp::stream::COMPONENT;
use crate::model::jid::Jid;
use crate::model::time::Millis;
use crate::store::room::Room as Kept;

/// The id of the request that sets a room up.
pub(super) const SET_UP: &str = "room";
/// How long a service may take to let us in, and to tell what was said before.
const ENTERING: Duration = Duration::from_secs(10);
/// How often we come in again after we were put out, within [`AGAIN`].
const ENTRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(60);
/// People who are invited into one room at most, beside the agent.
const GUESTS: usize = 8;
/// Occupants whose names are remembered.
const OCCUPANTS: usize = 64;
/// Earlier messages that are asked for; services keep fewer.
const HISTORY: &str = "100";
/// What a room is like: closed, and everybody sees who is who.
const SETTINGS: [(&str, &str); 5] = [
    ("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
    ("muc#roomconfig_membersonly", "1"),
    ("muc#roomconfig_persistentroom", "0"),
    ("muc#roomconfig_publicroom", "0"),
    ("muc#roomconfig_whois", "anyone"),
];

/// Whether we are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is being made.
    Opening(Millis),
    /// It is entered again.
    Returning(Millis),
    /// We are in again, and are told what was said before.
    Listening(Millis),
    /// What is said in it is said now.
    Open,
}

/// What a presence in a room comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing to be done.
    Nothing,
    /// We have made it: it is to be set up, and everybody to be invited.
    Made,
    /// It was there all the while; what was said in it comes next.
    Back,
    /// We were put out.
    Out,
    /// We are not let in.
    Refused,
    /// The agent has come, has gone, or has another name.
    Agent,
}

/// What a message in a room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Of no interest.
    Nothing,
    /// A message of the log has been told to everybody there.
    Echo(i64),
    /// Everything that was said before has been told.
    Now,
    /// Words of the agent; `true` if they were said before we came in again.
    Agent(String, bool),
    /// Words of somebody else there.
    Guest {
        /// Their name in the room.
        name: String,
        /// Their account, where the room says so.
        who: Option<Jid>,
        /// What.
        text: String,
    },
    /// What we said was not taken: we are not in.
    Out,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    kept: Kept,
    /// The customer in it.
    pub(super) voice: Jid,
    /// The customer's place in it.
    own: Jid,
    phase: Phase,
    entered: Millis,
    entries: u32,
    /// Everything of the log up to here has been told in it.
    pub(super) heard: i64,
    /// Whether the agent is in it now.
    inside: bool,
    guests: BTreeMap<String, Option<Jid>>,
    /// Those who were told that nobody hears them.
    told: BTreeSet<String>,
}

impl Room {
    /// A room that is not entered yet, in which the log is told from after `heard`.
    pub(super) fn new(kept: Kept, voice: Jid, heard: i64) -> Option<Self> {
        let own = kept.jid.with_resource(&kept.name).ok()?;
        let phase = Phase::Opening(Millis(0));
        let (guests, told) = (BTreeMap::new(), BTreeSet::new());
        Some(Self { kept, voice, own, phase, entered: Millis(0), entries: 0, heard, inside: false, guests, told })
    }

    /// What the next node needs to go on with it.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Its address.
    pub(super) fn jid(&self) -> &Jid {
        &self.kept.jid
    }

    /// Whether what is said in it is said now.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether it is entered again: what there is to say waits.
    pub(super) fn is_returning(&self) -> bool {
        matches!(self.phase, Phase::Returning(_) | Phase::Listening(_))
    }

    /// Whether the agent is in it.
    pub(super) fn has_agent(&self) -> bool {
        self.inside
    }

    /// Whether nobody but us is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// The customer comes in: whoever comes first makes the room.
    pub(super) fn enter(&mut self, now: Millis) -> Element {
        self.phase = Phase::Opening(now.plus(ENTERING));
        self.entrance(now, Element::new("x", ns::MUC))
    }

    /// The customer comes in again; nothing if that was tried too often.
    pub(super) fn enter_again(&mut self, now: Millis) -> Option<Element> {
        if now.since(self.entered) > AGAIN {
            self.entries = 0;
        }
        if self.entries >= ENTRIES {
            return None;
        }
        self.phase = Phase::Returning(now.plus(ENTERING));
        self.inside = false;
        self.guests.clear();
        let history = Element::new("history", ns::MUC).attr("maxstanzas", HISTORY);
        Some(self.entrance(now, Element::new("x", ns::MUC).child(history)))
    }

    fn entrance(&mut self, now: Millis, how: Element) -> Element {
        self.entered = now;
        self.entries = self.entries.saturating_add(1);
        Route { from: &self.voice, to: &self.own }.available(None, "").child(how)
    }

    /// What is overdue: an answer ([`Seen::Refused`]), or the end of what was said before ([`Seen::Back`]).
    pub(super) fn overdue(&self, now: Millis) -> Seen {
        match self.phase {
            Phase::Opening(until) | Phase::Returning(until) if now >= until => Seen::Refused,
            Phase::Listening(until) if now >= until => Seen::Back,
            _ => Seen::Nothing,
        }
    }

    /// Somebody came or went.
    pub(super) fn sees(&mut self, presence: &Presence, agent: &Jid) -> Seen {
        let there = matches!(presence.kind, PresenceKind::Available { .. });
        match (presence.own, there, self.phase) {
            _ if presence.kind == PresenceKind::Error => Seen::Refused,
            (true, true, Phase::Returning(until)) if !presence.made => {
                self.own.clone_from(&presence.from);
                self.phase = Phase::Listening(until);
                Seen::Back
            }
            (true, true, Phase::Opening(_) | Phase::Returning(_)) => {
                self.own.clone_from(&presence.from);
                self.phase = Phase::Open;
                Seen::Made
            }
            (true, false, _) => Seen::Out,
            (true, true, _) => Seen::Nothing,
            (false, ..) => self.sees_other(presence, agent, there),
        }
    }

    fn sees_other(&mut self, presence: &Presence, agent: &Jid, there: bool) -> Seen {
        let Some(name) = presence.from.resource() else { return Seen::Nothing };
        let who = presence.real.as_ref().map(Jid::bare);
        let was = (self.inside, self.kept.nick.clone());
        let named = self.kept.nick.as_deref() == Some(name);
        let is_agent = who.as_ref() == Some(agent);
        if there && (self.guests.len() < OCCUPANTS || self.guests.contains_key(name)) {
            self.guests.insert(name.to_owned(), who);
        } else if !there {
            self.guests.remove(name);
            self.told.remove(name);
        }
        if there && is_agent {
            (self.inside, self.kept.nick) = (true, Some(name.to_owned()));
        } else if there && named {
            // Somebody else has the name that was the agent's.
            (self.inside, self.kept.nick) = (false, None);
        } else if !there && named {
            self.inside = false;
        }
        if was == (self.inside, self.kept.nick.clone()) { Seen::Nothing } else { Seen::Agent }
    }

    /// Something was said.
    pub(super) fn hears(&mut self, message: &Message) -> Said {
        let of_log = message.id.as_deref().and_then(marked).filter(|(conv, _)| *conv == self.kept.conv);
        let name = message.from.resource();
        if message.kind == MessageKind::Error {
            return if of_log.is_some() && name.is_none() && self.is_open() { Said::Out } else { Said::Nothing };
        }
        if message.subject && matches!(self.phase, Phase::Listening(_)) {
            return self.listened();
        }
        let Some(name) = name else { return Said::Nothing };
        if Some(name) == self.own.resource() {
            let Some((_, seq)) = of_log else { return Said::Nothing };
            self.heard = seq.max(self.heard);
            return Said::Echo(seq);
        }
        // What was said before is of interest only where it may have been said while nobody of us was there.
        let before = message.said_at.is_some();
        let Some(text) = message.body.clone().filter(|_| !before || self.is_returning()) else { return Said::Nothing };
        match self.guests.get(name) {
            _ if self.kept.nick.as_deref() == Some(name) => Said::Agent(text, before),
            Some(who) if !before => Said::Guest { name: name.to_owned(), who: who.clone(), text },
            _ => Said::Nothing,
        }
    }

    /// What was said before has been told, or nobody tells it.
    pub(super) fn listened(&mut self) -> Said {
        self.phase = Phase::Open;
        Said::Now
    }

    /// Whether this name has not been told yet that nobody hears it.
    pub(super) fn tells(&mut self, name: &str) -> bool {
        self.told.insert(name.to_owned())
    }

    /// Notes a guest; `false` if there are too many.
    pub(super) fn invite(&mut self, guest: &Jid) -> bool {
        if self.kept.guests.contains(guest) {
            return true;
        }
        let space = self.kept.guests.len() < GUESTS;
        if space {
            self.kept.guests.push(guest.clone());
        }
        space
    }

    /// What is said to a room that we have made: what it shall be like, and who is let in.
    pub(super) fn opening(&self, agent: &Jid) -> Vec<Element> {
        let guests = self.kept.guests.iter().map(|guest| self.invitation(guest));
        [self.settings(), self.invitation(agent)].into_iter().chain(guests).collect()
    }

    fn settings(&self) -> Element {
        let fields = SETTINGS.iter().map(|(name, value)| {
            let value = Element::new("value", ns::DATA).text(*value);
            Element::new("field", ns::DATA).attr("var", *name).child(value)
        });
        let form = Element::new("x", ns::DATA).attr("type", "submit").children(fields);
        let query = Element::new("query", ns::MUC_OWNER).child(form);
        Route { from: &self.voice, to: self.jid() }.ask("set", SET_UP, query)
    }

    /// Lets somebody in, and tells them so.
    pub(super) fn invitation(&self, guest: &Jid) -> Element {
        let invite = Element::new("invite", ns::MUC_USER).attr("to", guest.to_string());
        Element::new("message", COMPONENT)
            .attr("from", self.voice.to_string())
            .attr("to", self.jid().to_string())
            .child(Element::new("x", ns::MUC_USER).child(invite))
    }

    /// Something said in the room by the customer.
    pub(super) fn saying(&self, id: &str, body: &str) -> Element {
        Element::new("message", COMPONENT)
            .attr("from", self.voice.to_string())
            .attr("to", self.jid().to_string())
            .attr("type", "groupchat")
            .attr("id", id)
            .child(Element::new("body", COMPONENT).text(body))
    }

    /// The session is over: the room, too.
    pub(super) fn end(&self) -> Element {
        let destroy = Element::new("query", ns::MUC_OWNER).child(Element::new("destroy", ns::MUC_OWNER));
        Route { from: &self.voice, to: self.jid() }.ask("set", "over", destroy)
    }
}

#[cfg(test)]
mod tests;
