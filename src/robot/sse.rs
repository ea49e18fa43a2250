//! Server-sent events out of bytes, however they are cut. Knows no transport and no meaning.
//!
//! Follows the HTML standard, section 9.2.6: line ends are CRLF, LF or CR, a blank line ends an event, an event without
//! data is none, what the end of the stream leaves incomplete is dropped. `id` and `retry` are for reconnecting, which
//! no answer of a robot allows, and are passed over.

use std::collections::VecDeque;

/// Longest line, bytes.
const MAX_LINE: usize = 128 * 1024;
/// Longest data of one event, bytes.
const MAX_DATA: usize = 256 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Event {
    /// The type; empty when the stream names none.
    pub(super) kind: String,
    /// The data, lines joined by `\n`.
    pub(super) data: String,
}

/// A line or an event is longer than any honest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The last byte was a CR: an LF behind it belongs to it.
    after_cr: bool,
    /// A byte order mark may only stand in the first line.
    begun: bool,
    event: Event,
    has_data: bool,
    ready: VecDeque<Event>,
}

impl Parser {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.extend(rest);
            };
            let (head, tail) = rest.split_at(end);
            self.extend(head)?;
            self.after_cr = tail.first() == Some(&b'\r');
            rest = tail.get(1..).unwrap_or_default();
            self.end_line()?;
        }
        Ok(())
    }

    /// The next complete event.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + bytes.len() > MAX_LINE {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch();
        } else {
            self.field(&String::from_utf8_lossy(text))?;
        }
        // The room of the line is used again.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn field(&mut self, line: &str) -> Result<(), TooLong> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if self.event.data.len() + value.len() >= MAX_DATA {
                    return Err(TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.kind),
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            self.ready.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece.as_ref()).unwrap();
            events.extend(std::iter::from_fn(|| parser.next()));
        }
        events
    }

    fn event(kind: &str, data: &str) -> Event {
        Event { kind: kind.into(), data: data.into() }
    }

    #[test]
    fn the_examples_of_the_standard() {
        let of = |text: &str| read([text.as_bytes()]);
        assert_eq!(of("data: YHOO\ndata: +2\ndata: 10\n\n"), [event("", "YHOO\n+2\n10")]);
        let four = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(of(four), [event("", "first event"), event("", "second event"), event("", " third event")]);
        assert_eq!(of("data\n\ndata\ndata\n\ndata:"), [event("", ""), event("", "\n")]);
        assert_eq!(of("data:test\n\ndata: test\n\n"), [event("", "test"), event("", "test")]);
    }

    #[test]
    fn line_ends_marks_comments_and_names_of_all_kinds() {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                format!("\u{feff}event: a{end}data: 1{end}{end}:{end}: ping{end}event: b{end}{end}data: 2{end}{end}");
            assert_eq!(read([text.as_bytes()]), [event("a", "1"), event("", "2")], "{end:?}");
        }
        assert_eq!(read([b"data: {\"a\":\": \"}\r\n\r\n".as_slice()]), [event("", "{\"a\":\": \"}")]);
        assert_eq!(read([b"event: ping\n\n".as_slice()]), [], "an event without data is none");
        assert_eq!(read([b"data: cut off".as_slice()]), [], "what is incomplete is dropped");
        assert_eq!(read([b"data: \xff\n\n".as_slice()]), [event("", "\u{fffd}")]);
    }

    #[test]
    fn lines_and_events_without_end_are_refused() {
        let mut parser = Parser::default();
        let outcome = (0..1_000).try_for_each(|_| parser.push(&[b'x'; 1_000]));
        assert_eq!(outcome, Err(TooLong));
        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(1_000));
        let outcome = (0..1_000).try_for_each(|_| parser.push(line.as_bytes()));
        assert_eq!(outcome, Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(
            lines in prop::collection::vec(("(data|event|id|: c|)", ":? ?", "[a-z好😀: ]{0,12}", "(\n|\r\n|\r|\n\n|\r\n\r\n|\r\r)"), 0..24),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let text: String = lines.iter().map(|(name, colon, value, end)| format!("{name}{colon}{value}{end}")).collect();
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let whole = read([bytes]);
            prop_assert_eq!(&read(pieces), &whole);
            prop_assert_eq!(&read(bytes.chunks(1)), &whole);
        }
    }
}
