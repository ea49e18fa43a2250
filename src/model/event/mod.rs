//! What other modules are told: every kind of event with its details, and the envelope they travel in.
//!
//! A type of details is the only way to tell a kind of event, so that names and fields are what the catalogue says.
//! They change by addition only; what has to break gets a new version beside the old one.

pub mod agent;
pub mod assignment;
pub mod call;
pub mod channel;
pub mod contact;
pub mod flow;
pub mod message;
pub mod node;
mod occurrence;
pub mod queue;
pub mod robot;
pub mod session;
pub mod transfer;

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

pub use occurrence::{CLOUD_EVENTS, Occurrence, urn};

use super::envelope::Envelope;
use super::id::{AccountId, AgentId, ContactId, ConversationId, NodeId, QueueId, SessionId};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A session: its events are numbered without a hole.
    Session(SessionId),
    /// A conversation.
    Conversation(ConversationId),
    /// An agent.
    Agent(&'a AgentId),
    /// A customer.
    Contact(ContactId),
    /// A channel account.
    Account(&'a AccountId),
    /// A queue.
    Queue(&'a QueueId),
    /// A process of the gateway.
    Node(NodeId),
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session/{id}"),
            Self::Conversation(id) => write!(f, "conversation/{id}"),
            Self::Agent(id) => write!(f, "agent/{id}"),
            Self::Contact(id) => write!(f, "contact/{id}"),
            Self::Account(id) => write!(f, "account/{id}"),
            Self::Queue(id) => write!(f, "queue/{id}"),
            Self::Node(id) => write!(f, "node/{id}"),
        }
    }
}

/// The details of one kind of event.
pub trait Details: Serialize + JsonSchema {
    /// What happened, as `<entity>.<verb>`.
    const KIND: &'static str;

    /// What it is about.
    fn subject(&self) -> Subject<'_>;

    /// The session that it belongs to, if any.
    fn session(&self) -> Option<SessionId> {
        match self.subject() {
            Subject::Session(session) => Some(session),
            _ => None,
        }
    }
}

/// One kind of event, for whoever describes them all.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What happens, as `<entity>.<verb>`.
    pub kind: &'static str,
    /// The schema of its details.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Gives each kind of event its name and its subject, and lists them all.
macro_rules! catalogue {
    ($($kind:literal => $details:ty, $it:ident: $subject:expr;)*) => {
        $(impl Details for $details {
            const KIND: &'static str = $kind;

            fn subject(&self) -> Subject<'_> {
                let $it = self;
                $subject
            }
        })*

        /// Every kind of event that there is.
        pub const CATALOGUE: &[Entry] = &[
            Entry { kind: Envelope::KIND, schema: |made| made.subschema_for::<Envelope>() },
            $(Entry { kind: $kind, schema: |made| made.subschema_for::<$details>() },)*
        ];
    };
}

impl Details for Envelope {
    const KIND: &'static str = "message.accepted";

    fn subject(&self) -> Subject<'_> {
        Subject::Conversation(self.conv)
    }

    fn session(&self) -> Option<SessionId> {
        self.session
    }
}

catalogue! {
    "message.delivered" => message::Delivered, it: Subject::Conversation(it.conv);
    "message.read" => message::Read, it: Subject::Conversation(it.conv);
    "message.failed" => message::Failed, it: Subject::Conversation(it.conv);
    "message.held" => message::Held, it: Subject::Conversation(it.conv);
    "message.recalled" => message::Recalled, it: Subject::Conversation(it.conv);
    "session.created" => session::Created, it: Subject::Session(it.session);
    "session.queued" => session::Queued, it: Subject::Session(it.session);
    "session.queue_left" => session::QueueLeft, it: Subject::Session(it.session);
    "session.handoff_refused" => session::HandoffRefused, it: Subject::Session(it.session);
    "session.connected" => session::Connected, it: Subject::Session(it.session);
    "session.agent_changed" => session::AgentChanged, it: Subject::Session(it.session);
    "session.ended" => session::Ended, it: Subject::Session(it.session);
    "session.robot_started" => robot::Started, it: Subject::Session(it.session);
    "session.robot_ended" => robot::Ended, it: Subject::Session(it.session);
    "session.handoff_requested" => robot::HandoffRequested, it: Subject::Session(it.session);
    "robot.turn" => robot::Turn, it: Subject::Session(it.session);
    "robot.feedback" => robot::Feedback, it: Subject::Session(it.session);
    "robot.unknown_question" => robot::Unknown, it: Subject::Session(it.session);
    "session.rated" => session::Rated, it: Subject::Session(it.session);
    "flow.started" => flow::Started, it: Subject::Session(it.session);
    "flow.ended" => flow::Ended, it: Subject::Session(it.session);
    "assignment.offered" => assignment::Offered, it: Subject::Session(it.session);
    "assignment.accepted" => assignment::Accepted, it: Subject::Session(it.session);
    "assignment.rejected" => assignment::Rejected, it: Subject::Session(it.0.session);
    "assignment.expired" => assignment::Expired, it: Subject::Session(it.0.session);
    "assignment.revoked" => assignment::Revoked, it: Subject::Session(it.0.session);
    "assignment.lost" => assignment::Lost, it: Subject::Session(it.session);
    "assignment.wrapup_started" => assignment::WrapupStarted, it: Subject::Session(it.session);
    "assignment.completed" => assignment::Completed, it: Subject::Session(it.session);
    "transfer.requested" => transfer::Requested, it: Subject::Session(it.session);
    "transfer.completed" => transfer::Completed, it: Subject::Session(it.session);
    "transfer.failed" => transfer::Failed, it: Subject::Session(it.session);
    "call.invited" => call::Invited, it: Subject::Session(it.0.session);
    "call.ringing" => call::Ringing, it: Subject::Session(it.0.session);
    "call.accepted" => call::Accepted, it: Subject::Session(it.0.session);
    "call.connected" => call::Connected, it: Subject::Session(it.0.session);
    "call.held" => call::Held, it: Subject::Session(it.0.session);
    "call.resumed" => call::Resumed, it: Subject::Session(it.0.session);
    "call.reconnecting" => call::Reconnecting, it: Subject::Session(it.0.session);
    "call.upgraded" => call::Upgraded, it: Subject::Session(it.0.session);
    "call.recording_started" => call::RecordingStarted, it: Subject::Session(it.of.session);
    "call.recording_ready" => call::RecordingReady, it: Subject::Session(it.session);
    "call.ended" => call::Ended, it: Subject::Session(it.0.session);
    "call.rated" => call::Rated, it: Subject::Session(it.session);
    "agent.login" => agent::Login, it: Subject::Agent(&it.agent);
    "agent.logout" => agent::Logout, it: Subject::Agent(&it.agent);
    "agent.status_changed" => agent::StatusChanged, it: Subject::Agent(&it.agent);
    "agent.capacity_changed" => agent::CapacityChanged, it: Subject::Agent(&it.agent);
    "agent.grace" => agent::Grace, it: Subject::Agent(&it.agent);
    "agent.lost" => agent::Lost, it: Subject::Agent(&it.agent);
    "agent.no_answer" => agent::NoAnswer, it: Subject::Agent(&it.agent);
    "contact.subscribed" => contact::Subscribed, it: Subject::Contact(it.0.contact);
    "contact.unsubscribed" => contact::Unsubscribed, it: Subject::Contact(it.0.contact);
    "contact.gone" => contact::Gone, it: Subject::Session(it.session);
    "contact.updated" => contact::Updated, it: Subject::Contact(it.contact);
    "ticket.created" => contact::Ticket, it: Subject::Session(it.session);
    "channel.reported" => channel::Reported, it: Subject::Account(&it.account);
    "channel.error" => channel::Error, it: Subject::Account(&it.account);
    "queue.overflowed" => queue::Overflowed, it: Subject::Session(it.session);
    "queue.stats" => queue::Stats, it: Subject::Queue(&it.queue);
    "node.up" => node::Up, it: Subject::Node(it.node);
    "node.draining" => node::Draining, it: Subject::Node(it.node);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_entities_and_verbs_and_each_has_one_type() {
        let kinds: BTreeSet<&str> = CATALOGUE.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds.len(), CATALOGUE.len());
        for kind in kinds {
            let parts: Vec<&str> = kind.split('.').collect();
            let plain = |part: &&str| part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(parts.len() == 2 && parts.iter().all(plain), "{kind}");
        }
    }
}
