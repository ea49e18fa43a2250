//! The web widget as a channel. Its visitors hold sockets, so there is nothing to translate: what they send and see is
//! the common message format itself. Knows no socket.

use crate::model::capability::Capabilities;

/// What the widget shows: everything that is not between agents.
pub const CAPABILITIES: Capabilities = Capabilities {
    kinds: &[
        "text", "image", "voice", "video", "file", "location", "link", "article", "card", "menu", "choice", "event",
        "recall",
    ],
    // 4,000 Unicode scalar values of at most four bytes.
    text_bytes: 16_000,
    recall: true,
    typing: true,
    counted: false,
    socket: true,
};
