//! A room for a session (XEP-0045): where the agent's client speaks XEP-0142, what is said stands in a room, too, so
//! that colleagues with oversight can come in and read (others get a room of their own: `oversight`). The customer is
//! there as the conversation's own address; what the agent says in the room goes to the customer, what others say there
//! does not.

use super::Seat;
use super::chat::IN_ROOM;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::Route;
use crate::channel::xmpp::stanza::{Message, Presence, PresenceKind};
use crate::channel::xmpp::stream::COMPONENT;
use crate::model::content::Content;
use crate::model::id::{ConversationId, SessionId};
use crate::model::jid::Jid;
use crate::socket::xmpp::words;

/// How a room stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    /// Its address.
    pub(super) jid: Jid,
    /// The customer in it.
    pub(super) voice: Jid,
    /// Whether it is set up, so that something can be said.
    pub(super) ready: bool,
    /// The agent's name in it, once the agent has come.
    nick: Option<String>,
}

/// The id of the request that sets a room up.
pub(super) const SET_UP: &str = "room";
/// What a room is like: closed, and everybody sees who is who.
const SETTINGS: [(&str, &str); 5] = [
    ("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
    ("muc#roomconfig_membersonly", "1"),
    ("muc#roomconfig_persistentroom", "0"),
    ("muc#roomconfig_publicroom", "0"),
    ("muc#roomconfig_whois", "anyone"),
];

impl Seat {
    /// Opens a room for a chat, if the tenant has a service for rooms and a client speaks XEP-0142.
    pub(super) async fn open_room(&mut self, conv: ConversationId) {
        if self.watch.workgroup().next().is_none() {
            return;
        }
        let Some(chat) = self.live.as_ref().and_then(|live| live.chats.get(&conv)) else { return };
        let Some(room) = self.room_for(conv, chat.session.session, &chat.contact.channel) else { return };
        let Ok(own) = room.jid.with_resource(&chat.contact.name) else { return };
        if self.desk.has_room(&room.jid) {
            // Somebody watches there already, and the agent need not know.
            return;
        }
        self.desk.open_room(&room.jid, &self.jid);
        let enter = room.entrance(&own);
        if let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) {
            chat.room = Some(room);
        }
        self.desk.out.send(enter).await;
    }

    /// The room of a session, if the tenant has a service for rooms.
    pub(super) fn room_for(&self, conv: ConversationId, session: SessionId, channel: &str) -> Option<Room> {
        let (_, settings) = self.desk.declared()?;
        let local = format!("s.{}", session.to_string().trim_start_matches("s_").to_ascii_lowercase());
        let jid = Jid::at(&local, &settings.rooms?).ok()?;
        Some(Room { jid, voice: self.voice_of(conv, channel)?, ready: false, nick: None })
    }

    /// A presence of a room of ours: it exists, or somebody came or went.
    pub(super) async fn in_room(&mut self, presence: Presence) {
        if self.watches(&presence.from) {
            return self.in_watched(&presence).await;
        }
        let Some((conv, room)) = self.room(&presence.from) else { return };
        let there = matches!(presence.kind, PresenceKind::Available { .. });
        if presence.own && there && !room.ready {
            for stanza in room.opening(&self.jid) {
                self.desk.out.send(stanza).await;
            }
            self.change_room(conv, |room| room.ready = true);
        } else if presence.kind == PresenceKind::Error {
            self.room_refused(&presence.from).await;
        } else if presence.real.as_ref().is_some_and(|real| real.bare() == self.jid) {
            let nick = presence.from.resource().filter(|_| there).map(ToOwned::to_owned);
            self.change_room(conv, |room| room.nick = nick);
        }
    }

    /// A room cannot be used: it was refused, or its settings were.
    pub(super) async fn room_refused(&mut self, from: &Jid) {
        self.watched_refused(from).await;
        let Some((conv, room)) = self.room(from) else { return };
        // The chat itself goes on without.
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        chat.into_iter().for_each(|chat| chat.room = None);
        self.desk.close_room(&room.jid);
        self.tell(&self.home, words::ROOM_REFUSED).await;
    }

    /// Something was said in a room of ours.
    pub(super) async fn said_in_room(&mut self, message: Message) {
        if self.watches(&message.from) {
            return self.said_in_watched(&message).await;
        }
        let Some((conv, room)) = self.room(&message.from) else { return };
        let by_agent = room.nick.is_some() && message.from.resource() == room.nick.as_deref();
        // What was said before we came is none of the agent's present words.
        let Some(body) = message.body.clone().filter(|_| by_agent && message.said_at.is_none()) else { return };
        self.pass_on(conv, Content::text(body), &message, IN_ROOM).await;
    }

    fn room(&self, from: &Jid) -> Option<(ConversationId, Room)> {
        let bare = from.bare();
        let chats = self.live.iter().flat_map(|live| &live.chats);
        let mut rooms = chats.filter_map(|(conv, chat)| Some((*conv, chat.room.clone()?)));
        rooms.find(|(_, room)| room.jid == bare)
    }

    fn change_room(&mut self, conv: ConversationId, change: impl FnOnce(&mut Room)) {
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        if let Some(room) = chat.and_then(|chat| chat.room.as_mut()) {
            change(room);
        }
    }

    /// The session is over: the room, too.
    pub(super) async fn close_room(&self, room: Room) {
        let destroy = Element::new("query", ns::MUC_OWNER).child(Element::new("destroy", ns::MUC_OWNER));
        self.desk.out.send(Route { from: &room.voice, to: &room.jid }.ask("set", "over", destroy)).await;
        self.desk.close_room(&room.jid);
    }
}

impl Room {
    /// The customer comes in, under this name: whoever comes first makes the room.
    pub(super) fn entrance(&self, own: &Jid) -> Element {
        Route { from: &self.voice, to: own }.available(None, "").child(Element::new("x", ns::MUC))
    }

    /// What is said to the room once it is there: what it shall be like, and who is let in first.
    pub(super) fn opening(&self, guest: &Jid) -> [Element; 2] {
        [self.settings(), self.invitation(guest)]
    }

    fn settings(&self) -> Element {
        let fields = SETTINGS.iter().map(|(name, value)| {
            let value = Element::new("value", ns::DATA).text(*value);
            Element::new("field", ns::DATA).attr("var", *name).child(value)
        });
        let form = Element::new("x", ns::DATA).attr("type", "submit").children(fields);
        let query = Element::new("query", ns::MUC_OWNER).child(form);
        Route { from: &self.voice, to: &self.jid }.ask("set", SET_UP, query)
    }

    /// Lets somebody in, and tells them so.
    pub(super) fn invitation(&self, guest: &Jid) -> Element {
        let invite = Element::new("invite", ns::MUC_USER).attr("to", guest.to_string());
        Element::new("message", COMPONENT)
            .attr("from", self.voice.to_string())
            .attr("to", self.jid.to_string())
            .child(Element::new("x", ns::MUC_USER).child(invite))
    }

    /// Something said in the room by the customer.
    pub(super) fn saying(&self, id: &str, body: &str) -> Element {
        Element::new("message", COMPONENT)
            .attr("from", self.voice.to_string())
            .attr("to", self.jid.to_string())
            .attr("type", "groupchat")
            .attr("id", id)
            .child(Element::new("body", COMPONENT).text(body))
    }
}
