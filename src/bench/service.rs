//! Throw-away servers of a run: started by `scripts/service`, killed, brought back on their data, gone with their value.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::port;
use super::process::Process;

/// How long a service may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Ports in a row that a service may use: RabbitMQ takes three, XMPP servers five.
const PORTS: u16 = 5;

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// RabbitMQ.
    Rabbitmq,
    /// Prosody.
    Prosody,
    /// ejabberd.
    Ejabberd,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        }
    }

    /// Whether the service on this port takes clients now. An open port is not enough for that.
    async fn answers(self, port: u16) -> bool {
        let (hello, expected): (&[u8], u8) = match self {
            // A start-up message for user and database `postgres`; while it recovers it answers with an error, `E`.
            Self::Postgres => (b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0", b'R'),
            Self::Redis => (b"PING\r\n", b'+'),
            // It answers the protocol header with a method frame.
            Self::Rabbitmq => (AMQP, 1),
            Self::Prosody | Self::Ejabberd => {
                // Both open the doors for components and WebSockets a moment after the one for clients.
                return says(port, STREAM, b'<').await
                    && says(port + 1, COMPONENT, b'<').await
                    && says(port + 2, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b'H').await;
            }
        };
        says(port, hello, expected).await
    }
}

/// The protocol header of AMQP 0-9-1.
const AMQP: &[u8] = b"AMQP\x00\x00\x09\x01";

/// How a client begins with an XMPP server, and how a component does.
const STREAM: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";
const COMPONENT: &[u8] = b"<stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' to='desk.localhost'>";

/// Whether a server on this port answers with this byte at first.
async fn says(port: u16, hello: &[u8], expected: u8) -> bool {
    first_bytes(&format!("127.0.0.1:{port}"), hello, 1).await.is_ok_and(|answer| answer.first() == Some(&expected))
}

/// Says something to a server and returns what it answers at first, at least `least` bytes.
async fn first_bytes(address: &str, say: &[u8], least: usize) -> anyhow::Result<Vec<u8>> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(say).await?;
        let mut answer = Vec::new();
        while answer.len() < least {
            ensure!(stream.read_buf(&mut answer).await? > 0, "{address} closed the connection");
        }
        Ok(answer)
    };
    timeout(Duration::from_secs(2), talk).await.with_context(|| format!("{address} does not answer"))?
}

/// A running service. Dropping it ends everything it has started.
#[derive(Debug)]
pub struct Service {
    kind: Kind,
    port: u16,
    options: Vec<String>,
    script: PathBuf,
    dir: PathBuf,
    process: Option<Process>,
}

impl Service {
    /// Starts a service that keeps everything below `dir`, and waits until it answers.
    ///
    /// # Errors
    /// The script is not there, or the service does not come up; what it said is in the error.
    pub async fn start(script: &Path, kind: Kind, options: &[&str], dir: &Path) -> anyhow::Result<Self> {
        ensure!(
            script.is_file(),
            "{} 不存在 is not there: run this in the project's folder, or name the script with --service",
            script.display()
        );
        let port = port::free(PORTS)?;
        let dir = dir.join(format!("{}-{port}", kind.name()));
        std::fs::create_dir_all(&dir)?;
        let options = options.iter().map(ToString::to_string).collect();
        let script = std::path::absolute(script)?;
        let mut service = Self { kind, port, options, script, dir, process: None };
        service.resume().await?;
        Ok(service)
    }

    /// Starts it again on its port and its data, and waits until it answers.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.script);
        command.arg(self.kind.name()).arg(self.dir.join("data")).arg(self.port.to_string()).args(&self.options);
        let mut process = Process::start(command, &self.dir.join("log"))?;
        let (kind, port) = (self.kind, self.port);
        process.wait(PATIENCE, async || kind.answers(port).await).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until something listens on its `n`th port, which may take a moment longer than until it answers.
    ///
    /// # Errors
    /// It ends, or nothing ever listens there.
    pub async fn listens(&mut self, n: u16) -> anyhow::Result<()> {
        let address = self.address(n);
        let process = self.process.as_mut().context("it is down")?;
        process.wait(PATIENCE, async || TcpStream::connect(address).await.is_ok()).await
    }

    /// Kills it with SIGKILL, and everything it has started. Its data stay.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Its address for clients, also while it is down.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        match self.kind {
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Kind::Redis => format!("redis://127.0.0.1:{port}"),
            Kind::Rabbitmq => format!("amqp://guest:guest@127.0.0.1:{port}/%2f"),
            Kind::Prosody | Kind::Ejabberd => format!("xmpp://127.0.0.1:{port}"),
        }
    }

    /// Its `n`th port, from 0 on: of XMPP servers that for clients, for components, for WebSockets; with `--tls` those for
    /// clients and for WebSockets by TLS.
    #[must_use]
    pub fn address(&self, n: u16) -> std::net::SocketAddr {
        (std::net::Ipv4Addr::LOCALHOST, self.port.saturating_add(n)).into()
    }

    /// CPU seconds so far, `None` while it is down.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn cpu(&self) -> anyhow::Result<Option<f64>> {
        self.process.as_ref().map(Process::cpu).transpose()
    }

    /// Resident memory in KB, `None` while it is down.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn memory(&self) -> anyhow::Result<Option<f64>> {
        self.process.as_ref().map(Process::memory).transpose()
    }
}

/// The version of the RabbitMQ behind an address, from its greeting; a dash when it cannot be had without TLS.
pub async fn rabbitmq_version(url: &str) -> String {
    let address = url::Url::parse(url).ok().and_then(|url| {
        let host = url.host_str()?;
        (url.scheme() == "amqp").then(|| format!("{host}:{}", url.port().unwrap_or(5672)))
    });
    let Some(address) = address else { return "–".to_owned() };
    let greeting = first_bytes(&address, AMQP, 400).await.unwrap_or_default();
    version_in(&greeting).unwrap_or_else(|| "–".to_owned())
}

/// The field `version` of the server's properties: a long string.
fn version_in(greeting: &[u8]) -> Option<String> {
    let name = b"\x07versionS";
    let at = greeting.windows(name.len()).position(|window| window == name)? + name.len();
    let length = u32::from_be_bytes(greeting.get(at..at + 4)?.try_into().ok()?);
    let text = greeting.get(at + 4..at + 4 + usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/service")
    }

    #[test]
    fn the_start_up_message_says_how_long_it_is() {
        let hello: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        assert_eq!(hello.len(), 0x29);
    }

    #[test]
    fn the_version_is_in_the_greeting() {
        assert_eq!(version_in(b"..\x07productS\0\0\0\x01R\x07versionS\0\0\0\x063.10.8more").as_deref(), Some("3.10.8"));
        assert_eq!(version_in(b"\x07versionS\0\0\0\x633"), None);
    }

    #[tokio::test]
    async fn a_service_keeps_its_data_over_a_kill() {
        let folder = super::super::process::Folder::new(&std::env::temp_dir(), "yizhan-bench-service").unwrap();
        let mut service =
            Service::start(&script(), Kind::Redis, &["--appendonly", "yes"], folder.path()).await.unwrap();
        let address = format!("127.0.0.1:{}", service.port);
        assert_eq!(first_bytes(&address, b"SET a 1\r\n", 5).await.unwrap(), b"+OK\r\n");
        assert!(service.cpu().unwrap().is_some());
        service.kill().unwrap();
        assert!(service.cpu().unwrap().is_none());
        service.resume().await.unwrap();
        assert_eq!(first_bytes(&address, b"GET a\r\n", 7).await.unwrap(), b"$1\r\n1\r\n");
    }

    #[tokio::test]
    async fn without_the_script_it_is_said_what_to_do() {
        let error = Service::start(Path::new("no/service"), Kind::Redis, &[], Path::new("/nowhere")).await.unwrap_err();
        assert!(error.to_string().contains("--service"), "{error}");
    }
}
