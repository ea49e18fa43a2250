//! Reading JSON objects without duplicate names; numbers keep their spelling. Knows no field's meaning.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Fields, MAX_DEPTH, MAX_NODES, ParseError, Value, strip};

/// Reads one object.
pub(super) fn parse(text: &str) -> Result<Fields<'_>, ParseError> {
    let mut nodes = 0;
    object(text, 1, &mut nodes)
}

fn object<'a>(text: &'a str, depth: usize, nodes: &mut usize) -> Result<Fields<'a>, ParseError> {
    let Pairs(pairs) = read(text)?;
    count(pairs.len(), depth, nodes)?;
    let mut fields = Fields(Vec::with_capacity(pairs.len()));
    for (name, raw) in pairs {
        if fields.get(&name).is_some() {
            return Err(ParseError::Duplicate);
        }
        if let Some(value) = value(raw, depth, nodes)? {
            fields.0.push((name, value));
        }
    }
    Ok(fields)
}

/// A value; `null` is no value.
fn value<'a>(raw: &'a RawValue, depth: usize, nodes: &mut usize) -> Result<Option<Value<'a>>, ParseError> {
    let text = raw.get();
    Ok(Some(match text.bytes().next() {
        Some(b'{') => Value::Fields(object(text, depth + 1, nodes)?),
        Some(b'[') => {
            let raws: Vec<&RawValue> = read(text)?;
            count(raws.len(), depth + 1, nodes)?;
            let values = raws.into_iter().map(|raw| value(raw, depth + 1, nodes));
            Value::List(values.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::Text(strip(read::<Text<'_>>(text)?.0)),
        Some(b'n') => return Ok(None),
        _ => Value::Text(Cow::Borrowed(text)),
    }))
}

fn count(more: usize, depth: usize, nodes: &mut usize) -> Result<(), ParseError> {
    *nodes += more;
    if *nodes > MAX_NODES {
        return Err(ParseError::TooMany);
    }
    if depth > MAX_DEPTH { Err(ParseError::TooDeep) } else { Ok(()) }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseError> {
    serde_json::from_str(text).map_err(|_syntax| ParseError::Malformed)
}

/// The members of an object, unread.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    pairs.push((name, map.next_value()?));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Characters;
        impl<'de> Visitor<'de> for Characters {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Characters)
    }
}
