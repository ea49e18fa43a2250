//! `migrate`: the tables of the store.

use anyhow::Context as _;

use crate::store::{Settings, examine};

use super::args::Migrate;
use super::{Failure, Given, Outcome, make_data_dir, open_store, say};

pub(super) fn run(given: &Given, asked: &Migrate) -> Outcome {
    let config = given.config(None)?;
    make_data_dir(&config)?;
    let settings = Settings::from(&config.store);
    let pending = examine(&settings.backend).context("cannot look at the store")?.pending;
    for name in &pending {
        say(name);
    }
    if pending.is_empty() {
        say("数据库已是最新 the store is up to date");
        return Ok(());
    }
    if asked.check {
        say(&format!("{} 个迁移待执行 migrations are pending", pending.len()));
        return Err(Failure::Told);
    }
    drop(open_store(&config)?);
    say(&format!("已执行 {} 个迁移 migrations applied", pending.len()));
    Ok(())
}
