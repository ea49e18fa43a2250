//! To be deleted: stands for what the core still has to bring for sockets (`ready`, `perform`, `attached`, `detached`).

use serde::Serialize;
use serde_json::Value;

use super::effect::{AgentView, ConversationView, OfferView};
use super::request::Request;
use super::{Client, Core, Error};
use crate::model::code::Code;
use crate::model::id::ConversationId;

/// What a client starts from: the `state` of the answer to `auth` and `resume`.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    /// The conversations in the client's list.
    pub convs: Vec<ConversationView>,
    /// The agent's own state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentView>,
    /// Offers that stand.
    pub offers: Vec<OfferView>,
    /// The head of each log, as it was when this was read.
    #[serde(skip)]
    pub positions: Vec<(ConversationId, i64)>,
}

#[expect(clippy::unused_async, reason = "the signatures are those of the functions that take their place")]
impl Core {
    /// See the module.
    ///
    /// # Errors
    /// Never.
    pub async fn ready(&self, _client: &Client) -> Result<Ready, Error> {
        Ok(Ready { convs: Vec::new(), agent: None, offers: Vec::new(), positions: Vec::new() })
    }

    /// See the module.
    ///
    /// # Errors
    /// Always.
    pub async fn perform(&self, _client: &Client, _request: Request) -> Result<Value, Error> {
        Err(Error::new(Code::UnsupportedOp, "还没有 / not yet"))
    }

    /// See the module.
    ///
    /// # Errors
    /// Never.
    pub async fn attached(&self, _client: &Client) -> Result<(), Error> {
        Ok(())
    }

    /// See the module.
    pub async fn detached(&self, _client: &Client) {}
}
