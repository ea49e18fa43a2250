//! What `bench` can be told: experiments and their options. Knows no experiment.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum Bench {
    /// 队列实验：Redis 与 RabbitMQ。 Redis or RabbitMQ as a message queue, compared at equal durability.
    ///
    /// Structures: list, reliable list, stream with a group (single, batched), pub/sub, a log by script; classic queues
    /// (transient, persistent, confirmed), quorum queues. Classes: memory, at most one second lost (AOF everysec), synced
    /// (AOF always; confirms).
    ///
    /// Throughput is measured at saturation, closed loop; delays in an open loop whose schedule is fixed before, at one
    /// rate for all and at half of each one's saturation. Every message carries sender, number and intended time; lost,
    /// doubled and disordered ones fail the run. Then queues come and go, consumers die between taking and finishing,
    /// and the brokers are killed with SIGKILL. Before all that, the product's own hub carries hints between two nodes over
    /// both brokers.
    ///
    /// Starts throw-away servers with scripts/service (Debian packages redis-server, rabbitmq-server). A server that is
    /// given by address is not killed, and a given Redis is measured only in the class that it is set up for. About 25
    /// minutes on two cores; --quick takes two.
    #[command(after_help = QUEUE_EXAMPLES)]
    Queue(Queue),
    /// 消息中继实验。 From a visitor to an agent, on one node and across two, beside socket.io's Redis adapter.
    ///
    /// Starts real nodes of this program with a written configuration: one on SQLite; one on PostgreSQL and Redis; two on
    /// PostgreSQL and Redis, visitors on one and agents on the other. Every message is committed before it is accepted.
    /// Beside them, in the same run: two processes of socket.io with its Redis adapter (installed from the npm registry
    /// into the cache folder, needs Node), which store nothing.
    ///
    /// 50 agents and 200 bytes. Delays in an open loop, then saturation. A visitor may send 20 messages in 10 seconds, so
    /// that many visitors share the work of each sender. Lost, doubled and disordered messages fail the run.
    #[command(after_help = RELAY_EXAMPLES)]
    Relay(Relay),
    /// 呼叫实验。 How fast a call is set up, and how many a second a gateway carries.
    ///
    /// Signalling only: visitors call, agents accept, both exchange descriptions, connect and hang up. One node on SQLite,
    /// one and two on PostgreSQL and Redis. Delays in an open loop, then saturation.
    #[command(after_help = CALL_EXAMPLES)]
    Call(Calls),
    /// 架构实验：XMPP 与 WebSocket。 XMPP or WebSocket between customers and agents, at equal promises.
    ///
    /// The same messages over the gateway's sockets on one node and across two (W1, W2); over Prosody alone, by TCP (X1) and
    /// by its own WebSockets (X2, RFC 7395); from the gateway's sockets through its XMPP component to agents on Prosody (X3);
    /// X1 and X3 on ejabberd (X4); and XMPP with acknowledgements and receipts (X5, XEP-0198 and XEP-0184). Who merely writes
    /// is never compared with who waits until a message is acknowledged.
    ///
    /// Idle connections first: setting up, memory, all cut and back at once. Then delays in an open loop whose schedule is
    /// fixed before, and the highest rate at which 99 % arrive within 50 ms. Lost, doubled and disordered messages fail the
    /// run. Needs the Debian packages prosody, ejabberd, postgresql, redis-server. About an hour and a half on two cores.
    ///
    /// With --tls all of it a second time with TLS: haproxy in front of each node, whose CPU and memory count along; the XMPP
    /// servers' own TLS, from the first byte on. Needs haproxy and openssl besides, and twice the time.
    #[command(after_help = ARCHITECTURE_EXAMPLES)]
    Architecture(Architecture),
    /// 问答实验。 How well the built-in robot finds the question that was meant, and how fast.
    ///
    /// 100 bank questions, each in held-out wordings (ordinary and hard), and 50 questions that no bank can answer, beside
    /// plain BM25 and exact match in the same run: Recall@1 and @5, MRR, precision and coverage over thresholds, answers
    /// to foreign questions. Then single questions are timed with 10,000 questions in the index. Needs no servers; some
    /// seconds.
    Robot(Robot),
    /// A consumer that dies; `queue` starts it.
    #[command(hide = true)]
    Consumer { contender: String, url: String, queue: usize, effects: PathBuf, seed: u64 },
}

const QUEUE_EXAMPLES: &str = "\
Examples 例:
  yizhan bench queue --quick --busy                        a look, nothing to be quoted
  yizhan bench queue --write                               the whole experiment, into docs/EXPERIMENTS.md
  yizhan bench queue --only synced --part latency          delays of what is synced
  yizhan bench queue --only stream --depths 0,1000000      deep queues
  yizhan bench queue --sizes 512,128,4096                  other sizes, too
Contenders 参赛者 STRUCTURE.CLASS:
  list reliable-list stream stream-batch log (.memory .second .synced), pubsub.memory,
  classic.memory (transient), classic.second (persistent, no confirm), confirm.synced, confirm-window.synced,
  quorum.synced, quorum-window.synced";

const ARCHITECTURE_EXAMPLES: &str = "\
Examples 例:
  yizhan bench architecture --quick --busy --only x1,x2    a look, nothing to be quoted
  yizhan bench architecture --write                        the whole experiment, into docs/EXPERIMENTS.md
  yizhan bench architecture --only acked --rates 200,2000  what waits until it is acknowledged
  yizhan bench architecture --only w1,x1 --connections 100,1000,5000,10000
                                                           with so many idle connections beside
  yizhan bench architecture --tls --only w1,x4.x1          in clear, and with TLS
  yizhan bench architecture --tls --only +tls              only what has TLS
Topologies 拓扑:
  w1.sent w2.sent x1.sent x2.sent x3.sent x4.x1.sent x4.x3.sent
  w1.acked w2.acked x5.x1.acked x5.x2.acked x3.acked x5.x4.x1.acked x4.x3.acked
  --tls: w1.sent+tls …";

const CALL_EXAMPLES: &str = "\
Examples 例:
  yizhan bench call --quick --busy --only embedded         a look, nothing to be quoted
  yizhan bench call --write                                the whole experiment, into docs/EXPERIMENTS.md
Scenarios 场景: embedded one-node two-nodes";

const RELAY_EXAMPLES: &str = "\
Examples 例:
  yizhan bench relay --quick --busy --only embedded        a look, nothing to be quoted
  yizhan bench relay --write                               the whole experiment, into docs/EXPERIMENTS.md
  yizhan bench relay --only socket.io --rates 4000         the peer alone
Scenarios 场景: embedded one-node two-nodes socket.io";

/// What every experiment can be told.
#[derive(Debug, Args)]
pub(super) struct Experiment {
    /// 启动服务的脚本。 The script that starts throw-away servers.
    #[arg(long, default_value = "scripts/service", value_name = "PATH")]
    pub(super) service: PathBuf,
    /// 数据目录，应在真实磁盘上。 Where data are kept for the time of the run: on the disk that is to be measured.
    #[arg(long, default_value = ".cache/bench", value_name = "FOLDER")]
    pub(super) cache: PathBuf,
    /// 重复次数。 How often everything is repeated, in random order; 1 with --quick.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) repeats: Option<u16>,
    /// 随机种子。 Makes the random order.
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,
    /// 快速浏览，结果不可引用。 A short run, not to be quoted.
    #[arg(long)]
    pub(super) quick: bool,
    /// 机器忙也测。 Measure although the machine is busy.
    #[arg(long)]
    pub(super) busy: bool,
    /// 写入文档。 Also write tables and plots into docs/EXPERIMENTS.md and docs/experiments/.
    #[arg(long)]
    pub(super) write: bool,
}

#[derive(Debug, Args)]
pub(super) struct Queue {
    #[command(flatten)]
    pub(super) experiment: Experiment,
    /// 使用现有 Redis。 A Redis to use instead of throw-away ones; keys begin with {yizhan-bench.
    #[arg(long, value_name = "URL")]
    pub(super) redis: Option<String>,
    /// 使用现有 RabbitMQ。 A RabbitMQ to use instead of a throw-away one; queues begin with yizhan-bench.
    #[arg(long, value_name = "URL")]
    pub(super) rabbitmq: Option<String>,
    /// 只测某些部分，可重复。 Only these parts; may be repeated.
    #[arg(long, value_name = "PART")]
    pub(super) part: Vec<Part>,
    /// 只测名称含此词者。 Only contenders with this in their name.
    #[arg(long, value_name = "WORD")]
    pub(super) only: Option<String>,
    /// 客户端数；居中者为比较基准。 Numbers of clients; everything else is compared at the one in the middle.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(super) clients: Vec<u16>,
    /// 队列中已有的消息总数。 Messages that lie in the queues before, all together.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub(super) depths: Vec<u32>,
    /// 消息字节数；第一个为比较基准。 Bytes of a message; everything else is compared at the first.
    #[arg(long, value_delimiter = ',', default_value = "512", value_name = "N,…", value_parser = clap::value_parser!(u32).range(34..=1_048_576))]
    pub(super) sizes: Vec<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Relay {
    #[command(flatten)]
    pub(super) experiment: Experiment,
    /// 只测名称含此词者。 Only scenarios with this in their name.
    #[arg(long, value_name = "WORD")]
    pub(super) only: Option<String>,
    /// 测延迟的速率（每秒）。 Messages per second of all together, for delays.
    #[arg(long, value_delimiter = ',', default_value = "500,1000", value_name = "N,…", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) rates: Vec<u32>,
    /// 访客数。 Visitors; each may send 20 messages in 10 seconds.
    #[arg(long, default_value_t = 6_400, value_name = "N", value_parser = clap::value_parser!(u32).range(400..=9_000))]
    pub(super) visitors: u32,
    /// 租户数；访客与坐席均分。 Tenants that visitors and agents are spread over; each has one writer at a time.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(super) tenants: u16,
    /// 每个节点的 HTTP 线程数。 HTTP worker threads of each node; a process of Node has one.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,
}

#[derive(Debug, Args)]
pub(super) struct Architecture {
    #[command(flatten)]
    pub(super) experiment: Experiment,
    /// 只测名称含这些词之一者。 Only topologies with one of these in their name.
    #[arg(long, value_delimiter = ',', value_name = "WORD,…")]
    pub(super) only: Vec<String>,
    /// 测延迟的速率（每秒）。 Messages per second of all together, for delays.
    #[arg(long, value_delimiter = ',', default_value = "200,500", value_name = "N,…", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) rates: Vec<u32>,
    /// 消息字节数。 Bytes of a message.
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = clap::value_parser!(u16).range(34..=4_096))]
    pub(super) size: u16,
    /// 网关的访客数。 Visitors of the gateway; each may send 20 messages in 10 seconds.
    #[arg(long, default_value_t = 3_200, value_name = "N", value_parser = clap::value_parser!(u32).range(400..=9_000))]
    pub(super) visitors: u32,
    /// 空闲连接数，0 为不测；仅 200 若 --quick。 Idle connections, 0 for none; 200 with --quick.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=9_000))]
    pub(super) idle: Option<u32>,
    /// 每个节点的 HTTP 线程数。 HTTP worker threads of each node.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,
    /// 说话者之外的空闲连接数；逐个都测，默认没有。 Idle connections beside those who speak; everything is measured with each number, by
    /// default with none.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub(super) connections: Vec<u16>,
    /// 每个拓扑另以 TLS 再测一遍。 Everything a second time, with TLS between clients and what they connect to.
    #[arg(long)]
    pub(super) tls: bool,
}

#[derive(Debug, Args)]
pub(super) struct Calls {
    #[command(flatten)]
    pub(super) experiment: Experiment,
    /// 只测名称含此词者。 Only scenarios with this in their name.
    #[arg(long, value_name = "WORD")]
    pub(super) only: Option<String>,
    /// 测延迟的速率（每秒）。 Calls per second of all together, for delays.
    #[arg(long, value_delimiter = ',', default_value = "50,100", value_name = "N,…", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) rates: Vec<u32>,
    /// 访客数。 Visitors; each may call 10 times in a minute.
    #[arg(long, default_value_t = 800, value_name = "N", value_parser = clap::value_parser!(u32).range(200..=9_000))]
    pub(super) visitors: u32,
    /// 每个节点的 HTTP 线程数。 HTTP worker threads of each node.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,
}

#[derive(Debug, Args)]
pub(super) struct Robot {
    #[command(flatten)]
    pub(super) experiment: Experiment,
    /// 评测集目录。 The folder of the evaluation set.
    #[arg(long, default_value = "data/evaluation", value_name = "FOLDER")]
    pub(super) set: PathBuf,
    /// 测速时的问题数。 Questions in the index whose speed is measured.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(super) questions: u32,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Part {
    /// The product's own hub between two nodes.
    Hub,
    /// Saturation.
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
