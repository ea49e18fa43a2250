//! Message bodies as a tree that is written as XML or JSON. Knows the two syntaxes, no message type.

use serde_json::Value;

use crate::model::account::WechatFormat;

/// One value of a body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// A string: CDATA in XML, a string in JSON.
    Text(String),
    /// A number or another literal, written as it is.
    Bare(String),
    /// Named values in order. A name may repeat.
    Map(Vec<(String, Node)>),
    /// Several values under one name: repeated elements in XML, an array in JSON.
    List(Vec<Node>),
    /// A piece of the body written as it is, for inputs that no encoder would make.
    Raw(String),
}

impl Node {
    pub(crate) fn text(value: &str) -> Self {
        Self::Text(value.to_owned())
    }

    pub(crate) fn bare(value: i64) -> Self {
        Self::Bare(value.to_string())
    }

    pub(crate) fn map<const N: usize>(fields: [(&str, Node); N]) -> Self {
        Self::Map(fields.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
    }

    /// A tree from JSON: strings become texts, other literals bare values, `{"$raw": "…"}` a raw piece.
    pub(crate) fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::text(""),
            Value::Bool(flag) => Self::Bare(flag.to_string()),
            Value::Number(number) => Self::Bare(number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Value::Object(fields) => match fields.get("$raw").and_then(Value::as_str) {
                Some(raw) if fields.len() == 1 => Self::Raw(raw.to_owned()),
                _ => Self::Map(fields.iter().map(|(name, value)| (name.clone(), Self::from_json(value))).collect()),
            },
        }
    }

    /// The first value under `name`, without regard to case (the platform's own case varies).
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(fields) => fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, node)| node),
            _ => None,
        }
    }

    /// All values under `name`: repeated elements, the items of an array, or the one value.
    pub(crate) fn all(&self, name: &str) -> Vec<&Self> {
        let Self::Map(fields) = self else { return Vec::new() };
        let named = fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named
            .flat_map(|(_, node)| if let Self::List(items) = node { items.iter().collect() } else { vec![node] })
            .collect()
    }

    /// The text of a string or literal.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Bare(text) => Some(text),
            _ => None,
        }
    }

    /// The text under `name`.
    pub(crate) fn str_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::as_str)
    }

    /// The tree for the ledger.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Text(text) | Self::Raw(text) => Value::from(text.as_str()),
            Self::Bare(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            Self::Map(fields) => fields.iter().map(|(name, node)| (name.clone(), node.to_json())).collect(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
        }
    }
}

/// Writes a body with these top-level fields.
pub(crate) fn write(fields: &[(String, Node)], format: WechatFormat) -> String {
    let mut out = String::with_capacity(512);
    match format {
        WechatFormat::Xml => {
            out.push_str("<xml>");
            fields.iter().for_each(|(name, node)| write_element(&mut out, name, node));
            out.push_str("</xml>");
        }
        WechatFormat::Json => write_object(&mut out, fields),
    }
    out
}

fn write_element(out: &mut String, name: &str, node: &Node) {
    if let Node::List(items) = node {
        return items.iter().for_each(|item| write_element(out, name, item));
    }
    out.push('<');
    out.push_str(name);
    out.push('>');
    match node {
        Node::Text(text) => {
            out.push_str("<![CDATA[");
            out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
            out.push_str("]]>");
        }
        Node::Bare(text) | Node::Raw(text) => out.push_str(text),
        Node::Map(fields) => fields.iter().for_each(|(name, node)| write_element(out, name, node)),
        Node::List(_) => {}
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn write_object(out: &mut String, fields: &[(String, Node)]) {
    out.push('{');
    for (position, (name, node)) in fields.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        match node {
            // The platform writes a single `List` entry as an object.
            Node::List(items) if name == "List" && items.len() == 1 => {
                items.iter().for_each(|item| write_value(out, item));
            }
            _ => write_value(out, node),
        }
    }
    out.push('}');
}

fn write_value(out: &mut String, node: &Node) {
    match node {
        Node::Text(text) => out.push_str(&Value::from(text.as_str()).to_string()),
        Node::Bare(text) | Node::Raw(text) => out.push_str(text),
        Node::Map(fields) => write_object(out, fields),
        Node::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> Vec<(String, Node)> {
        match Node::from_json(value) {
            Node::Map(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn xml_splits_the_end_of_cdata_and_repeats_lists() {
        let body = fields(&serde_json::json!({"A": "x]]>y", "List": [{"T": 1}, {"T": 2}]}));
        let expected = "<xml><A><![CDATA[x]]]]><![CDATA[>y]]></A><List><T>1</T></List><List><T>2</T></List></xml>";
        assert_eq!(write(&body, WechatFormat::Xml), expected);
    }

    #[test]
    fn json_writes_a_single_list_entry_as_an_object_and_two_as_an_array() {
        let one = fields(&serde_json::json!({"List": [{"T": 1}]}));
        assert_eq!(write(&one, WechatFormat::Json), r#"{"List":{"T":1}}"#);
        let two = fields(&serde_json::json!({"List": [{"T": 1}, {"T": "二"}]}));
        assert_eq!(write(&two, WechatFormat::Json), r#"{"List":[{"T":1},{"T":"二"}]}"#);
    }

    #[test]
    fn raw_pieces_are_not_touched() {
        let body = fields(&serde_json::json!({"A": {"$raw": "<![CDATA[a]]><![CDATA[b]]>"}}));
        assert_eq!(write(&body, WechatFormat::Xml), "<xml><A><![CDATA[a]]><![CDATA[b]]></A></xml>");
    }
}
