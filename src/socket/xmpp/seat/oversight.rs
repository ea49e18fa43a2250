//! Colleagues with oversight read along in a room of the session (XEP-0045). The room hears what the log says, not more;
//! what is said in it reaches no customer, and `/note` there is a note for colleagues. The core puts on record who
//! watches what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::room::Room;
use super::{Seat, read, within};
use crate::channel::xmpp::command::{self, Command, Typed};
use crate::channel::xmpp::outgoing::Route;
use crate::channel::xmpp::place::stanza_id;
use crate::channel::xmpp::stanza::{Message, Presence, PresenceKind};
use crate::core::Error;
use crate::model::id::{AgentId, ConversationId, SessionId};
use crate::model::jid::Jid;
use crate::model::time::Millis;
use crate::socket::xmpp::frame::Conversation;
use crate::socket::xmpp::words;

/// How often the log of a watched session is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Sessions that one agent watches at a time.
const MOST: usize = 8;
/// Whoever is invited and does not come is no longer waited for after this time.
const COMING: Duration = Duration::from_secs(120);
/// Earlier messages that a room begins with.
const EARLIER: i64 = 10;
/// Messages that are read at a time.
const PAGE: i64 = 100;

/// A session that is watched in a room.
#[derive(Debug)]
pub(super) struct Watched {
    conv: ConversationId,
    room: Room,
    /// The log has been shown up to here.
    shown: i64,
    begun: Millis,
    /// When the log was looked at last.
    looked: Millis,
    /// The names of those who are in the room.
    guests: BTreeSet<String>,
    /// Those who were told that nobody hears them.
    told: BTreeSet<String>,
    /// Whether anybody has come yet.
    came: bool,
}

/// What an agent with oversight looks at.
#[derive(Debug, Default)]
pub(super) struct Oversight {
    /// The sessions of the list that was shown last.
    listed: Vec<SessionId>,
    watched: BTreeMap<SessionId, Watched>,
}

impl Oversight {
    fn at(&self, room: &Jid) -> Option<SessionId> {
        self.watched.iter().find(|(_, watched)| watched.room.jid == *room).map(|(session, _)| *session)
    }

    /// Every room that is open for it.
    pub(super) fn close(&mut self) -> impl Iterator<Item = Room> + use<> {
        std::mem::take(&mut self.watched).into_values().map(|watched| watched.room)
    }
}

impl Seat {
    /// Shows who is served, or invites into the room of one of those.
    pub(super) async fn watch(&mut self, number: Option<u32>) -> Result<String, String> {
        let live = self.live.as_ref().ok_or(words::OFFLINE)?;
        let client = Arc::clone(&live.client);
        let Some(number) = number else {
            let served = within(self.desk.core.served(&client)).await.map_err(|error| error.message)?;
            let served = served.iter().map(read).collect::<Result<Vec<Conversation>, Error>>();
            return Ok(self.listed(&served.map_err(|error| error.message)?));
        };
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let session =
            place.and_then(|place| live.oversight.listed.get(place)).copied().ok_or(words::NO_SUCH_SESSION)?;
        if live.oversight.watched.len() >= MOST {
            return Err(words::WATCHING_ENOUGH.to_owned());
        }
        let seen = within(self.desk.core.watch(&client, session)).await.and_then(|view| read(&view));
        let Conversation { conv, last_seq, contact, .. } = seen.map_err(|error: Error| error.message)?;
        let room = self.room_for(conv, session, &contact.channel).ok_or(words::NO_ROOMS)?;
        if self.desk.has_room(&room.jid) {
            // It is open already, for the agent or for a colleague.
            self.desk.out.send(room.invitation(&self.jid)).await;
            return Ok(words::INVITED.to_owned());
        }
        let own = room.jid.with_resource(&contact.name).map_err(|_name| words::NO_ROOMS)?;
        self.desk.open_room(&room.jid, &self.jid);
        let enter = room.entrance(&own);
        let now = self.now();
        let watched = Watched {
            conv,
            room,
            shown: (last_seq - EARLIER).max(0),
            begun: now,
            looked: Millis(0),
            guests: BTreeSet::new(),
            told: BTreeSet::new(),
            came: false,
        };
        if let Some(live) = &mut self.live {
            live.oversight.watched.insert(session, watched);
        }
        self.desk.out.send(enter).await;
        Ok(words::INVITED.to_owned())
    }

    fn listed(&mut self, served: &[Conversation]) -> String {
        let tenant = self.desk.declared().map(|(tenant, _)| tenant);
        let name = |id: &AgentId| {
            let seed = tenant.iter().flat_map(|tenant| &tenant.agents).find(|seed| seed.id == *id);
            seed.map_or_else(|| id.to_string(), |seed| seed.name.clone())
        };
        let sessions = served.iter().filter_map(|one| Some((one, one.session.as_ref()?)));
        let sessions: Vec<_> = sessions.collect();
        if let Some(live) = &mut self.live {
            live.oversight.listed = sessions.iter().map(|(_, session)| session.session).collect();
        }
        let lines = sessions.iter().enumerate().map(|(at, (one, session))| {
            let agent = session.control.agent.as_ref().map(name).unwrap_or_default();
            format!("{}. {}（{}） · {agent}", at + 1, one.contact.name, one.contact.channel)
        });
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() {
            words::NOBODY_SERVED.to_owned()
        } else {
            format!("{}\n{}", lines.join("\n"), words::WATCH)
        }
    }

    fn watched(&mut self, room: &Jid) -> Option<(SessionId, &mut Watched)> {
        let oversight = &mut self.live.as_mut()?.oversight;
        let session = oversight.at(&room.bare())?;
        Some((session, oversight.watched.get_mut(&session)?))
    }

    /// Whether a room is there for watching.
    pub(super) fn watches(&self, room: &Jid) -> bool {
        self.live.as_ref().is_some_and(|live| live.oversight.at(&room.bare()).is_some())
    }

    /// A presence in a room that is there for watching.
    pub(super) async fn in_watched(&mut self, presence: &Presence) {
        let guest = self.jid.clone();
        let Some((_, watched)) = self.watched(&presence.from) else { return };
        let there = matches!(presence.kind, PresenceKind::Available { .. });
        if presence.own && there && !watched.room.ready {
            watched.room.ready = true;
            for stanza in watched.room.opening(&guest) {
                self.desk.out.send(stanza).await;
            }
        } else if presence.kind == PresenceKind::Error || (presence.own && !there) {
            self.watched_refused(&presence.from).await;
        } else if let Some(name) = presence.from.resource().filter(|_| !presence.own) {
            if there {
                watched.came = true;
                watched.guests.insert(name.to_owned());
            } else {
                watched.guests.remove(name);
            }
        }
    }

    /// Somebody said something in a room that is there for watching: no customer hears it.
    pub(super) async fn said_in_watched(&mut self, message: &Message) {
        let Some((_, watched)) = self.watched(&message.from) else { return };
        let by_guest = message.from.resource().filter(|name| watched.guests.contains(*name)).map(ToOwned::to_owned);
        // What was said before is told again to whoever comes.
        let Some(body) = message.body.clone().filter(|_| message.said_at.is_none()) else { return };
        let Some(name) = by_guest else { return };
        let (conv, voice) = (watched.conv, watched.room.voice.clone());
        let answer = if let Typed::Command(Command::Note(text)) = command::read(body.trim()) {
            self.note_down(conv, text).await.unwrap_or_else(|refusal| refusal)
        } else if watched.told.insert(name) {
            words::ONLY_WATCHING.to_owned()
        } else {
            return;
        };
        if !answer.is_empty() {
            let id = format!("n{:016x}", rand::random::<u64>());
            self.desk.out.send(Route { from: &voice, to: &message.from }.chat(&id, &answer)).await;
        }
    }

    /// Reads on what is watched, and leaves where nobody watches any more.
    pub(super) async fn oversee(&mut self) {
        let now = self.now();
        let Some(live) = &mut self.live else { return };
        let mut due = Vec::new();
        for (session, watched) in &mut live.oversight.watched {
            if now.since(watched.looked) >= LOOK {
                watched.looked = now;
                due.push(*session);
            }
        }
        for session in due {
            if let Err(error) = self.oversee_one(session, now).await {
                tracing::warn!(agent = %self.agent, error = ?error, "a watched session could not be read; tried again");
            }
        }
    }

    async fn oversee_one(&mut self, session: SessionId, now: Millis) -> Result<(), Error> {
        let Some(live) = &self.live else { return Ok(()) };
        let Some(watched) = live.oversight.watched.get(&session) else { return Ok(()) };
        let alone = if watched.came { watched.guests.is_empty() } else { now.since(watched.begun) > COMING };
        if alone {
            self.unwatch(session).await;
            return Ok(());
        }
        if !watched.room.ready {
            return Ok(());
        }
        let head = within(self.desk.core.watched(&live.client, session)).await?;
        if head.is_none_or(|head| head > watched.shown) {
            self.show_watched(session, head).await?;
        }
        if head.is_none() {
            self.say_in_watched(session, "over", words::WATCHED_OVER).await;
            self.unwatch(session).await;
        }
        Ok(())
    }

    /// Shows the log up to `head`, or to its end.
    async fn show_watched(&mut self, session: SessionId, head: Option<i64>) -> Result<(), Error> {
        loop {
            let Some(live) = &self.live else { return Ok(()) };
            let Some(watched) = live.oversight.watched.get(&session) else { return Ok(()) };
            let (conv, after) = (watched.conv, watched.shown);
            let page = within(self.desk.core.read_log(&live.client, conv, after, PAGE)).await?;
            for envelope in &page.envelopes {
                if let Some((body, _)) = self.worded(envelope) {
                    self.say_in_watched(session, &stanza_id(conv, envelope.seq), &body).await;
                }
            }
            let reached = page.last_seq;
            let watched = self.live.as_mut().and_then(|live| live.oversight.watched.get_mut(&session));
            watched.into_iter().for_each(|watched| watched.shown = reached);
            if reached <= after || head.is_some_and(|head| reached >= head) {
                return Ok(());
            }
        }
    }

    async fn say_in_watched(&self, session: SessionId, id: &str, body: &str) {
        let watched = self.live.as_ref().and_then(|live| live.oversight.watched.get(&session));
        if let Some(watched) = watched {
            self.desk.out.send(watched.room.saying(id, body)).await;
        }
    }

    /// The room cannot be used: it was refused, or its settings were.
    pub(super) async fn watched_refused(&mut self, room: &Jid) {
        if let Some((session, _)) = self.watched(room) {
            self.unwatch(session).await;
            self.tell(&self.home, words::ROOM_REFUSED).await;
        }
    }

    async fn unwatch(&mut self, session: SessionId) {
        let live = self.live.as_mut();
        if let Some(watched) = live.and_then(|live| live.oversight.watched.remove(&session)) {
            self.close_room(watched.room).await;
        }
    }
}
