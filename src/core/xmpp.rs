//! What the core and the XMPP links of this node need of each other: messages to customers on their way out, and what
//! is known of accounts. Knows no stanza.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Core, Error, Party, deliver};
use crate::channel::wechat::error::SendError;
use crate::model::envelope::{ChannelKind, Envelope};
use crate::model::id::{AccountId, AgentId, ContactId, ConversationId, NodeId, QueueId, RemoteId, TenantId};
use crate::model::jid::Jid;
use crate::store::room::{self, Room};
use crate::store::{conversation, queue, xmpp as store};

/// Messages that may wait for one link.
const WAITING: usize = 256;

type Key = (TenantId, AccountId);

/// A message to a customer, for the link of its account.
#[derive(Debug)]
pub struct Parcel {
    /// The customer's address.
    pub to: RemoteId,
    /// What.
    pub envelope: Arc<Envelope>,
    /// To be told once it is written: [`Written`].
    pub written: oneshot::Sender<Written>,
}

/// Something shown to a customer that is worth nothing later.
#[derive(Debug)]
pub struct Sign {
    /// The customer's address.
    pub to: RemoteId,
    /// Whether an agent types.
    pub on: bool,
}

/// What a link has to carry.
#[derive(Debug)]
pub enum Load {
    /// A message.
    Parcel(Parcel),
    /// Typing.
    Sign(Sign),
}

/// What became of a message. A sender that is dropped says: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The connection took it.
    Yes,
    /// The connection broke while it was being written.
    Perhaps,
}

/// The links of this node.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<HashMap<Key, mpsc::Sender<Load>>>);

impl Lines {
    fn of(&self, key: &Key) -> Option<mpsc::Sender<Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// Keeps an account's messages coming to this link; dropping it lets them wait.
#[derive(Debug)]
pub struct Line {
    core: Core,
    key: Key,
    /// What has to leave.
    pub loads: mpsc::Receiver<Load>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.core.inner.lines.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Core {
    /// Takes an account's messages from now on.
    #[must_use]
    pub fn xmpp_line(&self, tenant: &TenantId, account: &AccountId) -> Line {
        let (sender, loads) = mpsc::channel(WAITING);
        let key = (tenant.clone(), account.clone());
        self.inner.lines.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), sender);
        self.inner.deliveries.notify_one();
        Line { core: self.clone(), key, loads }
    }

    /// The XMPP accounts whose link is not here: another node sends their messages, or they wait.
    pub(super) fn xmpp_elsewhere(&self) -> Vec<Key> {
        let tenants = self.tenants().all();
        let accounts = tenants.iter().flat_map(|tenant| {
            let of_xmpp = tenant.accounts.iter().filter(|account| account.channel.is_xmpp());
            of_xmpp.map(|account| (tenant.id.clone(), account.id.clone()))
        });
        accounts.filter(|key| self.inner.lines.of(key).is_none()).collect()
    }

    /// Hands a message to the link and waits until it is written.
    pub(super) async fn xmpp_send(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        to: &RemoteId,
        envelope: Arc<Envelope>,
    ) -> Result<(), SendError> {
        let away = || SendError::Retry { after: Duration::from_secs(1), detail: "no link here".into() };
        let line = self.inner.lines.of(&(tenant.clone(), account.clone())).ok_or_else(away)?;
        let (written, outcome) = oneshot::channel();
        let parcel = Parcel { to: to.clone(), envelope: self.dress(envelope), written };
        line.send(Load::Parcel(parcel)).await.map_err(|_closed| away())?;
        match outcome.await {
            Ok(Written::Yes) => Ok(()),
            Ok(Written::Perhaps) => Err(SendError::Uncertain { detail: "the connection to the server broke".into() }),
            Err(_dropped) => Err(away()),
        }
    }

    /// Shows a customer that an agent types, if the link is here.
    pub(super) fn xmpp_typing(&self, tenant: &TenantId, account: &AccountId, to: &RemoteId, on: bool) {
        if let Some(line) = self.inner.lines.of(&(tenant.clone(), account.clone())) {
            // A full buffer means that the server is slow: then nobody misses it.
            drop(line.try_send(Load::Sign(Sign { to: to.clone(), on })));
        }
    }

    /// The customer behind an address, if there is one.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_contact(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        jid: &RemoteId,
    ) -> Result<Option<(Party, ContactId, ConversationId)>, Error> {
        let (of, jid) = (account.clone(), jid.clone());
        let found = self.scope(tenant).read(move |tx| conversation::identity(tx, &of, &jid)).await?;
        Ok(found.map(|identity| {
            let party = Party::Contact { contact: identity.contact, account: account.clone() };
            (party, identity.contact, identity.conv)
        }))
    }

    /// As [`Core::xmpp_contact`]; whoever is new becomes a customer.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_customer(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        jid: &RemoteId,
    ) -> Result<(Party, ContactId, ConversationId), Error> {
        if let Some(known) = self.xmpp_contact(tenant, account, jid).await? {
            return Ok(known);
        }
        let (of, jid) = (account.clone(), jid.clone());
        let identity = self
            .change(tenant, move |tx, scene, _fx| match conversation::identity(tx, &of, &jid)? {
                Some(known) => Ok(known),
                None => Ok(conversation::create(tx, ChannelKind::Xmpp, &of, &jid, None, scene.now)?),
            })
            .await?;
        let party = Party::Contact { contact: identity.contact, account: account.clone() };
        Ok((party, identity.contact, identity.conv))
    }

    /// A message to a customer came back: it has failed, and the agent is told why. `false` when `who` was not sent it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_bounced(
        &self,
        (tenant, account): (&TenantId, &AccountId),
        who: &RemoteId,
        (conv, seq): (ConversationId, i64),
        (code, detail): (&'static str, String),
    ) -> Result<bool, Error> {
        let (account, who) = (account.clone(), who.clone());
        self.change(tenant, move |tx, scene, fx| {
            // Anybody can write the id of somebody else's message.
            let own = conversation::identity(tx, &account, &who)?.is_some_and(|identity| identity.conv == conv);
            let Some(conversation) = conversation::find(tx, conv)?.filter(|_| own) else { return Ok(false) };
            deliver::came_back(tx, scene, &conversation, seq, (code, detail), fx)
        })
        .await
    }

    /// How long the first in a queue has waited; `None` when nobody does.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_longest(&self, tenant: &TenantId, queue: &QueueId) -> Result<Option<Duration>, Error> {
        let (queue, now) = (queue.clone(), self.clock().now());
        let (_, since) = self.scope(tenant).read(move |tx| queue::length(tx, &queue)).await?;
        Ok(since.map(|since| now.since(since)))
    }

    /// Notes which address a customer wrote to.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_addressed(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        jid: &RemoteId,
        local: &str,
    ) -> Result<(), Error> {
        let (account, jid, local) = (account.clone(), jid.clone(), local.to_owned());
        Ok(self.scope(tenant).write(move |tx| store::set_address(tx, &account, &jid, &local)).await?)
    }

    /// Which address a customer wrote to last.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_address(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        jid: &RemoteId,
    ) -> Result<Option<String>, Error> {
        let (account, jid) = (account.clone(), jid.clone());
        Ok(self.scope(tenant).read(move |tx| store::address(tx, &account, &jid)).await?)
    }

    /// Notes how the link of an account stands.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_note_link(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        state: &'static str,
        why: (&'static str, String),
    ) -> Result<(), Error> {
        let (account, node, now): (_, NodeId, _) = (account.clone(), self.node(), self.clock().now());
        let (code, reason) = why;
        let note =
            move |tx: &mut crate::store::Tx<'_>| store::set_link(tx, &account, node, (state, code, &reason), now);
        Ok(self.scope(tenant).write(note).await?)
    }

    /// Notes what is known of an agent's account.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_note_seat(&self, tenant: &TenantId, account: &AccountId, seat: store::Seat) -> Result<(), Error> {
        let account = account.clone();
        Ok(self.scope(tenant).write(move |tx| store::set_seat(tx, &account, &seat)).await?)
    }

    /// What is known of the agents' accounts.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_seats(&self, tenant: &TenantId, account: &AccountId) -> Result<Vec<store::Seat>, Error> {
        let account = account.clone();
        Ok(self.scope(tenant).read(move |tx| store::seats(tx, &account)).await?)
    }

    /// Notes how a room of an account stands: whichever node has the link next goes on with it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_keep_room(&self, tenant: &TenantId, account: &AccountId, room: Room) -> Result<(), Error> {
        let account = account.clone();
        Ok(self.scope(tenant).write(move |tx| room::keep(tx, &account, &room)).await?)
    }

    /// A room of an account is closed.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_forget_room(&self, tenant: &TenantId, account: &AccountId, room: Jid) -> Result<(), Error> {
        let account = account.clone();
        Ok(self.scope(tenant).write(move |tx| room::forget(tx, &account, &room)).await?)
    }

    /// The rooms of an agent that are open, or were when their link ended.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn xmpp_rooms(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        agent: &AgentId,
    ) -> Result<Vec<Room>, Error> {
        let (account, agent) = (account.clone(), agent.clone());
        self.scope(tenant).read(move |tx| Ok(room::of(tx, &account, &agent)?)).await
    }

    /// Scheme, host and port under which people reach this gateway.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.inner.public_url
    }
}
