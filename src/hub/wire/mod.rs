//! How nodes write to each other: entries of length-prefixed items. Knows no transport.
//!
//! ```text
//! entry   = version(1) item*
//! item    = tag(1) length(4) body
//! hint    = count(2) recipient* payload      one payload for all its recipients
//! notice  = node(16-bit text) sequence(8) …
//! ```
//!
//! Numbers are little-endian, texts carry their length. An item with an unknown tag is skipped, so that a newer node
//! may say more than an older one understands; another version of the whole is refused.

mod reader;
mod writer;

pub(super) use reader::read;
pub(super) use writer::{Entry, Payload};

use super::{Hint, Recipient};
use crate::model::id::NodeId;

/// The version of this format.
const VERSION: u8 = 1;

/// Why an entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry of another node is damaged or of another version: {0}")]
pub(super) struct Damaged(&'static str);

/// What one node says to another.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// A hint for sockets.
    Hint(Vec<Recipient>, Hint),
    /// The node is there; that many changes of its recipients were announced.
    Here(NodeId, u64),
    /// Recipients that came to the node, and that left it: the change with this number.
    Changed { node: NodeId, number: u64, came: Vec<Recipient>, left: Vec<Recipient> },
    /// The node stops.
    Gone(NodeId),
    /// The node wants to know all recipients of the one that reads this.
    Ask(NodeId),
    /// A part of all recipients of a node, as of the change with this number.
    All { node: NodeId, number: u64, first: bool, last: bool, recipients: Vec<Recipient> },
}

mod tag {
    pub(super) const MESSAGE: u8 = 1;
    pub(super) const FRAME: u8 = 2;
    pub(super) const HEAD: u8 = 3;
    pub(super) const REPLACED: u8 = 4;
    pub(super) const SIGNED_OUT: u8 = 5;
    pub(super) const HERE: u8 = 16;
    pub(super) const CHANGED: u8 = 17;
    pub(super) const GONE: u8 = 18;
    pub(super) const ASK: u8 = 19;
    pub(super) const ALL: u8 = 20;

    pub(super) const AGENT: u8 = 1;
    pub(super) const AGENTS: u8 = 2;
    pub(super) const CONTACT: u8 = 3;
}

#[cfg(test)]
mod tests;
