//! The way of a message from a visitor to an agent, on one node and across two, beside socket.io with its Redis adapter.
//! The gateways are processes of the running binary; nothing is stubbed.
//!
//! A visitor may send 20 messages in any 10 seconds, and there is no setting for it. So many visitors share the work.

mod ear;
mod line;
mod peer;
mod report;
mod run;

pub use run::run;

use super::Setting;
use super::crowd::Run;
use super::site::Nodes;

/// Bytes of a message.
const SIZE: usize = 200;

/// Who carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One node on SQLite: what one starts with.
    Embedded,
    /// One node on PostgreSQL and Redis: the cluster's parts, without the way between nodes.
    OneNode,
    /// Visitors on one node, agents on the other, PostgreSQL and Redis.
    TwoNodes,
    /// socket.io: senders on one process, receivers on the other, over its Redis adapter. Nothing is stored.
    SocketIo,
}

impl Scenario {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Embedded, Self::OneNode, Self::TwoNodes, Self::SocketIo];

    /// What readers see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Embedded => "驿站 单节点 SQLite one node",
            Self::OneNode => "驿站 单节点 PostgreSQL+Redis one node",
            Self::TwoNodes => "驿站 双节点 PostgreSQL+Redis two nodes",
            Self::SocketIo => "socket.io 双进程 Redis two processes, stores nothing",
        }
    }

    /// The nodes of the gateway, if it is one.
    pub(super) fn nodes(self) -> Option<Nodes> {
        match self {
            Self::Embedded => Some(Nodes::Embedded),
            Self::OneNode => Some(Nodes::One),
            Self::TwoNodes => Some(Nodes::Two),
            Self::SocketIo => None,
        }
    }

    /// What is typed to choose it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::OneNode => "one-node",
            Self::TwoNodes => "two-nodes",
            Self::SocketIo => "socket.io",
        }
    }
}

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every experiment is told.
    pub setting: Setting,
    /// Only scenarios that have this in their word.
    pub only: Option<String>,
    /// Messages per second of all senders together, for delays.
    pub rates: Vec<u32>,
    /// Visitors.
    pub visitors: usize,
    /// Tenants that visitors and agents are spread over. Each is written to by one writer at a time.
    pub tenants: usize,
    /// Worker threads of each node; a process of Node has one.
    pub workers: usize,
}

impl Options {
    fn scenarios(&self) -> Vec<Scenario> {
        let wanted = |one: &Scenario| self.only.as_ref().is_none_or(|only| one.word().contains(only.as_str()));
        Scenario::ALL.into_iter().filter(wanted).collect()
    }

    /// Before anything counts, and how long is measured.
    fn times(&self) -> Run {
        Run::of(self.setting.quick)
    }
}
