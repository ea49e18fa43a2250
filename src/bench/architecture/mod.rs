//! XMPP or WebSocket? The same messages from customers to agents over the gateway's sockets, over XMPP servers alone, and
//! over both: gateway for customers, XMPP for agents.
//!
//! What merely writes a message and what waits until it is acknowledged are never compared with each other.

mod client;
mod idle;
mod line;
mod place;
mod report;
mod run;
mod stanza;
mod wire;

pub use run::run;

use super::Setting;

/// 99 of 100 messages have to arrive within this many milliseconds.
const GOAL: f64 = 50.0;

/// The way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// Visitor and agent on sockets of one node.
    W1,
    /// Visitor on one node, agent on the other.
    W2,
    /// Both on Prosody over TCP, without a gateway: the least that XMPP costs.
    X1,
    /// Both on Prosody over its WebSockets (RFC 7395).
    X2,
    /// Visitor on a socket of the gateway, agent on Prosody, the gateway a component.
    X3,
    /// As X1, on ejabberd.
    X4One,
    /// As X3, on ejabberd.
    X4Three,
}

impl Path {
    const ALL: [Self; 7] = [Self::W1, Self::W2, Self::X1, Self::X2, Self::X3, Self::X4One, Self::X4Three];

    /// Whether visitors come to a gateway.
    fn has_gateway(self) -> bool {
        matches!(self, Self::W1 | Self::W2 | Self::X3 | Self::X4Three)
    }

    fn word(self) -> &'static str {
        match self {
            Self::W1 => "w1",
            Self::W2 => "w2",
            Self::X1 => "x1",
            Self::X2 => "x2",
            Self::X3 => "x3",
            Self::X4One => "x4.x1",
            Self::X4Three => "x4.x3",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::W1 => "W1 网关 gateway",
            Self::W2 => "W2 网关双节点 gateway, two nodes",
            Self::X1 => "X1 Prosody TCP",
            Self::X2 => "X2 Prosody WebSocket",
            Self::X3 => "X3 网关 gateway + Prosody",
            Self::X4One => "X4 ejabberd TCP",
            Self::X4Three => "X4 网关 gateway + ejabberd",
        }
    }
}

/// What a sender waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// Nothing: the message is written.
    Sent,
    /// Whoever took the message says so: the gateway when it is committed, an XMPP server by XEP-0198; there the receiver
    /// confirms by XEP-0184 besides.
    Acknowledged,
}

impl Promise {
    const ALL: [Self; 2] = [Self::Sent, Self::Acknowledged];

    fn label(self) -> &'static str {
        match self {
            Self::Sent => "只管发 Fire and forget",
            Self::Acknowledged => "有确认 Acknowledged",
        }
    }
}

/// What is measured: a way, and what is promised on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topology {
    /// The way.
    pub path: Path,
    /// What is promised.
    pub promise: Promise,
    /// Connections that are open beside those who speak, and do nothing.
    pub beside: usize,
    /// Whether there is TLS between every client and what it connects to.
    pub tls: bool,
}

impl Topology {
    /// All ways and promises; with TLS, too, each of them stands behind the same without.
    fn all(beside: usize, tls: bool) -> impl Iterator<Item = Self> {
        let both: &[bool] = if tls { &[false, true] } else { &[false] };
        let of = move |promise, path| both.iter().map(move |tls| Self { path, promise, beside, tls: *tls });
        let ways = move |promise| Path::ALL.into_iter().flat_map(move |path| of(promise, path));
        Promise::ALL.into_iter().flat_map(ways)
    }

    /// Whether this is an XMPP server alone with all that XMPP can promise.
    fn is_x5(self) -> bool {
        self.promise == Promise::Acknowledged && !self.path.has_gateway()
    }

    /// What is typed to choose it.
    #[must_use]
    pub fn word(self) -> String {
        let way = self.path.word();
        let word = match self.promise {
            _ if self.is_x5() => format!("x5.{way}.acked"),
            Promise::Sent => format!("{way}.sent"),
            Promise::Acknowledged => format!("{way}.acked"),
        };
        let word = if self.tls { format!("{word}+tls") } else { word };
        if self.beside == 0 { word } else { format!("{word}+{}", self.beside) }
    }

    /// What readers see.
    #[must_use]
    pub fn label(self) -> String {
        let way = self.path.label();
        let way = if self.is_x5() { format!("X5 {}", way.get(3..).unwrap_or(way)) } else { way.to_owned() };
        let way = if self.tls { format!("{way} TLS") } else { way };
        if self.beside == 0 { way } else { format!("{way} + {} 空闲 idle", self.beside) }
    }
}

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every experiment is told.
    pub setting: Setting,
    /// Only what has one of these in its word; all if there is none.
    pub only: Vec<String>,
    /// Messages per second of all senders together, for delays.
    pub rates: Vec<u32>,
    /// Bytes of a message.
    pub size: usize,
    /// Visitors of the gateway; each may send 20 messages in 10 seconds.
    pub visitors: usize,
    /// Connections that do nothing.
    pub idle: usize,
    /// Worker threads of each node.
    pub workers: usize,
    /// Everything is measured with each of these numbers of idle connections beside; with none if there is no number.
    pub connections: Vec<usize>,
    /// Whether everything is measured a second time, with TLS between clients and what they connect to.
    pub tls: bool,
}

impl Options {
    /// Idle connections beside those who speak, in the order in which they were asked for.
    fn beside(&self) -> &[usize] {
        if self.connections.is_empty() { &[0] } else { &self.connections }
    }

    /// The name of its report in the document: a sweep over connections has a place of its own.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.connections.is_empty() { "bench architecture" } else { "bench architecture connections" }
    }

    /// Whether this is where idle connections themselves are measured: once for every way.
    fn measures_idle(&self, topology: Topology) -> bool {
        self.idle > 0 && self.beside().first() == Some(&topology.beside)
    }

    fn topologies(&self) -> Vec<Topology> {
        let wanted = |one: &Topology| {
            let word = one.word();
            self.only.is_empty() || self.only.iter().any(|only| word.contains(only.as_str()))
        };
        self.beside().iter().flat_map(|beside| Topology::all(*beside, self.tls)).filter(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn words(beside: usize, tls: bool) -> Vec<String> {
        Topology::all(beside, tls).map(Topology::word).collect()
    }

    #[test]
    fn every_topology_has_a_word_of_its_own_and_x5_is_xmpp_with_all_it_can_promise() {
        let plain = words(0, false);
        let distinct: BTreeSet<&String> = plain.iter().collect();
        assert_eq!((plain.len(), distinct.len()), (14, 14));
        let x5: Vec<String> = Topology::all(0, false).filter(|one| one.is_x5()).map(Topology::label).collect();
        assert_eq!(x5, ["X5 Prosody TCP", "X5 Prosody WebSocket", "X5 ejabberd TCP"]);
        let crowded = words(5_000, false);
        assert!(crowded.iter().zip(&plain).all(|(crowded, word)| *crowded == format!("{word}+5000")));
    }

    #[test]
    fn with_tls_each_is_there_twice_and_readers_see_which_is_which() {
        let (plain, both) = (words(0, false), words(0, true));
        let twice: Vec<String> = plain.iter().flat_map(|word| [word.clone(), format!("{word}+tls")]).collect();
        assert_eq!(both, twice);
        let everything: BTreeSet<String> = [both, words(5_000, true)].concat().into_iter().collect();
        assert_eq!(everything.len(), 4 * plain.len());
        assert!(everything.contains("x4.x1.sent+tls+5000"), "{everything:?}");
        for promise in Promise::ALL {
            let all = || [0, 5_000].into_iter().flat_map(|beside| Topology::all(beside, true));
            let labels: Vec<String> = all().filter(|one| one.promise == promise).map(Topology::label).collect();
            let distinct: BTreeSet<&String> = labels.iter().collect();
            assert_eq!((labels.len(), distinct.len()), (28, 28));
            assert!(distinct.contains(&"W1 网关 gateway TLS + 5000 空闲 idle".to_owned()), "{labels:?}");
        }
    }
}
