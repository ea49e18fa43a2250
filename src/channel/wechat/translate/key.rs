//! Keys under which a repeated delivery is recognised. Knows no store.
//!
//! The documented keys (`MsgId`; sender and time for events) are too weak in the field: one `MsgId` was seen for
//! several customers, and several events of one customer fall into one second.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::super::document::Fields;
use super::filled;
use crate::config::{Bug, planted};

/// What tells apart events of one customer in one second, besides the event's name.
const EVENT_FIELDS: [&str; 5] = ["EventKey", "MsgID", "MsgId", "trace_id", "Ticket"];

/// Time, message id, sender. A message without id is told by all it says.
pub(super) fn of_message(fields: &Fields<'_>, from: &str, created: i64) -> String {
    match filled(fields, "MsgId") {
        Some(id) if planted(Bug::MsgIdAsFloat) => format!("{created}.{}.{from}", id.parse::<f64>().unwrap_or(0.0)),
        Some(id) if id.len() <= 32 => format!("{created}.{id}.{from}"),
        _ => format!("{created}.{}.{from}", digest([fields.to_json().to_string().as_str()])),
    }
}

/// Time, event, its particulars, sender.
pub(super) fn of_event(name: &str, fields: &Fields<'_>, from: &str, created: i64) -> String {
    let name = name.to_ascii_lowercase();
    let particulars = EVENT_FIELDS.map(|field| fields.text(field).unwrap_or_default());
    let [a, b, c, d, e] = particulars;
    format!("{created}.e{}.{from}", digest([name.as_str(), a, b, c, d, e]))
}

/// 128 bits over parts that cannot run into each other.
fn digest<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hash: [u8; 32] = hash.finalize().into();
    URL_SAFE_NO_PAD.encode(hash.first_chunk::<16>().unwrap_or(&[0; 16]))
}
