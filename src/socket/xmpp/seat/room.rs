//! A room for a session (XEP-0045): where the agent's client speaks XEP-0142, what is said stands in a room, too, so
//! that colleagues with oversight can come in and read. The customer is there as the conversation's own address; what
//! the agent says in the room goes to the customer, what others say there does not.

use super::Seat;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::Route;
use crate::channel::xmpp::stanza::{Message, Presence, PresenceKind};
use crate::channel::xmpp::stream::COMPONENT;
use crate::model::content::Content;
use crate::model::id::ConversationId;
use crate::model::jid::Jid;

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
        let Some(rooms) = self.desk.declared().and_then(|(_, settings)| settings.rooms) else { return };
        if self.watch.workgroup().next().is_none() {
            return;
        }
        let Some(chat) = self.live.as_ref().and_then(|live| live.chats.get(&conv)) else { return };
        let local = format!("s.{}", chat.session.session.to_string().trim_start_matches("s_").to_ascii_lowercase());
        let (Ok(jid), Some(voice)) = (Jid::at(&local, &rooms), self.voice_of(conv, &chat.contact.channel)) else {
            return;
        };
        let Ok(own) = jid.with_resource(&chat.contact.name) else { return };
        let room = Room { jid: jid.clone(), voice: voice.clone(), ready: false, nick: None };
        self.desk.open_room(&jid, &self.jid);
        if let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) {
            chat.room = Some(room);
        }
        let join = Route { from: &voice, to: &own }.available(None, "").child(Element::new("x", ns::MUC));
        self.desk.out.send(join).await;
    }

    /// A presence of a room of ours: it exists, or somebody came or went.
    pub(super) async fn in_room(&mut self, presence: Presence) {
        let Some((conv, room)) = self.room(&presence.from) else { return };
        let there = matches!(presence.kind, PresenceKind::Available { .. });
        if presence.own && there && !room.ready {
            let fields = SETTINGS.iter().map(|(name, value)| {
                let value = Element::new("value", ns::DATA).text(*value);
                Element::new("field", ns::DATA).attr("var", *name).child(value)
            });
            let form = Element::new("x", ns::DATA).attr("type", "submit").children(fields);
            let query = Element::new("query", ns::MUC_OWNER).child(form);
            let set_up = Route { from: &room.voice, to: &room.jid }.ask("set", "room", query);
            self.desk.out.send(set_up).await;
            let invite = Element::new("invite", ns::MUC_USER).attr("to", self.jid.to_string());
            let invite = Element::new("x", ns::MUC_USER).child(invite);
            let invitation = Element::new("message", COMPONENT)
                .attr("from", room.voice.to_string())
                .attr("to", room.jid.to_string())
                .child(invite);
            self.desk.out.send(invitation).await;
            self.change_room(conv, |room| room.ready = true);
        } else if presence.real.as_ref().is_some_and(|real| real.bare() == self.jid) {
            let nick = presence.from.resource().filter(|_| there).map(ToOwned::to_owned);
            self.change_room(conv, |room| room.nick = nick);
        }
    }

    /// Something was said in a room of ours.
    pub(super) async fn said_in_room(&mut self, message: Message) {
        let Some((conv, room)) = self.room(&message.from) else { return };
        let by_agent = room.nick.is_some() && message.from.resource() == room.nick.as_deref();
        // What was said before we came is none of the agent's present words.
        let Some(body) = message.body.clone().filter(|_| by_agent && message.said_at.is_none()) else { return };
        self.pass_on(conv, Content::text(body), &message).await;
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
