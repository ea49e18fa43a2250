//! The channel contract and its kinds. A channel translates; it knows no routing.
//!
//! Adding a channel: a folder here, its settings in the model, and a match arm in [`capabilities`].

pub mod web;
pub mod wechat;

use crate::model::capability::Capabilities;
use crate::model::envelope::ChannelKind;

/// What a kind of channel can do; nothing for a kind that is not there yet.
#[must_use]
pub fn capabilities(kind: ChannelKind) -> Option<&'static Capabilities> {
    match kind {
        ChannelKind::Wechat => Some(&wechat::CAPABILITIES),
        ChannelKind::Web => Some(&web::CAPABILITIES),
        ChannelKind::Xmpp => None,
    }
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
