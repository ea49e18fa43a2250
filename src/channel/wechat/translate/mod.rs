//! From a document's fields to the common message format. Knows field names, no transport.
//!
//! Source: `Receiving_standard_messages` and `Receiving_event_pushes` of the platform's documentation; `file` and
//! `bizmsgmenuid` are undocumented but real.

mod event;
mod key;
mod message;

use crate::model::id::RemoteId;
use crate::model::inbound::{Inbound, InboundKind};
use crate::model::time::Millis;

use super::cut::cut;
use super::document::{Fields, ParseError};

/// Longest type name that is kept, bytes.
const MAX_TYPE: usize = 64;

/// The longest openid, bytes; those that are given out have 28.
const OPENID: usize = 64;

/// Why an authentic payload cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The document cannot be read.
    #[error(transparent)]
    Document(#[from] ParseError),
    /// The document is in the other format than the account's.
    #[error("the document is in another format than configured")]
    Format,
    /// The message is addressed to another account.
    #[error("ToUserName is not this account")]
    Routing,
    /// No `FromUserName`, or none that could be an openid.
    #[error("FromUserName is missing or impossible")]
    Sender,
    /// No `MsgType`, or an event without `Event`.
    #[error("MsgType or Event is missing")]
    Type,
}

impl Unusable {
    /// A stable word for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Document(error) => error.label(),
            Self::Format => "format",
            Self::Routing => "routing",
            Self::Sender => "sender",
            Self::Type => "type",
        }
    }
}

/// Translates one document. Types and events that are not known become [`Content::Unsupported`] and
/// [`ChannelEvent::Reported`]: they are kept, never refused.
///
/// The dedupe key leaves out tenant and account, which the store adds.
///
/// # Errors
/// When sender or type are missing.
///
/// [`Content::Unsupported`]: crate::model::content::Content::Unsupported
/// [`ChannelEvent::Reported`]: crate::model::inbound::ChannelEvent::Reported
pub fn translate(fields: &Fields<'_>, now: Millis) -> Result<Inbound, Unusable> {
    let from = fields.text("FromUserName").ok_or(Unusable::Sender)?;
    let from = RemoteId::parse(from).ok().filter(|from| from.as_str().len() <= OPENID).ok_or(Unusable::Sender)?;
    let msg_type = filled(fields, "MsgType").ok_or(Unusable::Type)?;
    let created: Option<i64> = fields.text("CreateTime").and_then(|text| text.parse().ok());
    let sent_at = created.map_or(now, Millis::from_seconds);
    let created = created.unwrap_or(0);
    if msg_type.eq_ignore_ascii_case("event") {
        let name = filled(fields, "Event").ok_or(Unusable::Type)?;
        let (event, opens) = event::translate(name, fields);
        return Ok(Inbound {
            dedupe: key::of_event(name, fields, from.as_str(), created),
            from,
            sent_at,
            kind: InboundKind::Event(event),
            raw_type: format!("event:{}", cut(name, MAX_TYPE).0),
            ext_id: filled(fields, "MsgID").or(filled(fields, "MsgId")).map(str::to_owned),
            opens,
            fetch: Vec::new(),
        });
    }
    let message = message::translate(msg_type, fields, now);
    Ok(Inbound {
        dedupe: key::of_message(fields, from.as_str(), created),
        from,
        sent_at,
        kind: InboundKind::Message(message.content),
        raw_type: cut(msg_type, MAX_TYPE).0.to_owned(),
        ext_id: filled(fields, "MsgId").map(str::to_owned),
        opens: Some(message.opens),
        fetch: message.fetch,
    })
}

/// A field's text unless it is empty.
fn filled<'f>(fields: &'f Fields<'_>, name: &str) -> Option<&'f str> {
    fields.text(name).filter(|text| !text.is_empty())
}

/// A coordinate in degrees, unless it is none.
fn degrees(fields: &Fields<'_>, name: &str, limit: f64) -> Option<f64> {
    let value: f64 = fields.text(name)?.trim().parse().ok()?;
    (value.abs() <= limit).then_some(value)
}

#[cfg(test)]
mod tests;
