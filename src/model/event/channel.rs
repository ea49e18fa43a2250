//! The details of events of channel accounts: what their platforms report, and what goes wrong with them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::AccountId;
use crate::model::inbound::ChannelEvent;

/// The channel's platform reports something about nobody we know, such as the outcome of a mass message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChannelReported")]
pub struct Reported {
    /// Channel account.
    pub account: AccountId,
    /// The report.
    pub event: ChannelEvent,
}

/// The channel's platform refuses the account's calls: somebody has to look at its settings or its quota.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChannelError")]
pub struct Error {
    /// Channel account.
    pub account: AccountId,
    /// The error code that agents see.
    pub code: String,
    /// The platform's own number.
    pub errcode: i64,
    /// The platform's own words.
    pub detail: String,
}
