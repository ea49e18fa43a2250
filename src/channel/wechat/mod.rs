//! WeChat official accounts: callbacks in, customer-service messages out. Knows no session, agent or store.

pub mod api;
pub mod callback;
pub mod credential;
pub mod crypto;
pub mod cut;
pub mod document;
pub mod error;
pub mod outgoing;
mod query;
pub mod replay;
pub mod reply;
pub mod translate;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fixture;

use crate::model::capability::Capabilities;

pub use api::{Api, ApiSettings};
pub use callback::{Accepted, Received, Reject, receive, verify_url};
pub use credential::Credentials;
pub use replay::ReplayCache;

/// What customer-service messages show. Several articles at once, and whatever else is missing here, become text.
pub const CAPABILITIES: Capabilities = Capabilities {
    kinds: &["text", "image", "voice", "video", "link", "article", "card", "menu"],
    text_bytes: outgoing::MAX_TEXT,
    recall: false,
    typing: true,
    counted: true,
    socket: false,
};
