//! The rows of the store after a campaign, as far as the checks look at them.

use serde::{Deserialize, Serialize};

/// Everything of the store.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    /// The logs, by tenant, conversation and place.
    pub messages: Vec<Message>,
    /// Heads of the logs.
    pub conversations: Vec<Conversation>,
    /// Shares of agents in sessions.
    pub assignments: Vec<Assignment>,
    /// Messages on their way to WeChat.
    pub deliveries: Vec<Delivery>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Events that nobody has taken.
    pub outbox: Vec<Event>,
}

/// One entry of a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub tenant: String,
    pub conv: String,
    pub seq: i64,
    pub id: String,
    pub session: Option<String>,
    pub role: String,
    pub sender: String,
    pub visibility: String,
    pub content: String,
    pub cid: Option<String>,
    pub control_epoch: i64,
}

/// The head of a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    pub tenant: String,
    pub conv: String,
    /// `wechat` or `web`.
    pub kind: String,
    pub external_id: String,
    pub last_seq: i64,
}

/// An agent's share of a session. Times are milliseconds of the wall clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub tenant: String,
    pub session: String,
    pub conv: String,
    pub agent: String,
    pub state: String,
    pub accepted_at: Option<i64>,
    pub ended_at: Option<i64>,
}

/// A message on its way to WeChat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub tenant: String,
    pub conv: String,
    pub seq: i64,
    pub state: String,
    pub code: Option<String>,
}

/// An agent's places.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    pub tenant: String,
    pub agent: String,
    pub capacity: i64,
    pub load: i64,
}

/// An event that waits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub tenant: String,
    pub id: String,
}

impl Message {
    /// Whether its customer may see it.
    pub fn for_contact(&self) -> bool {
        self.visibility == "all"
    }

    /// Whether this agent may see it.
    pub fn for_agent(&self, agent: &str) -> bool {
        match self.visibility.strip_prefix("private:") {
            Some(whose) => whose == agent,
            None => true,
        }
    }
}
