//! The details of events of calls: how they go on, and the record of one that is over.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::call::{Author, Media, Reason, Side};
use crate::model::id::{AgentId, CallId, ContactId, ConversationId, MediaId, RecordingId, SessionId};
use crate::model::time::Millis;

/// How a call stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallProgress")]
pub struct Progress {
    /// The call.
    pub call: CallId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The agent.
    pub agent: AgentId,
    /// Who called.
    pub direction: Side,
    /// What it carries.
    pub media: Media,
    /// Rises when the call gets another agent.
    pub leg: i64,
}

macro_rules! moments {
    ($($(#[$doc:meta])* $name:ident, $schema:literal;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Serialize, JsonSchema)]
        #[schemars(rename = $schema)]
        pub struct $name(pub Progress);)*
    };
}

moments! {
    /// A side called.
    Invited, "CallInvited";
    /// It rings on the other side.
    Ringing, "CallRinging";
    /// A device took it.
    Accepted, "CallAccepted";
    /// Both sides have a way, for the first time.
    Connected, "CallConnected";
    /// The agent has put it on hold.
    Held, "CallHeld";
    /// The agent has taken it up again.
    Resumed, "CallResumed";
    /// A side has lost its socket or its way.
    Reconnecting, "CallReconnecting";
    /// Sound became sound and pictures.
    Upgraded, "CallUpgraded";
}

/// The agent's browser records, with the customer's consent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallRecordingStarted")]
pub struct RecordingStarted {
    /// How the call stands.
    #[serde(flatten)]
    pub of: Progress,
    /// The recording.
    pub recording: RecordingId,
    /// Whether the customer agreed.
    pub consent: bool,
}

/// A recording is complete, or as complete as it will be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallRecordingReady")]
pub struct RecordingReady {
    /// The call.
    pub call: CallId,
    /// The session.
    pub session: SessionId,
    /// The recording.
    #[serde(flatten)]
    pub recording: RecordingRef,
}

/// A recording of a call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallRecording")]
pub struct RecordingRef {
    /// Its id.
    pub id: RecordingId,
    /// Whose browser recorded.
    pub side: Side,
    /// The blob.
    pub media: MediaId,
    /// Its address, relative to the gateway; absent as long as it is not complete.
    pub url: Option<String>,
    /// Its hash, in hexadecimal.
    pub sha256: Option<String>,
    /// Its length, milliseconds.
    pub ms: Option<i64>,
    /// Bytes.
    pub size: i64,
    /// Whether the customer agreed to it.
    pub consent: bool,
    /// Whether it ended because the customer no longer agreed.
    pub withdrawn: bool,
}

/// What a side thought of a call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallOpinion")]
pub struct Opinion {
    /// Whose.
    pub side: Side,
    /// 1 to 5.
    pub score: u8,
    /// What was wrong, in short words.
    pub problems: Vec<String>,
}

/// A call is over: its complete record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallEnded")]
pub struct Ended(pub Record);

/// Somebody has said what they thought of a call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallRated")]
pub struct Rated {
    /// The call.
    pub call: CallId,
    /// The session.
    pub session: SessionId,
    /// What.
    #[serde(flatten)]
    pub opinion: Opinion,
}

/// The record of a call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CallRecord")]
pub struct Record {
    /// The call.
    pub call: CallId,
    /// The session.
    pub session: SessionId,
    /// Its conversation.
    pub conv: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The agent, the last one.
    pub agent: AgentId,
    /// The agent before, if it was transferred.
    pub transfer_from: Option<AgentId>,
    /// Who called.
    pub direction: Side,
    /// What was asked for.
    pub wanted: Media,
    /// What it carried in the end.
    pub media: Media,
    /// When it was asked for.
    pub invited_at: Millis,
    /// When it rang.
    pub ringing_at: Option<Millis>,
    /// When it was accepted.
    pub accepted_at: Option<Millis>,
    /// When both sides had a way.
    pub connected_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Millis,
    /// How long it rang, milliseconds.
    pub ring_ms: u64,
    /// How long both could talk, without what was on hold, milliseconds.
    pub talk_ms: u64,
    /// How long it was on hold, milliseconds.
    pub hold_ms: u64,
    /// Why it ended.
    pub end_reason: Reason,
    /// Who ended it.
    pub ended_by: Author,
    /// The way: `local/remote/protocol`.
    pub ice_pair: Option<String>,
    /// Round trip on average, milliseconds.
    pub avg_rtt_ms: Option<f64>,
    /// Share of lost packets on average, 0 to 1.
    pub avg_loss: Option<f64>,
    /// How often a side had to look for a new way.
    pub restarts: u32,
    /// Recordings. Each is told again when it is complete.
    pub recordings: Vec<RecordingRef>,
    /// Whether the customer agreed to any recording; absent when nobody asked, or nothing was answered.
    pub consent: Option<bool>,
    /// What the sides thought of it so far. Later words are told when they come.
    pub quality: Vec<Opinion>,
}
