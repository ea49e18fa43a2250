//! `[socket]`: limits of live connections.

use std::time::Duration;

use super::reader::Reader;

/// Settings of the sockets of agents and visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Interval of client heartbeats.
    pub heartbeat: Duration,
    /// How long a lost connection can be resumed.
    pub resume: Duration,
    /// Time allowed for the first, authenticating frame.
    pub auth: Duration,
    /// Largest frame and largest message, bytes.
    pub max_frame_bytes: usize,
    /// Messages that may wait on one connection.
    pub outbox_messages: usize,
    /// Bytes that may wait on one connection.
    pub outbox_bytes: usize,
    /// Handshakes per minute and IP.
    pub handshakes_per_minute: u32,
    /// Connections of one visitor at a time.
    pub per_visitor: usize,
}

impl Socket {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let this = Self {
            heartbeat: r.seconds("heartbeat_s", 25, 1..=300),
            resume: r.seconds("resume_s", 120, 1..=3_600),
            auth: r.seconds("auth_s", 10, 1..=60),
            max_frame_bytes: r.count("max_frame_bytes", 65_536, 4_096..=1_048_576),
            outbox_messages: r.count("outbox_messages", 256, 8..=65_536),
            outbox_bytes: r.count("outbox_bytes", 1_048_576, 65_536..=67_108_864),
            handshakes_per_minute: u32::try_from(r.int("handshakes_per_minute", 1_000, 1..=1_000_000)).unwrap_or(1_000),
            per_visitor: r.count("per_visitor", 5, 1..=1_000),
        };
        if this.outbox_bytes < this.max_frame_bytes {
            r.problem("outbox_bytes", "must be at least socket.max_frame_bytes");
        }
        if this.resume < this.heartbeat.saturating_mul(2) {
            r.warning("resume_s", "is less than two heartbeats: a short loss of the network ends in a full reload");
        }
        this
    }
}
