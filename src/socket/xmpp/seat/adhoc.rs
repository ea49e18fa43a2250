//! Requests of the agent's clients: what is there (XEP-0030), commands by buttons (XEP-0050), offers (XEP-0142), pings.

use super::Seat;
use crate::channel::xmpp::command::Command;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::form::{self, Stage};
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::Refusal;
use crate::channel::xmpp::place::Place;
use crate::channel::xmpp::stanza::{Iq, IqKind};
use crate::model::id::{AssignmentId, ConversationId};
use crate::socket::xmpp::words;

/// The commands that are offered as buttons.
const COMMANDS: [(&str, &str); 7] = [
    ("ready", "示闲 Ready"),
    ("busy", "示忙 Busy"),
    ("break", "小休 Break"),
    ("queue", "排队与邀请 Queue"),
    ("take", "接入 Take"),
    ("skip", "跳过 Skip"),
    (INVITE, "邀请同事 Invite"),
];
/// The command that a chat has, too.
const INVITE: &str = "invite";
/// The field with an offer's number.
const NUMBER: &str = "number";
/// The fields with the chat and the colleague of an invitation.
const CHAT: &str = "chat";
const COLLEAGUE: &str = "colleague";

impl Seat {
    /// A request or an answer of one of the agent's clients.
    pub(super) async fn iq(&mut self, iq: Iq) {
        if matches!(iq.kind, IqKind::Result | IqKind::Error) {
            return self.answered(&iq).await;
        }
        self.heard(&iq.from).await;
        let answer = self.answer(&iq).await;
        self.desk.out.send(answer).await;
    }

    async fn answer(&mut self, iq: &Iq) -> Element {
        let unavailable = || iq.refuse(Refusal::Unavailable, "");
        let Some(payload) = &iq.payload else { return iq.refuse(Refusal::BadRequest, "") };
        match (iq.kind, payload.name(), payload.ns()) {
            (IqKind::Get, "ping", ns::PING) => iq.result(None),
            (IqKind::Get, "query", ns::DISCO_INFO) => match self.info(iq, payload) {
                Some(info) => iq.result(Some(info)),
                None => iq.refuse(Refusal::NotFound, ""),
            },
            (IqKind::Get, "query", ns::DISCO_ITEMS) => iq.result(Some(self.items(iq, payload))),
            (IqKind::Set, "command", ns::COMMANDS) => self.button(iq, payload).await,
            (IqKind::Set, "offer-accept", ns::WORKGROUP) => self.offer_answered(iq, payload, true).await,
            (IqKind::Set, "offer-reject", ns::WORKGROUP) => self.offer_answered(iq, payload, false).await,
            _ => unavailable(),
        }
    }

    /// What one of our addresses is.
    fn info(&self, iq: &Iq, query: &Element) -> Option<Element> {
        let node = query.get("node");
        let features = [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PING, ns::RECEIPTS, ns::CHATSTATES, ns::MARKERS];
        let command = node.and_then(|node| COMMANDS.iter().find(|(name, _)| *name == node));
        match (Place::of(&iq.to, &self.desk.domain), node) {
            (Place::Queue(_) | Place::Desk | Place::Conversation(_), Some(ns::COMMANDS)) => {
                Some(form::info(node, ("automation", "command-list", "命令 Commands"), &[ns::COMMANDS]))
            }
            (Place::Queue(_) | Place::Desk | Place::Conversation(_), Some(_)) => command
                .map(|(_, name)| form::info(node, ("automation", "command-node", name), &[ns::COMMANDS, ns::DATA])),
            (Place::Queue(queue), None) => {
                let name = self.queue_name(&queue)?;
                let all: Vec<&str> = features.into_iter().chain([ns::COMMANDS, ns::WORKGROUP]).collect();
                Some(form::info(None, ("collaboration", "workgroup", &name), &all))
            }
            (Place::Desk, None) => {
                let all: Vec<&str> = features.into_iter().chain([ns::COMMANDS]).collect();
                Some(form::info(None, ("collaboration", "workgroup", "驿站 Yizhan"), &all))
            }
            (Place::Conversation(conv), None) => {
                let chat = self.live.as_ref()?.chats.get(&conv)?;
                let all: Vec<&str> = features.into_iter().chain([ns::COMMANDS]).collect();
                Some(form::info(None, ("client", "web", &chat.contact.name), &all))
            }
            (Place::Nothing, _) => None,
        }
    }

    fn queue_name(&self, local: &str) -> Option<String> {
        let (tenant, _) = self.desk.declared()?;
        tenant.queues.iter().find(|queue| queue.id.as_str().eq_ignore_ascii_case(local)).map(|queue| queue.name.clone())
    }

    fn items(&self, iq: &Iq, query: &Element) -> Element {
        let list = Element::new("query", ns::DISCO_ITEMS).maybe_attr("node", query.get("node"));
        if query.get("node") == Some(ns::COMMANDS) {
            let jid = iq.to.bare().to_string();
            let in_chat = matches!(Place::of(&iq.to, &self.desk.domain), Place::Conversation(_));
            let offered = COMMANDS.iter().filter(|(node, _)| !in_chat || *node == INVITE);
            return list.children(offered.map(|(node, name)| form::item(jid.clone(), Some(node), name)));
        }
        let Some((tenant, _)) = self.desk.declared().filter(|_| iq.to.local().is_none()) else { return list };
        let queues = tenant.queues.iter().filter_map(|queue| {
            let jid = self.desk.address(queue.id.as_str())?;
            Some(form::item(jid.to_string(), None, &queue.name))
        });
        list.children(queues.collect::<Vec<_>>())
    }

    /// A command by a button: most are done at once, an offer may have to be chosen first.
    async fn button(&mut self, iq: &Iq, command: &Element) -> Element {
        let node = command.get("node").unwrap_or_default();
        let session =
            command.get("sessionid").map_or_else(|| format!("{:016x}", rand::random::<u64>()), ToOwned::to_owned);
        if command.get("action") == Some("cancel") {
            let cancelled = Element::new("command", ns::COMMANDS).attr("node", node).attr("sessionid", session);
            return iq.result(Some(cancelled.attr("status", "canceled")));
        }
        let filled = |field| command.find("x", ns::DATA).and_then(|form| form::value(form, field));
        let number = filled(NUMBER).and_then(|number| number.parse().ok());
        let mut chat = None;
        let order = match node {
            "ready" => Command::Ready,
            "busy" => Command::Busy(None),
            "break" => Command::Break(None),
            "queue" => Command::Queue,
            "take" | "skip" if number.is_none() && self.offers_to_choose().len() > 1 => {
                let offers = self.offers_to_choose();
                let choice = form::choices("邀请 Offers", &[(NUMBER, "选择 Choose", &offers)]);
                return iq.result(Some(form::command(node, &session, Stage::Executing(choice))));
            }
            "take" => Command::Take(number),
            "skip" => Command::Skip(number),
            INVITE => {
                chat = self.chat_of(iq, filled(CHAT));
                match filled(COLLEAGUE).filter(|_| chat.is_some()) {
                    Some(colleague) => Command::Invite(colleague),
                    None => return self.invitation_to_choose(iq, &session, chat),
                }
            }
            _ => return iq.refuse(Refusal::NotFound, ""),
        };
        let answer = self.command(order, chat).await;
        let answer = if answer.is_empty() { "好的 done".to_owned() } else { answer };
        iq.result(Some(form::command(node, &session, Stage::Completed(answer))))
    }

    /// The chat that an invitation is about: whose address was asked, the one that was chosen, or the only one.
    fn chat_of(&self, iq: &Iq, chosen: Option<String>) -> Option<ConversationId> {
        if let Place::Conversation(conv) = Place::of(&iq.to, &self.desk.domain) {
            return Some(conv);
        }
        let chats = self.chats_to_choose();
        let only = chats.first().filter(|_| chats.len() == 1).map(|(conv, _)| conv.clone());
        ConversationId::parse(&chosen.or(only)?).ok()
    }

    /// What is left to choose for an invitation.
    fn invitation_to_choose(&self, iq: &Iq, session: &str, chat: Option<ConversationId>) -> Element {
        let (chats, colleagues) = (self.chats_to_choose(), self.colleagues());
        let nothing = match (chats.is_empty(), colleagues.is_empty()) {
            (true, _) => Some(words::NOT_SERVING),
            (false, true) => Some(words::NO_TARGET),
            (false, false) => None,
        };
        if let Some(nothing) = nothing {
            return iq.result(Some(form::command(INVITE, session, Stage::Completed(nothing.to_owned()))));
        }
        let mut fields: Vec<form::Choice<'_>> = vec![(COLLEAGUE, "同事 Colleague", &colleagues)];
        if chat.is_none() {
            fields.insert(0, (CHAT, "会话 Chat", &chats));
        }
        let form = form::choices("邀请同事 Invite", &fields);
        iq.result(Some(form::command(INVITE, session, Stage::Executing(form))))
    }

    fn chats_to_choose(&self) -> Vec<(String, String)> {
        let chats = self.live.iter().flat_map(|live| &live.chats).filter(|(_, chat)| chat.is_open());
        chats.map(|(conv, chat)| (conv.to_string(), chat.contact.name.clone())).collect()
    }

    fn offers_to_choose(&self) -> Vec<(String, String)> {
        let live = self.live.iter();
        let offers = live.flat_map(|live| live.offers.listed());
        offers.map(|(number, offer)| (number.to_string(), format!("#{number} {}", offer.contact.name))).collect()
    }

    /// An offer was answered as XEP-0142 has it.
    async fn offer_answered(&mut self, iq: &Iq, payload: &Element, taken: bool) -> Element {
        let assignment = payload.get("id").and_then(|id| AssignmentId::parse(id).ok());
        let Some(offer) = assignment.and_then(|assignment| self.offer(assignment)) else {
            return iq.refuse(Refusal::NotFound, words::NO_SUCH_OFFER);
        };
        let outcome = if taken { self.accept(&offer).await } else { self.reject(&offer).await };
        if taken && outcome.is_ok() {
            self.open_room(offer.conv).await;
        }
        match outcome {
            Ok(()) => iq.result(None),
            Err(why) => iq.refuse(Refusal::NotAcceptable, &why),
        }
    }
}
