//! Others' servers: installed from the registry when they are wanted, left out with a word when they cannot be.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::ensure;

use super::process::{Server, free_port};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn modules() -> PathBuf {
    root().join(".cache/peer")
}

/// A script of `benches/peer`.
pub(crate) fn script(name: &str) -> PathBuf {
    root().join("benches/peer").join(name)
}

fn runs(program: &str) -> bool {
    let run = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

pub(crate) fn has_node() -> bool {
    runs("node")
}

pub(crate) fn has_redis() -> bool {
    runs("redis-server")
}

pub(crate) fn has_co_wechat() -> bool {
    has_node() && modules().join("node_modules/co-wechat").exists()
}

/// Installs what is missing, and says what stays out.
pub(crate) fn prepare() -> anyhow::Result<()> {
    if !has_node() {
        println!("node is not there: measured without the peers");
        return Ok(());
    }
    if !has_co_wechat() {
        std::fs::create_dir_all(modules())?;
        let install = ["install", "--no-audit", "--no-fund", "--silent", "co-wechat@2.4.0", "koa@2", "ioredis@5"];
        let status = Command::new("npm").args(install).current_dir(modules()).status()?;
        ensure!(status.success(), "npm cannot install co-wechat");
    }
    if !has_redis() {
        println!("redis-server (Debian package) is not there: measured without the dedupe in Redis");
    }
    Ok(())
}

/// Starts co-wechat.
pub(crate) fn co_wechat(redis: Option<u16>, dir: &Path) -> anyhow::Result<Server> {
    let address = free_port()?;
    let mut command = Command::new("node");
    command.arg(script("co-wechat.mjs")).arg(modules()).arg(address.port().to_string());
    command.args(redis.map(|port| port.to_string()));
    Server::start(command, address, &dir.join("co-wechat.log"))
}

/// Starts a Redis that keeps nothing.
pub(crate) fn redis(dir: &Path) -> anyhow::Result<Server> {
    let address = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &address.port().to_string()]);
    command.arg("--dir").arg(dir);
    Server::start(command, address, &dir.join("redis.log"))
}
