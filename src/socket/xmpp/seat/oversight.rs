//! Colleagues with oversight read along in a room of the session (XEP-0045). The room hears what the log says, not more;
//! what is said in it reaches no customer, and `/note` there is a note for colleagues. The core puts on record who
//! watches what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::room::{Room, Said, Seen};
use super::{Seat, read, within};
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::place::stanza_id;
use crate::channel::xmpp::stanza::{Message, Presence};
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
    /// Whether anybody has come yet.
    came: bool,
}

impl Watched {
    fn new(room: Room, now: Millis) -> Self {
        Self { conv: room.kept().conv, shown: room.heard, room, begun: now, looked: Millis(0), came: false }
    }

    /// After which message of a log of this length a room begins.
    pub(super) fn begins(last_seq: i64) -> i64 {
        (last_seq - EARLIER).max(0)
    }
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
        self.watched.iter().find(|(_, watched)| watched.room.jid() == room).map(|(session, _)| *session)
    }

    /// The customer in the room of a conversation.
    pub(super) fn voice(&self, conv: ConversationId) -> Option<Jid> {
        self.watched.values().find(|watched| watched.conv == conv).map(|watched| watched.room.voice.clone())
    }

    fn room(&mut self, conv: ConversationId) -> Option<&mut Room> {
        self.watched.values_mut().find(|watched| watched.conv == conv).map(|watched| &mut watched.room)
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
        let begins = Watched::begins(last_seq);
        let mut room = self.room_for(conv, (session, true), &contact, begins).ok_or(words::NO_ROOMS)?;
        if self.desk.has_room(room.jid()) {
            // It is open already, for the agent or for a colleague.
            self.desk.out.send(room.invitation(&self.jid)).await;
            return Ok(words::INVITED.to_owned());
        }
        self.desk.open_room(room.jid(), &self.jid);
        self.keep_room(&room).await;
        let now = self.now();
        let enter = room.enter(now);
        self.watch_in(session, room, enter).await;
        Ok(words::INVITED.to_owned())
    }

    async fn watch_in(&mut self, session: SessionId, room: Room, enter: Element) {
        let now = self.now();
        if let Some(live) = &mut self.live {
            live.oversight.watched.insert(session, Watched::new(room, now));
            self.desk.out.send(enter).await;
        }
    }

    /// Goes on with a session that was watched before the link ended.
    pub(super) async fn watch_again(&mut self, session: SessionId, mut room: Room) {
        if let Some(enter) = room.enter_again(self.now()) {
            self.watch_in(session, room, enter).await;
        }
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
        let agent = self.jid.clone();
        let Some((session, watched)) = self.watched(&presence.from) else { return };
        let seen = watched.room.sees(presence, &agent);
        watched.came |= !watched.room.is_empty();
        let room = watched.room.clone();
        match seen {
            Seen::Nothing => {}
            Seen::Agent => self.keep_room(&room).await,
            Seen::Refused => self.watched_refused(&presence.from).await,
            Seen::Out => self.come_again_to_watched(session).await,
            // Who is in it goes on; if nobody is, the room is for whoever asked for it.
            Seen::Back if room.is_empty() => self.desk.out.send(room.invitation(&agent)).await,
            Seen::Back => {}
            Seen::Made => {
                for stanza in room.opening(&agent) {
                    self.desk.out.send(stanza).await;
                }
                self.heard_in_watched(session);
            }
        }
    }

    /// We are not in a room any more in which we should be.
    async fn come_again_to_watched(&mut self, session: SessionId) {
        let now = self.now();
        let watched = self.live.as_mut().and_then(|live| live.oversight.watched.get_mut(&session));
        let Some(watched) = watched else { return };
        let jid = watched.room.jid().clone();
        match watched.room.enter_again(now) {
            Some(enter) => self.desk.out.send(enter).await,
            None => self.watched_refused(&jid).await,
        }
    }

    /// The log is told from where those in the room have heard it.
    fn heard_in_watched(&mut self, session: SessionId) {
        let watched = self.live.as_mut().and_then(|live| live.oversight.watched.get_mut(&session));
        watched.into_iter().for_each(|watched| watched.shown = watched.room.heard);
    }

    /// Something was said in a room that is there for watching: no customer hears it.
    pub(super) async fn said_in_watched(&mut self, message: &Message) {
        let Some((session, watched)) = self.watched(&message.from) else { return };
        let conv = watched.conv;
        let own = watched.room.kept().nick.clone();
        let (name, who, text) = match watched.room.hears(message) {
            Said::Nothing | Said::Echo(_) => return,
            Said::Now => return self.heard_in_watched(session),
            Said::Out => return self.come_again_to_watched(session).await,
            // Whoever opened the room watches like everybody in it.
            Said::Agent(_, true) => return,
            Said::Agent(text, false) => (own.unwrap_or_default(), Some(self.jid.clone()), text),
            Said::Guest { name, who, text } => (name, who, text),
        };
        let answer = self.guest_said(conv, &name, who, text).await;
        self.answer_in_room(conv, message, answer).await;
    }

    /// Whether somebody in a room that is there for watching has yet to be told that nobody hears them.
    pub(super) fn tells_in_watched(&mut self, conv: ConversationId, name: &str) -> bool {
        let room = self.live.as_mut().and_then(|live| live.oversight.room(conv));
        room.is_some_and(|room| room.tells(name))
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
        match watched.room.overdue(now) {
            Seen::Nothing => {}
            Seen::Refused => {
                let jid = watched.room.jid().clone();
                self.watched_refused(&jid).await;
                return Ok(());
            }
            _ => self.listened_in_watched(session),
        }
        let watched = self.live.as_ref().and_then(|live| Some((live, live.oversight.watched.get(&session)?)));
        let Some((live, watched)) = watched.filter(|(_, watched)| watched.room.is_open()) else { return Ok(()) };
        let alone = if watched.came { watched.room.is_empty() } else { now.since(watched.begun) > COMING };
        if alone {
            self.unwatch(session).await;
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

    fn listened_in_watched(&mut self, session: SessionId) {
        let watched = self.live.as_mut().and_then(|live| live.oversight.watched.get_mut(&session));
        watched.into_iter().for_each(|watched| drop(watched.room.listened()));
        self.heard_in_watched(session);
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
