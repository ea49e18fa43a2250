//! Pushes that no phone would make: unknown types, broken characters, repeated ids. Knows no HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::act::{ActError, compose};
use super::deed::Fields;
use super::tree::Node;
use super::world::World;
use super::{Platform, xml};
use crate::model::time::Millis;

/// The most pushes that one request makes.
const MAX_COPIES: u32 = 64;

/// A push by hand. Exactly one of `fields`, `xml`, `json` and `base64` says what is in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Fields, written in the account's format. `ToUserName`, `FromUserName`, `CreateTime`, `MsgType` (`text`) and, on
    /// messages, `MsgId` are added where they are missing. Texts become CDATA, numbers stay bare, arrays repeat, and
    /// `{"$raw": "…"}` is written as it is.
    #[serde(default)]
    pub fields: Option<Map<String, Value>>,
    /// The body before encryption, whatever it is. `{to}`, `{from}`, `{now}` and `{id}` are replaced.
    #[serde(default)]
    pub xml: Option<String>,
    /// The same for accounts with JSON: a text, or an object that is written as it is.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body's bytes in base 64, for bodies that are no text.
    #[serde(default)]
    pub base64: Option<String>,
    /// So many separate pushes with the same body, under the same `MsgId`.
    #[serde(default)]
    pub copies: Option<u32>,
}

impl Platform {
    pub(super) fn push_raw(&self, world: &mut World, openid: &str, raw: &Raw, now: Millis) -> Result<String, ActError> {
        let copies = raw.copies.unwrap_or(1).clamp(1, MAX_COPIES);
        let (fields, body) = parts(world, openid, raw, now)?;
        let mut last = String::new();
        for _ in 0..copies {
            last = self.dispatch(world, openid, fields.clone(), body.clone(), now)?;
        }
        Ok(last)
    }
}

/// The fields of a push, and its body if that was given as a whole.
pub(super) fn parts(
    world: &mut World,
    openid: &str,
    raw: &Raw,
    now: Millis,
) -> Result<(Fields, Option<Vec<u8>>), ActError> {
    match (&raw.fields, literal(world, openid, raw, now)?) {
        (Some(own), None) => {
            let own: Vec<_> = own.iter().map(|(name, value)| (name.clone(), Node::from_json(value))).collect();
            let given = own.iter().find(|(name, _)| name == "MsgType").and_then(|(_, node)| node.as_str());
            let msg_type = given.unwrap_or("text").to_owned();
            Ok((compose(world, openid, &msg_type, own, now)?, None))
        }
        (None, Some(body)) => Ok((readable(&body), Some(body))),
        _ => Err(ActError::BadRequest("give one of fields, xml, json and base64".to_owned())),
    }
}

/// The body that was given as a whole, if one was.
fn literal(world: &mut World, openid: &str, raw: &Raw, now: Millis) -> Result<Option<Vec<u8>>, ActError> {
    let text = match (&raw.xml, &raw.json, &raw.base64) {
        (None, None, None) => return Ok(None),
        (Some(xml), None, None) => xml.clone(),
        (None, Some(Value::String(text)), None) => text.clone(),
        (None, Some(value), None) => value.to_string(),
        (None, None, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded).map_err(|error| ActError::BadRequest(error.to_string()))?;
            return Ok(Some(bytes));
        }
        _ => return Err(ActError::BadRequest("give one of fields, xml, json and base64".to_owned())),
    };
    let id = world.next_msg_id();
    let gh_id = &world.account_of(openid).ok_or(ActError::UnknownPhone)?.settings.gh_id;
    let filled = text
        .replace("{to}", gh_id)
        .replace("{from}", openid)
        .replace("{now}", &now.seconds().to_string())
        .replace("{id}", &id.to_string());
    Ok(Some(filled.into_bytes()))
}

/// The fields of a body as far as it can be read, for the ledger and the windows. A body that only a tolerant reader
/// would understand counts as a message, as it would on the platform that made it.
fn readable(body: &[u8]) -> Vec<(String, Node)> {
    let text: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).collect();
    let tree = xml::read(&text).ok().or_else(|| serde_json::from_str(&text).ok().map(|value| Node::from_json(&value)));
    match tree {
        Some(Node::Map(fields)) => fields,
        _ => vec![("MsgType".to_owned(), Node::text("unreadable"))],
    }
}
