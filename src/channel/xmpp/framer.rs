//! Cuts a stream of bytes into its header, its stanzas and its end. Knows brackets and quotes, no element's meaning.
//!
//! The stream's own bounds are kept here: a stanza that is too large is passed over without being held in memory, and
//! what RFC 6120 §11.1 forbids (comments, processing instructions, document types) ends the stream.

use super::error::StreamFault;

/// The largest stanza, bytes; what servers allow their clients.
pub const MAX_STANZA: usize = 256 * 1024;
/// The largest stanza that is passed over; beyond it the stream ends.
const MAX_SKIPPED: usize = 16 * MAX_STANZA;
/// The longest tag that is held of a stanza that is too large, and of the header.
const MAX_TAG: usize = 16 * 1024;

/// One piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The opening tag of the stream.
    Header(String),
    /// A whole stanza.
    Stanza(String),
    /// The opening tag of a stanza that was too large.
    Oversize(String),
    /// The stream's end.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// Between tags.
    Text,
    /// Behind a `<`.
    Begin,
    /// Inside a tag; the quote that is open, and whether the last byte was a `/`.
    Tag { quote: Option<u8>, slash: bool },
    /// Inside a closing tag.
    Closing,
    /// Inside the declaration before the header.
    Declaration,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Framer {
    held: Vec<u8>,
    spot: Spot,
    depth: usize,
    /// Where the first tag of the stanza ends.
    tag_end: Option<usize>,
    /// Bytes of the stanza so far, whether held or not.
    size: usize,
    skipping: bool,
    begun: bool,
}

impl Default for Framer {
    fn default() -> Self {
        Self { held: Vec::new(), spot: Spot::Text, depth: 0, tag_end: None, size: 0, skipping: false, begun: false }
    }
}

impl Framer {
    /// Takes bytes and gives the pieces that they complete.
    ///
    /// # Errors
    /// When the stream cannot go on.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, StreamFault> {
        let mut pieces = Vec::new();
        for &byte in bytes {
            if let Some(piece) = self.step(byte)? {
                pieces.push(piece);
            }
        }
        Ok(pieces)
    }

    fn step(&mut self, byte: u8) -> Result<Option<Piece>, StreamFault> {
        let between = self.depth <= 1 && self.spot == Spot::Text;
        if between && byte != b'<' {
            // White space between stanzas keeps connections open.
            return if byte.is_ascii_whitespace() { Ok(None) } else { Err(StreamFault::NotWellFormed) };
        }
        self.hold(byte)?;
        match self.spot {
            Spot::Text => {
                if byte == b'<' {
                    self.spot = Spot::Begin;
                }
                Ok(None)
            }
            Spot::Begin => self.begin(byte).map(|()| None),
            Spot::Declaration => {
                if byte == b'>' {
                    self.clear();
                    self.spot = Spot::Text;
                }
                Ok(None)
            }
            Spot::Closing if byte == b'>' => self.closed(),
            Spot::Closing => Ok(None),
            Spot::Tag { quote, slash } => self.tag(byte, quote, slash),
        }
    }

    fn hold(&mut self, byte: u8) -> Result<(), StreamFault> {
        self.size += 1;
        if self.size > MAX_SKIPPED || (self.tag_end.is_none() && self.size > MAX_TAG) {
            return Err(StreamFault::PolicyViolation);
        }
        if self.size > MAX_STANZA && !self.skipping {
            self.skipping = true;
            self.held.truncate(self.tag_end.unwrap_or_default());
            self.held.shrink_to_fit();
        }
        if !self.skipping {
            self.held.push(byte);
        }
        Ok(())
    }

    fn begin(&mut self, byte: u8) -> Result<(), StreamFault> {
        self.spot = match byte {
            b'?' if self.depth == 0 && !self.begun => Spot::Declaration,
            b'?' | b'!' => return Err(StreamFault::RestrictedXml),
            b'/' => Spot::Closing,
            b'>' | b'<' => return Err(StreamFault::NotWellFormed),
            _ => Spot::Tag { quote: None, slash: false },
        };
        self.begun = true;
        Ok(())
    }

    fn tag(&mut self, byte: u8, quote: Option<u8>, slash: bool) -> Result<Option<Piece>, StreamFault> {
        match (quote, byte) {
            (Some(open), _) => {
                let quote = (open != byte).then_some(open);
                self.spot = Spot::Tag { quote, slash: false };
                Ok(None)
            }
            (None, b'"' | b'\'') => {
                self.spot = Spot::Tag { quote: Some(byte), slash: false };
                Ok(None)
            }
            (None, b'>') => {
                self.spot = Spot::Text;
                self.tag_end.get_or_insert(self.held.len());
                self.depth += usize::from(!slash);
                match (self.depth, slash) {
                    (1, false) => Ok(Some(Piece::Header(self.take()?))),
                    (0, _) => Err(StreamFault::NotWellFormed),
                    (1, true) => self.complete().map(Some),
                    _ => Ok(None),
                }
            }
            (None, b'<') => Err(StreamFault::NotWellFormed),
            (None, _) => {
                self.spot = Spot::Tag { quote: None, slash: byte == b'/' };
                Ok(None)
            }
        }
    }

    fn closed(&mut self) -> Result<Option<Piece>, StreamFault> {
        self.spot = Spot::Text;
        self.depth = self.depth.checked_sub(1).ok_or(StreamFault::NotWellFormed)?;
        match self.depth {
            0 => {
                self.clear();
                Ok(Some(Piece::End))
            }
            1 => self.complete().map(Some),
            _ => Ok(None),
        }
    }

    fn complete(&mut self) -> Result<Piece, StreamFault> {
        let skipping = self.skipping;
        let text = self.take()?;
        Ok(if skipping { Piece::Oversize(text) } else { Piece::Stanza(text) })
    }

    fn take(&mut self) -> Result<String, StreamFault> {
        let held = std::mem::take(&mut self.held);
        self.clear();
        String::from_utf8(held).map_err(|_not_utf8| StreamFault::UnsupportedEncoding)
    }

    fn clear(&mut self) {
        self.held.clear();
        self.size = 0;
        self.tag_end = None;
        self.skipping = false;
    }
}
