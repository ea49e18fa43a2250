//! Conversations and the identities that lead to them. The row is where `seq` is given out.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::conn::{gather, on, put};
use super::fixed::{Arrive, Step};
use super::message::Origin;
use super::schema::{contact, conversation, delivery, identity};
use super::{Error, Tx};
use crate::model::envelope::{ChannelKind, ChannelRef};
use crate::model::id::{AccountId, ContactId, ConversationId, RemoteId};
use crate::model::time::Millis;
use crate::model::window::Window;

/// One conversation, as stored.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Identity.
    pub conv: ConversationId,
    /// The tenant's account on the channel.
    pub account: AccountId,
    /// Kind of channel.
    pub kind: ChannelKind,
    /// The customer.
    pub contact: ContactId,
    /// The customer as the channel knows them.
    pub external_id: RemoteId,
    /// The incarnation of the log.
    pub epoch: String,
    /// The newest message.
    pub last_seq: i64,
    /// What the channel lets us send.
    pub window: Window,
    /// When something last happened in it.
    pub updated_at: Millis,
}

impl Conversation {
    /// What its messages have in common.
    #[must_use]
    pub fn origin(&self, tx: &Tx<'_>) -> Origin {
        Origin {
            tenant: tx.tenant().clone(),
            channel: ChannelRef { kind: self.kind, account: self.account.clone(), ext_id: None, raw_type: None },
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = conversation)]
pub(in crate::store) struct Row {
    tenant: String,
    conv: String,
    account: String,
    kind: String,
    contact: String,
    external_id: String,
    epoch: String,
    last_seq: i64,
    window_left: i32,
    window_until: i64,
    updated_at: i64,
}

impl Row {
    pub(in crate::store) fn parse(self) -> Result<Conversation, Error> {
        let damaged = |what, value: &str| Error::Damaged { what, value: value.to_owned() };
        let kind = ChannelKind::parse(&self.kind).ok_or_else(|| damaged("channel kind", &self.kind))?;
        Ok(Conversation {
            conv: ConversationId::parse(&self.conv).map_err(|_source| damaged("conversation id", &self.conv))?,
            account: AccountId::parse(&self.account).map_err(|_source| damaged("account", &self.account))?,
            kind,
            contact: ContactId::parse(&self.contact).map_err(|_source| damaged("contact", &self.contact))?,
            external_id: RemoteId::parse(&self.external_id)
                .map_err(|_source| damaged("external id", &self.external_id))?,
            epoch: self.epoch,
            last_seq: self.last_seq,
            window: Window { left: u32::try_from(self.window_left).unwrap_or(0), until: Millis(self.window_until) },
            updated_at: Millis(self.updated_at),
        })
    }
}

/// The conversation, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, conv: ConversationId) -> Result<Option<Conversation>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => conversation::table
        .filter(conversation::tenant.eq(tenant).and(conversation::conv.eq(conv.to_string())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// The conversations with these ids that this tenant has, in no order.
///
/// # Errors
/// When the statement fails.
pub fn find_all(tx: &mut Tx<'_>, convs: &[ConversationId]) -> Result<Vec<Conversation>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = convs.iter().map(ToString::to_string).collect();
    let rows: Vec<Row> = on!(conn, c => conversation::table
        .filter(conversation::tenant.eq(tenant).and(conversation::conv.eq_any(&ids)))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// Gives out the next `seq` under the conversation's row lock and returns the conversation with it.
///
/// # Errors
/// When the statement fails.
pub fn advance(tx: &mut Tx<'_>, conv: ConversationId, now: Millis) -> Result<Option<Conversation>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => diesel::update(
            conversation::table.filter(conversation::tenant.eq(tenant).and(conversation::conv.eq(conv.to_string()))))
        .set((conversation::last_seq.eq(conversation::last_seq + 1), conversation::updated_at.eq(now.0)))
        .returning(Row::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// As [`advance`], for whoever has read the conversation in this transaction: nothing is waited for.
///
/// # Errors
/// When the statement fails.
pub fn step(tx: &mut Tx<'_>, read: &mut Conversation, now: Millis) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    read.last_seq = read.last_seq.saturating_add(1);
    read.updated_at = now;
    let conv = read.conv.to_string();
    gather!(conn, Step { tenant, conv: &conv, seq: read.last_seq, now: now.0 })?;
    Ok(())
}

/// A known customer with a message.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The conversation with its window open and the message's `seq` given out.
    pub conversation: Conversation,
    /// Whether they follow the account.
    pub subscribed: bool,
    /// Whether messages to them were held back until they write again.
    pub held: bool,
}

/// Takes in a customer's message that opens `window` anew: [`identity()`] and [`advance`] in one statement. `None` when
/// the customer is not known yet.
///
/// # Errors
/// When the statement fails.
pub fn arrive(
    tx: &mut Tx<'_>,
    account: &AccountId,
    external: &RemoteId,
    now: Millis,
    window: Window,
) -> Result<Option<Arrival>, Error> {
    let (conn, tenant) = tx.parts();
    let left = i32::try_from(window.left).unwrap_or(i32::MAX);
    let (account, external) = (account.as_str(), external.as_str());
    let next = Arrive { tenant, account, external, now: now.0, left, until: window.until.0 };
    let found: Option<(Row, bool, bool)> = on!(conn, c => next.get_result(c).optional())?;
    found.map(|(row, subscribed, held)| Ok(Arrival { conversation: row.parse()?, subscribed, held })).transpose()
}

/// Writes what the channel lets us send.
///
/// # Errors
/// When the statement fails.
pub fn set_window(tx: &mut Tx<'_>, conv: ConversationId, window: Window) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let left = i32::try_from(window.left).unwrap_or(i32::MAX);
    put!(
        conn,
        diesel::update(
            conversation::table.filter(conversation::tenant.eq(tenant).and(conversation::conv.eq(conv.to_string())))
        )
        .set((conversation::window_left.eq(left), conversation::window_until.eq(window.until.0)))
    )?;
    Ok(())
}

/// A customer as a channel knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The customer.
    pub contact: ContactId,
    /// Their conversation on this account.
    pub conv: ConversationId,
    /// Whether they follow the account.
    pub subscribed: bool,
    /// Whether messages to them are held back until they write again.
    pub held: bool,
}

/// The identity under which a customer is known on an account, if they are.
///
/// # Errors
/// When the statement fails.
pub fn identity(tx: &mut Tx<'_>, account: &AccountId, external: &RemoteId) -> Result<Option<Identity>, Error> {
    let (conn, tenant) = tx.parts();
    let held = delivery::table
        .filter(delivery::tenant.eq(tenant).and(delivery::conv.eq(identity::conv)).and(delivery::state.eq("held")));
    let row: Option<(String, String, bool, bool)> = on!(conn, c => identity::table
        .filter(identity::tenant.eq(tenant)
            .and(identity::account.eq(account.as_str()))
            .and(identity::external_id.eq(external.as_str())))
        .select((identity::contact, identity::conv, identity::subscribed, exists(held)))
        .first(c)
        .optional())?;
    row.map(|(contact, conv, subscribed, held)| {
        Ok(Identity {
            contact: ContactId::parse(&contact)
                .map_err(|_source| Error::Damaged { what: "contact", value: contact })?,
            conv: ConversationId::parse(&conv)
                .map_err(|_source| Error::Damaged { what: "conversation", value: conv })?,
            subscribed,
            held,
        })
    })
    .transpose()
}

/// Makes a customer, their identity and their conversation at once.
///
/// # Errors
/// A duplicate when another writer was first ([`Error::is_duplicate`]).
pub fn create(
    tx: &mut Tx<'_>,
    kind: ChannelKind,
    account: &AccountId,
    external: &RemoteId,
    name: Option<&str>,
    now: Millis,
) -> Result<Identity, Error> {
    let (conn, tenant) = tx.parts();
    let made = Identity {
        contact: ContactId::generate(now),
        conv: ConversationId::generate(now),
        subscribed: true,
        held: false,
    };
    let (contact_id, conv_id) = (made.contact.to_string(), made.conv.to_string());
    on!(conn, c => diesel::insert_into(identity::table)
        .values((
            identity::tenant.eq(tenant),
            identity::account.eq(account.as_str()),
            identity::external_id.eq(external.as_str()),
            identity::contact.eq(&contact_id),
            identity::conv.eq(&conv_id),
            identity::subscribed.eq(true),
        ))
        .execute(c))?;
    put!(
        conn,
        diesel::insert_into(contact::table).values((
            contact::tenant.eq(tenant),
            contact::id.eq(&contact_id),
            contact::name.eq(name),
            contact::created_at.eq(now.0),
        ))
    )?;
    let row = Row {
        tenant: tenant.to_owned(),
        conv: conv_id.clone(),
        account: account.to_string(),
        kind: kind.as_str().to_owned(),
        contact: contact_id,
        external_id: external.to_string(),
        epoch: conv_id,
        last_seq: 0,
        window_left: 0,
        window_until: 0,
        updated_at: now.0,
    };
    put!(conn, diesel::insert_into(conversation::table).values(&row))?;
    Ok(made)
}

/// Gives a customer a name; `false` when there is no such customer.
///
/// # Errors
/// When the statement fails.
pub fn set_name(tx: &mut Tx<'_>, id: ContactId, name: &str) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let named = on!(conn, c => diesel::update(
            contact::table.filter(contact::tenant.eq(tenant).and(contact::id.eq(id.to_string()))))
        .set(contact::name.eq(name))
        .execute(c))?;
    Ok(named == 1)
}

/// Notes whether a customer follows the account.
///
/// # Errors
/// When the statement fails.
pub fn set_subscribed(
    tx: &mut Tx<'_>,
    account: &AccountId,
    external: &RemoteId,
    subscribed: bool,
) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(
            identity::table.filter(
                identity::tenant
                    .eq(tenant)
                    .and(identity::account.eq(account.as_str()))
                    .and(identity::external_id.eq(external.as_str()))
            )
        )
        .set(identity::subscribed.eq(subscribed))
    )?;
    Ok(())
}

/// The names of these customers, where they have one.
///
/// # Errors
/// When the statement fails.
pub fn contact_names(tx: &mut Tx<'_>, contacts: &[ContactId]) -> Result<Vec<(ContactId, Option<String>)>, Error> {
    let (conn, tenant) = tx.parts();
    let ids: Vec<String> = contacts.iter().map(ToString::to_string).collect();
    let rows: Vec<(String, Option<String>)> = on!(conn, c => contact::table
        .filter(contact::tenant.eq(tenant).and(contact::id.eq_any(&ids)))
        .select((contact::id, contact::name))
        .load(c))?;
    rows.into_iter()
        .map(|(id, name)| {
            ContactId::parse(&id).map(|id| (id, name)).map_err(|_source| Error::Damaged { what: "contact", value: id })
        })
        .collect()
}
