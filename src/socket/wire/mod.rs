//! RFC 6455 frames as bytes: decoding what clients send, encoding what we send. Knows no JSON and no I/O.
//!
//! A codec of our own because a limit has to bite on the *declared* length, before the payload is here, and because
//! frames before a bad one in the same segment have to be answered before the close.

use bytes::{BufMut, BytesMut};

/// The most fragments of one message.
const MAX_FRAGMENTS: u16 = 128;
/// The most bytes of a control frame's payload, RFC 6455 §5.5.
const MAX_CONTROL: usize = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The status code with which a broken client is sent away, RFC 6455 §7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation(pub u16);

impl Violation {
    const PROTOCOL: Self = Self(1002);
    const UNSUPPORTED: Self = Self(1003);
    const ENCODING: Self = Self(1007);
    const POLICY: Self = Self(1008);
    const SIZE: Self = Self(1009);
}

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A complete text message.
    Text(String),
    /// A complete binary message; only where it is allowed.
    Binary(Vec<u8>),
    /// Wants a pong with these bytes.
    Ping(Vec<u8>),
    /// Answered a ping.
    Pong,
    /// Ends the connection, perhaps with a status code.
    Close(Option<u16>),
}

#[derive(Debug, Clone, Copy)]
struct Header {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    start: usize,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// Turns received bytes into events.
///
/// Invariants: never holds more than one message of `limit` bytes, one frame of `limit` bytes and what one read
/// brought; holds nothing while the connection is idle.
#[derive(Debug)]
pub struct Decoder {
    received: Vec<u8>,
    taken: usize,
    message: Vec<u8>,
    /// Bytes at the front of `message` that are known to be UTF-8.
    checked: usize,
    kind: Option<Kind>,
    fragments: u16,
    limit: usize,
    binary: bool,
}

impl Decoder {
    /// A decoder for frames and messages of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize, binary: bool) -> Self {
        Self {
            received: Vec::new(),
            taken: 0,
            message: Vec::new(),
            checked: 0,
            kind: None,
            fragments: 0,
            limit,
            binary,
        }
    }

    /// Takes what a read brought.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.received.drain(..self.taken);
        self.taken = 0;
        self.received.extend_from_slice(bytes);
    }

    /// Takes bytes after a violation, when only a close frame still matters: what came before is forgotten.
    pub fn restart(&mut self, bytes: &[u8]) {
        (self.received, self.taken) = (bytes.to_vec(), 0);
        (self.message, self.kind, self.fragments, self.checked) = (Vec::new(), None, 0, 0);
    }

    /// The next event, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the client breaks the protocol; nothing can be decoded after that.
    pub fn event(&mut self) -> Result<Option<Event>, Violation> {
        loop {
            let Some(header) = self.header()? else {
                self.release();
                return Ok(None);
            };
            let Some(mut payload) = self.payload(header) else { return Ok(None) };
            unmask(&mut payload, header.mask);
            let event = match header.opcode {
                PING => Some(Event::Ping(payload)),
                PONG => Some(Event::Pong),
                CLOSE => Some(Event::Close(close_code(&payload)?)),
                opcode => self.fragment(opcode, header.fin, &payload)?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Gives memory back while there is nothing to decode.
    fn release(&mut self) {
        if self.taken >= self.received.len() {
            self.received = Vec::new();
            self.taken = 0;
        }
    }

    fn header(&self) -> Result<Option<Header>, Violation> {
        let bytes = self.received.get(self.taken..).unwrap_or_default();
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode, short) = (first & 0x80 != 0, first & 0x0F, second & 0x7F);
        self.check(first, second, opcode, fin)?;
        let (length, extended) = match (short, rest) {
            (126, &[a, b, ..]) => (u64::from(u16::from_be_bytes([a, b])), 2),
            (127, &[a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 8),
            (126 | 127, _) => return Ok(None),
            (length, _) => (u64::from(length), 0),
        };
        if length >> 63 != 0 {
            return Err(Violation::PROTOCOL);
        }
        let length = usize::try_from(length).map_err(|_wide| Violation::SIZE)?;
        if length > self.limit || (opcode < CLOSE && self.message.len().saturating_add(length) > self.limit) {
            return Err(Violation::SIZE);
        }
        let Some(&[m, a, s, k]) = rest.get(extended..extended + 4) else { return Ok(None) };
        Ok(Some(Header { fin, opcode, mask: [m, a, s, k], start: self.taken + 2 + extended + 4, length }))
    }

    /// What two bytes of a header already give away.
    fn check(&self, first: u8, second: u8, opcode: u8, fin: bool) -> Result<(), Violation> {
        let control = opcode >= CLOSE;
        let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        let wide = usize::from(second & 0x7F) > MAX_CONTROL;
        if first & 0x70 != 0 || second & 0x80 == 0 || !known || (control && (!fin || wide)) {
            return Err(Violation::PROTOCOL);
        }
        if !control && (opcode == CONTINUATION) != self.kind.is_some() {
            return Err(Violation::PROTOCOL);
        }
        if opcode == BINARY && !self.binary {
            return Err(Violation::UNSUPPORTED);
        }
        Ok(())
    }

    fn payload(&mut self, header: Header) -> Option<Vec<u8>> {
        let end = header.start + header.length;
        let payload = self.received.get(header.start..end)?.to_vec();
        self.taken = end;
        Some(payload)
    }

    fn fragment(&mut self, opcode: u8, fin: bool, payload: &[u8]) -> Result<Option<Event>, Violation> {
        let kind = match opcode {
            TEXT => Kind::Text,
            BINARY => Kind::Binary,
            _ => self.kind.ok_or(Violation::PROTOCOL)?,
        };
        self.fragments += 1;
        if self.fragments > MAX_FRAGMENTS {
            return Err(Violation::POLICY);
        }
        self.message.extend_from_slice(payload);
        if kind == Kind::Text {
            self.check_text(fin)?;
        }
        if !fin {
            self.kind = Some(kind);
            return Ok(None);
        }
        let message = std::mem::take(&mut self.message);
        (self.kind, self.fragments, self.checked) = (None, 0, 0);
        match kind {
            Kind::Binary => Ok(Some(Event::Binary(message))),
            Kind::Text => String::from_utf8(message).map(|text| Some(Event::Text(text))).or(Err(Violation::ENCODING)),
        }
    }

    /// Refuses bad UTF-8 in the fragment where it appears, not only at the end of the message.
    fn check_text(&mut self, fin: bool) -> Result<(), Violation> {
        match std::str::from_utf8(self.message.get(self.checked..).unwrap_or_default()) {
            Ok(_) => self.checked = self.message.len(),
            Err(error) if error.error_len().is_some() || fin => return Err(Violation::ENCODING),
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut quads = payload.chunks_exact_mut(4);
    for quad in &mut quads {
        for (byte, key) in quad.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in quads.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// Checks a close frame's payload, RFC 6455 §5.5.1 and §7.4.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(Violation::PROTOCOL),
        &[a, b, ref reason @ ..] => (u16::from_be_bytes([a, b]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::PROTOCOL);
    }
    std::str::from_utf8(reason).map(|_| Some(code)).or(Err(Violation::ENCODING))
}

fn frame(opcode: u8, payload: &[u8], out: &mut BytesMut) {
    out.reserve(payload.len() + 10);
    out.put_u8(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => out.put_u8(short),
        (_, Ok(medium)) => {
            out.put_u8(126);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        }
    }
    out.put_slice(payload);
}

/// Writes a text message.
pub fn text(payload: &[u8], out: &mut BytesMut) {
    frame(TEXT, payload, out);
}

/// Writes a binary message.
pub fn binary(payload: &[u8], out: &mut BytesMut) {
    frame(BINARY, payload, out);
}

/// Writes a pong; `payload` is what the ping carried.
pub fn pong(payload: &[u8], out: &mut BytesMut) {
    frame(PONG, payload.get(..MAX_CONTROL).unwrap_or(payload), out);
}

/// Writes a close frame; without a code it carries nothing. `reason` must be short ASCII.
pub fn close(code: Option<u16>, reason: &str, out: &mut BytesMut) {
    let mut payload = Vec::with_capacity(2 + reason.len());
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend(reason.bytes().take(MAX_CONTROL - 2));
    }
    frame(CLOSE, &payload, out);
}

#[cfg(test)]
mod tests;
