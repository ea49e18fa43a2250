//! Connections to Redis, to one server or to a cluster: one that commands share, and one for reads that wait.

use std::time::{Duration, Instant};

use deadpool_redis::{Manager, Pool};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline, TlsCertificates,
};

use super::Lost;
use crate::config;
use crate::hub::Error;

/// Longest wait for the answer to a command, and for a connection.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// How long a read waits for something to come.
pub(super) const BLOCK: Duration = Duration::from_secs(1);

/// Where Redis is.
pub(super) enum Source {
    /// One server; reads that wait take their connection, which nobody else may use, from the pool.
    One { client: Box<Client>, exclusive: Pool },
    /// A cluster.
    Cluster { commands: Box<ClusterClient>, reads: Box<ClusterClient> },
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::One { .. } => "One",
            Self::Cluster { .. } => "Cluster",
        })
    }
}

impl Source {
    /// The source of the settings; nobody is connected to yet.
    pub(super) fn of(settings: &config::Redis) -> Result<Self, Error> {
        let certificates = certificates(settings)?;
        let urls: Vec<&str> = settings.url.expose().split_whitespace().collect();
        let infos = urls.iter().map(|url| info(url, certificates.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = infos.first().cloned().filter(|_| !settings.cluster && infos.len() == 1) else {
            return cluster(&infos, certificates.as_ref());
        };
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(None);
        let manager = Manager::new_with_config(first.clone(), config).map_err(address)?;
        let exclusive =
            Pool::builder(manager).max_size(1).build().map_err(|error| Error::Address(error.to_string()))?;
        Ok(Self::One { client: Box::new(Client::open(first).map_err(address)?), exclusive })
    }

    /// A connection for commands. Clones share it.
    pub(super) async fn commands(&self) -> Result<Shared, Lost> {
        within(PATIENCE * 2, async {
            Ok(match self {
                Self::One { client, .. } => {
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(Some(PATIENCE))
                        .set_response_timeout(Some(PATIENCE * 4));
                    Shared::One(client.get_multiplexed_async_connection_with_config(&config).await?)
                }
                Self::Cluster { commands, .. } => Shared::Cluster(commands.get_async_connection().await?),
            })
        })
        .await
    }

    /// A connection for reads that wait, which nobody else uses.
    pub(super) async fn reads(&self) -> Result<Exclusive, Lost> {
        within(PATIENCE * 2, async {
            Ok(match self {
                Self::One { exclusive, .. } => {
                    Exclusive::One(exclusive.get().await.map_err(|error| Lost::Unusable(error.to_string()))?)
                }
                Self::Cluster { reads, .. } => Exclusive::Cluster(reads.get_async_connection().await?),
            })
        })
        .await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn address(error: redis::RedisError) -> Error {
    Error::Address(error.to_string())
}

fn certificates(settings: &config::Redis) -> Result<Option<TlsCertificates>, Error> {
    let Some(path) = &settings.ca_file else { return Ok(None) };
    let unusable = |reason: String| Error::Authority { path: path.display().to_string(), reason };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
}

fn info(url: &str, certificates: Option<&TlsCertificates>) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(address)?;
    match certificates {
        Some(certificates) if url.starts_with("rediss://") => {
            Ok(Client::build_with_tls(info, certificates.clone()).map_err(address)?.get_connection_info().clone())
        }
        _ => Ok(info),
    }
}

fn cluster(infos: &[ConnectionInfo], certificates: Option<&TlsCertificates>) -> Result<Source, Error> {
    let builder = |patience: Duration| {
        let builder = ClusterClientBuilder::new(infos.to_vec())
            .connection_timeout(PATIENCE)
            .response_timeout(patience * 2)
            .overall_response_timeout(Some(patience * 4))
            .retries(3)
            .min_retry_wait(10)
            .max_retry_wait(100);
        match certificates {
            Some(certificates) => builder.certs(certificates.clone()),
            None => builder,
        }
    };
    let commands = Box::new(builder(PATIENCE).build().map_err(address)?);
    let reads = Box::new(builder(BLOCK + PATIENCE).build().map_err(address)?);
    Ok(Source::Cluster { commands, reads })
}

/// Waits no longer than that. When the time is over because this thread was busy, what has come meanwhile still counts.
pub(super) async fn within<T>(time: Duration, work: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
    let start = Instant::now();
    let mut work = std::pin::pin!(work);
    let outcome = match tokio::time::timeout(time, &mut work).await {
        Err(_elapsed) if start.elapsed() > time + time / 4 => tokio::time::timeout(time, work).await,
        outcome => outcome,
    };
    outcome.unwrap_or(Err(Lost::Silent))
}

/// A connection that many commands share.
#[derive(Clone)]
pub(super) enum Shared {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Shared {
    /// Asks one thing.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Lost> {
        within(PATIENCE, async {
            Ok(match self.clone() {
                Self::One(mut connection) => command.query_async(&mut connection).await?,
                Self::Cluster(mut connection) => command.query_async(&mut connection).await?,
            })
        })
        .await
    }

    /// Asks several things at once; on a cluster all must lie in one slot.
    pub(super) async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Lost> {
        within(PATIENCE, async {
            Ok(match self.clone() {
                Self::One(mut connection) => commands.query_async(&mut connection).await?,
                Self::Cluster(mut connection) => commands.query_async(&mut connection).await?,
            })
        })
        .await
    }
}

/// A connection that one reader has for itself.
pub(super) enum Exclusive {
    One(deadpool_redis::Connection),
    Cluster(ClusterConnection),
}

impl Exclusive {
    /// Asks something whose answer may take as long as a read waits.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Lost> {
        async fn on<T: FromRedisValue>(connection: &mut impl ConnectionLike, command: &Cmd) -> Result<T, Lost> {
            Ok(command.query_async(connection).await?)
        }
        within(BLOCK + PATIENCE, async {
            match self {
                Self::One(connection) => on(&mut **connection, command).await,
                Self::Cluster(connection) => on(connection, command).await,
            }
        })
        .await
    }

    /// Ends the connection: it is not used again.
    pub(super) fn discard(self) {
        match self {
            Self::One(connection) => drop(deadpool_redis::Connection::take(connection)),
            Self::Cluster(connection) => drop(connection),
        }
    }
}
