//! What the agent's clients say: to a customer, to a queue, and about our own messages.

use sha2::{Digest, Sha256};

use super::chat::{OWN, Sent};
use super::{Seat, part};
use crate::channel::xmpp::command::{self, Typed};
use crate::channel::xmpp::outgoing::{Refusal, Route};
use crate::channel::xmpp::place::{Place, marked};
use crate::channel::xmpp::stanza::{Message, MessageKind, Typing};
use crate::core::Error;
use crate::core::request::{Request, Send};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::id::{ClientId, ConversationId};
use crate::model::jid::Jid;
use crate::socket::xmpp::words;

impl Seat {
    /// A message of one of the agent's clients.
    pub(super) async fn message(&mut self, message: Message) {
        match message.kind {
            MessageKind::Error => return self.bounced(&message),
            MessageKind::Room => return,
            MessageKind::Direct | MessageKind::Headline => {}
        }
        for (id, seen) in [(&message.received, false), (&message.displayed, true)] {
            if let Some((conv, seq)) = id.as_deref().and_then(marked) {
                self.watch.receipted(conv, seq);
                self.mark(conv, seq, seen);
            }
        }
        match Place::of(&message.to, &self.desk.domain) {
            Place::Conversation(conv) => self.in_chat(conv, message).await,
            Place::Queue(_) | Place::Desk if message.body.is_some() => self.at_queue(message).await,
            Place::Queue(_) | Place::Desk | Place::Nothing => {}
        }
    }

    /// A message of ours came back. An account that was never there does not exist.
    fn bounced(&mut self, message: &Message) {
        if self.clients.shown().is_none() {
            tracing::debug!(agent = %self.agent, condition = message.condition, "a message to an agent came back");
        }
    }

    async fn at_queue(&mut self, message: Message) {
        let (Some(body), at) = (&message.body, message.to.bare()) else { return };
        let late = message.said_at.is_some_and(|at| self.now().since(at) > LATE);
        let answer = match command::read(body.trim()) {
            _ if late => words::LATE_COMMAND.to_owned(),
            Typed::Command(command) => self.command(command, None).await,
            Typed::Unknown(word) => words::unknown(&word),
            Typed::Text(_) => command::HELP.to_owned(),
        };
        if !answer.is_empty() {
            self.tell(&at, &answer).await;
        }
    }

    async fn in_chat(&mut self, conv: ConversationId, message: Message) {
        if let Some(typing) = message.typing.filter(|_| message.body.is_none()) {
            let on = typing == Typing::On;
            // Worth nothing later: a refusal says that the chat is over.
            drop(self.perform(Request::Typing { conv, on }).await);
        }
        let content = match (&message.file, &message.body) {
            (Some(url), _) => Some(Content::Link { title: name_of(url), desc: String::new(), url: url.clone() }),
            (None, Some(body)) => match command::read(body) {
                Typed::Text(text) => Some(Content::text(text)),
                Typed::Command(command) => return self.ordered(conv, command, &message).await,
                Typed::Unknown(word) => {
                    return self.refuse(&message, Refusal::BadRequest, &words::unknown(&word)).await;
                }
            },
            (None, None) => None,
        };
        let Some(content) = content else { return };
        if self.is_late(conv, &message) {
            return self.refuse(&message, Refusal::Conflict, words::LATE).await;
        }
        self.pass_on(conv, content, &message, OWN).await;
    }

    /// A command in a chat.
    async fn ordered(&mut self, conv: ConversationId, command: command::Command, message: &Message) {
        if self.is_late(conv, message) {
            return self.refuse(message, Refusal::Conflict, words::LATE_COMMAND).await;
        }
        let answer = self.command(command, Some(conv)).await;
        if !answer.is_empty() {
            let gap = if answer.contains('\n') { '\n' } else { ' ' };
            self.tell(&message.to, &format!("[系统]{gap}{answer}")).await;
        }
    }

    /// Whether a message that was held up on its way was written before the agent's share of this session began. What
    /// is not the agent's any more, the core refuses.
    fn is_late(&self, conv: ConversationId, message: &Message) -> bool {
        let Some(said_at) = message.said_at else { return false };
        let chat = self.live.as_ref().and_then(|live| live.chats.get(&conv)).filter(|chat| chat.is_open());
        chat.and_then(super::chat::Chat::since).is_none_or(|since| said_at < since)
    }

    /// Passes the agent's words on to the customer. `place` says where they were said: [`OWN`], or a room.
    pub(super) async fn pass_on(
        &mut self,
        conv: ConversationId,
        content: Content,
        message: &Message,
        place: &'static str,
    ) {
        let Some(cid) = cid(place, (&self.jid, conv), message, &content) else { return };
        let send = Send { conv, cid, content, reply_to: None, replaces: None, visibility: None, epoch: None };
        match self.perform(Request::Send(Box::new(send))).await {
            Ok(sent) => {
                let Some(seq) = part(&sent, "seq") else { return };
                let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
                let sent = Sent { seq, stanza: message.id.clone(), wants_receipt: message.wants_receipt };
                chat.into_iter().for_each(|chat| chat.sent(sent.clone()));
            }
            Err(error) => self.refuse(message, refusal(&error), &told(&error)).await,
        }
    }

    /// Tells the agent that a message went nowhere: as an error for the client, and in words for those that hide it.
    async fn refuse(&self, message: &Message, refusal: Refusal, text: &str) {
        // To the client itself: servers drop errors for an account as a whole.
        let route = Route { from: &message.to, to: &message.from };
        self.desk.out.send(route.refused(message.id.as_deref(), refusal, text)).await;
        self.tell(&message.to, &format!("[系统] {text}")).await;
    }
}

/// A command at a queue that is older than that was meant for another time.
const LATE: std::time::Duration = std::time::Duration::from_secs(30);

/// What makes a stanza that comes twice one message: sender, conversation, the sender's id and what is said. Without an
/// id every stanza is another message.
fn cid(place: &str, (from, conv): (&Jid, ConversationId), message: &Message, content: &Content) -> Option<ClientId> {
    let id = message.origin_id.as_ref().or(message.id.as_ref());
    let digest = match id {
        Some(id) => Sha256::digest(format!("{from}\n{conv}\n{id}\n{}", content.fallback())),
        None => Sha256::digest(rand::random::<u128>().to_be_bytes()),
    };
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    ClientId::parse(&format!("{place}{hex}")).ok()
}

fn name_of(url: &str) -> String {
    let name = url.rsplit('/').next().unwrap_or(url).split(['?', '#']).next().unwrap_or_default();
    if name.is_empty() { "文件".to_owned() } else { name.chars().take(80).collect() }
}

fn refusal(error: &Error) -> Refusal {
    match error.code {
        Code::NotFound => Refusal::NotFound,
        Code::DependencyUnavailable | Code::Timeout | Code::RateLimited | Code::Internal => Refusal::Wait,
        Code::TooLarge => Refusal::Policy,
        Code::Forbidden | Code::NotInControl => Refusal::Forbidden,
        Code::StaleEpoch | Code::SessionEnded | Code::Conflict => Refusal::Conflict,
        _ => Refusal::NotAcceptable,
    }
}

fn told(error: &Error) -> String {
    match error.code {
        Code::NotFound | Code::NotInControl | Code::StaleEpoch | Code::SessionEnded => words::NOT_SERVING.to_owned(),
        _ => error.message.clone(),
    }
}
