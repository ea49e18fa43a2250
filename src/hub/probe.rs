//! A look at the back end for an operator, before anything depends on it. Changes nothing.

use super::{Error, rabbitmq, redis};
use crate::config;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is there.
    pub about: String,
    /// What works, but should be otherwise.
    pub risk: Option<String>,
}

/// Looks at the back end of these settings; `None` where there is none.
///
/// # Errors
/// Why it cannot be used, for a person.
pub async fn probe(settings: &config::Hub) -> Result<Option<Probe>, String> {
    let unusable = |error: Error| error.to_string();
    match settings {
        config::Hub::Local => Ok(None),
        config::Hub::Redis(settings) => redis::Settings::of(settings).map_err(unusable)?.probe().await.map(Some),
        config::Hub::Rabbitmq(settings) => rabbitmq::Settings::of(settings).map_err(unusable)?.probe().await.map(Some),
    }
}
