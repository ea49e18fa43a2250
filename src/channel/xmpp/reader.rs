//! Reads one stanza into a tree, strictly: no entities beyond XML's five, bounded depth and size. Knows no meaning.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::element::{Element, Node};
use super::error::StreamFault;
use super::stream::STREAM;
use crate::channel::xml::{is_illegal, referenced};

/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most elements of one stanza.
const MAX_NODES: usize = 8_192;

/// Reads a stanza that stands in a stream with this default namespace.
///
/// # Errors
/// What ends the stream.
pub(super) fn read(text: &str, default: &str) -> Result<Element, StreamFault> {
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { open: Vec::new(), scopes: vec![Scope::outer(default)], nodes: 0, done: None };
    loop {
        match reader.read_event().map_err(|_ill_formed| StreamFault::NotWellFormed)? {
            Event::Eof => return tree.done.filter(|_| tree.open.is_empty()).ok_or(StreamFault::NotWellFormed),
            event => tree.take(event)?,
        }
    }
}

/// Reads an opening tag alone: the stream's header, or what is left of a stanza that was too large.
///
/// # Errors
/// What ends the stream.
pub(super) fn read_tag(text: &str, default: &str) -> Result<Element, StreamFault> {
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { open: Vec::new(), scopes: vec![Scope::outer(default)], nodes: 0, done: None };
    match reader.read_event().map_err(|_ill_formed| StreamFault::NotWellFormed)? {
        Event::Start(start) => tree.start(&start)?,
        _ => return Err(StreamFault::NotWellFormed),
    }
    tree.open.pop().ok_or(StreamFault::NotWellFormed)
}

/// Which namespaces prefixes stand for. The empty prefix is the default.
#[derive(Debug, Default)]
struct Scope(Vec<(String, String)>);

impl Scope {
    fn outer(default: &str) -> Self {
        let xml = "http://www.w3.org/XML/1998/namespace";
        Self(vec![("".into(), default.into()), ("stream".into(), STREAM.into()), ("xml".into(), xml.into())])
    }
}

struct Tree {
    open: Vec<Element>,
    scopes: Vec<Scope>,
    nodes: usize,
    done: Option<Element>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), StreamFault> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => self.start(&start).and_then(|()| self.end()),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.into_inner()),
            Event::GeneralRef(reference) => {
                let c = referenced(&reference).ok_or(StreamFault::RestrictedXml)?;
                self.text(c.encode_utf8(&mut [0; 4]))
            }
            Event::CData(_) | Event::DocType(_) | Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {
                Err(StreamFault::RestrictedXml)
            }
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), StreamFault> {
        self.nodes += 1;
        if self.done.is_some() || self.open.len() >= MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(StreamFault::PolicyViolation);
        }
        let (mut scope, mut attrs) = (Scope::default(), Vec::new());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_ill_formed| StreamFault::NotWellFormed)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_entity| StreamFault::RestrictedXml)?
                .into_owned();
            if value.chars().any(is_illegal) {
                return Err(StreamFault::NotWellFormed);
            }
            let key: &str = attribute.key.as_ref();
            if !is_name(key) {
                return Err(StreamFault::NotWellFormed);
            }
            match key.strip_prefix("xmlns") {
                Some("") => scope.0.push((String::new(), value)),
                Some(prefix) if prefix.starts_with(':') => {
                    scope.0.push((prefix.trim_start_matches(':').to_owned(), value));
                }
                _ => attrs.push((key.to_owned(), value)),
            }
        }
        self.scopes.push(scope);
        let name = start.name();
        let full: &str = name.as_ref();
        let (prefix, local) = full.split_once(':').unwrap_or(("", full));
        if !is_name(full) || local.is_empty() {
            return Err(StreamFault::NotWellFormed);
        }
        let ns = self.resolve(prefix)?.to_owned();
        self.open.push(Element::read(local.to_owned(), ns, attrs));
        Ok(())
    }

    fn resolve(&self, prefix: &str) -> Result<&str, StreamFault> {
        let declared = self.scopes.iter().rev().flat_map(|scope| &scope.0).find(|(known, _)| known == prefix);
        declared.map(|(_, ns)| ns.as_str()).ok_or(StreamFault::NotWellFormed)
    }

    fn end(&mut self) -> Result<(), StreamFault> {
        self.scopes.pop();
        let element = self.open.pop().ok_or(StreamFault::NotWellFormed)?;
        match self.open.last_mut() {
            Some(parent) => parent.push(Node::Element(element)),
            None => self.done = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), StreamFault> {
        if text.chars().any(is_illegal) {
            return Err(StreamFault::NotWellFormed);
        }
        match self.open.last_mut() {
            Some(open) => open.push(Node::Text(text.to_owned())),
            None if text.trim_ascii().is_empty() => {}
            None => return Err(StreamFault::NotWellFormed),
        }
        Ok(())
    }
}

/// Whether it can be the name of an element or an attribute. Names of extensions need no more than this.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}
