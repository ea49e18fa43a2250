//! Stanzas that we send, built from values. Knows no conversation and no agent.

use super::element::Element;
use super::ns;
use super::stanza::Iq;
use super::stream::COMPONENT;
use crate::model::content::Content;
use crate::model::jid::Jid;
use crate::model::time::Millis;

/// A stanza of ours: who and to whom.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    /// One of our addresses.
    pub from: &'a Jid,
    /// Somebody.
    pub to: &'a Jid,
}

impl Route<'_> {
    fn stanza(self, name: &'static str) -> Element {
        Element::new(name, COMPONENT).attr("from", self.from.to_string()).attr("to", self.to.to_string())
    }

    /// A message of one person to one.
    #[must_use]
    pub fn chat(self, id: &str, body: &str) -> Element {
        let body = Element::new("body", COMPONENT).text(body);
        self.stanza("message").attr("type", "chat").attr("id", id).child(body)
    }

    /// Something that is worth nothing later: servers do not keep it for those who are away.
    #[must_use]
    pub fn notice(self, kind: &'static str, id: &str, body: &str) -> Element {
        let body = Element::new("body", COMPONENT).text(body);
        let no_store = Element::new("no-store", ns::HINTS);
        self.stanza("message").attr("type", kind).attr("id", id).child(body).child(no_store)
    }

    /// Whether somebody types.
    #[must_use]
    pub fn typing(self, on: bool) -> Element {
        let state = Element::new(if on { "composing" } else { "paused" }, ns::CHATSTATES);
        self.stanza("message").attr("type", "chat").child(state).child(Element::new("no-store", ns::HINTS))
    }

    /// A message of theirs has arrived.
    #[must_use]
    pub fn received(self, id: &str) -> Element {
        let received = Element::new("received", ns::RECEIPTS).attr("id", id);
        self.stanza("message").attr("type", "chat").child(received).child(Element::new("store", ns::HINTS))
    }

    /// A message of theirs was seen.
    #[must_use]
    pub fn displayed(self, id: &str) -> Element {
        let displayed = Element::new("displayed", ns::MARKERS).attr("id", id);
        self.stanza("message").attr("type", "chat").child(displayed).child(Element::new("store", ns::HINTS))
    }

    /// A message of theirs is refused.
    #[must_use]
    pub fn refused(self, id: Option<&str>, refusal: Refusal, text: &str) -> Element {
        self.stanza("message").attr("type", "error").maybe_attr("id", id).child(refusal.element(text))
    }

    /// We are there.
    #[must_use]
    pub fn available(self, show: Option<&str>, status: &str) -> Element {
        let show = show.map(|show| Element::new("show", COMPONENT).text(show));
        let status = (!status.is_empty()).then(|| Element::new("status", COMPONENT).text(status));
        self.stanza("presence").children(show).children(status)
    }

    /// A presence of a kind: `unavailable`, `subscribe`, `subscribed`, `unsubscribed`, `probe`.
    #[must_use]
    pub fn presence(self, kind: &'static str) -> Element {
        self.stanza("presence").attr("type", kind)
    }

    /// A request.
    #[must_use]
    pub fn ask(self, kind: &'static str, id: &str, payload: Element) -> Element {
        self.stanza("iq").attr("type", kind).attr("id", id).child(payload)
    }
}

/// Conditions with which we refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not understood.
    BadRequest,
    /// Contradicts what is there.
    Conflict,
    /// Not for this party.
    Forbidden,
    /// Does not exist.
    NotFound,
    /// Not acceptable as it is.
    NotAcceptable,
    /// Against a limit.
    Policy,
    /// Not offered.
    Unavailable,
    /// Not now.
    Wait,
}

impl Refusal {
    /// The `<error/>` with a text for people.
    #[must_use]
    pub fn element(self, text: &str) -> Element {
        let (kind, condition) = match self {
            Self::BadRequest => ("modify", "bad-request"),
            Self::Conflict => ("cancel", "conflict"),
            Self::Forbidden => ("auth", "not-authorized"),
            Self::NotFound => ("cancel", "item-not-found"),
            Self::NotAcceptable => ("modify", "not-acceptable"),
            Self::Policy => ("modify", "policy-violation"),
            Self::Unavailable => ("cancel", "service-unavailable"),
            Self::Wait => ("wait", "resource-constraint"),
        };
        let error = Element::new("error", COMPONENT).attr("type", kind).child(Element::new(condition, ns::STANZAS));
        error.child(Element::new("text", ns::STANZAS).text(text))
    }
}

impl Iq {
    fn reply(&self, kind: &'static str) -> Element {
        Route { from: &self.to, to: &self.from }.stanza("iq").attr("type", kind).attr("id", self.id.clone())
    }

    /// The answer to it.
    #[must_use]
    pub fn result(&self, payload: Option<Element>) -> Element {
        self.reply("result").children(payload)
    }

    /// The refusal of it.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal, text: &str) -> Element {
        self.reply("error").child(refusal.element(text))
    }
}

/// What stands beside the body of a customer's message.
#[derive(Debug, Clone, Copy)]
pub struct Dress<'a> {
    /// Who says it.
    pub nick: Option<&'a str>,
    /// The session.
    pub thread: Option<&'a str>,
    /// The address of a file.
    pub file: Option<&'a str>,
    /// When it was said, if that is not now.
    pub said_at: Option<Millis>,
    /// Whether a receipt is wanted.
    pub receipt: bool,
}

impl Dress<'_> {
    /// Puts it beside the body.
    #[must_use]
    pub fn on(self, message: Element) -> Element {
        let id = message.get("id").unwrap_or_default().to_owned();
        let text = |name, ns, text: &str| Element::new(name, ns).text(text);
        let message = message
            .children(self.thread.map(|thread| text("thread", COMPONENT, thread)))
            .children(self.nick.map(|nick| text("nick", ns::NICK, nick)))
            .children(self.file.map(|url| Element::new("x", ns::OOB).child(text("url", ns::OOB, url))))
            .children(self.said_at.map(|at| Element::new("delay", ns::DELAY).attr("stamp", at.rfc3339())))
            .child(Element::new("origin-id", ns::SID).attr("id", id));
        if !self.receipt {
            return message;
        }
        message.child(Element::new("request", ns::RECEIPTS)).child(Element::new("markable", ns::MARKERS))
    }
}

/// How a content looks to people: a body, and the address of a file if it is one.
#[must_use]
pub fn shown(content: &Content, fallback: &str, absolute: impl Fn(&str) -> String) -> (String, Option<String>) {
    let url = content.media().and_then(|media| media.url.as_deref()).map(&absolute);
    match (content, url) {
        (Content::Link { title, url, .. }, _) => (format!("{title}\n{url}"), None),
        (Content::File { .. } | Content::Image { .. } | Content::Voice { .. } | Content::Video { .. }, Some(url)) => {
            // Clients show a file only where the body is its address and nothing else (XEP-0066, XEP-0363).
            (url.clone(), Some(url))
        }
        _ => (fallback.to_owned(), None),
    }
}
