//! The servers of the experiment: one Redis for each class, one RabbitMQ; started for the run, or given by address.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use redis::cmd;

use super::Options;
use super::redis::connect;
use super::structure::{Broker, Class, Contender};
use crate::bench::service::{Kind, Service, rabbitmq_version};

/// A server, ours to kill if it is a throw-away one.
#[derive(Debug)]
pub(super) struct Server {
    broker: Broker,
    /// The class of a Redis. RabbitMQ has all of them: there the client chooses.
    class: Option<Class>,
    pub(super) url: String,
    pub(super) service: Option<Service>,
}

/// All servers of a run.
#[derive(Debug)]
pub(super) struct Servers(Vec<Server>);

/// How a Redis of a class is started. Rewriting its log in the background would hit single runs by chance.
fn redis_options(class: Class) -> &'static [&'static str] {
    match class {
        Class::Memory => &[],
        Class::Second => &["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"],
        Class::Synced => &["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"],
    }
}

impl Servers {
    /// Starts what was not given.
    pub(super) async fn open(options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let wanted = options.contenders();
        let wants = |broker: Broker, class: Option<Class>| {
            wanted.iter().any(|one| one.broker() == broker && class.is_none_or(|class| class == one.class))
        };
        let mut servers = Vec::new();
        if let Some(url) = &options.redis {
            let class = Some(class_of(url).await?);
            servers.push(Server { broker: Broker::Redis, class, url: url.clone(), service: None });
        } else {
            for class in Class::ALL.into_iter().filter(|class| wants(Broker::Redis, Some(*class))) {
                let service =
                    Service::start(&options.setting.service, Kind::Redis, redis_options(class), folder).await?;
                let (url, service) = (service.url(), Some(service));
                servers.push(Server { broker: Broker::Redis, class: Some(class), url, service });
            }
        }
        if let Some(url) = &options.rabbitmq {
            super::amqp::connect(url).await.context("cannot use --rabbitmq")?;
            servers.push(Server { broker: Broker::Rabbitmq, class: None, url: url.clone(), service: None });
        } else if wants(Broker::Rabbitmq, None) {
            let service = Service::start(&options.setting.service, Kind::Rabbitmq, &[], folder).await?;
            let (url, service) = (service.url(), Some(service));
            servers.push(Server { broker: Broker::Rabbitmq, class: None, url, service });
        }
        ensure!(!servers.is_empty(), "--only chooses nothing");
        Ok(Self(servers))
    }

    /// The server of a contender, if there is one of its class.
    pub(super) fn of(&self, contender: Contender) -> Option<&Server> {
        self.0.iter().find(|server| server.serves(contender))
    }

    /// The server over which the hub of nodes goes: hints need nothing to be kept.
    pub(super) fn of_hub(&self, broker: Broker) -> Option<&Server> {
        let memory = |server: &&Server| server.class.is_none_or(|class| class == Class::Memory);
        self.0.iter().find(|server| server.broker == broker && memory(server))
    }

    /// Every server that is ours.
    pub(super) fn ours(&mut self) -> impl Iterator<Item = &mut Server> {
        self.0.iter_mut().filter(|server| server.service.is_some())
    }

    /// What they say they are.
    pub(super) async fn versions(&self) -> anyhow::Result<Vec<String>> {
        let mut versions = Vec::new();
        for server in &self.0 {
            let version = match server.broker {
                Broker::Redis => format!("Redis {}", redis_version(&server.url).await?),
                Broker::Rabbitmq => format!("RabbitMQ {}", rabbitmq_version(&server.url).await),
            };
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        Ok(versions)
    }
}

impl Server {
    /// CPU seconds so far, if it is ours.
    pub(super) fn cpu(&self) -> anyhow::Result<Option<f64>> {
        Ok(self.service.as_ref().map(Service::cpu).transpose()?.flatten())
    }

    /// KB of memory, if it is ours.
    pub(super) fn memory(&self) -> anyhow::Result<Option<f64>> {
        Ok(self.service.as_ref().map(Service::memory).transpose()?.flatten())
    }

    /// Whether it is this contender's.
    pub(super) fn serves(&self, contender: Contender) -> bool {
        self.broker == contender.broker() && self.class.is_none_or(|class| class == contender.class)
    }
}

async fn redis_version(url: &str) -> anyhow::Result<String> {
    let info: String = cmd("INFO").arg("server").query_async(&mut connect(url).await?).await?;
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.unwrap_or("–").trim().to_owned())
}

/// The class that a given Redis is set up for.
async fn class_of(url: &str) -> anyhow::Result<Class> {
    let mut connection = connect(url).await.context("cannot use --redis")?;
    let mut setting = async |name: &str| -> anyhow::Result<String> {
        let (_, value): (String, String) =
            cmd("CONFIG").arg("GET").arg(name).query_async(&mut connection).await.context("CONFIG GET is refused")?;
        Ok(value)
    };
    if setting("appendonly").await? != "yes" {
        return Ok(Class::Memory);
    }
    match setting("appendfsync").await?.as_str() {
        "always" => Ok(Class::Synced),
        "everysec" => Ok(Class::Second),
        other => bail!("appendfsync {other} of the given Redis promises nothing that could be compared"),
    }
}
