//! What a stanza says, as values. Believes nothing that a client claims about itself: who wrote is what the server says,
//! and copies of other people's stanzas (carbons, archives) are none.

use chrono::DateTime;

use super::element::Element;
use super::ns;
use super::show::Show;
use super::stream::COMPONENT;
use crate::model::jid::Jid;
use crate::model::time::Millis;

/// A stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stanza {
    /// `<message/>`
    Message(Box<Message>),
    /// `<presence/>`
    Presence(Presence),
    /// `<iq/>`
    Iq(Iq),
}

/// Whether somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// `composing`
    On,
    /// Any other state.
    Off,
}

/// Kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Of one person to one: `chat`, `normal`, none.
    Direct,
    /// In a room.
    Room,
    /// `headline`
    Headline,
    /// Something that we sent could not be delivered.
    Error,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who wrote, as the server says.
    pub from: Jid,
    /// To which of our addresses.
    pub to: Jid,
    /// The sender's id of it.
    pub id: Option<String>,
    /// Kind.
    pub kind: MessageKind,
    /// The text.
    pub body: Option<String>,
    /// The sender's own unique id (XEP-0359).
    pub origin_id: Option<String>,
    /// Whether the sender wants a receipt.
    pub wants_receipt: bool,
    /// The id of a message of ours that has arrived (XEP-0184).
    pub received: Option<String>,
    /// The id of a message of ours that was seen (XEP-0333).
    pub displayed: Option<String>,
    /// Whether the sender types.
    pub typing: Option<Typing>,
    /// When it was said, if it was held up on its way.
    pub said_at: Option<Millis>,
    /// The address of a file.
    pub file: Option<String>,
    /// The name that the sender shows. Believed by nobody.
    pub nick: Option<String>,
    /// The condition, of an error.
    pub condition: Option<String>,
    /// The words beside it.
    pub reason: Option<String>,
    /// Whether it names what is talked about: a room says so after everything that was said before one came.
    pub subject: bool,
}

/// Kinds of presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceKind {
    /// There.
    Available {
        /// What it shows.
        show: Show,
        /// Its priority.
        priority: i8,
        /// Whether the client speaks XEP-0142.
        workgroup: bool,
    },
    /// Not there any more.
    Unavailable,
    /// Wants to see our presence.
    Subscribe,
    /// Lets us see theirs.
    Subscribed,
    /// Wants to see it no more.
    Unsubscribe,
    /// Lets us see it no more.
    Unsubscribed,
    /// Asks for ours.
    Probe,
    /// Ours could not be delivered.
    Error,
}

/// A presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Whose.
    pub from: Jid,
    /// To which of our addresses.
    pub to: Jid,
    /// What.
    pub kind: PresenceKind,
    /// In a room: whether it is that of our own place.
    pub own: bool,
    /// In a room: whether our coming has made it.
    pub made: bool,
    /// In a room: whose place it is, where the room says so.
    pub real: Option<Jid>,
}

/// Kinds of requests and replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IqKind {
    /// Asks.
    Get,
    /// Orders.
    Set,
    /// Answers.
    Result,
    /// Refuses.
    Error,
}

/// A request or a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iq {
    /// Whose.
    pub from: Jid,
    /// To which of our addresses.
    pub to: Jid,
    /// What ties a reply to its request.
    pub id: String,
    /// Which.
    pub kind: IqKind,
    /// What it is about.
    pub payload: Option<Element>,
    /// The condition, of a refusal.
    pub condition: Option<String>,
}

/// Why a stanza is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No sender or recipient, or none that is an address.
    #[error("addresses are missing or wrong")]
    Address,
    /// It claims to carry what somebody else has written: only one's own server may do that, and ours never does.
    #[error("a copy of somebody else's stanza")]
    Forged,
    /// Not a message, a presence or a request.
    #[error("not a stanza")]
    Unknown,
}

impl Stanza {
    /// Reads a stanza.
    ///
    /// # Errors
    /// Why it has to be passed over.
    pub fn read(element: &Element) -> Result<Self, Unusable> {
        if element.ns() != COMPONENT {
            return Err(Unusable::Unknown);
        }
        let address = |name| Jid::parse(element.get(name).unwrap_or_default()).map_err(|_wrong| Unusable::Address);
        match element.name() {
            "message" => message(element, address("from")?, address("to")?).map(|read| Self::Message(Box::new(read))),
            "presence" => Ok(Self::Presence(presence(element, address("from")?, address("to")?)?)),
            "iq" => Ok(Self::Iq(iq(element, address("from")?, address("to")?)?)),
            _ => Err(Unusable::Unknown),
        }
    }
}

fn message(element: &Element, from: Jid, to: Jid) -> Result<Message, Unusable> {
    let copy = |child: &Element| matches!(child.ns(), ns::CARBONS | ns::MAM | ns::FORWARD);
    if element.elements().any(copy) {
        return Err(Unusable::Forged);
    }
    let kind = match element.get("type") {
        Some("groupchat") => MessageKind::Room,
        Some("headline") => MessageKind::Headline,
        Some("error") => MessageKind::Error,
        _ => MessageKind::Direct,
    };
    let id_in = |name, ns| element.find(name, ns).and_then(|child| child.get("id")).map(ToOwned::to_owned);
    let text_in = |name, ns| element.find(name, ns).map(Element::content).filter(|text| !text.trim().is_empty());
    let file = element.find("x", ns::OOB).and_then(|oob| oob.find("url", ns::OOB)).map(Element::content);
    let typing = element.elements().find(|child| child.ns() == ns::CHATSTATES);
    Ok(Message {
        id: element.get("id").map(ToOwned::to_owned),
        kind,
        body: text_in("body", COMPONENT),
        origin_id: id_in("origin-id", ns::SID),
        wants_receipt: element.find("request", ns::RECEIPTS).is_some(),
        received: id_in("received", ns::RECEIPTS),
        displayed: id_in("displayed", ns::MARKERS),
        typing: typing.map(|state| if state.name() == "composing" { Typing::On } else { Typing::Off }),
        said_at: element.find("delay", ns::DELAY).and_then(|delay| instant(delay.get("stamp")?)),
        file: file.filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        nick: text_in("nick", ns::NICK),
        condition: condition(element),
        reason: element
            .find("error", COMPONENT)
            .and_then(|error| error.find("text", ns::STANZAS))
            .map(Element::content),
        subject: element.find("subject", COMPONENT).is_some() && element.find("body", COMPONENT).is_none(),
        from,
        to,
    })
}

/// Why a stanza was refused.
fn condition(element: &Element) -> Option<String> {
    let error = element.find("error", COMPONENT)?;
    error
        .elements()
        .find(|child| child.ns() == ns::STANZAS && child.name() != "text")
        .map(|child| child.name().to_owned())
}

/// A time as XEP-0082 writes it.
fn instant(stamp: &str) -> Option<Millis> {
    DateTime::parse_from_rfc3339(stamp).ok().map(|time| Millis(time.timestamp_millis()))
}

fn presence(element: &Element, from: Jid, to: Jid) -> Result<Presence, Unusable> {
    let kind = match element.get("type") {
        None => {
            let priority = element.find("priority", COMPONENT).map(Element::content);
            PresenceKind::Available {
                show: element.find("show", COMPONENT).map_or(Show::Here, |show| Show::parse(&show.content())),
                priority: priority.and_then(|priority| priority.trim().parse().ok()).unwrap_or(0),
                workgroup: element.find("agent-status", ns::WORKGROUP).is_some(),
            }
        }
        Some("unavailable") => PresenceKind::Unavailable,
        Some("subscribe") => PresenceKind::Subscribe,
        Some("subscribed") => PresenceKind::Subscribed,
        Some("unsubscribe") => PresenceKind::Unsubscribe,
        Some("unsubscribed") => PresenceKind::Unsubscribed,
        Some("probe") => PresenceKind::Probe,
        Some("error") => PresenceKind::Error,
        Some(_) => return Err(Unusable::Unknown),
    };
    let room = element.find("x", ns::MUC_USER);
    let says = |code| room.is_some_and(|room| room.elements().any(|child| child.get("code") == Some(code)));
    let (own, made) = (says("110"), says("201"));
    let item = room.and_then(|room| room.find("item", ns::MUC_USER));
    let real = item.and_then(|item| Jid::parse(item.get("jid")?).ok());
    Ok(Presence { from, to, kind, own, made, real })
}

fn iq(element: &Element, from: Jid, to: Jid) -> Result<Iq, Unusable> {
    let kind = match element.get("type") {
        Some("get") => IqKind::Get,
        Some("set") => IqKind::Set,
        Some("result") => IqKind::Result,
        Some("error") => IqKind::Error,
        _ => return Err(Unusable::Unknown),
    };
    let id = element.get("id").ok_or(Unusable::Unknown)?.to_owned();
    let payload = element.elements().find(|child| child.name() != "error").cloned();
    Ok(Iq { from, to, id, kind, payload, condition: condition(element) })
}
