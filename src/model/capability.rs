//! What a channel can do, stated as data so that the core and the console can ask before they try.

use serde::Serialize;

use super::content::Content;

/// What a channel can show and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Content types that go out as they are; others go out as their fallback text.
    pub kinds: &'static [&'static str],
    /// Largest text, in bytes of UTF-8, that the channel takes in one piece.
    pub text_bytes: usize,
    /// Whether a message can be withdrawn after it was sent.
    pub recall: bool,
    /// Whether the customer sees that somebody types.
    pub typing: bool,
    /// Whether the channel counts what we send (see [`super::window`]).
    pub counted: bool,
    /// Whether the customer holds a socket, so that the log itself is the delivery.
    pub socket: bool,
}

impl Capabilities {
    /// Whether the channel shows this content as it is.
    #[must_use]
    pub fn shows(&self, content: &Content) -> bool {
        self.kinds.contains(&content.kind())
    }
}
