//! The faults: how each is done to a running system, and what must hold besides that nothing is lost. Knows no check.

mod after;
mod ghost;
mod postgres;
mod process;
mod rabbitmq;
mod redis;
mod socket;
mod wechat;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::history::What;
use crate::journal::Journal;
use crate::load::World;
use crate::load::pace::Crew;
use crate::system::{System, Topology};

/// A fault of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The name in the matrix.
    pub name: &'static str,
    /// What it needs.
    pub topology: Topology,
    /// What it is, in a line.
    pub about: &'static str,
    /// Whether it makes something silent, so that WeChat waits in vain.
    pub silence: bool,
    /// Whether it belongs to a change's gate.
    pub gate: bool,
    deed: Deed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Nothing,
    KilledAgainAndAgain,
    FourAtOnce,
    ApiFails,
    TokensRevoked,
    HalfOpen,
    Storm,
    SlowReaders,
    Confused,
    NodesKilled,
    RollingRestart,
    SleepingNode,
    KilledWhileSending,
    RedisRestarted,
    RedisEmptied,
    RedisFrozen,
    HintsLost,
    BrokerKilled,
    Undeclared,
    SqlKilled,
    SqlFrozen,
    SqlExhausted,
    PingPong,
}

const fn fault(name: &'static str, topology: Topology, gate: bool, deed: Deed, about: &'static str) -> Fault {
    Fault { name, topology, about, silence: false, gate, deed }
}

const fn silent(fault: Fault) -> Fault {
    Fault { silence: true, ..fault }
}

use Topology::{Cluster, Single};

/// All, in the order of a full campaign.
pub const ALL: &[Fault] = &[
    fault("none", Single, false, Deed::Nothing, "load alone: crashes of clients, repeated and late deliveries"),
    fault("none2", Cluster, false, Deed::Nothing, "load alone on two nodes"),
    fault("F01", Cluster, true, Deed::NodesKilled, "kill -9 of one node after another, 10 s away"),
    fault("F02", Cluster, true, Deed::RollingRestart, "SIGTERM to one node after another"),
    silent(fault("F03", Cluster, false, Deed::SleepingNode, "a node sleeps for 45 s and wakes with old orders")),
    fault("F04", Cluster, false, Deed::KilledWhileSending, "kill -9 before and after a call to WeChat"),
    fault("F05", Single, true, Deed::KilledAgainAndAgain, "kill -9 of the only process under load, 50 times"),
    fault("F12", Cluster, true, Deed::FourAtOnce, "every delivery four times at once, to all nodes"),
    fault("F13", Cluster, true, Deed::RedisRestarted, "Redis restarts, empty"),
    fault("F14", Cluster, true, Deed::RedisEmptied, "FLUSHALL"),
    fault("F15", Cluster, false, Deed::RedisFrozen, "Redis frozen for 20 s"),
    fault("F18", Cluster, true, Deed::HintsLost, "no hint gets through; then each four times, out of order"),
    fault(
        "F20",
        Cluster,
        true,
        Deed::ApiFails,
        "WeChat's API: 500, 502, HTML, cut JSON, resets, hangs, drips, refuses",
    ),
    fault("F21", Cluster, false, Deed::TokensRevoked, "access tokens refused, and revoked by another system"),
    fault("F24", Cluster, true, Deed::BrokerKilled, "kill -9 of RabbitMQ while events are published"),
    fault("F26", Cluster, false, Deed::Undeclared, "binding, queue and exchange deleted on the broker"),
    silent(fault("F28", Cluster, true, Deed::SqlKilled, "PostgreSQL killed, its connections ended, its address dead")),
    silent(fault("F29", Cluster, false, Deed::SqlFrozen, "PostgreSQL frozen, a row locked, every answer late")),
    silent(fault("F30", Cluster, false, Deed::SqlExhausted, "PostgreSQL's connections exhausted")),
    fault("F32", Cluster, true, Deed::HalfOpen, "500 connections die without a word"),
    fault("F33", Cluster, false, Deed::PingPong, "one device on two nodes in turn, ten times a second"),
    fault("F34", Cluster, false, Deed::Storm, "5,000 sockets cut at once"),
    fault("F35", Cluster, true, Deed::SlowReaders, "500 devices stop reading"),
    fault("F38", Cluster, false, Deed::Confused, "deliveries late, repeated, reordered, under one id, in one second"),
];

impl Fault {
    /// The fault of a name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|fault| fault.name.eq_ignore_ascii_case(name)).copied()
    }

    /// The longest that it may take, besides the load.
    pub fn longest(self) -> Duration {
        Duration::from_secs(900)
    }
}

/// Something that must hold besides the checks.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// What, with its bound.
    pub what: String,
    /// What was measured.
    pub measured: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Requirement {
    /// A figure that may not exceed a bound.
    pub fn at_most(what: &str, measured: f64, bound: f64, unit: &str) -> Self {
        let (what, holds) = (format!("{what} ≤ {bound} {unit}"), measured <= bound);
        Self { what, measured: format!("{measured:.1} {unit}"), holds }
    }

    /// A number that has to be reached.
    pub fn at_least(what: &str, measured: i64, bound: i64) -> Self {
        Self { what: format!("{what} ≥ {bound}"), measured: measured.to_string(), holds: measured >= bound }
    }

    /// A figure without a bound.
    pub fn noted(what: &str, measured: String) -> Self {
        Self { what: what.to_owned(), measured, holds: true }
    }
}

/// A count as a figure.
fn figure(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

/// What a fault has at hand.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The system.
    pub system: &'a mut System,
    /// The people.
    pub crew: Crew,
    /// What they share.
    pub world: Arc<World>,
    /// Histories.
    pub journal: &'a Journal,
    /// Whether to be brief.
    pub brief: bool,
    /// Messages that the load brings.
    pub messages: usize,
}

impl Stage<'_> {
    /// Something is wrong from now on.
    pub fn harm(&self, how: &str) {
        self.journal.remark(What::Start, how);
    }

    /// Nothing is wrong any more.
    pub fn heal(&self, how: &str) {
        self.journal.remark(What::Heal, how);
    }

    /// Whether this agent serves a customer.
    fn served_by(&self, thread: u32, agent: usize) -> bool {
        self.world.desk.holder(thread).is_some_and(|(holder, _)| holder == agent)
    }

    /// Waits until a message has just been accepted, but not for long: then a yes that came too early shows.
    async fn until_accepted(&self, most: Duration) {
        let accepted = || self.world.accepted.load(Ordering::Relaxed);
        let before = accepted();
        let another = async {
            while accepted() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // It may be that nobody has anything to say.
        drop(tokio::time::timeout(most, another).await);
    }

    /// Waits until so much of the load is accepted.
    async fn until_enough(&self, part: f64) {
        let wanted = f64::from(u32::try_from(self.messages).unwrap_or(u32::MAX)) * part;
        let accepted = || f64::from(u32::try_from(self.world.accepted.load(Ordering::Relaxed)).unwrap_or(u32::MAX));
        while accepted() < wanted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

pub use after::{measured, shown};

/// Does it, heals it, and says what was measured.
pub async fn inflict(fault: Fault, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    match fault.deed {
        Deed::Nothing => Ok(Vec::new()),
        Deed::KilledAgainAndAgain => process::killed_again_and_again(stage).await,
        Deed::FourAtOnce => wechat::four_at_once(stage).await,
        Deed::ApiFails => wechat::api_fails(stage).await,
        Deed::TokensRevoked => wechat::tokens_revoked(stage).await,
        Deed::HalfOpen => socket::half_open(stage).await,
        Deed::Storm => socket::storm(stage).await,
        Deed::SlowReaders => socket::slow_readers(stage).await,
        Deed::Confused => wechat::confused(stage).await,
        Deed::NodesKilled => process::nodes_killed(stage).await,
        Deed::RollingRestart => process::rolling_restart(stage).await,
        Deed::SleepingNode => ghost::sleeping_node(stage).await,
        Deed::KilledWhileSending => process::killed_while_sending(stage).await,
        Deed::RedisRestarted => redis::restarted(stage).await,
        Deed::RedisEmptied => redis::emptied(stage).await,
        Deed::RedisFrozen => redis::frozen(stage).await,
        Deed::HintsLost => redis::hints_lost_and_doubled(stage).await,
        Deed::BrokerKilled => rabbitmq::killed(stage).await,
        Deed::Undeclared => rabbitmq::undeclared(stage).await,
        Deed::SqlKilled => postgres::killed(stage).await,
        Deed::SqlFrozen => postgres::frozen_locked_slow(stage).await,
        Deed::SqlExhausted => postgres::exhausted(stage).await,
        Deed::PingPong => ghost::ping_pong(stage).await,
    }
}
