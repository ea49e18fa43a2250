//! Strict reading of the XML that a gateway answers with: exactly what the platform is known to accept, nothing more.
//! Written apart from the gateway's own reader on purpose, so that one does not excuse the other.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::tree::Node;

/// Why an answer is not a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum XmlError {
    #[error("not well-formed XML")]
    Syntax,
    #[error("the root element is not a single <xml>")]
    Root,
    #[error("text, a declaration or a comment outside of elements")]
    Stray,
    #[error("attributes are not expected")]
    Attribute,
    #[error("a character that XML 1.0 does not allow")]
    Character,
    #[error("nested too deeply or too many elements")]
    Size,
}

const MAX_DEPTH: usize = 8;
const MAX_ELEMENTS: usize = 256;

struct Open {
    name: String,
    text: String,
    children: Vec<(String, Node)>,
    cdata: bool,
}

impl Open {
    fn close(self) -> (String, Node) {
        if self.children.is_empty() {
            let node = if self.cdata { Node::Text(self.text) } else { Node::Bare(self.text) };
            (self.name, node)
        } else {
            (self.name, Node::Map(self.children))
        }
    }
}

/// Reads one message.
pub(crate) fn read(body: &str) -> Result<Node, XmlError> {
    if body.chars().any(|c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')) {
        return Err(XmlError::Character);
    }
    let mut reader = Reader::from_str(body);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    let mut elements = 0_usize;
    loop {
        match reader.read_event().map_err(|_malformed| XmlError::Syntax)? {
            Event::Start(start) => {
                elements += 1;
                if start.attributes().next().is_some() {
                    return Err(XmlError::Attribute);
                }
                let name = start.name().as_ref().to_owned();
                enter(&mut open, root.is_some(), name, elements)?;
            }
            Event::Empty(start) => {
                elements += 1;
                enter(&mut open, root.is_some(), start.name().as_ref().to_owned(), elements)?;
                leave(&mut open, &mut root);
            }
            Event::End(_) => leave(&mut open, &mut root),
            Event::Text(text) => append(&mut open, &text, false)?,
            Event::CData(text) => append(&mut open, &text, true)?,
            Event::GeneralRef(reference) => append(&mut open, &resolve(&reference)?, false)?,
            Event::Eof if open.is_empty() => return root.ok_or(XmlError::Root),
            Event::Eof => return Err(XmlError::Syntax),
            _ => return Err(XmlError::Stray),
        }
    }
}

fn enter(open: &mut Vec<Open>, done: bool, name: String, elements: usize) -> Result<(), XmlError> {
    if open.len() >= MAX_DEPTH || elements > MAX_ELEMENTS {
        return Err(XmlError::Size);
    }
    if open.is_empty() && (done || name != "xml") {
        return Err(XmlError::Root);
    }
    open.push(Open { name, text: String::new(), children: Vec::new(), cdata: false });
    Ok(())
}

fn leave(open: &mut Vec<Open>, root: &mut Option<Node>) {
    let Some(closed) = open.pop() else { return };
    match open.last_mut() {
        Some(parent) => parent.children.push(closed.close()),
        None => *root = Some(closed.close().1),
    }
}

fn append(open: &mut [Open], text: &str, cdata: bool) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => {
            element.cdata |= cdata;
            element.text.push_str(text);
            Ok(())
        }
        None if text.trim().is_empty() && !cdata => Ok(()),
        None => Err(XmlError::Stray),
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_not_one| XmlError::Character)? {
        return Ok(character.to_string());
    }
    let name: &str = reference;
    let text = match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(XmlError::Syntax),
    };
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_gateway_may_answer() {
        let tree =
            read("<xml><A><![CDATA[x]]]]><![CDATA[>y]]></A><B>12</B><C><D>a&amp;&#x4f60;</D></C></xml>").unwrap();
        assert_eq!(tree.str_of("A"), Some("x]]>y"));
        assert_eq!(tree.str_of("b"), Some("12"));
        assert_eq!(tree.get("C").and_then(|c| c.str_of("D")), Some("a&你"));
    }

    #[test]
    fn refuses_what_makes_the_platform_show_its_failure_text() {
        let cases = [
            ("<xml><A>1</A></xml><xml/>", XmlError::Root),
            ("<msg><A>1</A></msg>", XmlError::Root),
            ("<?xml version=\"1.0\"?><xml><A>1</A></xml>", XmlError::Stray),
            ("<xml><A>1</xml>", XmlError::Syntax),
            ("<xml><A>\u{1d}</A></xml>", XmlError::Character),
            ("<xml a=\"1\"><A>1</A></xml>", XmlError::Attribute),
            ("<!DOCTYPE x><xml><A>1</A></xml>", XmlError::Stray),
            ("<xml><A>&x;</A></xml>", XmlError::Syntax),
            ("{\"a\":1}", XmlError::Stray),
        ];
        for (body, error) in cases {
            assert_eq!(read(body), Err(error), "{body}");
        }
    }
}
