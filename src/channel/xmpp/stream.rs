//! A component's stream as values: bytes go in, stanzas come out. Knows no socket.

use std::collections::VecDeque;

use super::element::Element;
use super::error::StreamFault;
use super::framer::{Framer, Piece};
use super::reader::{read, read_tag};

/// The namespace of everything between a component and its server.
pub const COMPONENT: &str = "jabber:component:accept";
/// The namespace of the stream's own elements.
pub const STREAM: &str = "http://etherx.jabber.org/streams";

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The opening tag of the stream.
    Header(Element),
    /// A stanza, or another element of the stream.
    Stanza(Element),
    /// A stanza that was too large: its opening tag.
    Oversize(Element),
    /// The stream's end.
    End,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Stream {
    framer: Framer,
    ready: VecDeque<Piece>,
}

impl Stream {
    /// Takes bytes, however the network has cut them.
    ///
    /// # Errors
    /// When the stream cannot go on.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), StreamFault> {
        self.ready.extend(self.framer.feed(bytes)?);
        Ok(())
    }

    /// What has come as a whole, oldest first; `None` until more is fed.
    ///
    /// # Errors
    /// When the stream cannot go on.
    pub fn pop(&mut self) -> Result<Option<Incoming>, StreamFault> {
        let Some(piece) = self.ready.pop_front() else { return Ok(None) };
        Ok(Some(match piece {
            Piece::Header(tag) => Incoming::Header(read_tag(&tag, COMPONENT)?),
            Piece::Stanza(text) => Incoming::Stanza(read(&text, COMPONENT)?),
            Piece::Oversize(tag) => Incoming::Oversize(read_tag(&tag, COMPONENT)?),
            Piece::End => Incoming::End,
        }))
    }
}
