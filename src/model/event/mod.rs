//! What other modules are told: the kinds of events, their data, and the envelope they travel in.

mod occurrence;

pub use occurrence::{CLOUD_EVENTS, Occurrence};
