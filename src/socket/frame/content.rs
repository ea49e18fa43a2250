//! Limits of what a client may write: kinds, lengths, characters. Applied once, where text comes in.

use serde::Deserialize;

use crate::core::request::Request;
use crate::model::code::Code;
use crate::model::content::{Content, Media};

/// Unicode scalar values of a message's text.
const MAX_TEXT: usize = 4_000;
/// Scalar values of a label: names, titles, reasons.
const MAX_LABEL: usize = 120;
/// Scalar values of an address.
const MAX_URL: usize = 2_048;
/// Entries of a list inside one request.
const MAX_LIST: usize = 200;

/// What clients may send.
const TYPES: [&str; 13] = [
    "text", "image", "voice", "video", "file", "location", "link", "article", "card", "menu", "choice", "note",
    "recall",
];

/// Checks the `type` of a `send` before its body is read, so that an unknown one has its own answer.
pub(super) fn known_type(d: &str) -> Result<(), Code> {
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    let kind = serde_json::from_str::<Kind>(d).map_err(|_missing| Code::BadRequest)?;
    if TYPES.contains(&kind.r#type.as_str()) { Ok(()) } else { Err(Code::UnsupportedType) }
}

/// Refuses what is too long, cuts labels, strips NUL.
pub(super) fn limit(request: &mut Request) -> Result<(), Code> {
    match request {
        Request::Send(send) => body(&mut send.content),
        Request::Upload { name, mime, .. } => {
            label(name);
            within(mime, MAX_LABEL)
        }
        Request::LeaveMessage { text, phone } => {
            within(text, MAX_TEXT)?;
            phone.as_mut().map_or(Ok(()), |phone| within(phone, 40))
        }
        Request::History { before, after, limit, .. } => range(*before, *after, *limit),
        Request::Sync { convs } if convs.len() > MAX_LIST => Err(Code::TooLarge),
        Request::Tag { tags, .. } => {
            tags.iter_mut().for_each(label);
            if tags.len() > 32 { Err(Code::TooLarge) } else { Ok(()) }
        }
        Request::Transfer { note: Some(text), .. } => within(text, MAX_TEXT),
        Request::PresenceSet { reason: Some(text), .. }
        | Request::OfferReject { reason: Some(text), .. }
        | Request::WrapupDone { disposition: Some(text), .. }
        | Request::End { reason: Some(text), .. } => {
            label(text);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn range(before: Option<i64>, after: Option<i64>, limit: i64) -> Result<(), Code> {
    let inverted = matches!((before, after), (Some(before), Some(after)) if before < after);
    let negative = before.is_some_and(|seq| seq < 0) || after.is_some_and(|seq| seq < 0);
    if inverted || negative || !(1..=200).contains(&limit) { Err(Code::BadRequest) } else { Ok(()) }
}

fn body(content: &mut Content) -> Result<(), Code> {
    match content {
        Content::Text { text } | Content::Note { text } => within(text, MAX_TEXT)?,
        Content::Voice { asr_text: Some(text), .. } => within(text, MAX_TEXT)?,
        Content::Video { title: Some(title), .. } => label(title),
        Content::File { name, .. } => label(name),
        Content::Location { lat, lon, label: text, .. } => {
            label(text);
            let outside = |value: Option<f64>, limit: f64| !value.is_some_and(|v| v.abs() <= limit);
            if outside(*lat, 90.0) || outside(*lon, 180.0) {
                return Err(Code::BadRequest);
            }
        }
        Content::Link { title, desc, url } => {
            label(title);
            within(desc, MAX_TEXT)?;
            within(url, MAX_URL)?;
        }
        Content::Article { items } => {
            if items.is_empty() || items.len() > 8 {
                return Err(Code::BadRequest);
            }
            for item in items {
                label(&mut item.title);
                within(&mut item.desc, MAX_TEXT)?;
                within(&mut item.url, MAX_URL)?;
            }
        }
        Content::Card { appid, path, title, .. } => {
            within(appid, MAX_LABEL)?;
            within(path, MAX_URL)?;
            label(title);
        }
        Content::Choice { key, label: text } => {
            label(key);
            label(text);
        }
        Content::Menu { prompt, options, tail } => {
            within(prompt, MAX_TEXT)?;
            if options.is_empty() || options.len() > 20 {
                return Err(Code::BadRequest);
            }
            for option in options {
                label(&mut option.key);
                label(&mut option.label);
            }
            tail.as_mut().map_or(Ok(()), |tail| within(tail, MAX_TEXT))?;
        }
        _ => {}
    }
    if let Some(media) = content.media_mut() {
        described(media);
    }
    let empty = matches!(content, Content::Text { text } | Content::Note { text } if text.trim().is_empty());
    if empty { Err(Code::BadRequest) } else { Ok(()) }
}

/// A client only refers to a blob; address and size are ours to say.
fn described(media: &mut Media) {
    media.url = None;
    media.size = None;
    if let Some(name) = &mut media.name {
        label(name);
    }
}

/// Strips NUL; longer than `max` scalar values is refused.
fn within(text: &mut String, max: usize) -> Result<(), Code> {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
    if text.len() > max && text.chars().count() > max { Err(Code::TooLarge) } else { Ok(()) }
}

/// Strips control characters and cuts a label to its length.
fn label(text: &mut String) {
    if text.chars().any(char::is_control) {
        text.retain(|c| !c.is_control());
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_LABEL) {
        text.truncate(end);
    }
}
