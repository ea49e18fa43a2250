//! What a server may send over a component's stream, and what must hold afterwards. The ordinary tests replay the corpus
//! with the same code; whoever includes this file has the library in scope as `yizhan`.

use super::yizhan;

use yizhan::channel::xmpp::element::Element;
use yizhan::channel::xmpp::outgoing::Route;
use yizhan::channel::xmpp::stanza::Stanza;
use yizhan::channel::xmpp::stream::{COMPONENT, Incoming, STREAM, Stream};
use yizhan::model::jid::Jid;

/// The first byte says what the rest is: bytes of the stream behind its header (`s`; the second byte says in reads of
/// how many they come), or what somebody typed (`t`).
pub(super) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b's', rest)) => stream(rest),
        Some((b't', rest)) => typed(&String::from_utf8_lossy(rest)),
        _ => {}
    }
}

fn stream(data: &[u8]) {
    let Some((step, bytes)) = data.split_first() else { return };
    for element in stanzas(bytes, usize::from(*step).max(1)) {
        let _read = Stanza::read(&element);
        let again = stanzas(element.to_xml(COMPONENT).as_bytes(), 4_096);
        assert_eq!(again, [element], "what was read is written as it was");
    }
}

fn typed(text: &str) {
    let (Ok(from), Ok(to)) = (Jid::parse("c.x@desk/web"), Jid::parse("li@localhost")) else { return };
    let message = Route { from: &from, to: &to }.chat(text, text);
    let read = stanzas(message.to_xml(COMPONENT).as_bytes(), 7);
    assert_eq!(read.len(), 1, "one stanza, whatever stands in it");
    for read in read {
        assert_eq!((read.get("to"), read.elements().count()), (Some("li@localhost"), 1));
    }
}

fn stanzas(bytes: &[u8], step: usize) -> Vec<Element> {
    let header = format!("<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}'>");
    let mut stream = Stream::default();
    let mut found = Vec::new();
    for part in std::iter::once(header.as_bytes()).chain(bytes.chunks(step)) {
        if stream.feed(part).is_err() {
            break;
        }
        while let Ok(Some(next)) = stream.pop() {
            if let Incoming::Stanza(element) = next {
                found.push(element);
            }
        }
    }
    found
}
