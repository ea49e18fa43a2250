//! WeChat official accounts: callbacks in, customer-service messages out. Knows no session, agent or store.

pub mod callback;
pub mod credential;
pub mod crypto;
pub mod cut;
pub mod document;
mod query;
pub mod replay;
pub mod reply;
pub mod translate;

#[cfg(test)]
mod fixture;

pub use callback::{Accepted, Received, Reject, receive, verify_url};
pub use credential::Credentials;
pub use replay::ReplayCache;
