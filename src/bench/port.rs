//! Free ports for servers of a run. Knows no server.

use std::fs;
use std::net::TcpListener;

use anyhow::bail;

/// Below it are ports that well-known servers use.
const LOWEST: u16 = 10_240;
/// Where Linux begins to choose ports for connections, unless it is told otherwise.
const CHOSEN: u16 = 32_768;
/// How many places are tried.
const TRIES: u32 = 1_000;

/// A port of 127.0.0.1 that is free now, with `row` free ones from there on.
///
/// It is none that the kernel chooses for connections: until the server is up, any client on the machine could get it.
///
/// # Errors
/// No port can be bound.
pub fn free(row: u16) -> anyhow::Result<u16> {
    let highest = first_chosen().saturating_sub(row);
    let places = u32::from(highest.saturating_sub(LOWEST)).max(1);
    for _ in 0..TRIES {
        let first = LOWEST + u16::try_from(rand::random::<u32>() % places)?;
        let all: Result<Vec<TcpListener>, _> =
            (0..row).map(|offset| TcpListener::bind(("127.0.0.1", first + offset))).collect();
        if all.is_ok() {
            return Ok(first);
        }
    }
    bail!("no {row} free ports in a row between {LOWEST} and {highest}")
}

/// The first port that the kernel chooses for connections.
fn first_chosen() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > LOWEST + 1_000).unwrap_or(CHOSEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_none_that_connections_get() {
        let first = free(3).unwrap();
        assert!(first >= LOWEST && first + 2 < first_chosen());
        let _taken = TcpListener::bind(("127.0.0.1", first)).unwrap();
        assert_ne!(free(1).unwrap(), first);
    }
}
