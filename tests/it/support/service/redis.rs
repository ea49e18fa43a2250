//! Redis as tests need it: its command line, and three servers that are a cluster.

use std::process::Command;
use std::time::Instant;

use super::{Kind, PATIENCE, Service, pause};

impl Service {
    /// `redis://…` of a Redis server.
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// What `redis-cli` prints for a command.
    pub fn redis_cli(&self, command: &[&str]) -> String {
        cli(self.port(), command)
    }
}

fn cli(port: u16, command: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(command).output().expect("redis-cli");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "redis-cli {command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Three servers that share the slots.
pub struct RedisCluster {
    pub servers: Vec<Service>,
}

impl RedisCluster {
    /// Starts the servers and waits until they agree.
    pub fn start() -> Self {
        // The bus is on the second port: the usual one, 10,000 higher, may not exist.
        let options = ["--cluster-enabled", "yes", "--cluster-port", "{second}", "--cluster-node-timeout", "2000"];
        let servers: Vec<Service> = (0..3).map(|_| Service::start(Kind::Redis, &options)).collect();
        let mut create = vec!["--cluster".to_owned(), "create".to_owned()];
        create.extend(servers.iter().map(|server| format!("127.0.0.1:{}", server.port())));
        create.extend(["--cluster-replicas", "0", "--cluster-yes"].map(ToOwned::to_owned));
        let output = Command::new("redis-cli").args(&create).output().expect("redis-cli");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let end = Instant::now() + PATIENCE;
        while !servers.iter().all(|server| server.redis_cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            assert!(Instant::now() < end, "the cluster does not agree");
            pause();
        }
        Self { servers }
    }

    /// The addresses of all servers.
    pub fn url(&self) -> String {
        self.servers.iter().map(Service::redis_url).collect::<Vec<_>>().join(" ")
    }
}
