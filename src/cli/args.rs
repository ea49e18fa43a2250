//! What can be typed. Help texts are English with a Chinese summary.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::office::{Faq, Flow};

const EXIT_CODES: &str = "\
Exit codes 退出码:
  0   done 成功
  1   failed, or doctor found something wrong 失败
  2   wrong usage 用法有误
  78  the settings or a declaration are wrong; every problem is printed with its key, never its value 配置有误

Settings 配置: built-in defaults <- --config FILE <- environment YIZHAN__SECTION__KEY
Try it 体验: yizhan demo";

/// 驿站：微信优先的多租户渠道网关。 A WeChat-first, multi-tenant channel gateway for contact centres.
#[derive(Debug, Parser)]
#[command(name = "yizhan", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(super) struct Cli {
    /// 配置文件。 A TOML file laid over the defaults; see `yizhan default-config`.
    #[arg(long, short, global = true, value_name = "FILE", env = "YIZHAN_CONFIG")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// 一键体验。 Run everything on one port with a built-in WeChat simulator and print the links to open.
    ///
    /// Starts the gateway with the tenant of tenants/demo.toml, an SQLite file and the simulator, all on 127.0.0.1.
    /// Nothing else is needed and nothing leaves this machine. Prints the links of the WeChat phone, the agent console
    /// and the widget page. Everything is kept in the data folder; delete it to start afresh. Stop with Ctrl-C.
    Demo(Demo),
    /// 启动网关。 Run the gateway with the settings.
    ///
    /// Serves the tenants of the store, after applying the declarations of tenants.dir if it is set. SIGTERM or
    /// SIGINT drains: readiness goes, sockets are told to come back elsewhere, work under way is finished; a second
    /// signal ends the process at once.
    Serve,
    /// 微信平台模拟器。 Run only the WeChat simulator, on a port of its own.
    ///
    /// Plays the platform for the WeChat accounts of a tenant declaration: pushes signed and encrypted callbacks to the
    /// gateway, answers its API calls, and serves the phone page. Point the gateway at it with
    /// YIZHAN__WECHAT__API_BASE=http://BIND/simulator.
    Simulate(Simulate),
    /// 体检。 Check settings, data folder, store, port, WeChat API and clock, and say what to do.
    ///
    /// Changes nothing. Exit code 1 when something would keep the gateway from working, 78 when the settings are wrong.
    Doctor,
    /// 探活。 Ask the running gateway whether it takes work: exit code 0 if it does, 1 if not.
    ///
    /// Asks /readyz at http.bind, from the same machine and with the same settings as `serve`; meant for health checks
    /// of containers, where there is no other HTTP client.
    Health(Health),
    /// 数据库迁移。 Bring the tables of the store up to date.
    ///
    /// `serve` and `demo` do the same when they start; run it by hand to do it before a deploy.
    Migrate(Migrate),
    /// 检查配置。 Check the settings and every declaration and text that they name; report all problems at once.
    ///
    /// Prints risky settings as warnings. Exit code 78 when anything is wrong. Opens no connection.
    CheckConfig,
    /// 打印默认配置。 Print every setting with its default, an explanation and the name of its environment variable.
    DefaultConfig,
    /// 模块契约。 Print the contract with other modules, events and commands, as an AsyncAPI 3.0 document.
    Asyncapi,
    /// 管理接口契约。 Print the contract of the admin API as an OpenAPI 3.1 document.
    ///
    /// A running gateway serves the same at /api/openapi.json.
    Openapi,
    /// 租户管理。 Apply, list and show tenants.
    Tenant {
        #[command(subcommand)]
        command: Tenant,
    },
    /// 问答库。 Import and export what the robot of a tenant knows.
    Faq {
        #[command(subcommand)]
        command: Faq,
    },
    /// 流程。 Keep the multi-step forms of a tenant.
    Flow {
        #[command(subcommand)]
        command: Flow,
    },
    /// 实验。 Measure queues and the way of messages between nodes, reproducibly.
    ///
    /// Progress goes to standard error, tables in Markdown to standard output. docs/EXPERIMENTS.md explains how it is
    /// measured and what it means. Every run refuses a busy machine; a run that broke a promise ends with exit code 1.
    Bench {
        #[command(subcommand)]
        command: Bench,
    },
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// 端口。 The port on 127.0.0.1.
    #[arg(long, short, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// 数据目录。 Where the demo keeps its database, media and key.
    #[arg(long, default_value = "data/demo", value_name = "FOLDER")]
    pub(super) data: PathBuf,
    /// 租户声明；省略则用示例租户，8080 换成所给端口。 The declaration in place of the demo's; 8080 in it becomes the port.
    #[arg(long, value_name = "FILE")]
    pub(super) tenant: Option<PathBuf>,
    /// 不用机器人与流程，直接转人工。 People answer at once: no robot, no forms, no survey.
    #[arg(long)]
    pub(super) no_robot: bool,
    /// 供协议一致性测试。 Adds /ws/echo, which sends back what comes, for conformance tests of the socket transport.
    #[arg(long, hide = true)]
    pub(super) conformance: bool,
}

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// 监听地址。 Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub(super) bind: SocketAddr,
    /// 网关地址。 Where the gateway is; callbacks go to GATEWAY/wechat/TENANT.ACCOUNT.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(super) gateway: String,
    /// 租户声明；省略则用示例租户。 The declaration whose WeChat accounts are played; the demo's if left out.
    #[arg(long, value_name = "FILE")]
    pub(super) tenant: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Health {
    /// 只看进程是否活着。 Ask /livez instead: whether the process lives, ready or not.
    #[arg(long)]
    pub(super) live: bool,
    /// 时限（秒）。 Seconds to wait for the answer.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(super) timeout: u64,
}

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// 只查看。 Only list what would be applied; exit code 1 when there is something.
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// 应用声明。 Check declarations and put them in force; a running gateway takes them up within seconds.
    ///
    /// Secrets are sealed and passwords hashed before anything is stored. All files are checked before the first is
    /// applied. A declaration that says what is in force already changes nothing.
    Apply {
        /// 声明文件。 Declarations, as tenants/demo.toml explains them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// 只检查。 Only check the files; the store is not opened.
        #[arg(long)]
        check: bool,
    },
    /// 列出租户。 List the tenants in force with version and counts.
    List,
    /// 查看声明。 Print a tenant's declaration; secrets are covered.
    Show {
        /// 租户标识。 The tenant's id.
        id: String,
    },
    /// 审计记录。 Print what was put on record: refused requests and what supervisors did, newest first.
    Audit {
        /// 租户标识。 The tenant's id.
        id: String,
        /// 行数。 At most so many lines.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// 轮换主密钥。 Seal every secret again under the current master key.
    ///
    /// To rotate: make a new key, name it as secret.master_key and the old one in secret.previous_keys, restart, run
    /// this, then take the old key out of the settings.
    Reseal,
}

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
    #[arg(long, default_value_t = 3_200, value_name = "N", value_parser = clap::value_parser!(u32).range(400..=9_000))]
    pub(super) visitors: u32,
    /// 租户数；访客与坐席均分。 Tenants that visitors and agents are spread over; each has one writer at a time.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(super) tenants: u16,
    /// 每个节点的 HTTP 线程数。 HTTP worker threads of each node; a process of Node has one.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_command_explains_itself() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.len() > 20, "{} has no help", command.get_name());
        }
    }
}
