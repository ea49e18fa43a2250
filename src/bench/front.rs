//! What operators put in front of nodes: haproxy, which speaks TLS with clients and clear text with nodes. Knows nothing of
//! what passes through.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::certificate::Certificates;
use super::process::Process;

/// As deploy/haproxy.cfg has it, without what shares work among nodes: here it has been decided who comes to which. Sockets
/// of a run beat every 300 s, and some never speak.
const BASE: &str = "\
defaults
    mode http
    option forwardfor
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 75s
    timeout queue 5s
    timeout client 65s
    timeout server 65s
    timeout client-fin 10s
    timeout tunnel 2h
";

/// A node, and where clients come to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    pub(super) front: SocketAddr,
    pub(super) node: SocketAddr,
}

/// Starts it for these nodes. Whether it is ready, those who come through it see.
pub(super) fn start(gates: &[Gate], certificates: &Certificates, folder: &Path) -> anyhow::Result<Process> {
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, config(gates, certificates.server()))?;
    // Debian has it where not everybody looks for programs.
    let debian = Path::new("/usr/sbin/haproxy");
    let mut command = Command::new(if debian.is_file() { debian } else { Path::new("haproxy") });
    command.arg("-db").arg("-f").arg(file);
    Process::start(command, &folder.join("haproxy.log"))
}

fn config(gates: &[Gate], certificate: &Path) -> String {
    let mut config = BASE.to_owned();
    for (n, Gate { front, node }) in gates.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = write!(
            config,
            "listen node-{n}\n    bind {front} ssl crt \"{}\" alpn http/1.1\n    server node {node}\n",
            certificate.display()
        );
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_door_of_its_own() {
        let gate = |front: u16, node: u16| Gate {
            front: SocketAddr::from(([127, 0, 0, 1], front)),
            node: SocketAddr::from(([127, 0, 0, 1], node)),
        };
        let config = config(&[gate(1, 2), gate(3, 4)], Path::new("/a b/server.pem"));
        for line in [
            "bind 127.0.0.1:1 ssl crt \"/a b/server.pem\" alpn http/1.1\n    server node 127.0.0.1:2\n",
            "bind 127.0.0.1:3 ssl crt \"/a b/server.pem\" alpn http/1.1\n    server node 127.0.0.1:4\n",
        ] {
            assert!(config.contains(line), "{config}");
        }
    }
}
