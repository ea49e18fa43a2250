//! What a client may send over a socket, and what must hold afterwards. The ordinary tests replay the corpus with the
//! same code; whoever includes this file has the library in scope as `yizhan`.

use super::yizhan;

use yizhan::socket::frame::parse;
use yizhan::socket::wire::{Decoder, Event};

const LIMIT: usize = 65_536;

/// The first byte says what the rest is: the text of one message (`t`), or bytes as they come from the network (`b`),
/// cut into reads of as many bytes as the second byte says.
pub(super) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b't', text)) => {
            if let Ok(text) = std::str::from_utf8(text) {
                drop(parse(text));
            }
        }
        Some((b'b', rest)) => {
            if let Some((step, bytes)) = rest.split_first() {
                let whole = decode(bytes, bytes.len().max(1));
                assert_eq!(decode(bytes, usize::from(*step).max(1)), whole, "how bytes are cut changes nothing");
            }
        }
        _ => {}
    }
}

/// The events up to the end or the first violation, and that violation.
fn decode(bytes: &[u8], step: usize) -> (Vec<Event>, Option<u16>) {
    let mut decoder = Decoder::new(LIMIT, false);
    let mut events = Vec::new();
    for read in bytes.chunks(step) {
        decoder.feed(read);
        loop {
            match decoder.event() {
                Ok(Some(Event::Text(text))) => {
                    assert!(text.len() <= LIMIT);
                    drop(parse(&text));
                    events.push(Event::Text(text));
                }
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation.0)),
            }
        }
    }
    (events, None)
}
