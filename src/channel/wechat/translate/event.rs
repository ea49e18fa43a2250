//! What customers do and the platform reports. Event names vary in case, so they are compared without.

use crate::model::inbound::ChannelEvent;
use crate::model::window::Trigger;

use super::super::document::Fields;
use super::{degrees, filled};

/// The event, and what it allows us to send.
pub(super) fn translate(name: &str, fields: &Fields<'_>) -> (ChannelEvent, Option<Trigger>) {
    let key = filled(fields, "EventKey").map(str::to_owned);
    match name.to_ascii_lowercase().as_str() {
        "subscribe" => {
            let scene = key.map(|key| key.strip_prefix("qrscene_").map(str::to_owned).unwrap_or(key));
            (ChannelEvent::Followed { scene }, Some(Trigger::Follow))
        }
        "unsubscribe" => (ChannelEvent::Unfollowed, None),
        "scan" => (ChannelEvent::Scanned { scene: key.unwrap_or_default() }, Some(Trigger::Scan)),
        "click" => (ChannelEvent::MenuClicked { key: key.unwrap_or_default() }, Some(Trigger::Menu)),
        "location" => {
            let position = ChannelEvent::Position {
                lat: degrees(fields, "Latitude", 90.0),
                lon: degrees(fields, "Longitude", 180.0),
            };
            (position, None)
        }
        "scancode_push" | "scancode_waitmsg" => (reported(name, fields), Some(Trigger::Menu)),
        _ => (reported(name, fields), None),
    }
}

fn reported(name: &str, fields: &Fields<'_>) -> ChannelEvent {
    ChannelEvent::Reported { event: name.to_owned(), fields: fields.to_json() }
}
