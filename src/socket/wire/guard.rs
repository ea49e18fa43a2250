//! Watches the headers of a client's frames before the library sees a byte of them. Knows no payload.
//!
//! The library checks the length of a frame when the whole frame is there: a header that announces 200 MiB would cost
//! 200 MiB before anybody has signed in. It counts no fragments, and it decodes everything that one read brought before
//! it gives out anything: an error would overtake the messages before it. So the guard refuses by the *announced*
//! length, counts, and lets one frame through at a time. Everything else is the library's to judge.

use super::Violation;

/// The most fragments of one message.
const MAX_FRAGMENTS: u16 = 128;
/// The most bytes of a control frame's payload, RFC 6455 §5.5.
const MAX_CONTROL: u64 = 125;
/// The bytes of the masking key.
const KEY: u64 = 4;
/// The bytes of a close frame's code.
const CODE: u64 = 2;
/// Where the code of a close frame ends: after a short header and the key.
const CODE_END: usize = 8;

const CONTINUATION: u8 = 0x0;
const CLOSE: u8 = 0x8;

/// Where the admitted bytes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Inside a frame.
    Inside,
    /// At the end of a frame.
    Frame,
    /// At the end of a close frame: nothing that follows it matters.
    Close,
}

/// The state of one client's stream of frames.
///
/// Invariant: the payload bytes admitted for one message are at most `limit`.
#[derive(Debug)]
pub struct Guard {
    /// The header so far: length included, masking key not. Of a close frame also the key and the two bytes of the code.
    head: [u8; 10],
    have: usize,
    /// What is still to come of the frame, once `head` is complete.
    rest: Option<u64>,
    fragments: u16,
    message: u64,
    limit: u64,
}

impl Guard {
    /// A guard for frames and messages of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self { head: [0; 10], have: 0, rest: None, fragments: 0, message: 0, limit }
    }

    /// How many of these bytes may pass, and where they end: at most one frame at a time.
    ///
    /// # Errors
    /// As soon as a header shows that its frame must not come; nothing may pass after that.
    pub fn admit(&mut self, bytes: &[u8]) -> Result<(usize, End), Violation> {
        let mut taken = 0;
        let rest = loop {
            if let Some(rest) = self.rest {
                break rest;
            }
            let Some(byte) = bytes.get(taken) else { return Ok((taken, End::Inside)) };
            taken += 1;
            self.rest = self.header(*byte)?;
        };
        let room = bytes.len() - taken;
        let step = usize::try_from(rest).map_or(room, |rest| rest.min(room));
        let left = rest - u64::try_from(step).unwrap_or(rest);
        if left > 0 {
            self.rest = Some(left);
            return Ok((taken + step, End::Inside));
        }
        (self.rest, self.have) = (None, 0);
        let end = if self.opcode() == CLOSE { End::Close } else { End::Frame };
        Ok((taken + step, end))
    }

    /// Whether the close frame that passed last carried a code that a client may send (RFC 6455 §7.4).
    ///
    /// The library refuses a bad code and a reason that is not UTF-8 with the same error.
    #[must_use]
    pub fn closed_with_valid_code(&self) -> bool {
        let [first, _, a, b, _, _, c, d, ..] = self.head;
        first & 0x0F == CLOSE && matches!(u16::from_be_bytes([a ^ c, b ^ d]), 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    fn opcode(&self) -> u8 {
        self.head.first().copied().unwrap_or_default() & 0x0F
    }

    /// Takes one byte of a header; what follows in this frame, once the header is complete.
    fn header(&mut self, byte: u8) -> Result<Option<u64>, Violation> {
        if let Some(place) = self.head.get_mut(self.have) {
            *place = byte;
            self.have += 1;
        }
        let [first, second, a, b, c, d, e, f, g, h] = self.head;
        let (needed, length) = match second & 0x7F {
            126 => (4, u64::from(u16::from_be_bytes([a, b]))),
            127 => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            short => (2, u64::from(short)),
        };
        if self.have < 2 || self.have < needed {
            return Ok(None);
        }
        if self.have == needed {
            self.judge(first & 0x80 != 0, length)?;
        }
        // A frame without a key is refused by the library as soon as it sees the header.
        let key = second & 0x80 != 0;
        let rest = if key { length + KEY } else { length };
        if !key || self.opcode() != CLOSE || length < CODE {
            return Ok(Some(rest));
        }
        Ok((self.have == CODE_END).then_some(rest - KEY - CODE))
    }

    fn judge(&mut self, fin: bool, length: u64) -> Result<(), Violation> {
        let opcode = self.opcode();
        if length >> 63 != 0 || (opcode >= CLOSE && (!fin || length > MAX_CONTROL)) {
            return Err(Violation::PROTOCOL);
        }
        if opcode >= CLOSE {
            return Ok(());
        }
        if opcode != CONTINUATION {
            (self.fragments, self.message) = (0, 0);
        }
        self.fragments = self.fragments.saturating_add(1);
        self.message = self.message.saturating_add(length);
        match () {
            () if self.message > self.limit => Err(Violation::SIZE),
            () if self.fragments > MAX_FRAGMENTS => Err(Violation::POLICY),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 65_536;

    /// A frame as a client sends it, with a masking key of zeros.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            short @ 0..=125 => out.push(0x80 | u8::try_from(short).unwrap()),
            medium @ 126..=65_535 => {
                out.push(0x80 | 126);
                out.extend(u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                out.push(0x80 | 127);
                out.extend(u64::try_from(long).unwrap().to_be_bytes());
            }
        }
        out.extend([0; 4]);
        out.extend(payload);
        out
    }

    /// What passes of a stream that comes in these reads: its pieces with their ends, and the violation at its end.
    fn pass(reads: &[&[u8]]) -> (Vec<(Vec<u8>, End)>, Option<Violation>) {
        let mut guard = Guard::new(LIMIT);
        let (mut pieces, mut piece) = (Vec::new(), Vec::new());
        for mut bytes in reads.iter().copied() {
            while !bytes.is_empty() {
                let (taken, end) = match guard.admit(bytes) {
                    Ok(admitted) => admitted,
                    Err(violation) => return (pieces, Some(violation)),
                };
                piece.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if end != End::Inside {
                    pieces.push((std::mem::take(&mut piece), end));
                }
            }
        }
        (pieces, None)
    }

    fn code(bytes: &[u8]) -> Option<u16> {
        pass(&[bytes]).1.map(|Violation(code)| code)
    }

    #[test]
    fn what_must_not_come_is_refused_by_its_header() {
        let cases: Vec<(&str, Vec<u8>, Option<u16>)> = vec![
            ("as large as allowed", frame(0x81, &[b'a'; LIMIT]), None),
            ("one byte more, announced", frame(0x81, &[b'a'; LIMIT + 1])[..10].to_vec(), Some(1009)),
            ("200 MiB announced", [&[0x82, 0xFF][..], &(200_u64 << 20).to_be_bytes()].concat(), Some(1009)),
            ("an unmasked frame of 200 MiB", [&[0x81, 127][..], &(200_u64 << 20).to_be_bytes()].concat(), Some(1009)),
            ("too much in two frames", [frame(0x01, &[b'a'; LIMIT]), frame(0x80, b"b")].concat(), Some(1009)),
            ("two full messages", frame(0x81, &[b'a'; LIMIT]).repeat(2), None),
            ("a length with the top bit", vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], Some(1002)),
            ("a ping in fragments", frame(0x09, b"a"), Some(1002)),
            ("a ping of 126 bytes, announced", vec![0x89, 0xFE, 0, 126], Some(1002)),
            ("a ping of 125 bytes", frame(0x89, &[0; 125]), None),
            ("128 fragments", [frame(0x01, b""), frame(0x00, b"").repeat(127)].concat(), None),
            ("129 fragments", [frame(0x01, b""), frame(0x00, b"").repeat(128)].concat(), Some(1008)),
            ("10,000 empty fragments", [frame(0x01, b""), frame(0x00, b"").repeat(10_000)].concat(), Some(1008)),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(code(&bytes), expected, "{name}");
        }
    }

    #[test]
    fn frames_before_a_refused_one_pass_one_by_one() {
        let bytes = [frame(0x81, b"a"), frame(0x88, b"\x03\xE8"), frame(0x81, &[0; LIMIT + 1])].concat();
        let (pieces, violation) = pass(&[&bytes]);
        assert_eq!(pieces, [(frame(0x81, b"a"), End::Frame), (frame(0x88, b"\x03\xE8"), End::Close)]);
        assert_eq!(violation, Some(Violation::SIZE));
    }

    #[test]
    fn the_code_of_a_close_frame_is_seen_through_its_mask() {
        for (payload, valid) in [(&b"\x03\xE8"[..], true), (b"\x0F\xA1bye", true), (b"\x03\xED", false), (b"", false)] {
            let masked: Vec<u8> =
                payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let mut close = frame(0x88, &masked);
            close[2..6].copy_from_slice(&[1, 2, 3, 4]);
            let mut guard = Guard::new(LIMIT);
            assert_eq!(guard.admit(&close), Ok((close.len(), End::Close)));
            assert_eq!(guard.closed_with_valid_code(), valid, "{payload:?}");
        }
    }

    proptest! {
        #[test]
        fn whole_frames_pass_unchanged_however_they_are_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
            cut in 1_usize..50,
        ) {
            let frames: Vec<Vec<u8>> = payloads.iter().map(|payload| frame(0x82, payload)).collect();
            let bytes = frames.concat();
            let reads: Vec<&[u8]> = bytes.chunks(cut).collect();
            let expected: Vec<_> = frames.into_iter().map(|frame| (frame, End::Frame)).collect();
            prop_assert_eq!(pass(&reads), (expected, None));
        }

        #[test]
        fn cutting_any_bytes_anywhere_changes_nothing(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            cut in 1_usize..50,
        ) {
            let reads: Vec<&[u8]> = bytes.chunks(cut).collect();
            prop_assert_eq!(pass(&reads), pass(&[&bytes]));
        }
    }
}
