//! What customers say, by message type.

use crate::model::content::{Content, Media};
use crate::model::id::MediaId;
use crate::model::inbound::Fetch;
use crate::model::time::Millis;
use crate::model::window::Trigger;

use super::super::cut::cut;
use super::super::document::Fields;
use super::{degrees, filled};

/// Longest label or title that is kept, bytes: beyond it nobody reads.
const MAX_LABEL: usize = 1024;

/// A message's content and what follows from it.
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) opens: Trigger,
    pub(super) fetch: Vec<Fetch>,
}

/// Translates by `MsgType`.
pub(super) fn translate(msg_type: &str, fields: &Fields<'_>, now: Millis) -> Message {
    let mut fetch = Vec::new();
    let content = match msg_type.to_ascii_lowercase().as_str() {
        "text" => Some(text(fields)),
        "image" => media(fields, "MediaId", "image/jpeg", now, &mut fetch).map(|media| Content::Image { media }),
        "voice" => voice(fields, now, &mut fetch),
        "video" | "shortvideo" => media(fields, "MediaId", "video/mp4", now, &mut fetch)
            .map(|media| Content::Video { media, title: filled(fields, "Title").map(label) }),
        "location" => Some(location(fields)),
        "link" => Some(Content::Link {
            title: labelled(fields, "Title"),
            desc: labelled(fields, "Description"),
            url: owned(fields, "Url"),
        }),
        "file" => Some(Content::File { media: None, name: labelled(fields, "Title") }),
        "miniprogrampage" => Some(Content::Card {
            appid: owned(fields, "AppId"),
            path: owned(fields, "PagePath"),
            title: labelled(fields, "Title"),
            thumb: media(fields, "ThumbMediaId", "image/jpeg", now, &mut fetch),
        }),
        _ => None,
    };
    let content = content.unwrap_or_else(|| Content::Unsupported { raw_type: cut(msg_type, super::MAX_TYPE).0.into() });
    // The tap on a menu message arrives as a text but counts as a menu tap.
    let opens = if matches!(content, Content::Choice { .. }) { Trigger::Menu } else { Trigger::Message };
    Message { content, opens, fetch }
}

fn text(fields: &Fields<'_>) -> Content {
    let text = owned(fields, "Content");
    match fields.text_any_case("bizmsgmenuid").filter(|id| !id.is_empty()) {
        Some(key) => Content::Choice { key: key.to_owned(), label: text },
        None => Content::Text { text },
    }
}

fn voice(fields: &Fields<'_>, now: Millis, fetch: &mut Vec<Fetch>) -> Option<Content> {
    let mime = match fields.text("Format").unwrap_or_default().to_ascii_lowercase().as_str() {
        "speex" => "audio/speex",
        "mp3" => "audio/mpeg",
        _ => "audio/amr",
    };
    let media = media(fields, "MediaId", mime, now, fetch)?;
    Some(Content::Voice { media, asr_text: filled(fields, "Recognition").map(str::to_owned) })
}

/// The platform calls latitude X and longitude Y. Where one is not a coordinate, the label tells what was sent.
fn location(fields: &Fields<'_>) -> Content {
    let lat = degrees(fields, "Location_X", 90.0);
    let lon = degrees(fields, "Location_Y", 180.0);
    let mut label = labelled(fields, "Label");
    if lat.is_none() || lon.is_none() {
        let raw = |name| cut(fields.text(name).unwrap_or_default(), 32).0;
        label = format!("{label} ({}, {})", raw("Location_X"), raw("Location_Y"));
    }
    let scale = fields.text("Scale").and_then(|text| text.parse().ok()).filter(|scale: &f64| scale.is_finite());
    Content::Location { lat, lon, scale, label }
}

/// A blob under a new id, to be fetched by the platform's one. Addresses such as `PicUrl` are never fetched: they are
/// the sender's claim.
fn media(fields: &Fields<'_>, field: &str, mime: &str, now: Millis, fetch: &mut Vec<Fetch>) -> Option<Media> {
    let remote = filled(fields, field)?.to_owned();
    let id = MediaId::generate(now);
    fetch.push(Fetch { media: id, remote });
    Some(Media { id, mime: mime.to_owned(), name: None, size: None, duration_ms: None, url: None })
}

fn owned(fields: &Fields<'_>, name: &str) -> String {
    fields.text(name).unwrap_or_default().to_owned()
}

fn labelled(fields: &Fields<'_>, name: &str) -> String {
    label(fields.text(name).unwrap_or_default())
}

fn label(text: &str) -> String {
    cut(text, MAX_LABEL).0.to_owned()
}
