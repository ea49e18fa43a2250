//! The conversations that an agent on XMPP serves: one contact each. What the log gets is shown there, in order and
//! without holes, by the same rule as on any socket (`socket::conversation`).

use std::collections::VecDeque;
use std::sync::Arc;

use super::room::Room;
use super::{Seat, part, within};
use crate::channel::xmpp::outgoing::{Dress, shown};
use crate::channel::xmpp::place::{local_of, stanza_id};
use crate::core::request::Request;
use crate::model::content::Content;
use crate::model::envelope::{Envelope, Role, Visibility};
use crate::model::id::ConversationId;
use crate::model::jid::Jid;
use crate::model::time::Millis;
use crate::socket::conversation::{Cursor, Move};
use crate::socket::xmpp::frame::{self, Receipt, Session};
use crate::socket::xmpp::words;

/// What the ids of messages that came from here begin with: they are not shown again.
pub(super) const OWN: &str = "xmpp-";
/// The same of those that were said in a room: whoever is in it has read them.
pub(super) const IN_ROOM: &str = "xmpp-room-";
/// Messages that a client missed and that are told one by one; more are summed up.
const REPLAYED: i64 = 50;
/// Messages that a summary shows.
const SUMMED: i64 = 10;
/// Sent messages of one chat whose receipts may still come.
const SENT: usize = 128;

/// A message of the agent that is in the log.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) seq: i64,
    pub(super) stanza: Option<String>,
    pub(super) wants_receipt: bool,
}

/// One conversation of the agent.
#[derive(Debug)]
pub(super) struct Chat {
    cursor: Cursor,
    pub(super) session: Session,
    pub(super) contact: frame::Contact,
    /// Whether this agent answers in it.
    open: bool,
    /// Where the log has to be read on, after reading failed.
    unread: Option<i64>,
    sent: VecDeque<Sent>,
    /// The agent has been told everything up to here, in the chat or in the room.
    told: i64,
    /// The room of the session, if there is one.
    pub(super) room: Option<Room>,
}

impl Chat {
    /// Whether this agent answers in it.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// When the agent's share began.
    pub(super) fn since(&self) -> Option<Millis> {
        self.session.assignment.as_ref().map(|share| share.since)
    }

    /// How far the agent has been told.
    pub(super) fn told(&self) -> i64 {
        self.told
    }

    pub(super) fn sent(&mut self, sent: Sent) {
        if self.sent.len() >= SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }
}

impl Seat {
    /// The address of a conversation, as its customer's channel.
    pub(super) fn address_of(&self, conv: ConversationId) -> Option<Jid> {
        self.desk.address(&local_of(conv))
    }

    pub(super) fn voice_of(&self, conv: ConversationId, channel: &str) -> Option<Jid> {
        self.address_of(conv)?.with_resource(channel).ok()
    }

    fn serves(&self, session: &Session) -> bool {
        session.state == "active" && session.control.agent.as_ref() == Some(&self.agent)
    }

    /// A conversation is in the agent's list. `resumed`: it was before, too, so nothing need be introduced.
    pub(super) async fn conversation(&mut self, seen: frame::Conversation, resumed: bool) {
        let frame::Conversation { conv, last_seq, delivered, contact, session } = seen;
        let Some(session) = session else { return };
        let known = self.live.as_ref().is_some_and(|live| live.chats.contains_key(&conv));
        if known {
            return self.session(session).await;
        }
        if !self.serves(&session) {
            return;
        }
        let missed = last_seq - delivered;
        let replayed = resumed && delivered > 0 && missed <= REPLAYED;
        let from = if replayed { delivered } else { last_seq };
        let mut room = self.kept_room(session.session, from);
        let enter = room.as_mut().and_then(|room| room.enter_again(self.now()));
        let Some(live) = &mut self.live else { return };
        let head = live.heads.remove(&conv).unwrap_or(0).max(last_seq);
        let (cursor, sent) = (Cursor::at(from), VecDeque::new());
        let contact_of = contact.clone();
        let chat = Chat { cursor, session, contact: contact_of, open: true, unread: None, sent, told: from, room };
        live.chats.insert(conv, chat);
        let Some(voice) = self.voice_of(conv, &contact.channel) else { return };
        self.desk.out.send(self.route(&voice).available(None, &contact.name)).await;
        if let Some(enter) = enter {
            self.desk.out.send(enter).await;
        }
        if !replayed {
            self.introduce(conv, &voice, &contact.name, last_seq).await;
            // The next node, should this one die now, need not introduce the customer again.
            self.flush_marks().await;
        }
        self.grown(conv, head).await;
    }

    /// Shows who has come, and what was said so far.
    async fn introduce(&mut self, conv: ConversationId, voice: &Jid, name: &str, last_seq: i64) {
        let mut text = words::taken(name);
        match self.summed_up(conv, SUMMED).await {
            Ok(lines) if !lines.is_empty() => text = format!("{text}\n{lines}"),
            Ok(_) => {}
            Err(error) => tracing::warn!(agent = %self.agent, error = ?error, "earlier messages could not be shown"),
        }
        let message = self.route(voice).chat(&stanza_id(conv, last_seq.max(1)), &text);
        self.say(conv, last_seq.max(1), message, false).await;
    }

    /// The newest messages as lines.
    pub(super) async fn summed_up(&self, conv: ConversationId, count: i64) -> Result<String, crate::core::Error> {
        let request = Request::History { conv, before: None, after: None, limit: count };
        let page = self.perform(request).await?;
        let messages: Vec<Envelope> = part(&page, "msgs").unwrap_or_default();
        let lines = messages.iter().filter_map(|envelope| {
            self.worded(envelope).map(|(text, _)| match envelope.from.role {
                Role::Contact => format!("客户：{text}"),
                _ => text,
            })
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// A message was announced.
    pub(super) async fn announced(&mut self, envelope: Arc<Envelope>) {
        let Some(live) = &mut self.live else { return };
        let Some(chat) = live.chats.get_mut(&envelope.conv) else { return self.head(envelope.conv, envelope.seq) };
        match chat.cursor.announced(envelope.seq, envelope.for_agent(&self.agent)) {
            Move::Nothing => {}
            Move::Push { .. } => self.show(&envelope, false).await,
            Move::Read { after } => self.read(envelope.conv, after).await,
        }
    }

    /// A log is that long.
    pub(super) async fn grown(&mut self, conv: ConversationId, seq: i64) {
        let Some(live) = &mut self.live else { return };
        let Some(chat) = live.chats.get_mut(&conv) else { return };
        if let Move::Read { after } = chat.cursor.grown(seq) {
            self.read(conv, after).await;
        }
    }

    /// Reads on where reading failed.
    pub(super) async fn read_on(&mut self) {
        let unread = |chat: &mut Chat| chat.unread.take();
        let Some(live) = &mut self.live else { return };
        let places: Vec<_> = live.chats.iter_mut().filter_map(|(conv, chat)| Some((*conv, unread(chat)?))).collect();
        for (conv, after) in places {
            self.read(conv, after).await;
        }
    }

    /// Reads what may not have been told yet, after a room was entered again or could not be.
    pub(super) async fn read_again(&mut self, conv: ConversationId) {
        let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) else { return };
        let from = match &chat.room {
            Some(room) if room.has_agent() => room.heard,
            Some(room) => room.heard.min(chat.told),
            None => chat.told,
        };
        chat.unread = None;
        if let Move::Read { after } = chat.cursor.back_to(from) {
            self.read(conv, after).await;
        }
    }

    /// Everybody in a room, the agent among them, has been told a message.
    pub(super) fn told_in_room(&mut self, conv: ConversationId, seq: i64) {
        if let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) {
            chat.told = seq.max(chat.told);
        }
        self.mark(conv, seq, false);
    }

    /// Reads the log after a place and shows what is new.
    async fn read(&mut self, conv: ConversationId, after: i64) {
        let mut next = Some(after);
        while let Some(after) = next {
            let Some(client) = self.live.as_ref().map(|live| Arc::clone(&live.client)) else { return };
            let page = within(self.desk.core.read_log(&client, conv, after, 100)).await;
            let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) else { return };
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(agent = %self.agent, error = ?error, "a log could not be read; tried again");
                    chat.unread = Some(after);
                    return;
                }
            };
            let fresh: Vec<_> =
                page.envelopes.into_iter().filter(|envelope| chat.cursor.read(envelope.seq).is_some()).collect();
            next = chat.cursor.reached(after, page.last_seq);
            for envelope in fresh {
                self.show(&envelope, true).await;
            }
        }
    }

    /// Shows a message, as what it is. `late`: it was said while nobody could be told.
    async fn show(&mut self, envelope: &Envelope, late: bool) {
        let said = |from| envelope.cid.as_ref().is_some_and(|cid| cid.as_str().starts_with(from));
        let own = envelope.from.id == self.agent.as_str() && said(OWN);
        let Some(chat) = self.live.as_ref().and_then(|live| live.chats.get(&envelope.conv)) else { return };
        let room = chat.room.as_ref();
        if room.is_some_and(Room::is_returning) {
            // It is read again when it is known what those in the room have heard.
            return;
        }
        // What the agent has said in the chat beside the room is new to those in it.
        let new_there = |room: &&Room| room.is_open() && envelope.seq > room.heard && !(own && said(IN_ROOM));
        let there = room.filter(new_there);
        let here = !own && envelope.seq > chat.told && !room.is_some_and(|room| room.is_open() && room.has_agent());
        let Some((body, file)) = self.worded(envelope).filter(|_| here || there.is_some()) else { return };
        let Some(voice) = self.voice_of(envelope.conv, &chat.contact.channel) else { return };
        let id = stanza_id(envelope.conv, envelope.seq);
        if let Some(room) = there {
            // It has arrived when the room tells it to us, too.
            self.desk.out.send(room.saying(&id, &body)).await;
        }
        if !here {
            return;
        }
        let (nick, thread) = (chat.contact.name.clone(), chat.session.session.to_string());
        let dress = Dress {
            nick: Some(&nick),
            thread: Some(&thread),
            file: file.as_deref(),
            said_at: late.then_some(envelope.ts),
            receipt: true,
        };
        let message = dress.on(self.route(&voice).chat(&id, &body));
        if let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&envelope.conv)) {
            chat.told = envelope.seq.max(chat.told);
        }
        self.say(envelope.conv, envelope.seq, message, true).await;
    }

    /// Sends a message of a log. Where receipts come the cursor waits for them; elsewhere what was written has arrived.
    async fn say(
        &mut self,
        conv: ConversationId,
        seq: i64,
        message: crate::channel::xmpp::element::Element,
        wants_receipt: bool,
    ) {
        if wants_receipt && self.watch.receipts(&self.clients.counting().collect::<Vec<_>>()) {
            self.desk.out.send(message).await;
            let now = self.now();
            self.watch.sent(conv, seq, now);
        } else if self.desk.out.write(message).await {
            self.mark(conv, seq, false);
        }
    }

    /// A message as people read it, and the address of a file; nothing if it is not for people.
    pub(super) fn worded(&self, envelope: &Envelope) -> Option<(String, Option<String>)> {
        let absolute = |url: &str| match url.starts_with('/') {
            true => format!("{}{url}", self.desk.core.public_url()),
            false => url.to_owned(),
        };
        let (body, file) = shown(&envelope.content, &envelope.fallback, absolute);
        let name = envelope.from.name.as_deref().unwrap_or(&envelope.from.id);
        let prefix = match (&envelope.content, envelope.from.role) {
            (Content::Event { .. }, _) => return None,
            (Content::Note { .. }, _) => format!("[内部] {name}："),
            (Content::Recall { .. }, _) => {
                return Some(("[系统] 对方撤回了一条消息 / a message was withdrawn".into(), None));
            }
            _ if envelope.visibility != Visibility::All => format!("[内部] {name}："),
            (_, Role::Contact) => return Some((body, file)),
            (_, Role::System) => "[系统] ".into(),
            (_, Role::Robot | Role::Flow) => "[机器人] ".into(),
            (_, Role::Agent | Role::Supervisor) => format!("[{name}] "),
        };
        // A prefix would spoil an address that clients show as a file.
        Some((format!("{prefix}{body}"), None))
    }

    /// A session has changed.
    pub(super) async fn session(&mut self, session: Session) {
        let (conv, serves) = (session.conv, self.serves(&session));
        let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) else { return };
        if chat.session.session == session.session && session.v < chat.session.v {
            return;
        }
        let reason = session.ended.as_ref().map(|end| end.reason.clone());
        let (was, channel) = (chat.open, chat.contact.channel.clone());
        (chat.session, chat.open) = (session, serves);
        if was && !serves {
            self.closed(conv, &channel, reason.as_deref()).await;
        } else if serves && !was {
            let Some(voice) = self.voice_of(conv, &channel) else { return };
            self.desk.out.send(self.route(&voice).available(None, "")).await;
        }
    }

    /// A conversation has left the agent's list.
    pub(super) async fn gone(&mut self, conv: ConversationId) {
        let Some(chat) = self.live.as_mut().and_then(|live| live.chats.remove(&conv)) else { return };
        if let Some(room) = chat.room {
            self.close_room(room).await;
        }
        if chat.open {
            self.closed(conv, &chat.contact.channel, None).await;
        }
    }

    async fn closed(&mut self, conv: ConversationId, channel: &str, reason: Option<&str>) {
        let Some(voice) = self.voice_of(conv, channel) else { return };
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        if let Some(room) = chat.and_then(|chat| chat.room.take()) {
            self.close_room(room).await;
        }
        self.tell(&voice, &words::over(reason)).await;
        self.desk.out.send(self.route(&voice).presence("unavailable")).await;
    }

    /// Shows that the customer types.
    pub(super) async fn typing(&mut self, conv: ConversationId, on: bool) {
        let open = self.live.as_ref().and_then(|live| live.chats.get(&conv)).filter(|chat| chat.open);
        let Some(voice) = open.and_then(|chat| self.voice_of(conv, &chat.contact.channel)) else { return };
        self.desk.out.send(self.route(&voice).typing(on)).await;
    }

    /// How far the customer is, or what became of a message on the way there.
    pub(super) async fn receipt(&mut self, receipt: Receipt) {
        let Receipt { conv, who, delivered, read, seq, state, code } = receipt;
        let Some(chat) = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv)) else { return };
        let channel = chat.contact.channel.clone();
        let arrived = match (who.as_str(), state.as_deref()) {
            ("contact", _) => delivered.max(read),
            ("channel", Some("delivered")) => seq,
            _ => None,
        };
        let mut due = Vec::new();
        if let Some(arrived) = arrived {
            for sent in chat.sent.iter_mut().filter(|sent| sent.seq <= arrived && sent.wants_receipt) {
                sent.wants_receipt = false;
                due.extend(sent.stanza.clone());
            }
        }
        let seen = read.and_then(|read| {
            let last = chat.sent.iter().rev().find(|sent| sent.seq <= read)?.stanza.clone();
            chat.sent.retain(|sent| sent.seq > read);
            last
        });
        let trouble = state.as_deref().and_then(|state| words::undelivered(state, code.as_deref()));
        let trouble = trouble.filter(|_| seq.is_some_and(|seq| chat.sent.iter().any(|sent| sent.seq == seq)));
        let Some(voice) = self.voice_of(conv, &channel) else { return };
        for id in due {
            self.desk.out.send(self.route(&voice).received(&id)).await;
        }
        if let Some(id) = seen {
            self.desk.out.send(self.route(&voice).displayed(&id)).await;
        }
        if let Some(trouble) = trouble {
            self.tell(&voice, &trouble).await;
        }
    }
}
