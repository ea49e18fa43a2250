//! A follower's phone: what it shows, what the account may send to it, and the stream that its page reads.
//! Knows no HTTP and no push.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::model::time::Millis;
use crate::model::window::{Trigger, Window};

/// Messages that a phone keeps; older ones scroll away for good.
const MESSAGES: usize = 300;
/// Stream events that can be replayed to a page that was away.
const EVENTS: usize = 600;
/// How long the typing indicator shows (the documentation names no figure).
const TYPING: Duration = Duration::from_secs(15);
/// Typing is refused when nothing was exchanged for so long.
const LULL: Duration = Duration::from_secs(30);

/// Who a message on a phone comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// The person with the phone.
    Me,
    /// The account.
    Account,
    /// WeChat itself.
    System,
}

/// How a message on a phone is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A bubble with text.
    Text,
    /// A picture.
    Image,
    /// A voice message.
    Voice,
    /// A video.
    Video,
    /// Article cards.
    News,
    /// A menu message: text with choices.
    Menu,
    /// A mini program card.
    Miniprogram,
    /// A place.
    Location,
    /// A link card; music too.
    Link,
    /// Grey text of the platform.
    Notice,
}

/// How a message reached the phone or left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// It is pushed to the gateway, or came of a push.
    Push,
    /// It was the answer to a push.
    Passive,
    /// It was a customer-service message.
    Custom,
}

/// How far a message of the person has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Deliveries are under way.
    Sending,
    /// The gateway has taken it.
    Sent,
    /// Every delivery failed.
    Failed,
}

/// One message as the phone shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhoneMessage {
    /// Unique on the platform.
    pub id: String,
    /// When it appeared.
    pub at: Millis,
    /// Who it comes from.
    pub from: From,
    /// How it is shown.
    pub kind: Kind,
    /// Its text, title or caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where its picture, voice or video is, or what it links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Articles `{title,desc,url,pic_url}`, choices `{id,content}` or a card `{title,…}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Value>,
    /// Text below the choices of a menu message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<String>,
    /// The customer-service account whose name and portrait the message shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether the grey note says that a machine wrote it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ai: bool,
    /// Latitude and longitude of a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
    /// How it travels.
    pub via: Via,
    /// How far it has come; only on messages of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

impl PhoneMessage {
    /// A message that still lacks its id and time: the phone gives them when it shows it.
    pub(crate) fn draft(from: From, kind: Kind, via: Via) -> Self {
        let (id, at) = (String::new(), Millis::default());
        let (text, url, items, tail, by, place, state) = (None, None, None, None, None, None, None);
        Self { id, at, from, kind, text, url, items, tail, by, ai: false, place, via, state }
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    pub(crate) fn url(mut self, url: String) -> Self {
        self.url = Some(url);
        self
    }

    pub(crate) fn items(mut self, items: Value) -> Self {
        self.items = Some(items);
        self
    }
}

/// What a page is told.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Event {
    Message(Box<PhoneMessage>),
    State { id: String, state: State },
    Following { following: bool },
    Typing { on: bool },
}

impl Event {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::State { .. } | Self::Following { .. } => "state",
            Self::Typing { .. } => "typing",
        }
    }
}

/// One phone of one account.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) openid: String,
    pub(crate) nickname: Option<String>,
    pub(crate) following: bool,
    /// Whether it has followed before: leaving closes the window, never having come is another error.
    pub(crate) followed_once: bool,
    /// The "receive messages" switch of the follower.
    pub(crate) receives: bool,
    pub(crate) since: Millis,
    pub(crate) scene: Option<String>,
    pub(crate) remark: String,
    pub(crate) window: Window,
    pub(crate) last_active: Millis,
    /// The end of the push that went before, so that what is said in order leaves in order.
    pub(crate) line: Option<oneshot::Receiver<()>>,
    last_exchange: Option<Millis>,
    typing_until: Millis,
    messages: VecDeque<PhoneMessage>,
    events: VecDeque<(u64, Event)>,
    last_event: watch::Sender<u64>,
}

impl Phone {
    pub(crate) fn new(openid: String, nickname: Option<String>, now: Millis) -> Self {
        Self {
            openid,
            nickname,
            following: false,
            followed_once: false,
            receives: true,
            since: now,
            scene: None,
            remark: String::new(),
            window: Window::default(),
            last_active: now,
            line: None,
            last_exchange: None,
            typing_until: Millis::default(),
            messages: VecDeque::new(),
            events: VecDeque::new(),
            last_event: watch::Sender::new(0),
        }
    }

    /// Shows a message.
    pub(crate) fn show(&mut self, message: PhoneMessage) {
        if self.messages.len() >= MESSAGES {
            self.messages.pop_front();
        }
        if message.from == From::Account {
            self.last_exchange = Some(message.at);
            if self.typing_until > message.at {
                self.typing_until = message.at;
                self.publish(Event::Typing { on: false });
            }
        }
        self.messages.push_back(message.clone());
        self.publish(Event::Message(Box::new(message)));
    }

    /// Sets how far a message of the person has come.
    pub(crate) fn settle(&mut self, id: &str, state: State) {
        if let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == id) {
            message.state = Some(state);
        }
        self.publish(Event::State { id: id.to_owned(), state });
    }

    /// The person did something that lets the account write.
    pub(crate) fn grant(&mut self, trigger: Trigger, now: Millis, add_up: bool) {
        self.last_exchange = Some(now);
        let carried = if add_up && self.window.open(now) && trigger != Trigger::Message { self.window.left } else { 0 };
        self.window = self.window.granted(trigger, now);
        if carried > 0 {
            self.window.left = carried.saturating_add(trigger.allows());
        }
    }

    /// The person follows the account.
    pub(crate) fn follow(&mut self, scene: Option<String>, now: Millis) {
        self.following = true;
        self.followed_once = true;
        self.since = now;
        self.scene = scene;
        self.publish(Event::Following { following: true });
    }

    /// The person leaves: nothing may be sent any more.
    pub(crate) fn unfollow(&mut self) {
        self.following = false;
        self.window = Window::default();
        self.publish(Event::Following { following: false });
    }

    /// Shows or takes away the typing indicator. An error code when it may not be shown.
    pub(crate) fn typing(&mut self, on: bool, now: Millis) -> Result<(), i64> {
        if on && self.last_exchange.is_none_or(|at| now.since(at) >= LULL) {
            return Err(45080);
        }
        if on && self.typing_until > now {
            return Err(45081);
        }
        self.typing_until = if on { now.plus(TYPING) } else { now };
        self.publish(Event::Typing { on });
        Ok(())
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &PhoneMessage> {
        self.messages.iter()
    }

    /// Number of the newest stream event.
    pub(crate) fn last_event(&self) -> u64 {
        *self.last_event.borrow()
    }

    /// Wakes when there is a newer event.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.last_event.subscribe()
    }

    /// Whether a page is looking.
    pub(crate) fn watched(&self) -> bool {
        self.last_event.receiver_count() > 0
    }

    /// Number of the oldest event that is kept, or the next one when none is.
    pub(crate) fn first_event(&self) -> u64 {
        self.events.front().map_or(self.last_event() + 1, |(number, _)| *number)
    }

    /// Events after number `seen`, oldest first.
    pub(crate) fn events_after(&self, seen: u64) -> Vec<(u64, Event)> {
        let from = self.events.partition_point(|(number, _)| *number <= seen);
        self.events.iter().skip(from).cloned().collect()
    }

    fn publish(&mut self, event: Event) {
        let number = self.last_event() + 1;
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((number, event));
        self.last_event.send_replace(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn phone() -> Phone {
        Phone::new("o1".into(), None, NOW)
    }

    #[test]
    fn events_are_numbered_and_replayed_from_where_a_page_left() {
        let mut phone = phone();
        for text in ["a", "b", "c"] {
            let draft = PhoneMessage::draft(From::Account, Kind::Text, Via::Custom).text(text);
            phone.show(PhoneMessage { id: text.into(), at: NOW, ..draft });
        }
        let replayed: Vec<u64> = phone.events_after(1).into_iter().map(|(number, _)| number).collect();
        assert_eq!(replayed, [2, 3]);
        assert_eq!(phone.last_event(), 3);
    }

    #[test]
    fn what_a_phone_keeps_is_bounded() {
        let mut phone = phone();
        for number in 0..2_000 {
            let draft = PhoneMessage::draft(From::Account, Kind::Text, Via::Custom);
            phone.show(PhoneMessage { id: number.to_string(), at: NOW, ..draft });
        }
        assert_eq!(phone.messages().count(), MESSAGES);
        assert_eq!(phone.events_after(0).len(), EVENTS);
    }

    #[test]
    fn allowances_take_the_greater_one_unless_told_to_add_up() {
        let mut phone = phone();
        phone.grant(Trigger::Follow, NOW, false);
        phone.grant(Trigger::Menu, NOW, false);
        assert_eq!(phone.window.left, 3);
        phone.grant(Trigger::Menu, NOW, true);
        assert_eq!(phone.window.left, 6);
        phone.grant(Trigger::Message, NOW, false);
        assert!(phone.window.open(NOW.plus(Duration::from_secs(47 * 3600))));
    }

    #[test]
    fn typing_needs_a_recent_exchange_and_is_not_shown_twice() {
        let mut phone = phone();
        assert_eq!(phone.typing(true, NOW), Err(45080));
        phone.grant(Trigger::Message, NOW, false);
        assert_eq!(phone.typing(true, NOW), Ok(()));
        assert_eq!(phone.typing(true, NOW), Err(45081));
        assert_eq!(phone.typing(false, NOW), Ok(()));
        assert_eq!(phone.typing(true, NOW.plus(Duration::from_secs(31))), Err(45080));
    }
}
