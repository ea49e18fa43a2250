//! XMPP as a channel: the protocol alone. Stanzas are read and written strictly, commands and presence become typed
//! values. Knows no agent, no conversation's state and no core.
//!
//! An XMPP account is an external component of somebody's server (XEP-0114), such as `desk.example.com`. Whoever has
//! the [`link`] gets every stanza for that domain.

pub mod bounce;
pub mod command;
#[cfg(test)]
mod corpus;
pub mod element;
pub mod error;
pub mod form;
mod framer;
pub mod link;
pub mod ns;
pub mod outgoing;
pub mod place;
mod reader;
pub mod show;
pub mod stanza;
pub mod stream;
#[cfg(test)]
mod tests;

pub use framer::MAX_STANZA;

use crate::model::capability::Capabilities;

/// What every client can show; the rest goes out as its fallback text or as a link.
pub const CAPABILITIES: Capabilities = Capabilities {
    kinds: &["text", "image", "voice", "video", "file", "link"],
    // Servers refuse stanzas beyond 64 to 256 KiB.
    text_bytes: 32_768,
    recall: false,
    typing: true,
    counted: false,
    socket: false,
};
