//! Writing documents for the platform. Knows no field's meaning.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::channel::xml::is_illegal;

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'a> {
    /// Text; CDATA in XML.
    Text(&'a str),
    /// A bare number.
    Number(i64),
    /// Nested fields.
    Group(Vec<(&'a str, Node<'a>)>),
    /// Several of the same: `<item>` elements in XML, an array in JSON.
    Items(Vec<Node<'a>>),
}

/// One root `<xml>` and no declaration: anything else makes the platform show its failure text.
pub(super) fn write_xml(fields: &[(&str, Node<'_>)]) -> String {
    let mut out = String::with_capacity(512);
    element(&mut out, "xml", |out| group(out, fields));
    out
}

fn group(out: &mut String, fields: &[(&str, Node<'_>)]) {
    for (name, node) in fields {
        element(out, name, |out| inner(out, node));
    }
}

fn inner(out: &mut String, node: &Node<'_>) {
    match node {
        Node::Text(text) => cdata(out, text),
        Node::Number(number) => out.push_str(&number.to_string()),
        Node::Group(fields) => group(out, fields),
        Node::Items(items) => items.iter().for_each(|item| element(out, "item", |out| inner(out, item))),
    }
}

fn element(out: &mut String, name: &str, inside: impl FnOnce(&mut String)) {
    out.extend(["<", name, ">"]);
    inside(out);
    out.extend(["</", name, ">"]);
}

/// A CDATA section cannot contain its own end, so the end is split over two sections.
fn cdata(out: &mut String, text: &str) {
    out.push_str("<![CDATA[");
    for (i, piece) in text.split("]]>").enumerate() {
        if i > 0 {
            out.push_str("]]]]><![CDATA[>");
        }
        out.extend(piece.chars().filter(|&c| !is_illegal(c)));
    }
    out.push_str("]]>");
}

/// JSON with raw characters; the platform refuses `\u` escapes of ordinary ones.
pub(super) fn write_json(fields: &[(&str, Node<'_>)]) -> String {
    serde_json::to_string(&Group(fields)).unwrap_or_default() // names are strings, so this has no way to fail
}

struct Group<'a>(&'a [(&'a str, Node<'a>)]);

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, node) in self.0 {
            map.serialize_entry(name, node)?;
        }
        map.end()
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Group(fields) => Group(fields).serialize(serializer),
            Self::Items(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
        }
    }
}
