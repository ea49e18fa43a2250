//! What an agent's presence means for the agent's status. Pure: several clients of one agent are one presence.
//!
//! Semantics after XEP-0142 §6: `chat` and none are ready, `away` is ready but the last choice, `xa` a break, `dnd` busy.

use std::collections::BTreeMap;

use crate::model::account::XmppAway;
use crate::model::presence::{LAST_CHOICE, Status};

/// What a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Here; `chat` and none.
    Here,
    /// `away`
    Away,
    /// `xa`
    Gone,
    /// `dnd`
    Busy,
}

impl Show {
    /// Reads what stands in `<show/>`. Anything unknown counts as here.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "away" => Self::Away,
            "xa" => Self::Gone,
            "dnd" => Self::Busy,
            _ => Self::Here,
        }
    }

    /// A word to store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Away => "away",
            Self::Gone => "xa",
            Self::Busy => "dnd",
        }
    }

    /// The status that it chooses, and why.
    #[must_use]
    pub fn status(self, away: XmppAway) -> (Status, Option<&'static str>) {
        match (self, away) {
            (Self::Here, _) => (Status::Ready, None),
            (Self::Away, XmppAway::Ready) => (Status::Ready, Some(LAST_CHOICE)),
            (Self::Away, XmppAway::Busy) => (Status::Busy, Some(LAST_CHOICE)),
            (Self::Gone, _) => (Status::Break, None),
            (Self::Busy, _) => (Status::Busy, None),
        }
    }
}

/// One client of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Client {
    show: Show,
    priority: i8,
    /// Grows with every change: of two clients with one priority the later one counts.
    turn: u64,
    /// It did not answer when it was asked; what it showed counts no more until it is heard again.
    silent: bool,
}

/// The clients of one agent that are there.
#[derive(Debug, Default)]
pub struct Clients {
    by_resource: BTreeMap<String, Client>,
    turn: u64,
}

/// Clients of one agent that are remembered at most.
const MOST: usize = 32;

impl Clients {
    /// A client is there.
    pub fn available(&mut self, resource: &str, show: Show, priority: i8) {
        self.turn += 1;
        if self.by_resource.len() >= MOST && !self.by_resource.contains_key(resource) {
            return;
        }
        let client = Client { show, priority, turn: self.turn, silent: false };
        self.by_resource.insert(resource.to_owned(), client);
    }

    /// A client has gone; without a name all have.
    pub fn unavailable(&mut self, resource: Option<&str>) {
        match resource {
            Some(resource) => drop(self.by_resource.remove(resource)),
            None => self.by_resource.clear(),
        }
    }

    /// A client did not answer.
    pub fn silent(&mut self, resource: &str) {
        if let Some(client) = self.by_resource.get_mut(resource) {
            client.silent = true;
        }
    }

    /// A client was heard; `true` when it was taken for dead before.
    pub fn heard(&mut self, resource: &str) -> bool {
        let client = self.by_resource.get_mut(resource);
        client.is_some_and(|client| std::mem::take(&mut client.silent))
    }

    /// What the agent shows: the client of the highest priority decides, of several the latest. `None` when no client
    /// is there. A negative priority says that a client takes no messages: it does not count.
    #[must_use]
    pub fn shown(&self) -> Option<Show> {
        let counting = self.by_resource.values().filter(|client| !client.silent && client.priority >= 0);
        counting.max_by_key(|client| (client.priority, client.turn)).map(|client| client.show)
    }

    /// The clients that count.
    pub fn counting(&self) -> impl Iterator<Item = &str> {
        let counting = self.by_resource.iter().filter(|(_, client)| !client.silent && client.priority >= 0);
        counting.map(|(resource, _)| resource.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presence_chooses_a_status() {
        let chosen = |show: &str| Show::parse(show).status(XmppAway::Ready);
        assert_eq!(chosen(""), (Status::Ready, None));
        assert_eq!(chosen("chat"), (Status::Ready, None));
        assert_eq!(chosen("away"), (Status::Ready, Some(LAST_CHOICE)));
        assert_eq!(Show::Away.status(XmppAway::Busy).0, Status::Busy);
        assert_eq!(chosen("xa").0, Status::Break);
        assert_eq!(chosen("dnd").0, Status::Busy);
    }

    #[test]
    fn the_client_of_the_highest_priority_decides() {
        let mut clients = Clients::default();
        assert_eq!(clients.shown(), None);
        clients.available("phone", Show::Away, 0);
        clients.available("desk", Show::Here, 5);
        assert_eq!(clients.shown(), Some(Show::Here));
        clients.available("phone", Show::Busy, 5);
        assert_eq!(clients.shown(), Some(Show::Busy), "of two the later one");
        clients.available("bot", Show::Here, -1);
        clients.unavailable(Some("phone"));
        clients.unavailable(Some("desk"));
        assert_eq!(clients.shown(), None, "a negative priority takes no messages");
    }

    #[test]
    fn who_does_not_answer_is_not_there_until_it_is_heard() {
        let mut clients = Clients::default();
        clients.available("phone", Show::Here, 0);
        clients.silent("phone");
        assert_eq!((clients.shown(), clients.counting().count()), (None, 0));
        assert!(clients.heard("phone") && !clients.heard("phone"));
        assert_eq!(clients.shown(), Some(Show::Here));
    }
}
