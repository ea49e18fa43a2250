//! Rooms of the sessions that the agent serves: where the agent's client speaks XEP-0142, or colleagues are invited,
//! what is said stands in a room, too. What the agent says in the room goes to the customer, what others say there does
//! not. An agent who is not in the room is told in the chat as ever.

use super::Seat;
use super::chat::IN_ROOM;
use super::room::{Room, Said, Seen};
use crate::channel::xmpp::command::{self, Typed};
use crate::channel::xmpp::stanza::{Message, Presence};
use crate::model::content::Content;
use crate::model::id::{ConversationId, SessionId};
use crate::model::jid::Jid;
use crate::socket::xmpp::{frame, words};
use crate::store::room::Room as Kept;

impl Seat {
    /// Opens a room for a chat, if the tenant has a service for rooms and a client speaks XEP-0142.
    pub(super) async fn open_room(&mut self, conv: ConversationId) {
        if self.watch.workgroup().next().is_none() {
            return;
        }
        let Some(room) = self.new_room(conv) else { return };
        if self.desk.has_room(room.jid()) {
            // Somebody watches there already, and the agent need not know.
            return;
        }
        self.enter_room(conv, room).await;
    }

    /// A room for a chat, which may exist already.
    pub(super) fn new_room(&self, conv: ConversationId) -> Option<Room> {
        let chat = self.live.as_ref()?.chats.get(&conv)?;
        self.room_for(conv, (chat.session.session, false), &chat.contact, chat.told())
    }

    /// The room of a session, if the tenant has a service for rooms.
    pub(super) fn room_for(
        &self,
        conv: ConversationId,
        (session, watched): (SessionId, bool),
        contact: &frame::Contact,
        heard: i64,
    ) -> Option<Room> {
        let (_, settings) = self.desk.declared()?;
        let local = format!("s.{}", session.to_string().trim_start_matches("s_").to_ascii_lowercase());
        let kept = Kept {
            jid: Jid::at(&local, &settings.rooms?).ok()?,
            agent: self.agent.clone(),
            session,
            conv,
            watched,
            channel: contact.channel.clone(),
            name: contact.name.clone(),
            nick: None,
            guests: Vec::new(),
        };
        Room::new(kept, self.voice_of(conv, &contact.channel)?, heard)
    }

    /// Makes the room of a chat.
    pub(super) async fn enter_room(&mut self, conv: ConversationId, mut room: Room) {
        let now = self.now();
        self.desk.open_room(room.jid(), &self.jid);
        self.keep_room(&room).await;
        let enter = room.enter(now);
        if let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) {
            chat.room = Some(room);
            self.desk.out.send(enter).await;
        }
    }

    /// A presence of a room of ours: it exists, or somebody came or went.
    pub(super) async fn in_room(&mut self, presence: Presence) {
        if self.watches(&presence.from) {
            return self.in_watched(&presence).await;
        }
        let agent = self.jid.clone();
        let Some((conv, room)) = self.room(&presence.from) else { return };
        let returning = room.is_returning();
        let seen = room.sees(&presence, &agent);
        let room = room.clone();
        match seen {
            Seen::Nothing => {}
            Seen::Agent => self.keep_room(&room).await,
            Seen::Refused => self.room_refused(&presence.from).await,
            Seen::Out => self.come_again(conv).await,
            Seen::Back => {
                // Who is in it goes on; if nobody is, the agent may have been put out as well.
                if room.is_empty() {
                    self.desk.out.send(room.invitation(&agent)).await;
                }
            }
            Seen::Made => {
                for stanza in room.opening(&agent) {
                    self.desk.out.send(stanza).await;
                }
                if returning {
                    self.read_again(conv).await;
                }
            }
        }
    }

    /// We are not in a room any more in which we should be.
    async fn come_again(&mut self, conv: ConversationId) {
        let now = self.now();
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        let Some(room) = chat.and_then(|chat| chat.room.as_mut()) else { return };
        match room.enter_again(now) {
            Some(enter) => self.desk.out.send(enter).await,
            None => {
                let jid = room.jid().clone();
                self.room_refused(&jid).await;
            }
        }
    }

    /// A room cannot be used: it was refused, or its settings were.
    pub(super) async fn room_refused(&mut self, from: &Jid) {
        self.watched_refused(from).await;
        let Some((conv, _)) = self.room(from) else { return };
        // The chat itself goes on without.
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        if let Some(room) = chat.and_then(|chat| chat.room.take()) {
            self.forget_room(room.jid()).await;
        }
        self.tell(&self.home, words::ROOM_REFUSED).await;
        self.read_again(conv).await;
    }

    /// Something was said in a room of ours.
    pub(super) async fn said_in_room(&mut self, message: Message) {
        if self.watches(&message.from) {
            return self.said_in_watched(&message).await;
        }
        let Some((conv, room)) = self.room(&message.from) else { return };
        let inside = room.has_agent();
        match room.hears(&message) {
            Said::Nothing => {}
            Said::Echo(seq) if inside => self.told_in_room(conv, seq),
            Said::Echo(_) => {}
            Said::Now => self.read_again(conv).await,
            Said::Out => self.come_again(conv).await,
            Said::Agent(text, before) => self.agent_said(conv, text, before, &message).await,
            Said::Guest { name, who, text } => {
                let answer = self.guest_said(conv, &name, who, text).await;
                self.answer_in_room(conv, &message, answer).await;
            }
        }
    }

    /// The agent's words in the room: for the customer, unless they are a command.
    async fn agent_said(&mut self, conv: ConversationId, text: String, before: bool, message: &Message) {
        match command::read(text.trim()) {
            // Without an id nobody can tell whether it was passed on when it was said.
            Typed::Text(_) if before && message.id.is_none() && message.origin_id.is_none() => {
                self.answer_in_room(conv, message, words::PERHAPS_LOST.to_owned()).await;
            }
            Typed::Text(text) => self.pass_on(conv, Content::text(text), message, IN_ROOM).await,
            // It may have been done when it was typed.
            Typed::Command(_) | Typed::Unknown(_) if before => {}
            Typed::Command(command) => {
                let answer = self.command(command, Some(conv)).await;
                self.answer_in_room(conv, message, answer).await;
            }
            Typed::Unknown(word) => self.answer_in_room(conv, message, words::unknown(&word)).await,
        }
    }

    /// Somebody else's words in a room: no customer hears them. What to answer.
    pub(super) async fn guest_said(
        &mut self,
        conv: ConversationId,
        name: &str,
        who: Option<Jid>,
        text: String,
    ) -> String {
        let author =
            who.filter(|who| *who != self.jid).map(|who| self.name_of(&who).unwrap_or_else(|| name.to_owned()));
        if let Typed::Command(command::Command::Note(note)) = command::read(text.trim()) {
            let note = author.map_or_else(|| note.clone(), |author| format!("{author}：{note}"));
            return self.note_down(conv, note).await.unwrap_or_else(|refusal| refusal);
        }
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        let first = match chat.and_then(|chat| chat.room.as_mut()) {
            Some(room) => {
                let (voice, first, away) = (room.voice.clone(), room.tells(name), !room.has_agent());
                if away {
                    // The agent is not there to read it.
                    let name = author.unwrap_or_else(|| name.to_owned());
                    self.tell(&voice, &format!("[会议室] {name}：{text}")).await;
                }
                first
            }
            None => self.tells_in_watched(conv, name),
        };
        if first { words::ONLY_WATCHING.to_owned() } else { String::new() }
    }

    fn name_of(&self, who: &Jid) -> Option<String> {
        let (tenant, _) = self.desk.declared()?;
        tenant.agents.iter().find(|seed| seed.xmpp.as_ref() == Some(who)).map(|seed| seed.name.clone())
    }

    /// Answers somebody in a room, in private.
    pub(super) async fn answer_in_room(&self, conv: ConversationId, message: &Message, answer: String) {
        if answer.is_empty() {
            return;
        }
        let Some(voice) = self.live.as_ref().and_then(|live| {
            let served = live.chats.get(&conv).and_then(|chat| chat.room.as_ref());
            served.map(|room| room.voice.clone()).or_else(|| live.oversight.voice(conv))
        }) else {
            return;
        };
        let id = format!("n{:016x}", rand::random::<u64>());
        let route = crate::channel::xmpp::outgoing::Route { from: &voice, to: &message.from };
        self.desk.out.send(route.chat(&id, &answer)).await;
    }

    /// What should have happened in a room by now.
    pub(super) async fn tend_rooms(&mut self) {
        let now = self.now();
        let chats = self.live.iter().flat_map(|live| &live.chats);
        let rooms = chats.filter_map(|(conv, chat)| Some((*conv, chat.room.as_ref()?)));
        let due = rooms.filter_map(|(conv, room)| match room.overdue(now) {
            Seen::Nothing => None,
            seen => Some((conv, room.jid().clone(), seen)),
        });
        for (conv, jid, seen) in due.collect::<Vec<_>>() {
            if seen == Seen::Refused {
                self.room_refused(&jid).await;
                continue;
            }
            if let Some((_, room)) = self.room(&jid) {
                room.listened();
            }
            self.read_again(conv).await;
        }
    }

    fn room(&mut self, from: &Jid) -> Option<(ConversationId, &mut Room)> {
        let bare = from.bare();
        let chats = self.live.iter_mut().flat_map(|live| &mut live.chats);
        let mut rooms = chats.filter_map(|(conv, chat)| Some((*conv, chat.room.as_mut()?)));
        rooms.find(|(_, room)| *room.jid() == bare)
    }
}
