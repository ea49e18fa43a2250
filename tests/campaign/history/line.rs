//! One line of a history: who did or saw what, when. Knows no file and no check.

use serde::{Deserialize, Serialize};

/// What kind of line it is. `Fail` says that it certainly did not happen, `Info` that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody begins something.
    Invoke,
    /// It was done.
    Ok,
    /// It certainly was not done.
    Fail,
    /// Nobody knows whether it was done.
    Info,
    /// Somebody saw something.
    Recv,
    /// The campaign did something to the system, or a remark.
    Fault,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A delivery of WeChat's callback.
    WxIn,
    /// A message of an agent or a visitor.
    Send,
    /// An agent takes an offered session.
    Accept,
    /// An agent gives a session away.
    Transfer,
    /// Somebody ends a session.
    End,
    /// A message arrived at a client.
    Msg,
    /// The answer to a client that asked for what it missed.
    Recovery,
    /// A report on how a message stands.
    Receipt,
    /// A socket opened (`arg` open) or closed (`arg` close).
    Socket,
    /// A conversation entered (`arg` in) or left (`arg` out) a client's list.
    Listed,
    /// A customer-service message at the WeChat platform.
    WxOut,
    /// An event of the module bus.
    Event,
    /// An access token that the platform gave out.
    Token,
    /// The system is harmed (`arg` says how), or healed (`arg` heal).
    Start,
    /// The harm is over.
    Heal,
    /// A phase of the campaign: load, quiet, drain, end.
    Phase,
    /// How a process is doing.
    Sample,
}

/// One line. What a line is about decides which of the optional fields stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Nanoseconds on a clock that all writers of a campaign share.
    pub t: u64,
    /// Who writes.
    pub p: String,
    /// Which operation of this writer; 0 when it is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub op: u64,
    /// What kind of line.
    pub k: Kind,
    /// About what.
    pub f: What,
    /// The writer's tenant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ten: String,
    /// The gateway's id of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conv: Option<String>,
    /// Marks in the payload, in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tok: Vec<String>,
    /// Which try of the operation, from 1.
    #[serde(default, rename = "try", skip_serializing_if = "is_zero")]
    pub attempt: u64,
    /// Place in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// The place that a recovery was asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The message's or event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sess: Option<String>,
    /// The control epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Which socket of the writer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sock: u64,
    /// Which life of the client: a crash forgets what it showed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub life: u64,
    /// How a message came: `push`, `recovery` or `history`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub via: String,
    /// Whether the client showed it; it does not show what it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<u16>,
    /// Error, close or state code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// A figure: resident KB of a sample, milliseconds of a span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<i64>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arg: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Line {
    /// A line with only what every line has.
    pub fn new(t: u64, p: &str, k: Kind, f: What) -> Self {
        Self {
            t,
            p: p.to_owned(),
            op: 0,
            k,
            f,
            ten: String::new(),
            conv: None,
            tok: Vec::new(),
            attempt: 0,
            seq: None,
            from: None,
            id: None,
            sess: None,
            epoch: None,
            sock: 0,
            life: 0,
            via: String::new(),
            shown: false,
            http: None,
            code: String::new(),
            n: None,
            arg: String::new(),
        }
    }

    /// Whether it is of this kind and about this.
    pub fn is(&self, k: Kind, f: What) -> bool {
        self.k == k && self.f == f
    }
}
