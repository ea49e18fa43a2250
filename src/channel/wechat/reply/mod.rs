//! The body of the answer to a delivery: `success`, or a message in the free passive slot. Knows no HTTP type.
//!
//! Source: `Passive_user_reply_message` of the platform's documentation. Passive replies do not count against the
//! customer-service quota, but only one message fits and the platform waits five seconds for it.

use crate::model::account::WechatFormat;
use crate::model::content::{ArticleItem, Content};
use crate::model::inbound::Answer;
use crate::model::time::Millis;

use super::Credentials;
use super::callback::ReplyContext;
use super::crypto::sign;
use super::cut::cut;
use super::document::{self, Node};

/// Longest text; from 2,048 bytes on the platform shows nothing.
const MAX_TEXT: usize = 2000;
/// Most articles in reply to an event; in reply to a message it is one.
const MAX_ARTICLES: usize = 8;

/// "Accepted, nothing to say": never encrypted, in no mode.
pub const SUCCESS: &str = "success";

/// A message that fits into the passive slot. Media ids are the platform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passive {
    /// Text of at most 2,000 bytes.
    Text(String),
    /// A picture, not animated.
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
        /// Headline; may be empty.
        title: String,
        /// Text below it; may be empty.
        description: String,
    },
    /// Link cards.
    News(Vec<ArticleItem>),
}

impl Passive {
    /// What of `content` fits into the slot, and what is left to be sent otherwise. Media is not for this slot: its
    /// bytes would have to be uploaded first; use the variants with a media id where one is at hand.
    #[must_use]
    pub fn of(content: &Content, to_message: bool) -> (Option<Self>, Option<Content>) {
        match content {
            Content::Article { items } if !items.is_empty() => {
                let most = if to_message { 1 } else { MAX_ARTICLES };
                let (now, later) = items.split_at_checked(most).unwrap_or((items, &[]));
                let rest = (!later.is_empty()).then(|| Content::Article { items: later.to_vec() });
                (Some(Self::News(now.to_vec())), rest)
            }
            Content::Image { .. } | Content::Voice { .. } | Content::Video { .. } | Content::Card { .. } => {
                (None, Some(content.clone()))
            }
            other => {
                let text = other.fallback();
                let (now, later) = cut(&text, MAX_TEXT);
                let first = (!now.is_empty()).then(|| Self::Text(now.to_owned()));
                (first, (!later.is_empty()).then(|| Content::text(later)))
            }
        }
    }

    /// `MsgType` and the fields that follow it.
    fn fields(&self) -> (&'static str, Vec<(&'static str, Node<'_>)>) {
        let id = |media_id| vec![("MediaId", Node::Text(media_id))];
        match self {
            Self::Text(text) => ("text", vec![("Content", Node::Text(text))]),
            Self::Image { media_id } => ("image", vec![("Image", Node::Group(id(media_id)))]),
            Self::Voice { media_id } => ("voice", vec![("Voice", Node::Group(id(media_id)))]),
            Self::Video { media_id, title, description } => {
                let mut video = id(media_id);
                video.extend([("Title", Node::Text(title)), ("Description", Node::Text(description))]);
                ("video", vec![("Video", Node::Group(video))])
            }
            Self::News(items) => {
                let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let articles = Node::Items(items.iter().map(article).collect());
                ("news", vec![("ArticleCount", Node::Number(count)), ("Articles", articles)])
            }
        }
    }
}

fn article(item: &ArticleItem) -> Node<'_> {
    Node::Group(vec![
        ("Title", Node::Text(&item.title)),
        ("Description", Node::Text(&item.desc)),
        ("PicUrl", Node::Text(item.pic.as_deref().unwrap_or_default())),
        ("Url", Node::Text(&item.url)),
    ])
}

/// The answer to a delivery, as it goes out with status 200.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// The bytes.
    pub text: String,
    /// Their media type.
    pub content_type: &'static str,
    /// What did not fit and has to be sent as customer-service messages.
    pub rest: Option<Content>,
}

/// Writes the answer to the delivery of `context`. `random` must be fresh for every answer.
#[must_use]
pub fn body(credentials: &Credentials, context: &ReplyContext, answer: &Answer, now: Millis, random: [u8; 16]) -> Body {
    let (passive, rest) = match answer {
        // Whoever holds the request waits for the end; what rides already is never left behind.
        Answer::Accepted | Answer::Open { .. } => (None, None),
        Answer::Passive(content) => Passive::of(content, context.to_message),
    };
    let content_type = match (&passive, credentials.format) {
        (None, _) => "text/plain; charset=utf-8",
        (Some(_), WechatFormat::Xml) => "application/xml; charset=utf-8",
        (Some(_), WechatFormat::Json) => "application/json",
    };
    let text =
        passive.map_or_else(|| SUCCESS.to_owned(), |message| render(credentials, context, &message, now, random));
    Body { text, content_type, rest }
}

/// Writes the reply to the delivery of `context`, encrypted when the delivery was. `random` must be fresh for every
/// reply.
#[must_use]
pub fn render(
    credentials: &Credentials,
    context: &ReplyContext,
    message: &Passive,
    now: Millis,
    random: [u8; 16],
) -> String {
    let (msg_type, specific) = message.fields();
    let mut fields = vec![
        ("ToUserName", Node::Text(&context.openid)),
        ("FromUserName", Node::Text(&credentials.gh_id)),
        ("CreateTime", Node::Number(now.seconds())),
        ("MsgType", Node::Text(msg_type)),
    ];
    fields.extend(specific);
    let clear = document::write(&fields, credentials.format);
    seal(credentials, context, clear, now, random)
}

fn seal(credentials: &Credentials, context: &ReplyContext, clear: String, now: Millis, random: [u8; 16]) -> String {
    let Some((key, token)) = &context.seal else { return clear };
    let encrypt = key.encrypt(random, clear.as_bytes(), &credentials.appid);
    let timestamp = now.seconds();
    let signature = sign(&[token.expose(), &timestamp.to_string(), &context.nonce, &encrypt]);
    let envelope = [
        ("Encrypt", Node::Text(&encrypt)),
        ("MsgSignature", Node::Text(&signature)),
        ("TimeStamp", Node::Number(timestamp)),
        ("Nonce", Node::Text(&context.nonce)),
    ];
    document::write(&envelope, credentials.format)
}

#[cfg(test)]
mod tests;
