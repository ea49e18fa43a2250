//! The one place where the command-line face reaches the composition root.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::net::SocketAddr;

use anyhow::anyhow;

use crate::config::Config;
use crate::runtime::Stop;
use crate::tenant::Declaration;

fn absent() -> anyhow::Error {
    anyhow!("this build has no composition root: it can check, migrate and declare, but not serve")
}

pub(super) fn serve(
    _config: Config,
    _env: BTreeMap<String, String>,
    _stop: Stop,
    _abort: Stop,
) -> impl Future<Output = anyhow::Result<()>> {
    ready(Err(absent()))
}

pub(super) fn demo(
    _config: Config,
    _env: BTreeMap<String, String>,
    _tenant: Declaration,
    _stop: Stop,
    _abort: Stop,
) -> impl Future<Output = anyhow::Result<()>> {
    ready(Err(absent()))
}

pub(super) fn simulate(
    _bind: SocketAddr,
    _gateway: String,
    _tenant: Declaration,
    _stop: Stop,
    _abort: Stop,
) -> impl Future<Output = anyhow::Result<()>> {
    ready(Err(absent()))
}
