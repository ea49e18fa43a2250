//! The channel contract and its kinds. A channel translates; it knows no routing.
//!
//! Adding a channel: a folder here, a variant of [`Channel`], and what it can do in [`capabilities`].

pub mod web;
pub mod wechat;

use std::sync::Arc;

use crate::model::account::{ChannelAccount, ChannelSettings};
use crate::model::capability::Capabilities;
use crate::model::envelope::ChannelKind;
use crate::model::id::TenantId;

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credentials of a WeChat account do not hold.
    #[error(transparent)]
    Wechat(#[from] wechat::credential::Error),
}

/// An account made ready for use.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A WeChat official account.
    Wechat(Arc<wechat::Credentials>),
    /// A web widget: the log itself is the delivery.
    Web,
}

impl Channel {
    /// Checks and decodes an account's settings.
    ///
    /// # Errors
    /// When the account's secrets are missing or malformed.
    pub fn open(tenant: &TenantId, account: &ChannelAccount) -> Result<Self, Error> {
        match &account.channel {
            ChannelSettings::Wechat(settings) => {
                Ok(Self::Wechat(Arc::new(wechat::Credentials::new(tenant, &account.id, settings)?)))
            }
            ChannelSettings::Web(_) => Ok(Self::Web),
        }
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Wechat(_) => ChannelKind::Wechat,
            Self::Web => ChannelKind::Web,
        }
    }
}

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
