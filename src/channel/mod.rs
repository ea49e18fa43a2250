//! The channel contract and its kinds. A channel translates; it knows no routing.
//!
//! Adding a channel: a folder here, its settings in the model, and a match arm in [`capabilities`].

pub mod web;
pub mod wechat;
mod xml;
pub mod xmpp;

use crate::model::capability::Capabilities;
use crate::model::envelope::ChannelKind;

/// What a kind of channel can do.
#[must_use]
pub fn capabilities(kind: ChannelKind) -> Option<&'static Capabilities> {
    match kind {
        ChannelKind::Wechat => Some(&wechat::CAPABILITIES),
        ChannelKind::Web => Some(&web::CAPABILITIES),
        ChannelKind::Xmpp => Some(&xmpp::CAPABILITIES),
    }
}

/// Whether messages leave through a sender that calls the channel: the log alone does not deliver them.
#[must_use]
pub fn is_called(kind: ChannelKind) -> bool {
    capabilities(kind).is_some_and(|channel| !channel.socket)
}

/// Whether the channel counts what we send, so that a window has to be kept.
#[must_use]
pub fn is_counted(kind: ChannelKind) -> bool {
    capabilities(kind).is_some_and(|channel| channel.counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::Content;

    #[test]
    fn a_channel_says_what_it_shows() {
        let wechat = capabilities(ChannelKind::Wechat).unwrap();
        let file = Content::File { media: None, name: "a".into() };
        assert!(wechat.shows(&Content::text("x")) && wechat.counted && !wechat.socket && !wechat.shows(&file));
        let web = capabilities(ChannelKind::Web).unwrap();
        assert!(web.shows(&file) && web.socket && !web.counted);
        assert!(!web.shows(&Content::Note { text: "x".into() }));
    }
}
