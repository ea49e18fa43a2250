//! A stanza as a tree, and the only writer of one. Knows no stanza's meaning.
//!
//! Names of elements and attributes that we write are constants; whatever somebody typed is a value, and values are
//! escaped here and nowhere else. So no text can end an element, open another or break the stream.

use std::borrow::Cow;

use crate::channel::xml::is_illegal;

/// A name or a namespace: a constant when we write it, read text when a peer did.
type Name = Cow<'static, str>;

/// What stands inside an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A child.
    Element(Element),
    /// Text, not escaped.
    Text(String),
}

/// An element with its resolved namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: Name,
    ns: Name,
    attrs: Vec<(Name, String)>,
    nodes: Vec<Node>,
}

impl Element {
    /// An element without anything in it.
    #[must_use]
    pub fn new(name: &'static str, ns: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), ns: Cow::Borrowed(ns), attrs: Vec::new(), nodes: Vec::new() }
    }

    /// An element that a peer sent.
    pub(super) fn read(name: String, ns: String, attrs: Vec<(String, String)>) -> Self {
        let attrs = attrs.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect();
        Self { name: Cow::Owned(name), ns: Cow::Owned(ns), attrs, nodes: Vec::new() }
    }

    /// With an attribute.
    #[must_use]
    pub fn attr(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attrs.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// With an attribute, if there is a value.
    #[must_use]
    pub fn maybe_attr(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// With a child at the end.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// With children at the end.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With text at the end.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.nodes.push(Node::Text(text.into()));
        self
    }

    pub(super) fn push(&mut self, node: Node) {
        match (self.nodes.last_mut(), node) {
            (Some(Node::Text(text)), Node::Text(more)) => text.push_str(&more),
            (_, node) => self.nodes.push(node),
        }
    }

    /// The local name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace.
    #[must_use]
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// Whether it is this element.
    #[must_use]
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// An attribute's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The children, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of this name and namespace.
    #[must_use]
    pub fn find(&self, name: &str, ns: &str) -> Option<&Self> {
        self.elements().find(|element| element.is(name, ns))
    }

    /// The text directly inside.
    #[must_use]
    pub fn content(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// Writes it as it stands in a stream whose default namespace is `outer`.
    #[must_use]
    pub fn to_xml(&self, outer: &str) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out, outer);
        out
    }

    fn write(&self, out: &mut String, outer: &str) {
        out.push('<');
        out.push_str(&self.name);
        if self.ns != outer {
            write_attr(out, "xmlns", &self.ns);
        }
        for (name, value) in &self.attrs {
            write_attr(out, name, value);
        }
        if self.nodes.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(out, &self.ns),
                Node::Text(text) => escape(out, text, false),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn write_attr(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape(out, value, true);
    out.push('\'');
}

/// Escapes a value for text and attributes alike; what XML cannot carry is left out.
fn escape(out: &mut String, value: &str, attribute: bool) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            // Readers make spaces of these where they stand as they are.
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            c if is_illegal(c) => {}
            c => out.push(c),
        }
    }
}

/// An attribute of the stream's own header.
pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    escape(&mut out, value, true);
    out
}
