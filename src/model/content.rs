//! What a message says: one closed set of content types for every channel. Knows no channel's own format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{MediaId, MessageId};

/// A blob that a message refers to. The bytes live in `media/`; a message carries only this description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Media {
    /// The blob.
    pub id: MediaId,
    /// The sniffed type once the bytes are here, before that the one the channel claims.
    pub mime: String,
    /// A label for people; never used as a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Playing time of voice and video, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// A signed address, filled in when the envelope leaves for a client; never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One line of a [`Content::Menu`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MenuOption {
    /// What the customer types to choose it, and the id that comes back.
    pub key: String,
    /// What the customer reads.
    pub label: String,
}

/// One card of a [`Content::Article`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArticleItem {
    /// Headline.
    pub title: String,
    /// Text below it.
    #[serde(default)]
    pub desc: String,
    /// Where it leads.
    pub url: String,
    /// Picture address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pic: Option<String>,
}

/// The content of a message; in JSON `{"type": …, "body": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "body", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text, at most 4,000 Unicode scalar values when it comes from a client.
        text: String,
    },
    /// A picture.
    Image {
        /// The picture.
        media: Media,
    },
    /// A voice recording.
    Voice {
        /// The recording.
        media: Media,
        /// What the channel's speech recognition understood, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asr_text: Option<String>,
    },
    /// A video.
    Video {
        /// The video.
        media: Media,
        /// Its title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// Any other file. `media` is absent when the channel cannot hand the bytes over.
    File {
        /// The file, when it can be fetched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<Media>,
        /// Its name.
        name: String,
    },
    /// A place. Coordinates are absent when the channel sent something that is not a coordinate.
    Location {
        /// Latitude in degrees, −90 to 90.
        lat: Option<f64>,
        /// Longitude in degrees, −180 to 180.
        lon: Option<f64>,
        /// Zoom level of the map the customer saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scale: Option<f64>,
        /// Address or name.
        #[serde(default)]
        label: String,
    },
    /// A link with a preview.
    Link {
        /// Headline.
        title: String,
        /// Text below it.
        #[serde(default)]
        desc: String,
        /// Where it leads.
        url: String,
    },
    /// One or more link cards.
    Article {
        /// The cards; at most 8.
        items: Vec<ArticleItem>,
    },
    /// A mini-program card.
    Card {
        /// The mini program.
        appid: String,
        /// The page in it.
        path: String,
        /// Headline.
        title: String,
        /// Cover picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thumb: Option<Media>,
    },
    /// A list to choose from.
    Menu {
        /// Text above the options.
        prompt: String,
        /// The options, in order.
        options: Vec<MenuOption>,
        /// Text below the options.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tail: Option<String>,
    },
    /// The customer's choice from a menu.
    Choice {
        /// The chosen option's key.
        key: String,
        /// Its label, as the customer saw it.
        label: String,
    },
    /// Something that happened and belongs into the log.
    Event {
        /// Which event, for example `session.connected` or `wechat.subscribe`.
        name: String,
        /// Its details.
        #[serde(default)]
        data: serde_json::Value,
    },
    /// A note between agents.
    Note {
        /// The text.
        text: String,
    },
    /// Withdraws an earlier message.
    Recall {
        /// The withdrawn message.
        target: MessageId,
    },
    /// Something that the gateway cannot represent, kept by name.
    Unsupported {
        /// The channel's own type name.
        raw_type: String,
    },
}

impl Content {
    /// Plain text content.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The name of the type, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image { .. } => "image",
            Self::Voice { .. } => "voice",
            Self::Video { .. } => "video",
            Self::File { .. } => "file",
            Self::Location { .. } => "location",
            Self::Link { .. } => "link",
            Self::Article { .. } => "article",
            Self::Card { .. } => "card",
            Self::Menu { .. } => "menu",
            Self::Choice { .. } => "choice",
            Self::Event { .. } => "event",
            Self::Note { .. } => "note",
            Self::Recall { .. } => "recall",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// Plain text for whoever cannot show the type: other channels, search, a list view.
    #[must_use]
    pub fn fallback(&self) -> String {
        match self {
            Self::Text { text } | Self::Note { text } => text.clone(),
            Self::Image { .. } => "[图片]".into(),
            Self::Voice { asr_text, .. } => asr_text.clone().map_or_else(|| "[语音]".into(), |t| format!("[语音] {t}")),
            Self::Video { title, .. } => title.clone().map_or_else(|| "[视频]".into(), |t| format!("[视频] {t}")),
            Self::File { name, .. } => format!("[文件] {name}"),
            Self::Location { label, .. } => format!("[位置] {label}"),
            Self::Link { title, url, .. } => format!("{title} {url}"),
            Self::Article { items } => {
                items.iter().map(|i| format!("{} {}", i.title, i.url)).collect::<Vec<_>>().join("\n")
            }
            Self::Card { title, .. } => format!("[小程序] {title}"),
            Self::Menu { prompt, options, tail } => {
                let mut lines = vec![prompt.clone()];
                lines.extend(options.iter().map(|o| format!("{}. {}", o.key, o.label)));
                lines.extend(tail.clone());
                lines.join("\n")
            }
            Self::Choice { label, .. } => label.clone(),
            Self::Event { name, .. } => format!("[{name}]"),
            Self::Recall { .. } => "[消息已撤回]".into(),
            Self::Unsupported { raw_type } => format!("[不支持的消息: {raw_type}]"),
        }
    }

    /// Every blob that the content refers to.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image { media } | Self::Voice { media, .. } | Self::Video { media, .. } => Some(media),
            Self::File { media, .. } => media.as_ref(),
            Self::Card { thumb, .. } => thumb.as_ref(),
            _ => None,
        }
    }

    /// The blob that the content refers to, to be changed.
    #[must_use]
    pub fn media_mut(&mut self) -> Option<&mut Media> {
        match self {
            Self::Image { media } | Self::Voice { media, .. } | Self::Video { media, .. } => Some(media),
            Self::File { media, .. } => media.as_mut(),
            Self::Card { thumb, .. } => thumb.as_mut(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shape_is_type_and_body() {
        let json = serde_json::to_string(&Content::text("您好")).unwrap();
        assert_eq!(json, r#"{"type":"text","body":{"text":"您好"}}"#);
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), Content::text("您好"));
    }

    #[test]
    fn menu_falls_back_to_numbered_lines() {
        let menu = Content::Menu {
            prompt: "请选择".into(),
            options: vec![MenuOption { key: "1".into(), label: "贷款".into() }],
            tail: None,
        };
        assert_eq!(menu.fallback(), "请选择\n1. 贷款");
    }
}
