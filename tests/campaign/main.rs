//! The fault campaign: `scripts/campaign --help`. Real processes and services are harmed under load, everything that
//! happens is written down, and a checker judges it (`check/`). Helpers act through public faces only.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "telling what it does is what this program is for")]
#![expect(unreachable_pub, reason = "a program has no public face")]
#![expect(clippy::indexing_slicing, reason = "a run that breaks ends, and says where")]

mod check;
mod fault;
#[expect(clippy::expect_used, reason = "a key of any length will do")]
mod history;
mod journal;
mod load;
mod options;
mod perform;
mod planted;
mod run;
#[expect(dead_code, unused_imports, reason = "other tests need more of it")]
#[expect(clippy::expect_used, clippy::unwrap_used, reason = "without its servers nothing can be run at all")]
#[path = "../it/support/service/mod.rs"]
mod service;
mod system;
mod table;

use std::process::ExitCode;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

use options::{Options, USAGE};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = Options::read(&words).and_then(|options| {
        if options.help {
            println!("{USAGE}");
            return Ok(0);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                code = run::all(&options) => code,
                told = interrupted() => told.and_then(|()| bail!("中断，已启动的都已结束 interrupted; what was started is ended")),
            }
        })
    });
    match code {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Waits until somebody wants it to end. Whoever runs it drops what it is doing then, and servers end with their values.
async fn interrupted() -> anyhow::Result<()> {
    let mut ended = signal(SignalKind::terminate())?;
    tokio::select! {
        told = tokio::signal::ctrl_c() => told?,
        _ = ended.recv() => {}
    }
    Ok(())
}
