//! What can carry messages from one client to another, grouped by what it promises. Names and promises only.

/// What survives of what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Nothing, if the broker dies.
    Memory,
    /// All but the last second.
    Second,
    /// Everything: it was synced before it was accepted.
    Synced,
}

impl Class {
    /// All classes, the weakest first.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Second, Self::Synced];

    /// What readers see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Memory => "内存 memory",
            Self::Second => "至多丢 1 秒 ≤ 1 s",
            Self::Synced => "已落盘 synced",
        }
    }
}

/// How messages are kept and handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Structure {
    /// `LPUSH`, `BRPOP`.
    List,
    /// `LPUSH`, `BLMOVE` to a list of the consumer, `LREM`.
    ReliableList,
    /// `XADD`, `XREADGROUP`, `XACK`, one at a time.
    Stream,
    /// The same up to a hundred at a time.
    StreamBatch,
    /// `PUBLISH`, `SUBSCRIBE`.
    PubSub,
    /// A script that numbers, deduplicates, appends and hints; readers follow with a cursor.
    Log,
    /// A classic queue, publishes are not confirmed.
    Classic,
    /// A classic queue, each publish waits for its confirm.
    Confirm,
    /// The same with a hundred publishes outstanding.
    ConfirmWindow,
    /// A quorum queue, each publish waits for its confirm.
    Quorum,
    /// The same with a hundred publishes outstanding.
    QuorumWindow,
}

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broker {
    /// Redis.
    Redis,
    /// RabbitMQ.
    Rabbitmq,
}

/// What may go wrong with accepted messages when a consumer dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frailty {
    /// Messages may be lost.
    pub loses: bool,
    /// Messages may come twice.
    pub doubles: bool,
}

/// A structure in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contender {
    /// How.
    pub structure: Structure,
    /// What survives.
    pub class: Class,
}

const REDIS: [Structure; 6] = [
    Structure::List,
    Structure::ReliableList,
    Structure::Stream,
    Structure::StreamBatch,
    Structure::PubSub,
    Structure::Log,
];

impl Contender {
    /// Everybody, grouped by class.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for class in Class::ALL {
            // A message that is published to subscribers is never stored.
            let redis = REDIS.into_iter().filter(|structure| class == Class::Memory || *structure != Structure::PubSub);
            let rabbitmq: &[Structure] = match class {
                Class::Memory | Class::Second => &[Structure::Classic],
                Class::Synced => {
                    &[Structure::Confirm, Structure::ConfirmWindow, Structure::Quorum, Structure::QuorumWindow]
                }
            };
            let structures = redis.chain(rabbitmq.iter().copied());
            all.extend(structures.map(|structure| Self { structure, class }));
        }
        all
    }

    /// Its server.
    #[must_use]
    pub fn broker(self) -> Broker {
        if REDIS.contains(&self.structure) { Broker::Redis } else { Broker::Rabbitmq }
    }

    /// What readers see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match (self.structure, self.class) {
            (Structure::List, _) => "Redis 列表 list",
            (Structure::ReliableList, _) => "Redis 可靠列表 reliable list",
            (Structure::Stream, _) => "Redis 流+组 stream+group",
            (Structure::StreamBatch, _) => "Redis 流+组 批量 stream ×100",
            (Structure::PubSub, _) => "Redis 发布订阅 pub/sub",
            (Structure::Log, _) => "Redis 脚本日志 Lua log",
            (Structure::Classic, Class::Memory) => "RabbitMQ 经典 瞬态 transient",
            (Structure::Classic, _) => "RabbitMQ 经典 持久 无确认 persistent",
            (Structure::Confirm, _) => "RabbitMQ 经典 持久+确认 confirm",
            (Structure::ConfirmWindow, _) => "RabbitMQ 经典 持久+确认 ×100",
            (Structure::Quorum, _) => "RabbitMQ 仲裁+确认 quorum",
            (Structure::QuorumWindow, _) => "RabbitMQ 仲裁+确认 quorum ×100",
        }
    }

    /// What is typed to choose it, and what queues are named after.
    #[must_use]
    pub fn word(self) -> String {
        let structure = match self.structure {
            Structure::List => "list",
            Structure::ReliableList => "reliable-list",
            Structure::Stream => "stream",
            Structure::StreamBatch => "stream-batch",
            Structure::PubSub => "pubsub",
            Structure::Log => "log",
            Structure::Classic => "classic",
            Structure::Confirm => "confirm",
            Structure::ConfirmWindow => "confirm-window",
            Structure::Quorum => "quorum",
            Structure::QuorumWindow => "quorum-window",
        };
        let class = match self.class {
            Class::Memory => "memory",
            Class::Second => "second",
            Class::Synced => "synced",
        };
        format!("{structure}.{class}")
    }

    /// The contender of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::all().into_iter().find(|contender| contender.word() == word)
    }

    /// How many messages a client may have under way.
    #[must_use]
    pub fn window(self) -> usize {
        match self.structure {
            Structure::StreamBatch | Structure::ConfirmWindow | Structure::QuorumWindow => 100,
            _ => 1,
        }
    }

    /// Whether it keeps messages for a consumer that is not there.
    #[must_use]
    pub fn queues(self) -> bool {
        self.structure != Structure::PubSub
    }

    /// Whether the client hears that a message was accepted.
    #[must_use]
    pub fn confirms(self) -> bool {
        self.structure != Structure::Classic
    }

    /// What may go wrong when a consumer dies.
    #[must_use]
    pub fn frailty(self) -> Frailty {
        match self.structure {
            Structure::List | Structure::PubSub => Frailty { loses: true, doubles: false },
            _ => Frailty { loses: false, doubles: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_compares_both_brokers_and_words_name_one_contender() {
        let all = Contender::all();
        for class in Class::ALL {
            for broker in [Broker::Redis, Broker::Rabbitmq] {
                assert!(all.iter().any(|one| one.class == class && one.broker() == broker), "{class:?} {broker:?}");
            }
        }
        assert!(all.iter().all(|one| Contender::of(&one.word()) == Some(*one)));
        assert_eq!(Contender::of("list.synced").map(Contender::broker), Some(Broker::Redis));
        assert_eq!(Contender::of("pubsub.synced"), None);
    }
}
