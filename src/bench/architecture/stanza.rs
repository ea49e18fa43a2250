//! What an XMPP server says, cut into pieces and read: as much as a load needs, and nothing that is not well-formed.

use anyhow::{Context as _, bail, ensure};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

/// The longest piece.
const MOST: usize = 256 * 1024;

pub(super) const RECEIPTS: &str = "urn:xmpp:receipts";
pub(super) const ACKS: &str = "urn:xmpp:sm:3";

/// The length of the first complete piece of a stream: its opening tag, or an element. White space before counts along.
///
/// # Errors
/// It ends, is too long or is no such stream.
pub(super) fn first(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    ensure!(bytes.len() < MOST || whole(bytes)?.is_some(), "a piece of more than {MOST} bytes");
    whole(bytes)
}

fn whole(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(open) = bytes.iter().skip(at).position(|byte| *byte == b'<').map(|found| at + found) {
        let between = bytes.get(at..open).unwrap_or_default();
        ensure!(depth > 0 || between.iter().all(u8::is_ascii_whitespace), "text between stanzas");
        let Some(length) = bytes.get(open..).and_then(tag) else { return Ok(None) };
        at = open + length;
        match bytes.get(open..at).unwrap_or_default() {
            [b'<', b'?', ..] if depth == 0 => continue,
            [b'<', b'?' | b'!', ..] => bail!("what a stream may not have"),
            [b'<', b'/', ..] if depth == 0 => bail!("the server ended the stream"),
            [b'<', b'/', ..] => depth -= 1,
            [.., b'/', b'>'] => {}
            [b'<', rest @ ..] if depth == 0 && rest.starts_with(b"stream:stream") => {}
            _ => depth += 1,
        }
        if depth == 0 {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// The length of the tag that the bytes begin with.
fn tag(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// An element at the top of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stanza {
    /// Its name, without a prefix.
    pub(super) name: String,
    pub(super) kind: Option<String>,
    pub(super) from: Option<String>,
    pub(super) id: Option<String>,
    /// How many stanzas the other side has handled (XEP-0198).
    pub(super) h: Option<u32>,
    pub(super) body: Option<String>,
    /// Whether a receipt is asked for (XEP-0184).
    pub(super) asks_receipt: bool,
    /// The message that has arrived.
    pub(super) receipt: Option<String>,
    /// The address that was bound.
    pub(super) jid: Option<String>,
    /// What may be used to sign in.
    pub(super) mechanisms: Vec<String>,
    /// Whether connections are acknowledged.
    pub(super) acks: bool,
    /// Names of all elements inside, for what went wrong.
    pub(super) inside: Vec<String>,
}

/// What a text inside belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Body,
    Jid,
    Mechanism,
    Other,
}

impl Stanza {
    /// Reads a piece.
    ///
    /// # Errors
    /// It is not well-formed, or a number is none.
    pub(super) fn read(piece: &str) -> anyhow::Result<Self> {
        let (mut reader, mut stanza, mut open) = (Reader::from_str(piece), Self::default(), Vec::new());
        loop {
            match reader.read_event()? {
                Event::Start(element) => {
                    let text = stanza.element(&element, open.len())?;
                    open.push(text);
                }
                Event::Empty(element) => drop(stanza.element(&element, open.len())?),
                Event::End(_) => drop(open.pop()),
                Event::Text(text) => stanza.text(&open, &text.xml_content(XmlVersion::Implicit1_0))?,
                Event::CData(text) => stanza.text(&open, &text.xml_content(XmlVersion::Implicit1_0))?,
                Event::GeneralRef(name) => match name.resolve_char_ref()? {
                    Some(letter) => stanza.text(&open, letter.encode_utf8(&mut [0; 4]))?,
                    None => {
                        let name = name.xml_content(XmlVersion::Implicit1_0);
                        let known = quick_xml::escape::resolve_predefined_entity(&name).context("an unknown entity")?;
                        stanza.text(&open, known)?;
                    }
                },
                Event::Eof => break,
                Event::Decl(_) => {}
                other => bail!("what a stream may not have: {other:?}"),
            }
        }
        ensure!(!stanza.name.is_empty(), "nothing in {piece}");
        Ok(stanza)
    }

    fn element(&mut self, element: &BytesStart<'_>, depth: usize) -> anyhow::Result<Text> {
        let name = element.local_name().into_inner().to_owned();
        let of = |key: &str| attribute(element, key);
        if depth == 0 {
            self.h = of("h")?.map(|h| h.parse()).transpose()?;
            (self.kind, self.from, self.id) = (of("type")?, of("from")?, of("id")?);
            self.name = name;
            return Ok(Text::Other);
        }
        let space = of("xmlns")?.unwrap_or_default();
        let text = match name.as_str() {
            "body" if depth == 1 => Text::Body,
            "jid" => Text::Jid,
            "mechanism" => Text::Mechanism,
            _ => Text::Other,
        };
        match name.as_str() {
            "request" if space == RECEIPTS => self.asks_receipt = true,
            "received" if space == RECEIPTS => self.receipt = of("id")?,
            "sm" if space == ACKS => self.acks = true,
            _ => {}
        }
        self.inside.push(name);
        Ok(text)
    }

    fn text(&mut self, open: &[Text], text: &str) -> anyhow::Result<()> {
        let into = match open.last() {
            None => {
                ensure!(text.trim().is_empty(), "text between stanzas");
                return Ok(());
            }
            Some(Text::Other) => return Ok(()),
            Some(Text::Body) => self.body.get_or_insert_default(),
            Some(Text::Jid) => self.jid.get_or_insert_default(),
            Some(Text::Mechanism) => {
                self.mechanisms.push(text.to_owned());
                return Ok(());
            }
        };
        into.push_str(text);
        Ok(())
    }

    /// Whether this is the answer to a request.
    pub(super) fn answers(&self, id: &str) -> bool {
        self.name == "iq" && self.id.as_deref() == Some(id) && matches!(self.kind.as_deref(), Some("result" | "error"))
    }
}

fn attribute(element: &BytesStart<'_>, key: &str) -> anyhow::Result<Option<String>> {
    let found = element.try_get_attribute(key)?;
    found.map(|found| anyhow::Ok(found.normalized_value(XmlVersion::Implicit1_0)?.into_owned())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_where_its_elements_end() {
        let stream = "<?xml version='1.0'?><stream:stream id='a>b' to=\"x\">\n<a><a/>x</a> <b c='>'/>";
        let mut rest = stream.as_bytes();
        let mut pieces = Vec::new();
        while let Some(length) = first(rest).unwrap() {
            pieces.push(std::str::from_utf8(&rest[..length]).unwrap().trim());
            rest = &rest[length..];
        }
        assert_eq!(pieces[1..], ["<a><a/>x</a>", "<b c='>'/>"]);
        assert!(pieces[0].ends_with("to=\"x\">"));
        for end in 1..stream.len() {
            let cut = first(&stream.as_bytes()[..end]).unwrap();
            assert_eq!(cut.is_some(), end >= pieces[0].len(), "{end}");
        }
        for wrong in ["</stream:stream>", "<!DOCTYPE x>", "<a><!-- --></a>", "text<a/>"] {
            assert!(first(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_message_is_read_with_what_it_asks_for() {
        let read = Stanza::read(
            "<message from='a@b/c' type='chat' id='n1'><body>a &lt;&#98;</body><x><body>no</body></x>\
             <request xmlns='urn:xmpp:receipts'/></message>",
        );
        let stanza = read.unwrap();
        assert_eq!((stanza.name.as_str(), stanza.from.as_deref()), ("message", Some("a@b/c")));
        assert_eq!((stanza.body.as_deref(), stanza.asks_receipt, stanza.receipt), (Some("a <b"), true, None));
        let read = Stanza::read("<message><received xmlns='urn:xmpp:receipts' id='n1'/></message>").unwrap();
        assert_eq!(read.receipt.as_deref(), Some("n1"));
        assert_eq!(Stanza::read("<a xmlns='urn:xmpp:sm:3' h='7'/>").unwrap().h, Some(7));
        for wrong in ["<a></b>", "<a h='x'/>", "", "<message><body>&nothing;</body></message>"] {
            assert!(Stanza::read(wrong).is_err(), "{wrong}");
        }
    }
}
