//! WeChat official accounts: callbacks in, customer-service messages out. Knows no session, agent or store.

pub mod crypto;
pub mod document;
