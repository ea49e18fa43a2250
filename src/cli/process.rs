//! `demo | serve | simulate`: settings, logging, runtime and signals; then the composition root takes over.

use std::future::Future;

use anyhow::Context as _;

use crate::app::Options;
use crate::config::{Bug, planted};
use crate::config::{Log, LogFormat, Problems};
use crate::model::account::ChannelSettings;
use crate::runtime::Stop;
use crate::runtime::signals::Signals;
use crate::telemetry;
use crate::tenant::{self, Declaration};

use super::args::{Demo, Simulate};
use super::{Given, Outcome, check, complain, root};

pub(super) fn serve(given: &Given) -> Outcome {
    let config = given.config(None)?;
    check::look(given, &config).1.or(())?;
    start(&config.log.clone(), |stop, abort| async {
        for warning in config.warnings.iter() {
            tracing::warn!(key = warning.key, "{}", warning.what);
        }
        root::serve(config, given.env.clone(), stop, abort).await
    })
}

pub(super) fn demo(given: &Given, asked: &Demo) -> Outcome {
    let config = given.config(Some(preset(asked)))?;
    let options = Options {
        env: given.env.clone(),
        declarations: vec![demo_declaration(given, asked)?],
        simulator: true,
        questions: Some(crate::admin::faq::DEMO),
        conformance: asked.conformance,
        ..Options::default()
    };
    start(&config.log.clone(), |stop, abort| root::demo(config, options, stop, abort))
}

pub(super) fn simulate(given: &Given, asked: &Simulate) -> Outcome {
    let declaration = match &asked.tenant {
        Some(file) => Declaration::read_file(file, &given.env)?,
        None => moved(tenant::DEMO, given, 8080, true)?,
    };
    let is_wechat = |channel: &ChannelSettings| matches!(channel, ChannelSettings::Wechat(_));
    if !declaration.tenant.accounts.iter().any(|account| is_wechat(&account.channel)) {
        return Err(anyhow::anyhow!("the declaration has no WeChat account to play").into());
    }
    let log = Log { format: LogFormat::Text, level: "info".to_owned() };
    start(&log, |stop, abort| root::simulate(asked.bind, asked.gateway.clone(), declaration, stop, abort))
}

/// The settings of the demo: everything in one folder, on one port of this machine, WeChat played by the simulator.
fn preset(asked: &Demo) -> String {
    let port = asked.port;
    let data = toml::Value::String(asked.data.display().to_string());
    format!(
        "data.dir = {data}\nhttp.bind = \"127.0.0.1:{port}\"\nwechat.api_base = \"http://127.0.0.1:{port}/simulator\"\n\
         secret.generate = true\nlog.format = \"text\"\nlog.level = \"warn\"\n"
    )
}

/// The tenant of the demo: its own, or one that was given.
fn demo_declaration(given: &Given, asked: &Demo) -> Result<Declaration, Problems> {
    let text = match &asked.tenant {
        None => tenant::DEMO.to_owned(),
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            let mut problems = Problems::default();
            problems.push(file.display().to_string(), format!("cannot be read: {error}"));
            problems
        })?,
    };
    moved(&text, given, asked.port, !asked.no_robot)
}

/// A declaration whose widget pages are on this port, with or without machines that answer.
fn moved(text: &str, given: &Given, port: u16, machines: bool) -> Result<Declaration, Problems> {
    let mut text = text.replace(":8080\"", &format!(":{port}\""));
    if !machines && let Ok(mut table) = text.parse::<toml::Table>() {
        for key in ["robot", "flows", "survey", "service"] {
            table.remove(key);
        }
        text = table.to_string();
    }
    Declaration::parse("tenants/demo.toml", &text, &given.env, std::path::Path::new(""))
}

/// Sets up what a long-running process needs, and runs it until it ends.
fn start<R>(log: &Log, work: impl FnOnce(Stop, Stop) -> R) -> Outcome
where
    R: Future<Output = anyhow::Result<()>>,
{
    telemetry::init(log).context("cannot set up logging")?;
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        complain("a TLS provider was installed already");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // HTTP, sockets and the store have threads of their own. One more than is busy costs each hint between nodes a thread that
    // wakes up to find nothing to do.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores.div_ceil(2)).enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let (stop, abort) = (Stop::new(), Stop::new());
    let outcome = runtime.block_on(async {
        let signals = Signals::catch().context("cannot catch signals")?;
        let first = if planted(Bug::NoDrain) { abort.clone() } else { stop.clone() };
        tokio::spawn(signals.forward(first, abort.clone()));
        work(stop, abort).await
    });
    // What is still running after an ordered stop, or an abort, is not waited for.
    runtime.shutdown_background();
    outcome.map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::Store;

    fn given(env: &[(&str, &str)]) -> Given {
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Given { config_file: None, env: env.collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn the_demo_keeps_everything_in_its_folder_and_on_its_port() {
        let asked = Demo {
            port: 9123,
            data: PathBuf::from("/var/tmp/\"quoted\" 驿站"),
            tenant: None,
            conformance: false,
            no_robot: false,
        };
        let config = given(&[]).config(Some(preset(&asked))).unwrap();
        assert_eq!(config.http.bind.to_string(), "127.0.0.1:9123");
        assert_eq!(config.wechat.api_base, "http://127.0.0.1:9123/simulator");
        let Store::Sqlite(sqlite) = &config.store else { panic!("the demo needs no server") };
        assert_eq!(sqlite.path, Path::new("/var/tmp/\"quoted\" 驿站/yizhan.db"));
        assert!(config.secret.generate);

        let louder = given(&[("YIZHAN__LOG__LEVEL", "debug")]).config(Some(preset(&asked))).unwrap();
        assert_eq!(louder.log.level, "debug", "the environment goes over the preset");
    }

    #[test]
    fn the_demo_tenant_follows_the_port() {
        let declaration = moved(tenant::DEMO, &given(&[]), 9123, true).unwrap();
        let origins = declaration.tenant.accounts.iter().find_map(|account| match &account.channel {
            ChannelSettings::Web(web) => Some(web.origins.clone()),
            ChannelSettings::Wechat(_) | ChannelSettings::Xmpp(_) => None,
        });
        assert_eq!(origins.unwrap(), ["http://127.0.0.1:9123", "http://localhost:9123"]);
    }
}
