//! From the common message format to customer-service messages. Pure; knows limits and shapes, no transport.
//!
//! Source: `api_sendcustommessage` of the platform's documentation.

use serde_json::{Value, json};

use crate::model::content::{ArticleItem, Content, Media, MenuOption};

use super::api::MediaKind;
use super::cut::pieces;

/// Longest text of one message, bytes.
pub const MAX_TEXT: usize = 2048;

/// One message as the platform takes it. Media ids are the platform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// Text of at most [`MAX_TEXT`] bytes.
    Text(String),
    /// A picture.
    Image {
        /// Temporary or permanent id.
        media_id: String,
    },
    /// A voice recording.
    Voice {
        /// Temporary or permanent id.
        media_id: String,
    },
    /// A video.
    Video {
        /// Temporary or permanent id.
        media_id: String,
        /// Headline.
        title: Option<String>,
    },
    /// A link card; the platform takes one per message.
    News(ArticleItem),
    /// A menu; the choice comes back with the option's key.
    Menu {
        /// Text above the options.
        head: String,
        /// The options.
        options: Vec<MenuOption>,
        /// Text below.
        tail: String,
    },
    /// A mini-program card.
    MiniProgram {
        /// Headline.
        title: String,
        /// The mini program, which must be linked to the account.
        appid: String,
        /// The page in it.
        path: String,
        /// Cover picture.
        thumb_media_id: String,
    },
}

impl Outgoing {
    /// The body of the send call.
    #[must_use]
    pub fn request(&self, openid: &str) -> Value {
        let (msgtype, object) = match self {
            Self::Text(text) => ("text", json!({"content": text})),
            Self::Image { media_id } => ("image", json!({"media_id": media_id})),
            Self::Voice { media_id } => ("voice", json!({"media_id": media_id})),
            // Without `thumb_media_id`, as other clients of this API send it: there is no cover of our own.
            Self::Video { media_id, title } => (
                "video",
                json!({"media_id": media_id, "title": title.as_deref().unwrap_or_default(), "description": ""}),
            ),
            Self::News(item) => (
                "news",
                json!({"articles": [{
                    "title": item.title, "description": item.desc, "url": item.url,
                    "picurl": item.pic.as_deref().unwrap_or_default(),
                }]}),
            ),
            Self::Menu { head, options, tail } => {
                let list: Vec<_> = options.iter().map(|o| json!({"id": o.key, "content": o.label})).collect();
                ("msgmenu", json!({"head_content": head, "list": list, "tail_content": tail}))
            }
            Self::MiniProgram { title, appid, path, thumb_media_id } => (
                "miniprogrampage",
                json!({"title": title, "appid": appid, "pagepath": path, "thumb_media_id": thumb_media_id}),
            ),
        };
        json!({"touser": openid, "msgtype": msgtype, msgtype: object})
    }
}

/// One step on the way to the customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// To be sent as it is.
    Ready(Outgoing),
    /// A blob has to be uploaded first.
    Upload(Upload),
}

/// A message that lacks the platform's id of its blob.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// The blob, whose bytes the caller has.
    pub media: Media,
    /// As what it is uploaded.
    pub kind: MediaKind,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Image,
    Voice,
    Video { title: Option<String> },
    Card { title: String, appid: String, path: String },
}

impl Upload {
    /// The message, once the blob is uploaded.
    #[must_use]
    pub fn with(self, media_id: String) -> Outgoing {
        match self.shape {
            Shape::Image => Outgoing::Image { media_id },
            Shape::Voice => Outgoing::Voice { media_id },
            Shape::Video { title } => Outgoing::Video { media_id, title },
            Shape::Card { title, appid, path } => {
                Outgoing::MiniProgram { title, appid, path, thumb_media_id: media_id }
            }
        }
    }
}

/// The messages that carry `content`, in order. Each one counts against what the customer's last action allows, so a
/// content becomes several only where a text is too long for one. Types that the platform cannot show become text; what
/// is not meant for customers (notes, events, withdrawals) and empty texts become nothing.
#[must_use]
pub fn prepare(content: &Content) -> Vec<Part> {
    let upload = |media: &Media, kind: MediaKind, shape| {
        kind.extension(&media.mime).map(|_| Part::Upload(Upload { media: media.clone(), kind, shape }))
    };
    let part = match content {
        Content::Note { .. } | Content::Event { .. } | Content::Recall { .. } => return Vec::new(),
        Content::Image { media } => upload(media, MediaKind::Image, Shape::Image),
        Content::Voice { media, .. } => upload(media, MediaKind::Voice, Shape::Voice),
        Content::Video { media, title } => upload(media, MediaKind::Video, Shape::Video { title: title.clone() }),
        Content::Card { appid, path, title, thumb: Some(thumb) } => {
            let shape = Shape::Card { title: title.clone(), appid: appid.clone(), path: path.clone() };
            upload(thumb, MediaKind::Image, shape)
        }
        Content::Link { title, desc, url } => {
            let item = ArticleItem { title: title.clone(), desc: desc.clone(), url: url.clone(), pic: None };
            Some(Part::Ready(Outgoing::News(item)))
        }
        Content::Article { items } => match items.as_slice() {
            [item] => Some(Part::Ready(Outgoing::News(item.clone()))),
            _ => None,
        },
        Content::Menu { prompt, options, tail } if !options.is_empty() => {
            let (head, tail) = (prompt.clone(), tail.clone().unwrap_or_default());
            Some(Part::Ready(Outgoing::Menu { head, options: options.clone(), tail }))
        }
        _ => None,
    };
    part.map_or_else(|| texts(content), |part| vec![part])
}

fn texts(content: &Content) -> Vec<Part> {
    let mut text = content.fallback();
    if let (Some(url), false) = (content.media().and_then(|media| media.url.as_deref()), text.is_empty()) {
        text = format!("{text} {url}");
    }
    let pieces = pieces(&text, MAX_TEXT).into_iter().filter(|piece| !piece.trim().is_empty());
    pieces.map(|piece| Part::Ready(Outgoing::Text(piece.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{MediaId, MessageId};
    use crate::model::time::Millis;

    fn media(mime: &str) -> Media {
        let id = MediaId::generate(Millis(1));
        Media { id, mime: mime.into(), name: None, size: None, duration_ms: None, url: None }
    }

    fn ready(content: &Content) -> Outgoing {
        match prepare(content).as_slice() {
            [Part::Ready(outgoing)] => outgoing.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn uploaded(content: &Content, kind: MediaKind) -> Outgoing {
        match prepare(content).as_slice() {
            [Part::Upload(upload)] if upload.kind == kind => upload.clone().with("m1".into()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_have_the_published_shape_and_raw_characters() {
        let item = ArticleItem { title: "t".into(), desc: "d".into(), url: "u?a=1&b=<2>".into(), pic: None };
        let menu = Content::Menu {
            prompt: "满意吗".into(),
            options: vec![MenuOption { key: "101".into(), label: "满意".into() }],
            tail: Some("谢谢".into()),
        };
        let card = Content::Card {
            appid: "wx1".into(),
            path: "p".into(),
            title: "t".into(),
            thumb: Some(media("image/jpeg")),
        };
        let video = Content::Video { media: media("video/mp4"), title: Some("t".into()) };
        for (outgoing, expected) in [
            (ready(&Content::text("你好😀")), r#"{"msgtype":"text","text":{"content":"你好😀"},"touser":"o1"}"#),
            (
                uploaded(&Content::Image { media: media("image/png") }, MediaKind::Image),
                r#"{"image":{"media_id":"m1"},"msgtype":"image","touser":"o1"}"#,
            ),
            (
                uploaded(&Content::Voice { media: media("audio/amr"), asr_text: None }, MediaKind::Voice),
                r#"{"msgtype":"voice","touser":"o1","voice":{"media_id":"m1"}}"#,
            ),
            (
                uploaded(&video, MediaKind::Video),
                r#"{"msgtype":"video","touser":"o1","video":{"description":"","media_id":"m1","title":"t"}}"#,
            ),
            (
                ready(&Content::Article { items: vec![item] }),
                r#"{"msgtype":"news","news":{"articles":[{"description":"d","picurl":"","title":"t","url":"u?a=1&b=<2>"}]},"touser":"o1"}"#,
            ),
            (
                ready(&menu),
                r#"{"msgmenu":{"head_content":"满意吗","list":[{"content":"满意","id":"101"}],"tail_content":"谢谢"},"msgtype":"msgmenu","touser":"o1"}"#,
            ),
            (
                uploaded(&card, MediaKind::Image),
                r#"{"miniprogrampage":{"appid":"wx1","pagepath":"p","thumb_media_id":"m1","title":"t"},"msgtype":"miniprogrampage","touser":"o1"}"#,
            ),
        ] {
            assert_eq!(outgoing.request("o1").to_string(), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let parts = prepare(&Content::text("😀".repeat(1025)));
        let length = |part: &Part| match part {
            Part::Ready(Outgoing::Text(text)) => text.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(parts.iter().map(length).collect::<Vec<_>>(), [2048, 2048, 4]);
    }

    #[test]
    fn what_the_platform_cannot_show_becomes_text() {
        let mut sheet = media("application/pdf");
        sheet.url = Some("https://h/media/1".into());
        let article =
            |n: usize| ArticleItem { title: format!("t{n}"), desc: String::new(), url: "u".into(), pic: None };
        for (content, text) in [
            (Content::File { media: Some(sheet), name: "a.pdf".into() }, "[文件] a.pdf https://h/media/1"),
            (Content::Image { media: media("image/webp") }, "[图片]"),
            (Content::Location { lat: None, lon: None, scale: None, label: "北京".into() }, "[位置] 北京"),
            (Content::Article { items: vec![article(1), article(2)] }, "t1 u\nt2 u"),
            (Content::Card { appid: "a".into(), path: "p".into(), title: "t".into(), thumb: None }, "[小程序] t"),
        ] {
            assert_eq!(ready(&content), Outgoing::Text(text.into()));
        }
        for nothing in [
            Content::text(""),
            Content::text(" \n"),
            Content::Note { text: "x".into() },
            Content::Recall { target: MessageId::generate(Millis(1)) },
        ] {
            assert_eq!(prepare(&nothing), []);
        }
    }
}
