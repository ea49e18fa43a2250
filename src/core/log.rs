//! Reading a conversation's log as one party may see it: history, what a device misses, cursors.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::effect::{Effect, Effects, Push, Receipt};
use super::event::emit;
use super::open::lease_of;
use super::request::{Mark, Position};
use super::{Client, Core, Error, Party, Scene};
use crate::channel::is_called;
use crate::config::{Bug, planted};
use crate::model::code::Code;
use crate::model::envelope::{ChannelKind, Envelope};
use crate::model::event::message::{Delivered, Read, Receiver};
use crate::model::id::{ConversationId, MessageId};
use crate::store::conversation::{self, Conversation};
use crate::store::cursor::{self, Cursor};
use crate::store::delivery::Delivery;
use crate::store::footing::{Foresight, OfMark};
use crate::store::{Course, Tx, assignment, delivery, footing, message};

/// The most messages that a sync gives per conversation; a device that misses more reloads by history.
const SYNC_MAX: i64 = 500;
/// The most messages that one history request gives.
const HISTORY_MAX: i64 = 200;

/// Of the messages that a device has already, so many of the newest are reported on again when it comes back.
const REPORTED: i64 = 50;

/// What a device gets for one conversation that it asked to catch up with.
#[derive(Debug, Clone, Serialize)]
pub struct Synced {
    /// Which conversation.
    pub conv: ConversationId,
    /// The incarnation of its log.
    pub epoch: String,
    /// Whether `msgs` is everything that was missing. If not, the device reloads by history.
    pub recovered: bool,
    /// What was missing and the party may see, in order.
    pub msgs: Vec<Arc<Envelope>>,
    /// How outbound messages stand on the channel.
    pub receipts: Vec<Receipt>,
    /// The newest place in the log that `msgs` reaches, visible or not.
    #[serde(skip)]
    pub last_seq: i64,
}

/// A stretch of a log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// What the party may see of it, in order.
    pub envelopes: Vec<Arc<Envelope>>,
    /// The place in the log that it reaches, visible or not.
    pub last_seq: i64,
}

/// The conversation, if this client may read it. Whatever it may not read does not exist for it.
pub(super) fn readable(tx: &mut Tx<'_>, client: &Client, conv: ConversationId) -> Result<Conversation, Error> {
    let conversation = conversation::find(tx, conv)?.ok_or_else(Error::not_found)?;
    let held = match &client.party {
        Party::Agent { supervisor: false, agent, .. } => assignment::ever_held(tx, agent, conv)?,
        Party::Agent { supervisor: true, .. } | Party::Contact { .. } => false,
    };
    if may_read(client, &conversation, held) { Ok(conversation) } else { Err(Error::not_found()) }
}

/// Whether this client may read the conversation. `held` says whether it is an agent who has ever answered in it.
pub(super) fn may_read(client: &Client, conversation: &Conversation, held: bool) -> bool {
    match &client.party {
        Party::Contact { contact, .. } => *contact == conversation.contact,
        Party::Agent { supervisor, .. } => *supervisor || held,
    }
}

fn visible(client: &Client, envelope: &Envelope) -> bool {
    match &client.party {
        Party::Contact { .. } => envelope.for_contact(),
        Party::Agent { agent, .. } => envelope.for_agent(agent),
    }
}

/// How a delivery looks to an agent.
pub(in crate::core) fn receipt(item: &Delivery, id: Option<MessageId>) -> Receipt {
    Receipt {
        conv: item.conv,
        who: "channel".into(),
        delivered: None,
        read: None,
        id,
        seq: Some(item.seq),
        state: Some(item.state.shown()),
        code: item.code.clone(),
        detail: item.detail.clone(),
    }
}

/// The receipts that a client gets with a stretch of log: how sends stand, and how far the other side is.
fn receipts(
    tx: &mut Tx<'_>,
    client: &Client,
    conversation: &Conversation,
    page: &[Envelope],
) -> Result<Vec<Receipt>, Error> {
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(Vec::new()) };
    let conv = conversation.conv;
    let mut found = Vec::new();
    if is_called(conversation.kind) && matches!(client.party, Party::Agent { .. }) {
        for item in delivery::between(tx, conv, first.seq, last.seq)? {
            let id = page.iter().find(|envelope| envelope.seq == item.seq).map(|envelope| envelope.id);
            found.push(receipt(&item, id));
        }
    }
    if let Party::Agent { .. } = client.party {
        let there = cursor::of_participant(tx, conv, &format!("contact:{}", conversation.contact))?;
        if there != Cursor::default() {
            found.push(far(conv, "contact".into(), there));
        }
    }
    Ok(found)
}

/// How the newest messages stand that a client has already: what was told while its socket died never came.
fn reports(tx: &mut Tx<'_>, client: &Client, conversation: &Conversation, seq: i64) -> Result<Vec<Receipt>, Error> {
    if !is_called(conversation.kind) || !matches!(client.party, Party::Agent { .. }) {
        return Ok(Vec::new());
    }
    let before = seq.saturating_sub(REPORTED).max(0);
    let items = delivery::between(tx, conversation.conv, before + 1, seq)?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let origin = conversation.origin(tx);
    let log = message::after(tx, &origin, conversation.conv, before, REPORTED)?;
    let id = |seq| log.iter().find(|envelope| envelope.seq == seq).map(|envelope| envelope.id);
    Ok(items.iter().map(|item| receipt(item, id(item.seq))).collect())
}

/// How far somebody is.
pub(in crate::core) fn far(conv: ConversationId, who: String, cursor: Cursor) -> Receipt {
    Receipt {
        conv,
        who,
        delivered: Some(cursor.delivered),
        read: Some(cursor.seen),
        id: None,
        seq: None,
        state: None,
        code: None,
        detail: None,
    }
}

impl Core {
    /// The messages after `after` that the client may see, for a socket that found a gap.
    ///
    /// # Errors
    /// `not_found` when the client may not read the conversation.
    pub async fn read_log(
        &self,
        client: &Client,
        conv: ConversationId,
        after: i64,
        limit: i64,
    ) -> Result<LogPage, Error> {
        let client = client.clone();
        let page = self
            .scope(&client.tenant)
            .read(move |tx| {
                let conversation = readable(tx, &client, conv)?;
                let origin = conversation.origin(tx);
                let rows = message::after(tx, &origin, conv, after, limit)?;
                let last_seq = rows.last().map_or(after, |envelope| envelope.seq);
                let envelopes = rows.into_iter().filter(|envelope| visible(&client, envelope)).collect::<Vec<_>>();
                Ok::<_, Error>((envelopes, last_seq))
            })
            .await?;
        Ok(LogPage { envelopes: self.dressed(page.0), last_seq: page.1 })
    }

    /// What the client's device misses of these conversations. Never a recovery with a hole: either everything up to
    /// the head of the log, or `recovered: false`.
    ///
    /// # Errors
    /// When the store is away. A conversation that the client may not read is left out.
    pub async fn sync(&self, client: &Client, positions: Vec<Position>) -> Result<Vec<Synced>, Error> {
        let client = client.clone();
        let found = self
            .scope(&client.tenant)
            .read(move |tx| {
                let mut all = Vec::with_capacity(positions.len());
                for position in positions {
                    match sync_one(tx, &client, &position) {
                        Ok(one) => all.push(one),
                        Err(error) if error.code == Code::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(all)
            })
            .await?;
        Ok(found.into_iter().map(|(synced, rows)| Synced { msgs: self.dressed(rows), ..synced }).collect())
    }

    /// A stretch of history: the newest `limit` messages before `before`, or the oldest after `after`.
    ///
    /// # Errors
    /// `bad_request` for a limit outside 1–200 or both bounds crossed; `not_found`.
    pub(super) async fn history(
        &self,
        client: &Client,
        conv: ConversationId,
        bounds: (Option<i64>, Option<i64>),
        limit: i64,
    ) -> Result<Value, Error> {
        if !(1..=HISTORY_MAX).contains(&limit) || matches!(bounds, (Some(before), Some(after)) if before <= after) {
            return Err(Error::new(Code::BadRequest, "limit 应为 1 到 200,before 应大于 after / bad bounds"));
        }
        let client = client.clone();
        let (rows, receipts, more) = self
            .scope(&client.tenant)
            .read(move |tx| {
                let conversation = readable(tx, &client, conv)?;
                let origin = conversation.origin(tx);
                let rows = match bounds {
                    (before, None) => message::before(tx, &origin, conv, before.unwrap_or(i64::MAX), limit)?,
                    (before, Some(after)) => {
                        let mut rows = message::after(tx, &origin, conv, after, limit)?;
                        rows.retain(|envelope| before.is_none_or(|before| envelope.seq < before));
                        rows
                    }
                };
                let more = match bounds.1 {
                    None => rows.first().is_some_and(|envelope| envelope.seq > 1),
                    Some(_) => {
                        let end = bounds.0.map_or(conversation.last_seq, |before| before.saturating_sub(1));
                        rows.last().is_some_and(|envelope| envelope.seq < end.min(conversation.last_seq))
                    }
                };
                let receipts = receipts(tx, &client, &conversation, &rows)?;
                let rows = rows.into_iter().filter(|envelope| visible(&client, envelope)).collect::<Vec<_>>();
                Ok::<_, Error>((rows, receipts, more))
            })
            .await?;
        Ok(json!({ "msgs": self.dressed(rows), "has_more": more, "receipts": receipts }))
    }

    /// Moves the client's cursor and tells the other side. A place beyond the log is refused; what a socket says that
    /// its device has replaced counts for nothing.
    ///
    /// # Errors
    /// `bad_request` for a place beyond the head of the log; `not_found`.
    pub(super) async fn mark(&self, client: &Client, mark: Mark, seen: bool) -> Result<(), Error> {
        let owned = client.clone();
        let of = OfMark { conv: mark.conv, agent: client.party.agent().cloned(), lease: lease_of(client) };
        let asks = Some(Foresight::Mark(of.clone()));
        let job =
            move |tx: &mut Tx<'_>, scene: &Scene, fx: &mut Effects| moved(tx, scene, &owned, &of, (mark, seen), fx);
        let course = match client.party {
            // Tells other modules, who are told everything about a session in its order.
            Party::Contact { .. } => Course::Behind,
            // A mark per message, and whoever writes to the customer need not wait for it.
            Party::Agent { .. } => Course::Beside,
        };
        self.change_again(&client.tenant, (course, asks), job).await
    }
}

/// Moves a cursor, if it moves.
fn moved(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    of: &OfMark,
    (mark, seen): (Mark, bool),
    fx: &mut Effects,
) -> Result<(), Error> {
    let place = footing::of_mark(tx, of)?
        .filter(|place| may_read(client, &place.conversation, place.held))
        .ok_or_else(Error::not_found)?;
    if mark.seq < 0 || mark.seq > place.conversation.last_seq {
        return Err(Error::new(Code::BadRequest, "seq 超出会话 / seq beyond the log"));
    }
    // A socket whose device has opened a newer one says nothing about the device any more.
    if place.connection.is_some_and(|connection| connection != client.connection) {
        return Ok(());
    }
    let next = place.device.moved(Cursor { delivered: mark.seq, seen: if seen { mark.seq } else { 0 } });
    if next == place.device {
        return Ok(());
    }
    tx.changes_only(&[of.conv.to_string()]);
    cursor::set(tx, mark.conv, &of.lease.participant, &of.lease.device, next)?;
    notify(tx, client, &place.conversation, place.participant.moved(next), fx)?;
    match client.party {
        Party::Contact { .. } => emit_mark(tx, scene, mark, seen),
        Party::Agent { .. } => Ok(()),
    }
}

/// Tells other modules how far the customer is. Whoever has seen a message has received it, too.
fn emit_mark(tx: &mut Tx<'_>, scene: &Scene, mark: Mark, seen: bool) -> Result<(), Error> {
    let Mark { conv, seq } = mark;
    if seen {
        return emit(tx, scene, &Read { conv, seq });
    }
    emit(tx, scene, &Delivered { conv, receiver: Receiver::Contact, seq, message: None })
}

/// Tells the other side of a conversation how far a participant is.
fn notify(
    tx: &mut Tx<'_>,
    client: &Client,
    conversation: &Conversation,
    cursor: Cursor,
    effects: &mut Effects,
) -> Result<(), Error> {
    match &client.party {
        Party::Contact { .. } => {
            let push = Push::Receipt(far(conversation.conv, "contact".into(), cursor));
            for agent in assignment::holders(tx, conversation.conv)? {
                effects.push(Effect::Agent(agent, push.clone()));
            }
        }
        Party::Agent { agent, .. } if conversation.kind == ChannelKind::Web => {
            let push = Push::Receipt(far(conversation.conv, agent.to_string(), cursor));
            effects.push(Effect::Contact(conversation.contact, push));
        }
        Party::Agent { .. } => {}
    }
    Ok(())
}

fn sync_one(tx: &mut Tx<'_>, client: &Client, position: &Position) -> Result<(Synced, Vec<Envelope>), Error> {
    let conversation = readable(tx, client, position.conv)?;
    let origin = conversation.origin(tx);
    let missing = conversation.last_seq.saturating_sub(position.seq);
    let known = position.epoch == conversation.epoch && (0..=SYNC_MAX).contains(&missing) && position.seq >= 0;
    let mut synced = Synced {
        conv: position.conv,
        epoch: conversation.epoch.clone(),
        recovered: known,
        msgs: Vec::new(),
        receipts: Vec::new(),
        last_seq: conversation.last_seq,
    };
    if !known {
        return Ok((synced, Vec::new()));
    }
    let off = i64::from(planted(Bug::ResumeSkipsOne)) - i64::from(planted(Bug::ResumeRepeatsOne));
    let rows = message::after(tx, &origin, position.conv, position.seq + off, SYNC_MAX)?;
    synced.receipts = reports(tx, client, &conversation, position.seq)?;
    synced.receipts.extend(receipts(tx, client, &conversation, &rows)?);
    synced.last_seq = rows.last().map_or(position.seq, |envelope| envelope.seq);
    Ok((synced, rows.into_iter().filter(|envelope| visible(client, envelope)).collect()))
}
