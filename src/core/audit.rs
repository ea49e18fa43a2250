//! What is put on record: requests that were refused for who asked, and what supervisors do to others' sessions.

use super::request::Request;
use super::{Client, Core, Error, Scene};
use crate::model::code::Code;
use crate::model::id::{AssignmentId, ConversationId, MessageId, SessionId};
use crate::store::Tx;
use crate::store::audit::{self, Entry};

/// What a line is about. Kept beside every request until it is known whether it is refused, so it owns nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matter {
    action: &'static str,
    subject: Option<Subject>,
}

#[derive(Debug, Clone, Copy)]
enum Subject {
    Conversation(ConversationId),
    Session(SessionId),
    Assignment(AssignmentId),
}

impl Subject {
    fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Send(send) => Some(Self::Conversation(send.conv)),
            Request::Ack(mark) | Request::Read(mark) => Some(Self::Conversation(mark.conv)),
            Request::Typing { conv, .. } | Request::History { conv, .. } => Some(Self::Conversation(*conv)),
            Request::OfferAccept { assignment, .. }
            | Request::OfferReject { assignment, .. }
            | Request::WrapupDone { assignment, .. } => Some(Self::Assignment(*assignment)),
            Request::Transfer { session, .. }
            | Request::TransferCancel { session }
            | Request::Tag { session, .. }
            | Request::End { session: Some(session), .. } => Some(Self::Session(*session)),
            _ => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Conversation(id) => id.to_string(),
            Self::Session(id) => id.to_string(),
            Self::Assignment(id) => id.to_string(),
        }
    }
}

impl Matter {
    /// The matter of a request.
    pub(super) fn of(request: &Request) -> Self {
        Self { action: request.op(), subject: Subject::of(request) }
    }

    /// Something done to a session.
    pub(super) fn session(action: &'static str, session: SessionId) -> Self {
        Self { action, subject: Some(Subject::Session(session)) }
    }
}

/// Adds a line to the trail, in the transaction of what it reports. `outcome` is `ok` or the code of a refusal.
pub(super) fn record(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    matter: Matter,
    outcome: &str,
) -> Result<(), Error> {
    let entry = Entry {
        at: scene.now,
        actor: client.participant(),
        action: matter.action.to_owned(),
        subject: matter.subject.map(Subject::text),
        outcome: outcome.to_owned(),
    };
    Ok(audit::add(tx, &MessageId::generate(scene.now).to_string(), &entry)?)
}

/// Adds a line about what somebody ordered, by their names for it, in the transaction of what was done.
pub(super) fn ordered(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (actor, action): (String, &str),
    subject: Option<String>,
) -> Result<(), Error> {
    let entry = Entry { at: scene.now, actor, action: action.to_owned(), subject, outcome: "ok".into() };
    Ok(audit::add(tx, &MessageId::generate(scene.now).to_string(), &entry)?)
}

impl Core {
    /// Puts a request on record that was refused for who asked: it names what the asking party should not know of.
    pub(super) async fn put_on_record(&self, client: &Client, matter: Matter, refusal: &Error) {
        if !matches!(refusal.code, Code::Forbidden | Code::NotFound) {
            return;
        }
        let (owned, outcome) = (client.clone(), refusal.code.as_str());
        let noted = self.change(&client.tenant, move |tx, scene, _fx| record(tx, scene, &owned, matter, outcome)).await;
        if let Err(error) = noted {
            tracing::error!(error = ?error, "a refusal could not be put on record");
        }
    }
}
