//! People who are no agents: customers of the account. In through the core's intake, out through its deliveries.
//!
//! A few tasks share all customers, each customer always on the same one: so what somebody says stays in order.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::traffic::{Desk, ends, refused};
use super::waiter::{self, Waiter};
use super::words;
use crate::channel::xmpp::bounce::Bounce;
use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::form;
use crate::channel::xmpp::ns;
use crate::channel::xmpp::outgoing::{Dress, Refusal, Route, shown};
use crate::channel::xmpp::place::{Place, marked, stanza_id};
use crate::channel::xmpp::stanza::{Iq, IqKind, Message, MessageKind, Presence, PresenceKind, Stanza, Typing};
use crate::core::directory::Entrance;
use crate::core::request::{Mark, Request};
use crate::core::xmpp::{Load, Parcel, Sign};
use crate::core::{Client, Error};
use crate::hub::digest;
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::ChannelKind;
use crate::model::id::{ConnectionId, ConversationId, DeviceId, QueueId, RemoteId};
use crate::model::inbound::{Inbound, InboundKind};
use crate::model::jid::Jid;
use crate::model::label::label;
use crate::tenant::Tenant;

/// Tasks that share the customers.
const LANES: usize = 8;
/// Stanzas that may wait for one of them.
const WAITING: usize = 256;
/// Customers of one task who are told their place.
const MOST_WAITING: usize = 500;
/// Time for one request of a customer.
const WORK: Duration = Duration::from_secs(10);
/// The longest words of a server that are kept, characters.
const DETAIL: usize = 200;
/// The name of a customer's XMPP account among the devices.
const DEVICE: &str = "xmpp";

/// The customers of a link.
#[derive(Debug)]
pub(super) struct Customers {
    lanes: Vec<mpsc::Sender<Stanza>>,
    tasks: JoinSet<()>,
}

impl Customers {
    /// Takes customers in, and messages to them out, until [`Customers::end`].
    pub(super) fn begin(desk: &Arc<Desk>) -> Self {
        let mut tasks = JoinSet::new();
        let lanes = (0..LANES).map(|_| {
            let (sender, mut stanzas) = mpsc::channel(WAITING);
            let mut lane = Lane { desk: Arc::clone(desk), waiting: JoinSet::new() };
            tasks.spawn(async move {
                while let Some(stanza) = stanzas.recv().await {
                    lane.stanza(stanza).await;
                }
            });
            sender
        });
        let lanes = lanes.collect();
        let out = Lane { desk: Arc::clone(desk), waiting: JoinSet::new() };
        tasks.spawn(async move { out.carry().await });
        Self { lanes, tasks }
    }

    /// Passes a stanza on; gives it back when too many wait.
    pub(super) fn take(&self, stanza: Stanza) -> Option<Stanza> {
        let (from, _) = ends(&stanza);
        let lanes = u64::try_from(self.lanes.len().max(1)).unwrap_or(1);
        let place = usize::try_from(digest(from.bare().to_string()) % lanes).unwrap_or_default();
        match self.lanes.get(place) {
            Some(lane) => lane.try_send(stanza).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(stanza),
        }
    }

    /// Lets what is under way finish; what waits goes unanswered, as on any broken connection.
    pub(super) async fn end(&mut self) {
        self.lanes.clear();
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Lane {
    desk: Arc<Desk>,
    /// Customers who are told their place in a queue.
    waiting: JoinSet<()>,
}

impl Lane {
    async fn stanza(&mut self, stanza: Stanza) {
        while self.waiting.try_join_next().is_some() {}
        let Some((tenant, settings)) = self.desk.declared() else { return };
        if !settings.customers {
            let answer = refused(&stanza, Refusal::Forbidden, words::AGENTS_ONLY);
            return self.send(answer).await;
        }
        match stanza {
            Stanza::Message(message) => self.message(&tenant, *message).await,
            Stanza::Presence(presence) => self.presence(&tenant, &presence).await,
            Stanza::Iq(iq) => {
                let answer = self.answer(&tenant, &iq).await;
                self.send(answer).await;
            }
        }
    }

    async fn send(&self, stanza: Option<Element>) {
        if let Some(stanza) = stanza {
            self.desk.out.send(stanza).await;
        }
    }

    /// The local part of the queue that an address is, as it is declared.
    fn queue(&self, tenant: &Tenant, to: &Jid) -> Option<String> {
        match Place::of(to, &self.desk.domain) {
            Place::Desk => tenant.default_queue().map(|queue| queue.id.to_string()),
            Place::Queue(local) => {
                let queue = tenant.queues.iter().find(|queue| queue.id.as_str().eq_ignore_ascii_case(&local));
                queue.map(|queue| queue.id.to_string())
            }
            Place::Conversation(_) | Place::Nothing => None,
        }
    }

    async fn message(&self, tenant: &Tenant, message: Message) {
        let route = Route { from: &message.to, to: &message.from };
        let said = message.body.is_some() || message.file.is_some();
        match message.kind {
            MessageKind::Error => return self.bounced(&message).await,
            MessageKind::Room => return,
            MessageKind::Direct | MessageKind::Headline => {}
        }
        let Ok(who) = RemoteId::parse(&message.from.bare().to_string()) else {
            let answer =
                said.then(|| route.refused(message.id.as_deref(), Refusal::NotAcceptable, words::ADDRESS_TOO_LONG));
            return self.send(answer).await;
        };
        for (id, seen) in [(&message.received, false), (&message.displayed, true)] {
            if let Some((conv, seq)) = id.as_deref().and_then(marked) {
                self.mark(&who, conv, seq, seen).await;
            }
        }
        if let Some(typing) = message.typing.filter(|_| !said) {
            self.types(&who, typing == Typing::On).await;
        }
        if !said {
            return;
        }
        let Some(local) = self.queue(tenant, &message.to) else {
            let answer = route.refused(message.id.as_deref(), Refusal::NotFound, words::NO_SUCH_ADDRESS);
            return self.send(Some(answer)).await;
        };
        match within(self.take_in(&who, &message, &local)).await {
            Ok(()) if message.wants_receipt => {
                self.send(message.id.as_deref().map(|id| route.received(id))).await;
            }
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(account = %self.desk.key.1, error = ?error, "a customer's message on XMPP was not taken in");
                let answer = route.refused(message.id.as_deref(), Refusal::Wait, words::AWAY);
                self.send(Some(answer)).await;
            }
        }
    }

    /// A message to a customer came back.
    async fn bounced(&self, message: &Message) {
        let (tenant, account) = &self.desk.key;
        let Some(sent) = message.id.as_deref().and_then(marked) else { return };
        let Ok(who) = RemoteId::parse(&message.from.bare().to_string()) else { return };
        let bounce = Bounce::of(message.condition.as_deref());
        let words = [message.condition.as_deref(), message.reason.as_deref()];
        let detail = label(&words.into_iter().flatten().collect::<Vec<_>>().join(": "), DETAIL);
        let noted = self.desk.core.xmpp_bounced((tenant, account), &who, sent, (bounce.code(), detail));
        if let Err(error) = within(noted).await {
            tracing::warn!(account = %account, error = ?error, "that a message to a customer came back was not noted");
        }
    }

    async fn take_in(&self, who: &RemoteId, message: &Message, local: &str) -> Result<(), Error> {
        let (tenant, account) = &self.desk.key;
        let core = &self.desk.core;
        if core.xmpp_address(tenant, account, who).await?.as_deref() != Some(local) {
            core.xmpp_addressed(tenant, account, who, local).await?;
        }
        let content = match (&message.file, &message.body) {
            (Some(url), _) => Content::Link { title: "文件 file".into(), desc: String::new(), url: url.clone() },
            (None, body) => Content::text(cut(body.as_deref().unwrap_or_default())),
        };
        let id = message.origin_id.as_ref().or(message.id.as_ref());
        let now = core.clock().now();
        let inbound = Inbound {
            dedupe: dedupe(who, id, &content),
            from: who.clone(),
            sent_at: message.said_at.unwrap_or(now),
            kind: InboundKind::Message(content),
            raw_type: "message".into(),
            ext_id: id.map(|id| id.chars().take(128).collect()),
            opens: None,
            fetch: Vec::new(),
        };
        let entrance = Entrance { tenant: tenant.clone(), account: account.clone(), kind: ChannelKind::Xmpp };
        core.take_in(entrance, inbound).await.map(drop)
    }

    /// The customer as a client of the core, if they are known.
    async fn client(&self, who: &RemoteId) -> Option<(Client, ConversationId)> {
        let (tenant, account) = &self.desk.key;
        let (party, _, conv) = self.desk.core.xmpp_contact(tenant, account, who).await.ok()??;
        Some((self.client_of(party)?, conv))
    }

    fn client_of(&self, party: crate::core::Party) -> Option<Client> {
        let connection = ConnectionId::generate(self.desk.core.clock().now());
        Some(Client {
            tenant: self.desk.key.0.clone(),
            party,
            device: DeviceId::parse(DEVICE).ok()?,
            connection,
            calls_only: false,
        })
    }

    async fn mark(&self, who: &RemoteId, conv: ConversationId, seq: i64, seen: bool) {
        let Some((client, _)) = self.client(who).await else { return };
        let mark = Mark { conv, seq };
        let request = if seen { Request::Read(mark) } else { Request::Ack(mark) };
        // Marks of others' conversations are refused there, and worth nothing here.
        drop(within(self.desk.core.perform(&client, request)).await);
    }

    async fn types(&self, who: &RemoteId, on: bool) {
        let Some((client, conv)) = self.client(who).await else { return };
        drop(within(self.desk.core.perform(&client, Request::Typing { conv, on })).await);
    }

    async fn presence(&self, tenant: &Tenant, presence: &Presence) {
        let at = presence.to.bare();
        let route = Route { from: &at, to: &presence.from };
        if self.queue(tenant, &at).is_none() {
            let answer = (presence.kind == PresenceKind::Subscribe).then(|| route.presence("unsubscribed"));
            return self.send(answer).await;
        }
        match presence.kind {
            PresenceKind::Subscribe => {
                self.desk.out.send(route.presence("subscribed")).await;
                self.desk.out.send(route.available(None, &tenant.name)).await;
            }
            PresenceKind::Probe => self.desk.out.send(route.available(None, &tenant.name)).await,
            _ => {}
        }
    }

    async fn answer(&mut self, tenant: &Tenant, iq: &Iq) -> Option<Element> {
        if matches!(iq.kind, IqKind::Result | IqKind::Error) {
            return None;
        }
        let payload = iq.payload.as_ref()?;
        Some(match (iq.kind, payload.name(), payload.ns()) {
            (IqKind::Get, "ping", ns::PING) => iq.result(None),
            (IqKind::Get, "query", ns::DISCO_INFO) if self.queue(tenant, &iq.to).is_some() => {
                let features = [ns::DISCO_INFO, ns::PING, ns::RECEIPTS, ns::CHATSTATES, ns::WORKGROUP];
                iq.result(Some(form::info(None, ("collaboration", "workgroup", &tenant.name), &features)))
            }
            (IqKind::Set, "join-queue", ns::WORKGROUP) => match within(self.join(tenant, iq)).await {
                Ok(()) => iq.result(None),
                Err(error) => iq.refuse(waiter::refusal(&error), &error.message),
            },
            (IqKind::Set, "depart-queue", ns::WORKGROUP) => match within(self.depart(iq)).await {
                Ok(()) => iq.result(None),
                Err(error) => iq.refuse(waiter::refusal(&error), &error.message),
            },
            _ => iq.refuse(Refusal::Unavailable, ""),
        })
    }

    /// A customer joins a queue by a button instead of words.
    async fn join(&mut self, tenant: &Tenant, iq: &Iq) -> Result<(), Error> {
        let queue = self.queue(tenant, &iq.to).ok_or_else(Error::not_found)?;
        if self.waiting.len() >= MOST_WAITING {
            return Err(Error::new(Code::RateLimited, words::TOO_FAST));
        }
        let who = RemoteId::parse(&iq.from.bare().to_string())?;
        let (of, account) = &self.desk.key;
        let (party, contact, _) = self.desk.core.xmpp_customer(of, account, &who).await?;
        self.desk.core.xmpp_addressed(of, account, &who, &queue).await?;
        let client = self.client_of(party).ok_or_else(Error::not_found)?;
        let waiter =
            Waiter::join(&self.desk, &client, contact, QueueId::parse(&queue)?, (iq.to.bare(), iq.from.clone()))
                .await?;
        self.waiting.spawn(waiter.wait());
        Ok(())
    }

    /// A customer no longer wants to wait.
    async fn depart(&self, iq: &Iq) -> Result<(), Error> {
        let who = RemoteId::parse(&iq.from.bare().to_string())?;
        let (client, _) = self.client(&who).await.ok_or_else(Error::not_found)?;
        self.desk.core.perform(&client, Request::CancelQueue {}).await.map(drop)
    }

    /// Carries messages to customers.
    async fn carry(&self) {
        let (tenant, account) = &self.desk.key;
        let mut line = self.desk.core.xmpp_line(tenant, account);
        while let Some(load) = line.loads.recv().await {
            match load {
                Load::Parcel(parcel) => self.deliver(parcel).await,
                Load::Sign(Sign { to, on }) => {
                    if let Some((from, to)) = self.ends_of(&to).await {
                        self.desk.out.send(Route { from: &from, to: &to }.typing(on)).await;
                    }
                }
            }
        }
    }

    /// From which of our addresses to which of theirs.
    async fn ends_of(&self, to: &RemoteId) -> Option<(Jid, Jid)> {
        let (tenant, account) = &self.desk.key;
        let known = self.desk.core.xmpp_address(tenant, account, to).await.ok()?;
        let local = match known {
            Some(local) => local,
            None => self.desk.declared()?.0.default_queue()?.id.to_string(),
        };
        Some((self.desk.address(&local)?, Jid::parse(to.as_str()).ok()?))
    }

    async fn deliver(&self, parcel: Parcel) {
        let Parcel { to, envelope, written } = parcel;
        // What is dropped unwritten is tried again.
        let Some((from, to)) = self.ends_of(&to).await else { return };
        let absolute = |url: &str| match url.starts_with('/') {
            true => format!("{}{url}", self.desk.core.public_url()),
            false => url.to_owned(),
        };
        let (body, file) = shown(&envelope.content, &envelope.fallback, absolute);
        let dress = Dress {
            nick: envelope.from.name.as_deref(),
            thread: None,
            file: file.as_deref(),
            said_at: None,
            receipt: true,
        };
        let id = stanza_id(envelope.conv, envelope.seq);
        let message = dress.on(Route { from: &from, to: &to }.chat(&id, &body));
        self.desk.out.send_told(message, written).await;
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::new(Code::Timeout, words::AWAY);
    tokio::time::timeout(WORK, work).await.unwrap_or_else(|_elapsed| Err(late()))
}

/// The longest text of a customer, characters: as in the widget.
const TEXT: usize = 4_000;

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

/// What makes a stanza that comes twice one message. Without an id every stanza is another one.
fn dedupe(who: &RemoteId, id: Option<&String>, content: &Content) -> String {
    let digest = match id {
        Some(id) => Sha256::digest(format!("{who}\n{id}\n{}", content.fallback())),
        None => Sha256::digest(rand::random::<u128>().to_be_bytes()),
    };
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("xmpp:{hex}")
}
