//! The real binary as a process of its own: started, watched, stopped, killed.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::http::{exchange, request};
use crate::support::PATIENCE;

/// How long a start may take on a busy machine, with a system-call trace.
const START: Duration = Duration::from_secs(60);

/// A running `yizhan demo`.
pub struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts a demo on a folder and waits until it is ready. `before` is put before the command, such as `strace …`;
    /// whatever it is must become the gateway itself.
    pub async fn demo(data: &Path, before: &[&str]) -> Self {
        let port = yizhan::bench::port::free(1).unwrap();
        let mut words: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
        words.push(env!("CARGO_BIN_EXE_yizhan").to_owned());
        words.extend(["demo", "--port", &port.to_string(), "--data", data.to_str().unwrap()].map(ToOwned::to_owned));
        let log = File::create(data.with_extension("log")).unwrap();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", words[0]));
        let mut process = Self { child, port };
        if tokio::time::timeout(START, process.ready()).await.is_err() {
            panic!("not ready: {}", std::fs::read_to_string(data.with_extension("log")).unwrap());
        }
        process
    }

    async fn ready(&mut self) {
        let address = self.address();
        loop {
            let listens = tokio::net::TcpStream::connect(&address).await.is_ok();
            if listens && exchange(&address, &request("GET", "/readyz", &[], b"")).await.status == 200 {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended at once: {ended:?}");
            pause().await;
        }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it like a power cut of its process: SIGKILL.
    pub async fn dies(mut self) {
        self.child.kill().unwrap();
        self.ends().await;
    }

    /// Asks it to stop: SIGTERM. Returns whether it ended in order.
    pub async fn stops(mut self) -> bool {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.ends().await
    }

    async fn ends(&mut self) -> bool {
        let end = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.success();
                }
                pause().await;
            }
        };
        tokio::time::timeout(PATIENCE * 3, end).await.expect("the process ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do about a process that ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A moment between two looks at a condition.
pub async fn pause() {
    tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
}
