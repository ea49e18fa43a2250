//! An agent who is there: attached to the hub and leased, like a socket. Coming, going, and what the hub announces.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::chat::Chat;
use super::offer::Offers;
use super::oversight::Oversight;
use super::{Seat, read, within};
use crate::core::request::{Mark, Request};
use crate::core::{Client, Error};
use crate::hub::{Attachment, Frame, Hint, Inlet, Recipient};
use crate::model::id::{ConnectionId, ConversationId, DeviceId};
use crate::model::presence::Status;
use crate::socket::told::Told as Known;
use crate::socket::xmpp::frame::{Told, Welcome};
use crate::socket::xmpp::words;
use crate::store::room::Room as Kept;

/// Hints that may wait for one agent before it is too slow.
const HINTS: usize = 1_024;
/// The device of every XMPP account, whatever clients are behind it.
const DEVICE: &str = "xmpp";
/// Heads of logs that are remembered of conversations that have not been shown.
const HEADS: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) client: Arc<Client>,
    pub(super) inlet: Inlet,
    _attachment: Attachment,
    pub(super) known: Known,
    /// Whether the agent was signed in all the while: what was chosen before still stands.
    pub(super) stayed: bool,
    pub(super) chats: BTreeMap<ConversationId, Chat>,
    /// How long the logs of other conversations have been said to be.
    pub(super) heads: BTreeMap<ConversationId, i64>,
    pub(super) offers: Offers,
    pub(super) oversight: Oversight,
    /// The rooms that are open for the agent, until they are entered again.
    pub(super) kept: Vec<Kept>,
    /// The status that the agent was told last, or has chosen here.
    pub(super) status: String,
    /// The status as it was announced last, and why. Told a moment later: of several changes in a row the last.
    pub(super) announced: Option<(String, Option<String>)>,
    /// How far the agent's clients are, gathered until it is written: arrived, seen.
    pub(super) marks: BTreeMap<ConversationId, (i64, i64)>,
}

impl Seat {
    /// The agent has come: attaches before the state is read, so that what is announced in between waits.
    pub(super) async fn arrive(&mut self) {
        let Ok(device) = DeviceId::parse(DEVICE) else { return };
        let (core, tenant) = (&self.desk.core, self.desk.key.0.clone());
        let connection = ConnectionId::generate(core.clock().now());
        let client = Arc::new(Client {
            tenant: tenant.clone(),
            party: self.party.clone(),
            device,
            connection,
            calls_only: false,
        });
        let to = vec![Recipient::Agent(tenant.clone(), self.agent.clone()), Recipient::Agents(tenant)];
        let (attachment, inlet) = core.hub().attach(connection, to, HINTS);
        let live = Live {
            client: Arc::clone(&client),
            inlet,
            _attachment: attachment,
            known: Known::default(),
            stayed: false,
            chats: BTreeMap::new(),
            heads: BTreeMap::new(),
            offers: Offers::default(),
            oversight: Oversight::default(),
            kept: Vec::new(),
            status: String::new(),
            announced: None,
            marks: BTreeMap::new(),
        };
        match self.welcome(&client).await {
            Ok((welcome, known, stayed, kept)) => {
                tracing::info!(agent = %self.agent, stayed, "an agent has come on XMPP");
                self.live = Some(Box::new(Live { known, stayed, kept, ..live }));
                self.left = None;
                self.welcomed(welcome).await;
            }
            Err(error) => {
                tracing::warn!(agent = %self.agent, error = ?error, "an agent on XMPP could not be let in; tried again");
                self.desk.core.detached(&client).await;
            }
        }
    }

    async fn welcome(&self, client: &Client) -> Result<(Welcome, Known, bool, Vec<Kept>), Error> {
        let core = &self.desk.core;
        let kept = within(core.xmpp_rooms(&self.desk.key.0, &self.desk.key.1, &self.agent)).await?;
        // Whoever arrives is not offline any more: this has to be known before.
        let before = within(core.ready(client)).await?.agent;
        let stayed = before.is_some_and(|agent| agent.status != Status::Offline.as_str());
        within(core.attached(client)).await?;
        let ready = within(core.ready(client)).await?;
        let welcome = read(&ready)?;
        let mut known = Known::default();
        known.all(ready.marks);
        Ok((welcome, known, stayed, kept))
    }

    async fn welcomed(&mut self, welcome: Welcome) {
        if let (Some(live), Some(agent)) = (&mut self.live, &welcome.agent) {
            live.status.clone_from(&agent.status);
        }
        for queue in &welcome.queues {
            self.show_queue(queue).await;
        }
        for conversation in welcome.convs {
            self.conversation(conversation, true).await;
        }
        self.return_to_rooms().await;
        for offer in welcome.offers {
            self.offered(offer).await;
        }
    }

    /// The agent has gone, or the link: what a socket that closes means. Rooms are left as they are: whoever has the link
    /// next goes on with them.
    pub(super) async fn leave(&mut self) {
        self.flush_marks().await;
        let Some(live) = self.live.take() else { return };
        tracing::info!(agent = %self.agent, "an agent on XMPP has gone");
        self.desk.core.detached(&live.client).await;
    }

    /// Something was announced.
    pub(super) async fn hint(&mut self, hint: Option<Hint>) {
        let Some(live) = &mut self.live else { return };
        let overrun = live.inlet.overrun.load(Ordering::Acquire);
        match hint {
            None => self.again().await,
            Some(_) if overrun => self.again().await,
            Some(Hint::Message(envelope)) => self.announced(envelope).await,
            Some(Hint::Frame(frame)) => {
                if let Some(mark) = frame.mark {
                    live.known.changes(mark);
                }
                self.frame(&frame).await;
            }
            Some(Hint::Swept(frame)) => {
                if frame.mark.is_none_or(|mark| live.known.changes(mark)) {
                    self.frame(&frame).await;
                }
            }
            Some(Hint::Head(head)) => self.grown(head.conv, head.seq).await,
            Some(Hint::Replaced(old)) if old == live.client.connection => {
                // Another node has the agent's address now: what is here means nothing any more.
                tracing::info!(agent = %self.agent, "an agent on XMPP is at another node");
                self.live = None;
                self.clients.unavailable(None);
            }
            // An agent on XMPP leans on no sign-in: the server vouches for the address.
            Some(Hint::Replaced(_) | Hint::SignedOut) => {}
        }
    }

    /// Too much has happened to be told one by one: comes in anew, from the cursors.
    async fn again(&mut self) {
        tracing::info!(agent = %self.agent, "an agent on XMPP is told anew what has happened");
        self.leave().await;
        self.arrive().await;
    }

    async fn frame(&mut self, frame: &Frame) {
        match Told::read(&frame.text) {
            Ok(told) => self.told(told).await,
            Err(error) => tracing::error!(error = %error, "a push could not be read for XMPP"),
        }
    }

    async fn told(&mut self, told: Told) {
        match told {
            Told::Conversation(conversation) => self.conversation(*conversation, false).await,
            Told::Session(session) => self.session(*session).await,
            Told::Gone(conv) => self.gone(conv).await,
            Told::Offer(offer) => self.offered(*offer).await,
            Told::Revoked { assignment, reason } => self.revoked(assignment, &reason).await,
            Told::Agent(agent) if agent.agent == self.agent => {
                let Some(live) = &mut self.live else { return };
                live.announced = Some((agent.status, agent.reason));
            }
            Told::Queue(queue) => self.show_queue(&queue).await,
            Told::Receipt(receipt) => self.receipt(receipt).await,
            Told::Typing { conv, who, on } if who == "contact" => self.typing(conv, on).await,
            Told::Agent(_) | Told::Typing { .. } | Told::Other => {}
        }
    }

    /// Tells the agent a status that was not chosen here.
    pub(super) async fn tell_status(&mut self) {
        let Some(live) = &mut self.live else { return };
        let Some((status, reason)) = live.announced.take() else { return };
        if std::mem::replace(&mut live.status, status.clone()) != status {
            let home = self.home.clone();
            self.tell(&home, &words::status(&status, reason.as_deref())).await;
        }
    }

    /// A message of a log has arrived at a client, or was seen.
    pub(super) fn mark(&mut self, conv: ConversationId, seq: i64, seen: bool) {
        let Some(live) = &mut self.live else { return };
        if !live.chats.contains_key(&conv) {
            return;
        }
        let (arrived, read) = live.marks.entry(conv).or_default();
        *arrived = seq.max(*arrived);
        if seen {
            *read = seq.max(*read);
        }
    }

    /// Writes how far the clients are.
    pub(super) async fn flush_marks(&mut self) {
        let Some(live) = &mut self.live else { return };
        let (client, marks) = (Arc::clone(&live.client), std::mem::take(&mut live.marks));
        for (conv, (arrived, read)) in marks {
            let mut requests = Vec::with_capacity(2);
            if read > 0 {
                requests.push(Request::Read(Mark { conv, seq: read }));
            }
            if arrived > read {
                requests.push(Request::Ack(Mark { conv, seq: arrived }));
            }
            for request in requests {
                if let Err(error) = within(self.desk.core.perform(&client, request)).await {
                    tracing::debug!(agent = %self.agent, error = ?error, "a mark of an agent on XMPP was not written");
                }
            }
        }
    }

    pub(super) fn head(&mut self, conv: ConversationId, seq: i64) {
        let Some(live) = &mut self.live else { return };
        if live.heads.len() >= HEADS {
            live.heads.pop_first();
        }
        let head = live.heads.entry(conv).or_default();
        *head = seq.max(*head);
    }
}
