//! Live connections: frames, sign-in, resume, contiguous pushes, bounds, heartbeat, drain. Knows no actix.
//!
//! [`connection::Connection`] is a state machine without I/O: texts, hints and the outcomes of work go in, frames,
//! work and a verdict come out. [`work::Worker`] does the work with the core. `web` moves the bytes.

pub mod close;
pub mod connection;
pub mod conversation;
pub mod frame;
pub mod limit;
pub mod outbox;
pub mod roster;
pub mod told;
pub mod wire;
pub mod work;
pub mod written;
pub mod xmpp;

use std::time::Duration;

/// The one sub-protocol.
pub const PROTOCOL: &str = "yizhan.v1.json";

/// Who may come in where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/ws/agent`
    Agent,
    /// `/ws/visitor`
    Visitor,
}

/// Bounds of live connections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often clients shall be heard; 2.5 times as long a silence ends the connection.
    pub heartbeat: Duration,
    /// How long a lost connection can be resumed.
    pub resume: Duration,
    /// Time for the first frame, which must sign in.
    pub auth: Duration,
    /// Bytes of a frame and of a message.
    pub max_frame: usize,
    /// Messages that may wait for one client.
    pub outbox_messages: usize,
    /// Bytes that may wait for one client.
    pub outbox_bytes: usize,
    /// Connections of one visitor; the oldest makes room.
    pub per_visitor: usize,
    /// Time for one piece of work before the client hears `timeout`.
    pub work: Duration,
    /// Time without progress after which a write has failed.
    pub write: Duration,
    /// Clients are spread over this time when the process drains.
    pub drain_spread: Duration,
    /// How often an agent's sign-in behind an open connection is checked and kept alive.
    pub recheck: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            resume: Duration::from_secs(120),
            auth: Duration::from_secs(10),
            max_frame: 65_536,
            outbox_messages: 256,
            outbox_bytes: 1_048_576,
            per_visitor: 5,
            work: Duration::from_secs(10),
            write: Duration::from_secs(10),
            drain_spread: Duration::from_secs(3),
            recheck: Duration::from_secs(300),
        }
    }
}
