//! Reading XML without a document type, entities, attributes or a second root. Knows no field's meaning.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesStart, Event};

use super::{Fields, MAX_DEPTH, MAX_NODES, ParseError, Value};
use crate::channel::xml::referenced;

/// The name of the only root element.
const ROOT: &str = "xml";

/// Reads one document; the result is what stands inside its root.
pub(super) fn parse(text: &str) -> Result<Fields<'_>, ParseError> {
    let mut reader = Reader::from_str(text);
    let mut tree = Tree::default();
    loop {
        match reader.read_event().map_err(|_ill_formed| ParseError::Malformed)? {
            Event::Eof => return tree.finish(),
            event => tree.take(event)?,
        }
    }
}

/// An element whose end has not come yet.
struct Open<'a> {
    name: String,
    fields: Fields<'a>,
    text: Cow<'a, str>,
}

#[derive(Default)]
struct Tree<'a> {
    open: Vec<Open<'a>>,
    root: Option<Fields<'a>>,
    nodes: usize,
    started: bool,
}

impl<'a> Tree<'a> {
    fn take(&mut self, event: Event<'a>) -> Result<(), ParseError> {
        let first = !std::mem::replace(&mut self.started, true);
        match event {
            Event::Start(start) => self.start(&start),
            Event::End(_) => self.end(),
            Event::Empty(start) => self.start(&start).and_then(|()| self.end()),
            Event::Text(text) => self.text(text.into_inner()),
            Event::CData(text) => self.text(text.into_inner()),
            Event::GeneralRef(reference) => {
                let c = referenced(&reference).ok_or(ParseError::Entity)?;
                self.text(Cow::Owned(c.to_string()))
            }
            Event::DocType(_) => Err(ParseError::Doctype),
            Event::Decl(declaration) if first => check_encoding(&declaration),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => Err(ParseError::Markup),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'a>) -> Result<(), ParseError> {
        self.nodes += 1;
        if !start.attributes_raw().trim_ascii().is_empty() {
            return Err(ParseError::Attributes);
        }
        if self.root.is_some() {
            return Err(ParseError::SecondRoot);
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        if self.nodes > MAX_NODES {
            return Err(ParseError::TooMany);
        }
        let name = start.name().as_ref().to_owned();
        if self.open.is_empty() && name != ROOT {
            return Err(ParseError::Malformed);
        }
        self.open.push(Open { name, fields: Fields::default(), text: Cow::Borrowed("") });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ParseError> {
        let Open { name, fields, text } = self.open.pop().ok_or(ParseError::Malformed)?;
        if !fields.is_empty() && !text.trim_ascii().is_empty() {
            return Err(ParseError::Markup);
        }
        let top = self.open.len() == 1;
        match self.open.last_mut() {
            Some(parent) if fields.is_empty() => parent.fields.insert(name.into(), Value::Text(text), top),
            Some(parent) => parent.fields.insert(name.into(), Value::Fields(fields), top),
            None if fields.is_empty() && !text.trim_ascii().is_empty() => Err(ParseError::Malformed),
            None => {
                self.root = Some(fields);
                Ok(())
            }
        }
    }

    fn text(&mut self, piece: Cow<'a, str>) -> Result<(), ParseError> {
        match self.open.last_mut() {
            Some(open) if open.text.is_empty() => open.text = piece,
            Some(open) => open.text.to_mut().push_str(&piece),
            None if piece.trim_ascii().is_empty() => {}
            None if self.root.is_some() => return Err(ParseError::SecondRoot),
            None => return Err(ParseError::Malformed),
        }
        Ok(())
    }

    fn finish(self) -> Result<Fields<'a>, ParseError> {
        if self.open.is_empty() { self.root.ok_or(ParseError::Malformed) } else { Err(ParseError::Malformed) }
    }
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), ParseError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(ParseError::Encoding),
    }
}
