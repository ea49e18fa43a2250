//! `health`: asks the gateway of these settings whether it takes work, for places that have no other HTTP client. It
//! knows the address and nothing about the answer but its status line.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::args::Health;
use super::{Failure, Given, Outcome, complain, say};

/// Bytes of an answer that are looked at.
const MOST: u64 = 1_024;

pub(super) fn run(given: &Given, asked: &Health) -> Outcome {
    let bind = given.config(None)?.http.bind;
    let path = if asked.live { "/livez" } else { "/readyz" };
    let status = status(reachable(bind), path, Duration::from_secs(asked.timeout));
    match status {
        Ok(line) if line.split(' ').nth(1) == Some("200") => {
            say("ok");
            Ok(())
        }
        Ok(line) => {
            complain(&format!("不可用 not ready: http://{bind}{path} answers {line:?}"));
            Err(Failure::Told)
        }
        Err(error) => {
            complain(&format!("不可用 not ready: http://{bind}{path}: {error}"));
            Err(Failure::Told)
        }
    }
}

/// Where to connect to reach what listens at this address: everywhere includes this machine.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// The status line of the answer.
fn status(address: SocketAddr, path: &str, patience: Duration) -> std::io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    socket.take(MOST).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn the_status_line_of_whoever_listens_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 11];
            socket.read_exact(&mut request).unwrap();
            socket.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").unwrap();
            request
        });
        let patience = Duration::from_secs(5);
        assert_eq!(status(address, "/readyz", patience).unwrap(), "HTTP/1.1 503 Service Unavailable");
        assert_eq!(&server.join().unwrap(), b"GET /readyz");
        assert!(status(address, "/readyz", patience).is_err(), "nobody listens any more");
    }

    #[test]
    fn what_listens_everywhere_is_asked_on_this_machine() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("[::]:8080".parse().unwrap()).to_string(), "[::1]:8080");
        assert_eq!(reachable("10.0.0.7:80".parse().unwrap()).to_string(), "10.0.0.7:80");
    }
}
