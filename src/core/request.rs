//! What clients ask for, as parsed from a frame's `op` and `d`. Knows the shape, not the rules.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::content::Content;
use crate::model::id::{AgentId, AssignmentId, ClientId, ConversationId, MessageId, QueueId, SessionId};

/// A request of an authenticated client. Unknown fields are ignored: newer clients may send more.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "op", content = "d")]
pub enum Request {
    /// Add a message to a conversation.
    #[serde(rename = "send")]
    Send(Box<Send>),
    /// Everything up to `seq` has arrived at this device. No reply.
    #[serde(rename = "ack")]
    Ack(Mark),
    /// Everything up to `seq` has been seen by the person. No reply.
    #[serde(rename = "read")]
    Read(Mark),
    /// The person types, or stopped. No reply.
    #[serde(rename = "typing")]
    Typing {
        /// Where.
        conv: ConversationId,
        /// Whether.
        on: bool,
    },
    /// Older or newer messages of a conversation.
    #[serde(rename = "history")]
    History {
        /// Which conversation.
        conv: ConversationId,
        /// Only messages before this one.
        before: Option<i64>,
        /// Only messages after this one.
        after: Option<i64>,
        /// At most so many, 1 to 200.
        limit: i64,
    },
    /// What this device misses of these conversations.
    #[serde(rename = "sync")]
    Sync {
        /// How far the device is.
        convs: Vec<Position>,
    },
    /// A place to put a file.
    #[serde(rename = "upload")]
    Upload {
        /// A label.
        name: String,
        /// Bytes.
        size: u64,
        /// The type that the client believes it is.
        mime: String,
    },
    /// The agent's chosen status.
    #[serde(rename = "presence.set")]
    PresenceSet {
        /// `ready`, `busy`, `break` or `offline`.
        status: String,
        /// Why.
        reason: Option<String>,
        /// How many chats at a time, if it changes.
        capacity: Option<i32>,
    },
    /// Take an offered session.
    #[serde(rename = "offer.accept")]
    OfferAccept {
        /// The offer.
        assignment: AssignmentId,
        /// The proof that it was offered here.
        token: String,
    },
    /// Leave an offered session to others.
    #[serde(rename = "offer.reject")]
    OfferReject {
        /// The offer.
        assignment: AssignmentId,
        /// The proof that it was offered here.
        token: String,
        /// Why.
        reason: Option<String>,
    },
    /// Take the first waiting session of a queue by hand.
    #[serde(rename = "pull")]
    Pull {
        /// The queue.
        queue: QueueId,
    },
    /// Give a session to a queue or a colleague.
    #[serde(rename = "transfer")]
    Transfer {
        /// The session.
        session: SessionId,
        /// To whom.
        to: Target,
        /// A note for whoever takes it.
        note: Option<String>,
    },
    /// Take a transfer back.
    #[serde(rename = "transfer.cancel")]
    TransferCancel {
        /// The session.
        session: SessionId,
    },
    /// End a session. A contact ends its own and names none.
    #[serde(rename = "end")]
    End {
        /// The session.
        session: Option<SessionId>,
        /// Why.
        reason: Option<String>,
    },
    /// The paperwork after a session is done.
    #[serde(rename = "wrapup.done")]
    WrapupDone {
        /// The assignment.
        assignment: AssignmentId,
        /// How it ended, in the tenant's own words.
        disposition: Option<String>,
        /// The session's labels, in place of the earlier ones.
        tags: Option<Vec<String>>,
        /// A note for colleagues.
        note: Option<String>,
    },
    /// Label a session.
    #[serde(rename = "tag")]
    Tag {
        /// The session.
        session: SessionId,
        /// All its labels.
        tags: Vec<String>,
    },
    /// A customer opens the conversation of this widget.
    #[serde(rename = "open")]
    Open {
        /// Where from: page and referrer.
        #[serde(default)]
        entry: serde_json::Value,
    },
    /// A customer asks for a person.
    #[serde(rename = "handoff")]
    Handoff {
        /// A wish for a queue.
        queue: Option<QueueId>,
    },
    /// A customer no longer wants to wait.
    #[serde(rename = "cancel_queue")]
    CancelQueue {},
    /// What machines answer at the moment.
    #[serde(rename = "robot.list")]
    RobotList {},
    /// What the robot of a session was asked, and what it made of it.
    #[serde(rename = "robot.trace")]
    RobotTrace {
        /// The session.
        session: SessionId,
    },
    /// Take a session from a robot or a form.
    #[serde(rename = "takeover")]
    TakeOver {
        /// The session.
        session: SessionId,
    },
    /// Pass a session back to the robot.
    #[serde(rename = "robot.back")]
    RobotBack {
        /// The session.
        session: SessionId,
    },
    /// A customer says whether a robot's answer was of help.
    #[serde(rename = "feedback")]
    Feedback {
        /// The answer's place in the log.
        seq: i64,
        /// Whether it was.
        helpful: bool,
    },
    /// A customer leaves a message for later.
    #[serde(rename = "leave_message")]
    LeaveMessage {
        /// The message.
        text: String,
        /// Where to call back.
        phone: Option<String>,
    },
    /// Anything about calls. Read by itself: its operations have a list of their own.
    #[serde(skip)]
    Call(Box<super::call::request::Request>),
}

/// A message to add.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Send {
    /// Where.
    pub conv: ConversationId,
    /// The client's idempotency key.
    pub cid: ClientId,
    /// What.
    #[serde(flatten)]
    pub content: Content,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The message it replaces.
    pub replaces: Option<MessageId>,
    /// `all` (default) or `agents`.
    pub visibility: Option<String>,
    /// The control epoch that the agent last saw.
    pub epoch: Option<i64>,
}

/// A place in a conversation's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Mark {
    /// Which conversation.
    pub conv: ConversationId,
    /// Up to here.
    pub seq: i64,
}

/// How far a device is in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Position {
    /// Which conversation.
    pub conv: ConversationId,
    /// Which incarnation of its log.
    pub epoch: String,
    /// Up to here.
    pub seq: i64,
}

/// Where a session is transferred to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A queue.
    Queue(QueueId),
    /// A colleague.
    Agent(AgentId),
}

impl Request {
    /// The name of the operation in a frame.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Ack(_) => "ack",
            Self::Read(_) => "read",
            Self::Typing { .. } => "typing",
            Self::History { .. } => "history",
            Self::Sync { .. } => "sync",
            Self::Upload { .. } => "upload",
            Self::PresenceSet { .. } => "presence.set",
            Self::OfferAccept { .. } => "offer.accept",
            Self::OfferReject { .. } => "offer.reject",
            Self::Pull { .. } => "pull",
            Self::Transfer { .. } => "transfer",
            Self::TransferCancel { .. } => "transfer.cancel",
            Self::End { .. } => "end",
            Self::WrapupDone { .. } => "wrapup.done",
            Self::Tag { .. } => "tag",
            Self::Open { .. } => "open",
            Self::Handoff { .. } => "handoff",
            Self::CancelQueue {} => "cancel_queue",
            Self::LeaveMessage { .. } => "leave_message",
            Self::RobotList {} => "robot.list",
            Self::RobotTrace { .. } => "robot.trace",
            Self::TakeOver { .. } => "takeover",
            Self::RobotBack { .. } => "robot.back",
            Self::Feedback { .. } => "feedback",
            Self::Call(request) => request.op(),
        }
    }

    /// Whether the protocol gives no reply to it.
    #[must_use]
    pub fn silent(&self) -> bool {
        matches!(self, Self::Ack(_) | Self::Read(_) | Self::Typing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_read_with_its_flat_content() {
        let json = r#"{"op":"send","d":{"conv":"c_01ARZ3NDEKTSV4RRFFQ69G5FAV","cid":"w-1","type":"text","body":{"text":"hi"},"extra":1}}"#;
        let Ok(Request::Send(send)) = serde_json::from_str(json) else { panic!("not a send") };
        assert_eq!(send.content, Content::text("hi"));
        assert_eq!(send.replaces, None);
    }

    #[test]
    fn a_transfer_names_a_queue_or_a_colleague() {
        let json = r#"{"op":"transfer","d":{"session":"s_01ARZ3NDEKTSV4RRFFQ69G5FAV","to":{"agent":"wang"}}}"#;
        let Ok(Request::Transfer { to, .. }) = serde_json::from_str(json) else { panic!("not a transfer") };
        assert_eq!(to, Target::Agent(AgentId::parse("wang").unwrap()));
    }
}
