//! PostgreSQL, Redis and RabbitMQ as throw-away servers, shared by all faults of a program run. Knows no gateway.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio_postgres::{Client, NoTls};

use crate::service::{Kind, Service};

/// PostgreSQL's connections: few enough to take them all.
const CONNECTIONS: &str = "max_connections=100";

/// The three servers.
#[derive(Debug)]
pub struct Services {
    postgres: Mutex<Service>,
    redis: Mutex<Service>,
    rabbitmq: Mutex<Service>,
}

fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Services {
    /// Starts them side by side.
    pub async fn start() -> anyhow::Result<Arc<Self>> {
        let start = |kind, options: &'static [&'static str]| {
            tokio::task::spawn_blocking(move || Mutex::new(Service::start(kind, options)))
        };
        let postgres = start(Kind::Postgres, &["-c", CONNECTIONS]);
        let (redis, rabbitmq) = (start(Kind::Redis, &[]), start(Kind::Rabbitmq, &[]));
        Ok(Arc::new(Self { postgres: postgres.await?, redis: redis.await?, rabbitmq: rabbitmq.await? }))
    }

    fn of(&self, kind: Kind) -> &Mutex<Service> {
        match kind {
            Kind::Postgres => &self.postgres,
            Kind::Redis => &self.redis,
            Kind::Rabbitmq => &self.rabbitmq,
            Kind::Coturn | Kind::Prosody | Kind::Ejabberd => {
                unreachable!("neither calls nor XMPP are part of the campaign")
            }
        }
    }

    /// Where a server listens.
    pub fn port(&self, kind: Kind) -> u16 {
        lock(self.of(kind)).port()
    }

    /// Does something to a server that takes its time.
    async fn with(self: &Arc<Self>, kind: Kind, deed: fn(&mut Service)) -> anyhow::Result<()> {
        let this = Arc::clone(self);
        Ok(tokio::task::spawn_blocking(move || deed(&mut lock(this.of(kind)))).await?)
    }

    /// Kills a server with everything it started.
    pub async fn kill(self: &Arc<Self>, kind: Kind) -> anyhow::Result<()> {
        self.with(kind, Service::kill).await
    }

    /// Starts a killed server on its data, and waits until it answers.
    pub async fn resume(self: &Arc<Self>, kind: Kind) -> anyhow::Result<()> {
        self.with(kind, Service::resume).await
    }

    /// Stops a server where it is: nothing is closed, nothing answers.
    pub async fn freeze(self: &Arc<Self>, kind: Kind) -> anyhow::Result<()> {
        self.with(kind, |service| service.freeze()).await
    }

    /// Lets a frozen server go on.
    pub async fn thaw(self: &Arc<Self>, kind: Kind) -> anyhow::Result<()> {
        self.with(kind, |service| service.thaw()).await
    }

    /// A connection to a database of ours.
    pub async fn sql(&self, database: &str) -> anyhow::Result<Client> {
        let url = self.postgres_url(self.port(Kind::Postgres), database);
        let (client, wire) = tokio_postgres::connect(&url, NoTls).await.context("PostgreSQL")?;
        // It ends with the client, or with the server that is being harmed.
        tokio::spawn(async move { drop(wire.await) });
        Ok(client)
    }

    /// The address of a database through a port.
    pub fn postgres_url(&self, port: u16, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{database}")
    }

    /// An empty database.
    pub async fn database(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.sql("postgres").await?.batch_execute(&format!("CREATE DATABASE {name}")).await?)
    }

    /// A connection to Redis.
    pub async fn redis(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port(Kind::Redis)))?;
        Ok(client.get_multiplexed_async_connection().await?)
    }
}
