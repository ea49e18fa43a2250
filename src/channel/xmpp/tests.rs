//! Hostile input: what somebody types, and what a peer could send.

use proptest::prelude::*;

use super::element::Element;
use super::error::StreamFault;
use super::framer::{Framer, MAX_STANZA, Piece};
use super::ns;
use super::outgoing::{Dress, Route};
use super::reader::read;
use super::show::Show;
use super::stanza::{MessageKind, PresenceKind, Stanza, Typing, Unusable};
use super::stream::COMPONENT;
use crate::model::jid::Jid;
use crate::model::time::Millis;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' id='a' from='desk.localhost'>";

fn jid(text: &str) -> Jid {
    Jid::parse(text).unwrap()
}

/// What a peer reads of a message with this text.
fn sent(text: &str, nick: &str) -> String {
    let (from, to) = (jid("c.x@desk.localhost/web"), jid("li@localhost"));
    let dress =
        Dress { nick: Some(nick), thread: Some(text), file: Some(text), said_at: Some(Millis(0)), receipt: true };
    dress.on(Route { from: &from, to: &to }.chat(text, text)).to_xml(COMPONENT)
}

fn pieces(bytes: &[u8], step: usize) -> Result<Vec<Piece>, StreamFault> {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    for part in bytes.chunks(step.max(1)) {
        found.extend(framer.feed(part)?);
    }
    Ok(found)
}

fn stanza(xml: &str) -> Result<Stanza, Unusable> {
    Stanza::read(&read(xml, COMPONENT).unwrap())
}

/// xM9: a text that closes the message and opens another one is one stanza with that text in it.
#[test]
fn no_text_ends_a_stanza() {
    let text = "</body></message><message to='victim'><body>x' onload=\"y\"]]>&lt;<!--";
    let xml = sent(text, "' to='victim' x='");
    assert_eq!(pieces(format!("{HEADER}{xml}").as_bytes(), 7).unwrap().len(), 2);
    let tree = read(&xml, COMPONENT).unwrap();
    assert_eq!(tree.find("body", COMPONENT).unwrap().content(), text);
    assert_eq!(tree.get("to"), Some("li@localhost"));
    assert_eq!(tree.find("nick", ns::NICK).unwrap().content(), "' to='victim' x='");
}

/// What XML cannot carry is left out: the server would close the stream.
#[test]
fn control_characters_do_not_reach_the_server() {
    let xml = sent("a\0b\u{1}c\u{1b}[31md\u{fffe}e\tf\ng", "\u{8}n");
    assert!(!xml.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')), "{xml:?}");
    assert_eq!(read(&xml, COMPONENT).unwrap().find("body", COMPONENT).unwrap().content(), "abc[31mde\tf\ng");
}

proptest! {
    #[test]
    fn whatever_is_said_comes_out_as_one_stanza_that_says_it(text in "\\PC*[<>&'\"\\]\\n\0\u{1}]{0,8}\\PC*", nick in ".*") {
        let xml = sent(&text, &nick);
        let found = pieces(format!("{HEADER}{xml}").as_bytes(), 11).unwrap();
        prop_assert_eq!(found.len(), 2);
        let tree = read(&xml, COMPONENT).unwrap();
        let expected: String = text.chars().filter(|&c| !crate::channel::xml::is_illegal(c)).collect();
        prop_assert_eq!(tree.find("body", COMPONENT).unwrap().content(), expected);
        prop_assert_eq!(tree.elements().filter(|child| child.is("body", COMPONENT)).count(), 1);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
        let mut all = HEADER.as_bytes().to_vec();
        all.extend(bytes);
        for piece in pieces(&all, step).unwrap_or_default() {
            if let Piece::Stanza(text) = piece && let Ok(element) = read(&text, COMPONENT) {
                let _read = Stanza::read(&element);
            }
        }
    }

    #[test]
    fn the_cuts_of_the_network_do_not_matter(step in 1_usize..90) {
        let stream = format!("{HEADER}<message to='a@desk.localhost' from='b@c'><body>x &gt; '/>' </body></message>  <presence from=\"a/>b@c\"/>\n</stream:stream>");
        let found = pieces(stream.as_bytes(), step).unwrap();
        prop_assert_eq!(found.len(), 4);
        prop_assert!(matches!(&found[2], Piece::Stanza(text) if text == "<presence from=\"a/>b@c\"/>"));
        prop_assert_eq!(&found[3], &Piece::End);
    }
}

/// xM10: what RFC 6120 forbids ends the stream.
#[test]
fn restricted_xml_is_refused() {
    for bad in
        ["<!DOCTYPE a>", "<!-- a -->", "<?php ?>", "<message><!-- a --></message>", "<message><![CDATA[a]]></message>"]
    {
        assert_eq!(pieces(format!("{HEADER}{bad}").as_bytes(), 5), Err(StreamFault::RestrictedXml), "{bad}");
    }
    assert_eq!(pieces(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", 9), Err(StreamFault::RestrictedXml));
    assert_eq!(read("<message><body>&xxe;</body></message>", COMPONENT), Err(StreamFault::RestrictedXml));
    assert_eq!(read("<message a='&xxe;'/>", COMPONENT), Err(StreamFault::RestrictedXml));
    assert_eq!(read("<message><body>&#0;</body></message>", COMPONENT), Err(StreamFault::RestrictedXml));
    for bad in ["<message></presence>", "<message a='1' a='2'/>", "<x:message/>", "<message", "text"] {
        assert!(read(bad, COMPONENT).is_err(), "{bad}");
    }
    assert_eq!(pieces(format!("{HEADER}text").as_bytes(), 3), Err(StreamFault::NotWellFormed));
}

/// xM10: a stanza that is too large is passed over without being kept; the ones behind it are read.
#[test]
fn a_stanza_that_is_too_large_is_passed_over() {
    let large = "x".repeat(MAX_STANZA + 50_000);
    let stream =
        format!("{HEADER}<message from='a@b' to='c@d' id='7'><body>{large}</body></message><presence from='a@b'/>");
    let found = pieces(stream.as_bytes(), 4_096).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[1], Piece::Oversize("<message from='a@b' to='c@d' id='7'>".into()));
    assert!(matches!(&found[2], Piece::Stanza(_)));
    let endless = format!("{HEADER}<message a='{}", "x".repeat(20_000));
    assert_eq!(pieces(endless.as_bytes(), 4_096), Err(StreamFault::PolicyViolation));
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    assert_eq!(read(&deep, COMPONENT), Err(StreamFault::PolicyViolation));
}

/// xM10, xM11: copies of other people's stanzas are none, and ids that a client gives in the server's name are not read.
#[test]
fn what_a_client_claims_is_not_believed() {
    let forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='wang@localhost'><body>x</body></message></forwarded>";
    for copy in [
        format!("<received xmlns='urn:xmpp:carbons:2'>{forwarded}</received>"),
        format!("<sent xmlns='urn:xmpp:carbons:2'>{forwarded}</sent>"),
        format!("<result xmlns='urn:xmpp:mam:2'>{forwarded}</result>"),
        forwarded.to_owned(),
    ] {
        let xml =
            format!("<message from='eve@evil.example' to='service@desk.localhost'><body>y</body>{copy}</message>");
        assert_eq!(stanza(&xml), Err(Unusable::Forged), "{copy}");
    }
    let xml = "<message from='a@b/r' to='service@desk.localhost' id='i'><body>y</body>\
        <stanza-id xmlns='urn:xmpp:sid:0' by='desk.localhost' id='forged'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>";
    let Ok(Stanza::Message(message)) = stanza(xml) else { panic!("a message") };
    assert_eq!((message.id.as_deref(), message.origin_id.as_deref()), (Some("i"), Some("o")));
    for wrong in
        ["<message to='a@b'/>", "<message from='a@b'/>", "<message from='<' to='a@b'/>", "<iq from='a@b' to='c@d'/>"]
    {
        assert!(read(wrong, COMPONENT).map_or(true, |element| Stanza::read(&element).is_err()), "{wrong}");
    }
}

#[test]
fn stanzas_are_read_with_their_extensions() {
    let xml = "<message from='a@b/r' to='c@d' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/>\
        <delay xmlns='urn:xmpp:delay' stamp='2026-11-23T00:01:13Z'/><x xmlns='jabber:x:oob'><url>https://files/x.png</url></x>\
        <received xmlns='urn:xmpp:receipts' id='m1'/></message>";
    let Ok(Stanza::Message(message)) = stanza(xml) else { panic!("a message") };
    assert_eq!((message.kind, message.typing), (MessageKind::Direct, Some(Typing::On)));
    assert_eq!(message.said_at, Some(Millis(1_795_392_073_000)));
    assert_eq!((message.file.as_deref(), message.received.as_deref()), (Some("https://files/x.png"), Some("m1")));
    assert_eq!(message.body, None);
    let xml = "<presence from='a@b/r' to='c@d'><show>dnd</show><priority>-5</priority></presence>";
    let Ok(Stanza::Presence(presence)) = stanza(xml) else { panic!("a presence") };
    assert_eq!(presence.kind, PresenceKind::Available { show: Show::Busy, priority: -5, workgroup: false });
    let bad =
        Element::new("x", ns::OOB).child(Element::new("url", ns::OOB).text("javascript:alert(1)")).to_xml(COMPONENT);
    let Ok(Stanza::Message(message)) = stanza(&format!("<message from='a@b' to='c@d'>{bad}</message>")) else {
        panic!()
    };
    assert_eq!(message.file, None);
}
