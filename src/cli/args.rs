//! What can be typed. Help texts are English with a Chinese summary.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::experiment::Bench;
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
    /// Changes nothing but for the list of migrations, which it makes in a new database. Exit code 1 when something would
    /// keep the gateway from working, 78 when the settings are wrong.
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
    /// applied. A declaration that says what is in force already changes nothing, and one that is in force under a master
    /// key that is not at hand is not replaced.
    Apply {
        /// 声明文件。 Declarations, as tenants/demo.toml explains them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// 只检查。 Only check the files; the store is not opened.
        #[arg(long)]
        check: bool,
        /// 主密钥已丢失。 Replace what is in force even if its master key is not at hand, because it is lost.
        ///
        /// Nodes that still have the other key cannot use the tenant any more.
        #[arg(long, conflicts_with = "check")]
        lost_key: bool,
    },
    /// 列出租户。 List the tenants in force with version and counts.
    List,
    /// 查看声明。 Print a tenant's declaration; secrets are covered.
    Show {
        /// 租户标识。 The tenant's id.
        id: String,
    },
    /// 审计记录。 Print what was put on record, newest first: refused requests, what supervisors did, changes of
    /// questions and forms, and orders of other modules.
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
