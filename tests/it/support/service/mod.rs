//! Throw-away services on free ports, started by `scripts/service` and gone with their value. One per test binary is
//! shared where starting takes long; tests keep apart by database, key prefix or virtual host.

mod kind;
mod redis;
#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use kind::Kind;
pub use redis::RedisCluster;
use tempfile::TempDir;
use yizhan::bench::port;

/// How long a service may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Ports in a row that a service may use: RabbitMQ takes three.
const PORTS: u16 = 3;

/// A running service. Dropping it ends the whole process group.
#[derive(Debug)]
pub struct Service {
    kind: Kind,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
    dir: TempDir,
}

impl Service {
    /// Starts a service and waits until it answers.
    pub fn start(kind: Kind, options: &[&str]) -> Self {
        let options = options.iter().map(ToString::to_string).collect();
        let mut service = Self {
            kind,
            port: port::free(PORTS).expect("free ports"),
            options,
            child: None,
            dir: TempDir::new().expect("a folder"),
        };
        service.resume();
        service
    }

    /// The port it listens on, also while it is down.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find it, also while it is down.
    pub fn url(&self) -> String {
        self.kind.url(self.port)
    }

    /// The port after it, for whatever the options say: `{second}` in an option stands for it.
    pub fn second_port(&self) -> u16 {
        self.port + 1
    }

    /// Kills it with everything it started. Its data stay.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_group(child.id());
            child.wait().expect("the service can be waited for");
        }
    }

    /// Runs a command of RabbitMQ's own tool against the broker.
    pub fn rabbitmqctl(&self, arguments: &[&str]) {
        // Debian's tool becomes another user with a home of its own: it is told the secret, not where it lies.
        let cookie = self.dir.path().join("service/.erlang.cookie");
        let cookie = std::fs::read_to_string(cookie).expect("the broker has a cookie");
        let run = Command::new("rabbitmqctl")
            .args(["-n", &format!("throwaway{}@localhost", self.port), "--erlang-cookie", cookie.trim()])
            .args(arguments)
            .env("ERL_EPMD_PORT", (self.port + 1).to_string())
            .output()
            .expect("rabbitmqctl can be started");
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "rabbitmqctl {arguments:?}: {told}{}", String::from_utf8_lossy(&run.stdout));
    }

    /// Stops it where it stands: it keeps its port and its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Sends a signal to the service and to every process that it has started.
    fn signal(&self, name: &str) {
        let root = self.child.as_ref().expect("it runs").id();
        let mut all = vec![root];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            next += 1;
        }
        // Parents first: one that is stopped starts nobody new.
        let pids = all.iter().map(ToString::to_string);
        let sent = Command::new("kill").arg(name).args(pids).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {name}");
    }

    /// Starts it again on its port and its data, and waits until it answers.
    pub fn resume(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.spawn();
        self.wait();
    }

    fn spawn(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/service");
        let log = std::fs::File::create(self.dir.path().join("log")).expect("a log file");
        let child = Command::new(script)
            .arg(self.kind.name())
            .arg(self.dir.path().join("service"))
            .arg(self.port.to_string())
            .args(self.options.iter().map(|option| option.replace("{second}", &self.second_port().to_string())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("scripts/service can be started");
        self.child = Some(child);
    }

    fn wait(&mut self) {
        let end = Instant::now() + PATIENCE;
        let (port, kind) = (self.port, self.kind);
        while !kind.answers(port) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a child"));
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            // What a killed PostgreSQL had started has not noticed yet.
            if ended.is_some() && log().contains(STILL_IN_USE) && Instant::now() < end {
                self.spawn();
                continue;
            }
            assert!(ended.is_none(), "{kind:?} ended: {}", log());
            assert!(Instant::now() < end, "{kind:?} does not answer: {}", log());
            pause();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What PostgreSQL says when it is started again before its processes of before have ended.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// Whether something listens.
fn listens(port: u16) -> Option<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(1)).ok()
}

/// A moment between two looks at a condition that has a deadline.
fn pause() {
    std::sync::mpsc::channel::<()>().1.recv_timeout(Duration::from_millis(20)).unwrap_err();
}

/// Kills a process group.
fn kill_group(group: u32) {
    let sent = Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -KILL -{group}");
}
