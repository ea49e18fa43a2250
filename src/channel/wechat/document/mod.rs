//! The two data formats of WeChat as one tree of named fields, read strictly. Knows no field's meaning.
//!
//! Everything scalar is text: ids exceed what JavaScript counts, and the platform writes them as numbers or strings.

mod json;
mod node;
mod xml;

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::channel::xml::is_illegal;
use crate::model::account::WechatFormat;

pub use node::Node;

/// Largest document, bytes. The platform's own messages stay below 10 KB.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting; the deepest event of the platform has five levels.
const MAX_DEPTH: usize = 12;
/// Most elements; bounds the quadratic search for duplicates.
const MAX_NODES: usize = 512;
/// Elements that the platform repeats at the top level of a document.
const REPEATED: [&str; 2] = ["List", "item"];

/// Why a document is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More than [`MAX_BYTES`].
    #[error("document is too large")]
    TooLarge,
    /// Not UTF-8, or declared to be something else.
    #[error("document is not UTF-8")]
    Encoding,
    /// Carries a document type declaration.
    #[error("document type declarations are refused")]
    Doctype,
    /// Refers to an entity beyond the five of XML, or to a character that XML forbids.
    #[error("entity or character reference is refused")]
    Entity,
    /// An element has attributes.
    #[error("attributes are refused")]
    Attributes,
    /// Comments, processing instructions, text between elements.
    #[error("markup is refused")]
    Markup,
    /// A second root, or anything else after the first.
    #[error("more than one root")]
    SecondRoot,
    /// The same field twice.
    #[error("a field occurs twice")]
    Duplicate,
    /// Nested too deeply.
    #[error("nested too deeply")]
    TooDeep,
    /// Too many elements.
    #[error("too many elements")]
    TooMany,
    /// Not well-formed, or no document at all.
    #[error("not well-formed")]
    Malformed,
}

impl ParseError {
    /// A stable word for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Encoding => "encoding",
            Self::Doctype => "doctype",
            Self::Entity => "entity",
            Self::Attributes => "attributes",
            Self::Markup => "markup",
            Self::SecondRoot => "second_root",
            Self::Duplicate => "duplicate",
            Self::TooDeep => "too_deep",
            Self::TooMany => "too_many",
            Self::Malformed => "malformed",
        }
    }
}

/// One field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Anything scalar, as written.
    Text(Cow<'a, str>),
    /// Nested fields.
    Fields(Fields<'a>),
    /// A repeated element, or a JSON array.
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => Json::String(text.as_ref().to_owned()),
            Self::Fields(fields) => fields.to_json(),
            Self::List(values) => Json::Array(values.iter().map(Self::to_json).collect()),
        }
    }
}

/// Named values in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Fields<'a> {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The text of a field; absent when it is missing, nested or repeated.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Fields(_) | Value::List(_) => None,
        }
    }

    /// The text of a field whose spelling varies in case.
    #[must_use]
    pub fn text_any_case(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.as_ref()),
            Value::Fields(_) | Value::List(_) => None,
        })
    }

    /// Every field in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// All of it as JSON, scalars as strings.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(name, value)| (name.as_ref().to_owned(), value.to_json())).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field. A repeated name becomes a list where the platform repeats it and below the top level, where
    /// nothing that decides is read; elsewhere two readers could disagree on which of the two counts.
    fn insert(&mut self, name: Cow<'a, str>, value: Value<'a>, top: bool) -> Result<(), ParseError> {
        let Some((_, first)) = self.0.iter_mut().find(|(known, _)| *known == name) else {
            self.0.push((name, value));
            return Ok(());
        };
        if top && !REPEATED.contains(&name.as_ref()) {
            return Err(ParseError::Duplicate);
        }
        match first {
            Value::List(values) => values.push(value),
            Value::Text(_) | Value::Fields(_) => {
                let single = std::mem::replace(first, Value::List(Vec::with_capacity(2)));
                if let Value::List(values) = first {
                    values.extend([single, value]);
                }
            }
        }
        Ok(())
    }
}

/// The format that a document seems to have, by its first character that is not white space.
#[must_use]
pub fn sniff(text: &str) -> Option<WechatFormat> {
    match text.trim_start().bytes().next() {
        Some(b'<') => Some(WechatFormat::Xml),
        Some(b'{') => Some(WechatFormat::Json),
        _ => None,
    }
}

/// Reads bytes as text: UTF-8 without byte order mark and without characters that neither XML nor every database
/// takes (control characters but TAB, LF and CR; U+FFFE and U+FFFF). Borrowed when nothing had to be removed.
///
/// # Errors
/// [`ParseError::TooLarge`] and [`ParseError::Encoding`].
pub fn clean(bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    if bytes.len() > MAX_BYTES {
        return Err(ParseError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_malformed| ParseError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.bytes().take(2).any(|byte| byte == 0) {
        // UTF-16 without a mark, which is valid UTF-8 as long as it stays within ASCII.
        return Err(ParseError::Encoding);
    }
    Ok(strip(Cow::Borrowed(text)))
}

/// Removes the characters that [`clean`] removes.
fn strip(text: Cow<'_, str>) -> Cow<'_, str> {
    let suspicious = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xef;
    if text.bytes().any(suspicious) && text.chars().any(is_illegal) {
        return Cow::Owned(text.chars().filter(|&c| !is_illegal(c)).collect());
    }
    text
}

/// Reads a cleaned document of the given format.
///
/// # Errors
/// Whatever is not exactly one document of fields: see [`ParseError`].
pub fn parse(text: &str, format: WechatFormat) -> Result<Fields<'_>, ParseError> {
    match format {
        WechatFormat::Xml => xml::parse(text),
        WechatFormat::Json => json::parse(text),
    }
}

/// Writes a document of the given format.
#[must_use]
pub fn write(fields: &[(&str, Node<'_>)], format: WechatFormat) -> String {
    match format {
        WechatFormat::Xml => node::write_xml(fields),
        WechatFormat::Json => node::write_json(fields),
    }
}

#[cfg(test)]
mod tests;
