//! Redis or RabbitMQ between the nodes? Enqueue, dequeue and round trip on the structures of both, grouped by what they
//! promise; churn of queues; death of consumers and brokers.

mod amqp;
mod churn;
mod closed;
mod crash;
mod figures;
mod hub;
mod open;
mod outage;
mod place;
mod redis;
mod report;
mod run;
mod server;
mod structure;

use std::time::Duration;

pub use crash::{Orders, consume};
pub use run::run;
pub use structure::Contender;

use super::Setting;

/// A part of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The product's own hub between two nodes.
    Hub,
    /// Saturation of each structure.
    Throughput,
    /// Delays at steady rates.
    Latency,
    /// Queues that come and go.
    Churn,
    /// Consumers that die.
    Consumer,
    /// Brokers that die.
    Broker,
}

impl Part {
    /// All parts, in the order of the report.
    pub const ALL: [Self; 6] = [Self::Hub, Self::Throughput, Self::Latency, Self::Churn, Self::Consumer, Self::Broker];
}

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every experiment is told.
    pub setting: Setting,
    /// A Redis to be used instead of throw-away ones.
    pub redis: Option<String>,
    /// A RabbitMQ to be used instead of a throw-away one.
    pub rabbitmq: Option<String>,
    /// Parts that are measured; all if there are none.
    pub parts: Vec<Part>,
    /// Only contenders that have this in their word.
    pub only: Option<String>,
    /// Numbers of clients; the one in the middle is where everything else is compared.
    pub clients: Vec<usize>,
    /// Messages that lie in the queues before, all together.
    pub depths: Vec<usize>,
    /// Bytes of a message; the first is where everything else is compared.
    pub sizes: Vec<usize>,
}

impl Options {
    fn contenders(&self) -> Vec<Contender> {
        let wanted = |one: &Contender| self.only.as_ref().is_none_or(|only| one.word().contains(only.as_str()));
        Contender::all().into_iter().filter(wanted).collect()
    }

    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// The clients at which structures are compared.
    fn base_clients(&self) -> usize {
        self.clients.get(self.clients.len() / 2).copied().unwrap_or(8)
    }

    fn base_size(&self) -> usize {
        self.sizes.first().copied().unwrap_or(512)
    }

    fn times(&self) -> Times {
        let ms = Duration::from_millis;
        if self.setting.quick {
            Times { phase: ms(120), warm_up: ms(100), steady: ms(500), queues: (400, ms(1_000)), messages: 200 }
        } else {
            Times { phase: ms(600), warm_up: ms(400), steady: ms(1_600), queues: (10_000, ms(8_000)), messages: 1_000 }
        }
    }
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Producers at saturation, and then round trips.
    phase: Duration,
    /// Before delays count.
    warm_up: Duration,
    /// Delays.
    steady: Duration,
    /// Queues that are made at most, and for how long.
    queues: (usize, Duration),
    /// Messages for consumers that die.
    messages: u64,
}
