//! The structures of Redis: how a message gets in, how it is taken and finished. Knows commands, not loads.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo as _, cmd, pipe};
use tokio::time::timeout;

use super::place::{Letter, PATIENCE, Place};
use super::structure::Structure;

/// How many messages a reader of many takes at most.
const MANY: usize = 100;
/// The consumer group and its only consumer.
const GROUP: &str = "group";

/// The log of a conversation: number, append, remember the client's id, hint. In this order nothing can fail in between.
const APPEND: &str = "
local known = redis.call('HGET', KEYS[3], ARGV[1]) if known then return {'dup', known} end
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000000, seq .. '-0', 'b', ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], seq) redis.call('PEXPIRE', KEYS[3], 600000)
redis.call('PUBLISH', ARGV[3], seq)
return {'ok', seq}";

/// The entries of a stream: id and fields.
type Entries = Vec<(String, Vec<Vec<u8>>)>;
/// What `XREADGROUP` answers; nil if nothing came in time.
type Read = Option<Vec<(String, Entries)>>;

/// Connects. Blocking commands need a connection of their own.
///
/// # Errors
/// The address is none of Redis, or the server does not answer.
pub(super) async fn connect(url: &str) -> anyhow::Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_response_timeout(Some(PATIENCE));
    Ok(client(url)?.get_multiplexed_async_connection_with_config(&config).await?)
}

fn client(url: &str) -> anyhow::Result<Client> {
    let info = url.into_connection_info().context("an odd address of Redis")?;
    // Off by default in this client: a command behind an unanswered one would wait for the server's delayed ack.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(Client::open(info.set_tcp_settings(tcp))?)
}

/// The keys of a place. The braces keep them on one node of a cluster.
#[derive(Debug, Clone)]
struct Keys {
    main: String,
    processing: String,
    meta: String,
    seen: String,
    cursor: String,
    hints: String,
}

impl Keys {
    fn of(place: &Place) -> Self {
        let with = |end: &str| format!("{{{}}}{end}", place.queue);
        Self {
            main: with(""),
            processing: with(":processing"),
            meta: with(":meta"),
            seen: with(":seen"),
            cursor: with(":cursor"),
            hints: with(":hints"),
        }
    }
}

/// Makes the consumer group if it is not there; a server that lost everything has lost it, too.
async fn make_group(stream: &str, connection: &mut MultiplexedConnection) -> anyhow::Result<()> {
    let make = cmd("XGROUP").arg("CREATE").arg(stream).arg(GROUP).arg("0").arg("MKSTREAM").take();
    match make.exec_async(connection).await {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes the queue and everything that belongs to it.
pub(super) async fn remove(place: &Place) -> anyhow::Result<()> {
    let keys = Keys::of(place);
    let all = [keys.main, keys.processing, keys.meta, keys.seen, keys.cursor];
    Ok(cmd("UNLINK").arg(&all).exec_async(&mut connect(&place.url).await?).await?)
}

/// The sending end.
pub(super) struct Hand {
    connection: MultiplexedConnection,
    structure: Structure,
    keys: Keys,
    script: String,
}

impl Hand {
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        let mut connection = connect(&place.url).await?;
        let structure = place.contender.structure;
        let script = match structure {
            Structure::Log => cmd("SCRIPT").arg("LOAD").arg(APPEND).query_async(&mut connection).await?,
            _ => String::new(),
        };
        Ok(Self { connection, structure, keys: Keys::of(place), script })
    }

    fn command(&self, letter: &Letter) -> Cmd {
        let body = letter.body.as_bytes();
        match self.structure {
            Structure::Stream | Structure::StreamBatch => {
                cmd("XADD").arg(&self.keys.main).arg("*").arg("b").arg(body).take()
            }
            Structure::PubSub => cmd("PUBLISH").arg(&self.keys.main).arg(body).take(),
            Structure::Log => {
                let keys = [&self.keys.meta, &self.keys.main, &self.keys.seen];
                let script = cmd("EVALSHA").arg(&self.script).arg(keys.len()).arg(&keys).take();
                let mut script = script;
                script.arg(letter.n).arg(body).arg(&self.keys.hints).take()
            }
            _ => cmd("LPUSH").arg(&self.keys.main).arg(body).take(),
        }
    }

    /// Sends in one go. The future is done when all are accepted.
    pub(super) fn send(&self, batch: &[Letter]) -> BoxFuture<'static, anyhow::Result<Vec<u64>>> {
        let mut connection = self.connection.clone();
        let numbers = batch.iter().map(|letter| letter.n).collect();
        if let [single] = batch {
            let command = self.command(single);
            return async move {
                command.exec_async(&mut connection).await?;
                Ok(numbers)
            }
            .boxed();
        }
        let mut pipeline = pipe();
        for letter in batch {
            pipeline.add_command(self.command(letter)).ignore();
        }
        async move {
            pipeline.exec_async(&mut connection).await?;
            Ok(numbers)
        }
        .boxed()
    }
}

/// What the last take returned and is not finished yet.
enum Taken {
    Nothing,
    /// The message itself, in the list of the consumer.
    Body(Vec<u8>),
    /// Ids in a stream.
    Ids(Vec<String>),
}

/// The taking end.
pub(super) struct Consumer {
    connection: MultiplexedConnection,
    structure: Structure,
    keys: Keys,
    taken: Taken,
    /// What an earlier consumer has taken and not finished comes first.
    recovering: bool,
    stream: Option<PubSubStream>,
    cursor: String,
}

impl Consumer {
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        let mut connection = connect(&place.url).await?;
        let (structure, keys) = (place.contender.structure, Keys::of(place));
        let channel = match structure {
            Structure::PubSub => Some(&keys.main),
            Structure::Log => Some(&keys.hints),
            _ => None,
        };
        let mut stream = None;
        if let Some(channel) = channel {
            let mut subscription = client(&place.url)?.get_async_pubsub().await?;
            subscription.subscribe(channel).await?;
            stream = Some(subscription.into_on_message());
        }
        let cursor: Option<String> = cmd("GET").arg(&keys.cursor).query_async(&mut connection).await?;
        if matches!(structure, Structure::Stream | Structure::StreamBatch) {
            make_group(&keys.main, &mut connection).await?;
        }
        if structure == Structure::ReliableList {
            let back = cmd("LMOVE").arg(&keys.processing).arg(&keys.main).arg("LEFT").arg("RIGHT").take();
            while back.query_async::<Option<Vec<u8>>>(&mut connection).await?.is_some() {}
        }
        let cursor = cursor.unwrap_or_else(|| "0".to_owned());
        Ok(Self { connection, structure, keys, taken: Taken::Nothing, recovering: true, stream, cursor })
    }

    /// The next messages, none if nothing comes for a moment.
    pub(super) async fn take(&mut self, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        match self.structure {
            Structure::ReliableList => self.move_over(wait).await,
            Structure::Stream => self.read_group(1, wait).await,
            Structure::StreamBatch => self.read_group(MANY, wait).await,
            Structure::PubSub => self.heard(wait).await,
            Structure::Log => self.read_log(wait).await,
            _ => {
                let pop = cmd("BRPOP").arg(&self.keys.main).arg(wait.as_secs_f64()).take();
                let got: Option<(String, Vec<u8>)> = pop.query_async(&mut self.connection).await?;
                Ok(got.into_iter().map(|(_, body)| body).collect())
            }
        }
    }

    async fn move_over(&mut self, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        let (from, to) = (&self.keys.main, &self.keys.processing);
        let command = cmd("BLMOVE").arg(from).arg(to).arg("RIGHT").arg("LEFT").arg(wait.as_secs_f64()).take();
        let got: Option<Vec<u8>> = command.query_async(&mut self.connection).await?;
        self.taken = got.clone().map_or(Taken::Nothing, Taken::Body);
        Ok(got.into_iter().collect())
    }

    async fn read_group(&mut self, count: usize, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        loop {
            let mut command = cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg("one").arg("COUNT").arg(count).take();
            if !self.recovering {
                command.arg("BLOCK").arg(u64::try_from(wait.as_millis()).unwrap_or(1));
            }
            command.arg("STREAMS").arg(&self.keys.main).arg(if self.recovering { "0" } else { ">" });
            let read: Read = command.query_async(&mut self.connection).await?;
            let entries: Entries = read.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
            if entries.is_empty() && self.recovering {
                self.recovering = false;
                continue;
            }
            return self.take_entries(entries);
        }
    }

    fn take_entries(&mut self, entries: Entries) -> anyhow::Result<VecDeque<Vec<u8>>> {
        let (mut ids, mut bodies) = (Vec::with_capacity(entries.len()), VecDeque::with_capacity(entries.len()));
        for (id, mut fields) in entries {
            let body = fields.pop().with_context(|| format!("the entry {id} is empty"))?;
            ids.push(id);
            bodies.push_back(body);
        }
        self.taken = Taken::Ids(ids);
        Ok(bodies)
    }

    async fn heard(&mut self, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        let stream = self.stream.as_mut().context("not subscribed")?;
        let mut bodies = VecDeque::new();
        match timeout(wait, stream.next()).await {
            Ok(Some(message)) => bodies.push_back(message.get_payload_bytes().to_vec()),
            Ok(None) => bail!("the subscription is gone"),
            Err(_elapsed) => return Ok(bodies),
        }
        while bodies.len() < MANY
            && let Some(Some(message)) = stream.next().now_or_never()
        {
            bodies.push_back(message.get_payload_bytes().to_vec());
        }
        Ok(bodies)
    }

    /// Reads behind the cursor; if nothing is there, waits for a hint, and looks again also without one.
    async fn read_log(&mut self, wait: Duration) -> anyhow::Result<VecDeque<Vec<u8>>> {
        let mut entries = self.range().await?;
        if entries.is_empty() {
            let stream = self.stream.as_mut().context("not subscribed")?;
            if let Ok(None) = timeout(wait, stream.next()).await {
                bail!("the subscription is gone");
            }
            // One read serves all hints that are there by now.
            while let Some(Some(_)) = stream.next().now_or_never() {}
            entries = self.range().await?;
        }
        self.take_entries(entries)
    }

    async fn range(&mut self) -> anyhow::Result<Entries> {
        let behind = format!("({}", self.cursor);
        let range = cmd("XRANGE").arg(&self.keys.main).arg(behind).arg("+").arg("COUNT").arg(MANY).take();
        Ok(range.query_async(&mut self.connection).await?)
    }

    /// Finishes what the last take returned.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        let mut command = match (std::mem::replace(&mut self.taken, Taken::Nothing), self.structure) {
            (Taken::Body(body), _) => cmd("LREM").arg(&self.keys.processing).arg(1).arg(body).take(),
            (Taken::Ids(ids), Structure::Log) => {
                let Some(last) = ids.into_iter().next_back() else { return Ok(()) };
                self.cursor.clone_from(&last);
                cmd("SET").arg(&self.keys.cursor).arg(last).take()
            }
            (Taken::Ids(ids), _) if !ids.is_empty() => cmd("XACK").arg(&self.keys.main).arg(GROUP).arg(ids).take(),
            _ => return Ok(()),
        };
        Ok(command.take().exec_async(&mut self.connection).await?)
    }
}
