//! What a connection needs from the core, done. Knows no frames on the wire.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde::Serialize;

use super::close::Close;
use super::connection::Connection;
use super::roster::Presence;
use super::{Endpoint, Settings};
use crate::core::access::{Access, Admitted, Standing};
use crate::core::log::{LogPage, Synced};
use crate::core::request::{Position, Request};
use crate::core::{Client, Core, Error, Holds, Party, Ready};
use crate::hub::{Attachment, Hint, Inlet, Mark, Recipient};
use crate::model::code::Code;
use crate::model::id::{ConnectionId, ConversationId, DeviceId};

/// Hints that may wait for one connection before it is too slow.
const HINTS: usize = 1_024;
/// Marks of one connection that are written at a time.
const MARKS: usize = 64;

/// How a client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A one-time ticket.
    Ticket(String),
    /// The token of a lost connection.
    Resume(String),
}

/// Something to be done for a connection.
#[derive(Debug)]
pub enum Work {
    /// Check who it is and bring it up to date.
    Admit {
        /// The proof.
        proof: Proof,
        /// The client's own stable name.
        device: DeviceId,
        /// How far it has come, if it resumes.
        convs: Vec<Position>,
    },
    /// A request.
    Perform {
        /// The client's number for it, if it wants an answer.
        id: Option<u64>,
        /// What.
        request: Request,
    },
    /// How far the client is, in several conversations.
    Marks(Vec<Request>),
    /// A page of a log.
    Read {
        /// Which log.
        conv: ConversationId,
        /// After this place.
        after: i64,
    },
    /// Whether the sign-in behind the connection still stands.
    Recheck,
}

/// The outcome of [`Work`].
#[derive(Debug)]
pub enum Done {
    /// Signed in.
    Admitted(Box<Admission>),
    /// Not let in, or no longer.
    Refused(Close),
    /// A request was worked on; the answer as JSON.
    Performed {
        /// The client's number for it.
        id: Option<u64>,
        /// The answer.
        result: Result<String, Error>,
    },
    /// Marks were written; so many made no sense.
    Marked {
        /// Marks beyond the log.
        refused: u8,
    },
    /// A page of a log.
    Page {
        /// Which log.
        conv: ConversationId,
        /// After this place.
        after: i64,
        /// What is there.
        page: Result<LogPage, Error>,
    },
    /// Whether the sign-in still stands.
    Alive(bool),
}

/// A client that was let in.
#[derive(Debug)]
pub struct Admission {
    /// Who.
    pub client: Arc<Client>,
    /// The answer to `auth` or `resume`, JSON.
    pub ready: String,
    /// How far the log of each conversation was when the answer was made.
    pub positions: Vec<(ConversationId, i64)>,
    /// What the answer tells, for the sweep's sake.
    pub marks: Vec<Mark>,
}

/// What keeps a signed-in connection attached; to be given back with [`Worker::leave`].
#[derive(Debug)]
pub struct Hold {
    /// The hints.
    pub inlet: Inlet,
    _attachment: Attachment,
    client: Arc<Client>,
    standing: Standing,
}

/// A connection that wants to come in.
#[derive(Debug)]
pub struct Applicant {
    /// Through which door.
    pub endpoint: Endpoint,
    /// Which connection.
    pub id: ConnectionId,
    /// What it shows.
    pub proof: Proof,
    /// The client's own stable name.
    pub device: DeviceId,
    /// How far it has come, if it resumes.
    pub convs: Vec<Position>,
}

/// Does the work of connections.
#[derive(Debug, Clone)]
pub struct Worker {
    core: Core,
    access: Access,
    settings: Arc<Settings>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed: Option<bool>,
    conn_id: ConnectionId,
    device: &'a DeviceId,
    me: Me<'a>,
    resume_token: &'a str,
    state: &'a Ready,
    #[serde(skip_serializing_if = "Option::is_none")]
    convs: Option<Vec<Synced>>,
}

#[derive(Serialize)]
struct Me<'a> {
    role: &'static str,
    id: String,
    name: &'a str,
    tenant: &'a str,
    /// `call` for who may do nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
}

impl Worker {
    /// A worker for any number of connections.
    #[must_use]
    pub fn new(core: Core, access: Access, settings: Settings) -> Self {
        Self { core, access, settings: Arc::new(settings) }
    }

    /// The bounds it works with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Checks a proof, attaches the connection, and reads what its client needs. The connection is attached before
    /// its state is read, so that what is announced in between waits in the inlet.
    ///
    /// Not to be cancelled: a connection that was let in half-way would be missed by nobody but stay attached.
    pub async fn admit(&self, applicant: Applicant, mut presence: Presence) -> (Done, Option<Box<Hold>>, Presence) {
        let Applicant { endpoint, id, proof, device, convs } = applicant;
        let resumes = matches!(proof, Proof::Resume(_));
        let admitted = match proof {
            Proof::Ticket(ticket) => self.access.redeem(&ticket, &device).await,
            Proof::Resume(token) => self.access.resume(&token, &device).await,
        };
        let admitted = match admitted {
            Ok(Some(admitted)) if Connection::fits(endpoint, &admitted.party) => admitted,
            Ok(None) if resumes => return (Done::Refused(Close::TOKEN_EXPIRED), None, presence),
            Ok(_) => return (Done::Refused(Close::AUTH_FAILED), None, presence),
            Err(error) => return (Done::Refused(unavailable(&error)), None, presence),
        };
        let Admitted { tenant, party, standing, token, calls_only } = admitted;
        let client = Arc::new(Client { tenant, party, device, connection: id, calls_only });
        let (attachment, inlet) = self.core.hub().attach(id, recipients(&client), HINTS);
        let mut hold = Box::new(Hold { inlet, _attachment: attachment, client: Arc::clone(&client), standing });
        self.enter(&client, &mut presence);
        match self.welcome(&client, &token, resumes.then_some(convs)).await {
            Ok(admission) => (Done::Admitted(Box::new(admission)), Some(hold), presence),
            Err(error) => {
                hold.inlet.hints.close();
                self.leave(hold, false).await;
                (Done::Refused(unavailable(&error)), None, presence)
            }
        }
    }

    fn enter(&self, client: &Client, presence: &mut Presence) {
        let Party::Contact { contact, .. } = &client.party else { return presence.agent() };
        let most = self.settings.per_visitor;
        if let Some(oldest) = presence.visitor(&client.tenant, *contact, client.connection, most) {
            let to = Recipient::Contact(client.tenant.clone(), *contact);
            self.core.hub().publish(&to, &Hint::Replaced(oldest));
        }
    }

    /// Counts a visitor's connections on all nodes; the oldest makes room.
    async fn make_room(&self, client: &Client) -> Result<(), Error> {
        let Party::Contact { contact, .. } = &client.party else { return Ok(()) };
        let open = self.core.connections_of(client).await?;
        if let Some(oldest) = open.first().filter(|_| open.len() > self.settings.per_visitor) {
            let to = Recipient::Contact(client.tenant.clone(), *contact);
            self.core.hub().publish(&to, &Hint::Replaced(*oldest));
        }
        Ok(())
    }

    async fn welcome(
        &self,
        client: &Arc<Client>,
        token: &str,
        resumed: Option<Vec<Position>>,
    ) -> Result<Admission, Error> {
        self.core.attached(client).await?;
        if self.core.hub().spans_nodes() {
            self.make_room(client).await?;
        }
        let state = self.core.ready(client).await?;
        let resuming = resumed.is_some();
        let convs = match resumed {
            Some(_) if client.calls_only => Some(Vec::new()),
            Some(positions) => Some(self.core.sync(client, positions).await?),
            None => None,
        };
        let (role, id, name) = match &client.party {
            Party::Agent { agent, name, .. } => ("agent", agent.to_string(), name.as_str()),
            Party::Contact { contact, .. } => ("contact", contact.to_string(), ""),
        };
        let scope = client.calls_only.then_some("call");
        let me = Me { role, id, name, tenant: client.tenant.as_str(), scope };
        let answer = Answer {
            resumed: resuming.then_some(true),
            conn_id: client.connection,
            device: &client.device,
            me,
            resume_token: token,
            state: &state,
            convs,
        };
        let ready = serde_json::to_string(&answer).map_err(unwritable)?;
        Ok(Admission { client: Arc::clone(client), ready, positions: state.positions, marks: state.marks })
    }

    /// Does everything but [`Work::Admit`], within the time for work.
    pub async fn run(&self, client: &Client, hold: Option<Standing>, work: Work) -> Done {
        let time = self.settings.work;
        match work {
            Work::Admit { .. } => Done::Refused(Close::AUTH_FAILED),
            Work::Perform { id, request } => {
                let result = match within(time, self.core.perform(client, request)).await {
                    Ok(value) => serde_json::to_string(&value).map_err(unwritable),
                    Err(error) => Err(error),
                };
                Done::Performed { id, result: result.inspect_err(log) }
            }
            Work::Marks(marks) => {
                // Many at a time, in this order: they are written together, and none waits for the commit of the one before.
                let all = marks.into_iter().map(|mark| within(time, self.core.perform(client, mark)));
                let refused = stream::iter(all)
                    .buffered(MARKS)
                    .filter(|outcome| ready(outcome.as_ref().is_err_and(|error| error.code == Code::BadRequest)))
                    .count()
                    .await;
                Done::Marked { refused: u8::try_from(refused).unwrap_or(u8::MAX) }
            }
            Work::Read { conv, after } => {
                let page = Box::pin(within(time, self.core.read_log(client, conv, after, 100))).await.inspect_err(log);
                Done::Page { conv, after, page }
            }
            Work::Recheck => Box::pin(self.recheck(client, hold)).await,
        }
    }

    /// Whether the sign-in stands, and whether the connection still is the device's. A lease that has ended while
    /// this node could not renew it is taken again. What cannot be looked up stands.
    async fn recheck(&self, client: &Client, standing: Option<Standing>) -> Done {
        if let Some(standing) = standing
            && !self.access.keep_alive(&standing).await.unwrap_or(true)
        {
            return Done::Alive(false);
        }
        match self.core.holds(client).await {
            Ok(Holds::Another) => return Done::Refused(Close::REPLACED),
            Ok(Holds::Nobody) => {
                if let Err(error) = self.core.attached(client).await {
                    tracing::warn!(error = %error, connection = %client.connection, "a lease that had ended was not taken again");
                }
            }
            Ok(Holds::This) => {}
            Err(error) => tracing::warn!(error = %error, "a lease could not be looked up"),
        }
        Done::Alive(true)
    }

    /// Gives back what a connection held. `for_good` says that the client has no wish to come back.
    pub async fn leave(&self, hold: Box<Hold>, for_good: bool) {
        let Hold { client, standing, .. } = *hold;
        if let Err(error) = self.access.lost(&standing, for_good).await {
            tracing::warn!(error = %error, "a resume token could not be dated");
        }
        self.core.detached(&client).await;
    }
}

impl Hold {
    /// The sign-in behind the connection.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }
}

fn unavailable(error: &Error) -> Close {
    tracing::warn!(error = %error, code = error.code.as_str(), "a connection could not be let in");
    match error.code {
        Code::Forbidden => Close::TENANT_SUSPENDED,
        _ => Close::INSUFFICIENT_STATE,
    }
}

fn recipients(client: &Client) -> Vec<Recipient> {
    let tenant = client.tenant.clone();
    match &client.party {
        Party::Agent { agent, .. } => vec![Recipient::Agent(tenant.clone(), agent.clone()), Recipient::Agents(tenant)],
        Party::Contact { contact, .. } => vec![Recipient::Contact(tenant, *contact)],
    }
}

/// Not an `async fn`: that would have room for `work` twice.
fn within<T>(time: Duration, work: impl Future<Output = Result<T, Error>>) -> impl Future<Output = Result<T, Error>> {
    let late = || Error::new(Code::Timeout, super::frame::explanation(Code::Timeout));
    tokio::time::timeout(time, work).map(move |done| done.unwrap_or_else(|_elapsed| Err(late())))
}

fn unwritable(error: serde_json::Error) -> Error {
    Error { source: Some(Box::new(error)), ..Error::new(Code::Internal, super::frame::explanation(Code::Internal)) }
}

fn log(error: &Error) {
    if matches!(error.code, Code::Internal | Code::DependencyUnavailable | Code::Timeout) {
        let source = error.source.as_ref().map(ToString::to_string);
        tracing::error!(error = %error, source, "a request failed");
    }
}
