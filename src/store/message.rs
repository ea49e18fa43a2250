//! The conversation log: appended rows and the reading of them. Knows rows, not who may see them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::conn::{gather, on, put};
use super::schema::message;
use super::{Error, Tx, conversation};
use crate::model::content::Content;
use crate::model::envelope::{ChannelRef, Envelope, Role, Sender, Visibility};
use crate::model::id::{ClientId, ConversationId, MessageId, SessionId, TenantId};
use crate::model::time::Millis;

// Nulls are written out, so that the statement has one text, which is prepared once.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = message, treat_none_as_default_value = false)]
struct Row {
    tenant: String,
    conv: String,
    seq: i64,
    id: String,
    session: Option<String>,
    ts: i64,
    role: String,
    sender: String,
    sender_name: Option<String>,
    visibility: String,
    content: String,
    device: Option<String>,
    cid: Option<String>,
    reply_to: Option<String>,
    replaces: Option<String>,
    ext_id: Option<String>,
    raw_type: Option<String>,
    control_epoch: i64,
}

fn damaged(what: &'static str, value: &str) -> Error {
    Error::Damaged { what, value: value.chars().take(80).collect() }
}

fn role(text: &str) -> Result<Role, Error> {
    [Role::Contact, Role::Agent, Role::Robot, Role::System, Role::Supervisor, Role::Flow]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| damaged("role", text))
}

/// The parts of a message that its conversation knows.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The tenant.
    pub tenant: TenantId,
    /// Kind of channel and account.
    pub channel: ChannelRef,
}

impl Row {
    fn envelope(self, origin: &Origin) -> Result<Envelope, Error> {
        let content: Content =
            serde_json::from_str(&self.content).map_err(|_source| damaged("content", &self.content))?;
        let fallback = content.fallback();
        Ok(Envelope {
            v: 1,
            id: MessageId::parse(&self.id).map_err(|_source| damaged("message id", &self.id))?,
            tenant: origin.tenant.clone(),
            conv: ConversationId::parse(&self.conv).map_err(|_source| damaged("conversation id", &self.conv))?,
            session: self.session.as_deref().and_then(|s| SessionId::parse(s).ok()),
            seq: self.seq,
            cid: self.cid.as_deref().and_then(|c| ClientId::parse(c).ok()),
            ts: Millis(self.ts),
            from: Sender { role: role(&self.role)?, id: self.sender, name: self.sender_name },
            visibility: Visibility::try_from(self.visibility).map_err(|_source| damaged("visibility", "?"))?,
            content,
            fallback,
            reply_to: self.reply_to.as_deref().and_then(|id| MessageId::parse(id).ok()),
            replaces: self.replaces.as_deref().and_then(|id| MessageId::parse(id).ok()),
            channel: ChannelRef { ext_id: self.ext_id, raw_type: self.raw_type, ..origin.channel.clone() },
            control_epoch: self.control_epoch,
        })
    }
}

/// Adds a message under the `seq` that its conversation gave it.
///
/// # Errors
/// A duplicate when the same device used the same client id before ([`Error::is_duplicate`]).
pub fn insert(tx: &mut Tx<'_>, envelope: &Envelope, device: Option<&str>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row {
        tenant: tenant.to_owned(),
        conv: envelope.conv.to_string(),
        seq: envelope.seq,
        id: envelope.id.to_string(),
        session: envelope.session.map(|s| s.to_string()),
        ts: envelope.ts.0,
        role: envelope.from.role.as_str().to_owned(),
        sender: envelope.from.id.clone(),
        sender_name: envelope.from.name.clone(),
        visibility: envelope.visibility.clone().into(),
        content: serde_json::to_string(&envelope.content).map_err(|_source| damaged("content", "unwritable"))?,
        device: device.map(ToOwned::to_owned),
        cid: envelope.cid.as_ref().map(ToString::to_string),
        reply_to: envelope.reply_to.map(|id| id.to_string()),
        replaces: envelope.replaces.map(|id| id.to_string()),
        ext_id: envelope.channel.ext_id.clone(),
        raw_type: envelope.channel.raw_type.clone(),
        control_epoch: envelope.control_epoch,
    };
    gather!(conn, diesel::insert_into(message::table).values(&row))?;
    Ok(())
}

/// Writes what only became known after the message was accepted: type and size of its blob.
///
/// # Errors
/// When the statement fails.
pub fn fill_in(tx: &mut Tx<'_>, envelope: &Envelope) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let content = serde_json::to_string(&envelope.content).map_err(|_source| damaged("content", "unwritable"))?;
    put!(
        conn,
        diesel::update(
            message::table.filter(
                message::tenant
                    .eq(tenant)
                    .and(message::conv.eq(envelope.conv.to_string()))
                    .and(message::seq.eq(envelope.seq))
            )
        )
        .set(message::content.eq(content))
    )?;
    Ok(())
}

/// The message that `device` sent under `cid`, if it did.
///
/// # Errors
/// When the statement fails.
pub fn by_cid(tx: &mut Tx<'_>, origin: &Origin, device: &str, cid: &str) -> Result<Option<Envelope>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => message::table
        .filter(message::tenant.eq(tenant).and(message::device.eq(device)).and(message::cid.eq(cid)))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.envelope(origin)).transpose()
}

/// The message with this id, if this tenant has it.
///
/// # Errors
/// When the statement fails.
pub fn by_id(tx: &mut Tx<'_>, origin: &Origin, id: MessageId) -> Result<Option<Envelope>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => message::table
        .filter(message::tenant.eq(tenant).and(message::id.eq(id.to_string())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.envelope(origin)).transpose()
}

/// The messages with these ids that this tenant has, of any conversation, by id. One that cannot be read spoils no other.
///
/// # Errors
/// When a statement fails.
pub fn by_ids(tx: &mut Tx<'_>, ids: &[String]) -> Result<HashMap<String, Result<Envelope, Error>>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => message::table
        .filter(message::tenant.eq(tenant).and(message::id.eq_any(ids)))
        .select(Row::as_select())
        .load(c))?;
    let mut convs: Vec<ConversationId> = rows.iter().filter_map(|row| ConversationId::parse(&row.conv).ok()).collect();
    convs.sort_unstable();
    convs.dedup();
    let origins: HashMap<String, Origin> = conversation::find_all(tx, &convs)?
        .into_iter()
        .map(|conversation| (conversation.conv.to_string(), conversation.origin(tx)))
        .collect();
    let read = |row: Row| match origins.get(&row.conv) {
        Some(origin) => row.envelope(origin),
        None => Err(damaged("conversation of a message", &row.conv)),
    };
    Ok(rows.into_iter().map(|row| (row.id.clone(), read(row))).collect())
}

/// The message at this place, if there is one.
///
/// # Errors
/// When the statement fails.
pub fn at(tx: &mut Tx<'_>, origin: &Origin, conv: ConversationId, seq: i64) -> Result<Option<Envelope>, Error> {
    Ok(after(tx, origin, conv, seq.saturating_sub(1), 1)?.into_iter().find(|envelope| envelope.seq == seq))
}

/// At most `limit` messages after `seq`, in order.
///
/// # Errors
/// When the statement fails.
pub fn after(
    tx: &mut Tx<'_>,
    origin: &Origin,
    conv: ConversationId,
    seq: i64,
    limit: i64,
) -> Result<Vec<Envelope>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => message::table
        .filter(message::tenant.eq(tenant).and(message::conv.eq(conv.to_string())).and(message::seq.gt(seq)))
        .order(message::seq.asc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(|row| row.envelope(origin)).collect()
}

/// At most `limit` messages before `seq`, in order of the log.
///
/// # Errors
/// When the statement fails.
pub fn before(
    tx: &mut Tx<'_>,
    origin: &Origin,
    conv: ConversationId,
    seq: i64,
    limit: i64,
) -> Result<Vec<Envelope>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => message::table
        .filter(message::tenant.eq(tenant).and(message::conv.eq(conv.to_string())).and(message::seq.lt(seq)))
        .order(message::seq.desc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().rev().map(|row| row.envelope(origin)).collect()
}
