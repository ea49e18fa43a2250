//! What became of a call to a channel: delivered, again, held, parked, failed, unknown. Knows no call and no order.

use std::time::Duration;

use super::Attempt;
use super::step::lease_of;
use crate::channel::is_counted;
use crate::channel::wechat::error::SendError;
use crate::config::{Bug, planted};
use crate::core::effect::{Effect, Effects, Push, WindowView};
use crate::core::event::emit;
use crate::core::log::receipt;
use crate::core::{Error, Scene};
use crate::model::code::Code;
use crate::model::delivery::DeliveryState;
use crate::model::event::{channel, message as event};
use crate::model::id::{ConversationId, MessageId};
use crate::model::time::Millis;
use crate::model::window::Window;
use crate::runtime::backoff::Backoff;
use crate::store::conversation::{self, Conversation};
use crate::store::delivery::{self, Delivery};
use crate::store::{Tx, assignment, message};

/// Calls that certainly did not arrive are repeated this often.
const ATTEMPTS: i32 = 8;
/// The pauses between them.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// The pause after the account's daily quota is used up.
const QUOTA_PAUSE: Duration = Duration::from_secs(600);

/// Notes what became of a call. When somebody has said meanwhile that nobody knows it, only good news counts: what comes
/// behind the message may have left.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    scene: &Scene,
    attempt: Attempt,
    outcome: Result<(), SendError>,
    effects: &mut Effects,
) -> Result<(), Error> {
    // The window may have changed while the call was under way: the row is the truth.
    let conversation = conversation::find(tx, attempt.conversation.conv)?.ok_or_else(Error::not_found)?;
    if let Err(SendError::Stop { code, errcode, detail }) = &outcome {
        let (account, code) = (conversation.account.clone(), code.as_str().to_owned());
        emit(tx, scene, &channel::Error { account, code, errcode: *errcode, detail: detail.clone() })?;
    }
    let noted = if planted(Bug::AttemptNotNoted) { DeliveryState::Pending } else { DeliveryState::Sending };
    let rows = rows_of(tx, &attempt)?;
    let is = |item: &Delivery, state| rows.iter().any(|row| row.state == state && is_same(row, item));
    let (items, others): (Vec<_>, Vec<_>) = attempt.items.into_iter().partition(|item| is(item, noted));
    let given_up = |item: &Delivery| is(item, DeliveryState::Uncertain) && item.part + 1 == attempt.parts;
    for item in others.into_iter().filter(|item| outcome.is_ok() && given_up(item)) {
        let item = Delivery { part: attempt.parts, detail: None, ..item };
        finish(tx, scene, &conversation, item, (DeliveryState::Delivered, None), effects)?;
    }
    if !items.is_empty() {
        conclude(tx, scene, &conversation, Attempt { items, ..attempt }, outcome, effects)?;
    }
    show_window(tx, &conversation, effects)
}

/// Writes what follows from the outcome for messages that are still as they were noted.
fn conclude(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    attempt: Attempt,
    outcome: Result<(), SendError>,
    effects: &mut Effects,
) -> Result<(), Error> {
    let Attempt { items, parts, conversation: noted, .. } = attempt;
    let renewed = conversation.window.until > noted.window.until;
    match outcome {
        Ok(()) => delivered(tx, scene, conversation, items, parts, effects)?,
        Err(SendError::Retry { after, detail }) => retry(tx, scene, conversation, items, (after, detail), effects)?,
        // The customer wrote while we were being refused: ask again under the new permission.
        Err(SendError::WindowClosed { detail } | SendError::QuotaUsed { detail }) if renewed => {
            retry(tx, scene, conversation, items, (Duration::ZERO, detail), effects)?;
        }
        Err(SendError::WindowClosed { detail }) => {
            conversation::set_window(tx, conversation.conv, Window::default())?;
            hold(tx, scene, conversation, worded(items, &detail), Code::ChannelWindowClosed, effects)?;
        }
        Err(SendError::QuotaUsed { detail }) => {
            conversation::set_window(tx, conversation.conv, conversation.window.used_up())?;
            hold(tx, scene, conversation, worded(items, &detail), Code::ChannelQuota, effects)?;
        }
        Err(SendError::Uncertain { detail }) if planted(Bug::UncertainRepeated) => {
            retry(tx, scene, conversation, items, (Duration::ZERO, detail), effects)?;
        }
        Err(SendError::Uncertain { detail }) => {
            for item in worded(items, &detail) {
                finish(tx, scene, conversation, item, (DeliveryState::Uncertain, Some("uncertain")), effects)?;
            }
        }
        Err(SendError::Stop { errcode: 45009, detail, .. }) => {
            give_back(tx, conversation)?;
            for item in worded(items, &detail) {
                let item = Delivery { next_at: scene.now.plus(QUOTA_PAUSE), ..item };
                let code = Code::ChannelQuota.as_str();
                finish(tx, scene, conversation, item, (DeliveryState::Pending, Some(code)), effects)?;
            }
        }
        Err(SendError::Refused { code, detail, .. } | SendError::Stop { code, detail, .. }) => {
            give_back(tx, conversation)?;
            for item in worded(items, &detail) {
                finish(tx, scene, conversation, item, (DeliveryState::Failed, Some(code.as_str())), effects)?;
            }
        }
    }
    Ok(())
}

/// How the messages of an attempt stand now.
fn rows_of(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<Vec<Delivery>, Error> {
    let (Some(first), Some(last)) = (attempt.items.first(), attempt.items.last()) else { return Ok(Vec::new()) };
    Ok(delivery::between(tx, first.conv, first.seq, last.seq)?)
}

/// Whether a row is that of this attempt and no later one.
fn is_same(row: &Delivery, item: &Delivery) -> bool {
    row.seq == item.seq && row.attempts == item.attempts && row.part == item.part
}

/// Gives a noted attempt its time anew, unless somebody has said what became of it: then it may not be made any more.
pub(super) fn renew(tx: &mut Tx<'_>, scene: &Scene, attempt: &Attempt) -> Result<bool, Error> {
    let rows = rows_of(tx, attempt)?;
    let stands = |item: &Delivery| rows.iter().any(|row| row.state == DeliveryState::Sending && is_same(row, item));
    if !attempt.items.iter().all(stands) {
        return Ok(false);
    }
    for item in &attempt.items {
        let item = Delivery { next_at: lease_of(scene.now), ..item.clone() };
        delivery::send(tx, &item, scene.node)?;
    }
    Ok(true)
}

/// A message that the channel had taken came back: it has failed after all. `false` when it is none that could.
pub(in crate::core) fn came_back(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    seq: i64,
    (code, detail): (&str, String),
    effects: &mut Effects,
) -> Result<bool, Error> {
    let taken = |item: &Delivery| {
        matches!(item.state, DeliveryState::Sending | DeliveryState::Delivered | DeliveryState::Uncertain)
    };
    let Some(item) = delivery::between(tx, conversation.conv, seq, seq)?.into_iter().find(taken) else {
        return Ok(false);
    };
    let item = Delivery { detail: Some(detail), ..item };
    finish(tx, scene, conversation, item, (DeliveryState::Failed, Some(code)), effects)?;
    Ok(true)
}

/// Takes back an attempt with this lease, if there is one: its call was not made.
pub(super) fn take_back(tx: &mut Tx<'_>, conv: ConversationId, lease: Millis, now: Millis) -> Result<(), Error> {
    let mut mine = delivery::unfinished(tx, conv, 8)?;
    mine.retain(|item| item.state == DeliveryState::Sending && item.next_at == lease);
    if mine.is_empty() {
        return Ok(());
    }
    for item in mine {
        let attempts = item.attempts.saturating_sub(1);
        delivery::save(tx, &Delivery { state: DeliveryState::Pending, next_at: now, attempts, ..item })?;
    }
    let conversation = conversation::find(tx, conv)?.ok_or_else(Error::not_found)?;
    give_back(tx, &conversation)
}

fn delivered(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    items: Vec<Delivery>,
    parts: i32,
    effects: &mut Effects,
) -> Result<(), Error> {
    for item in items {
        let item = Delivery { part: item.part + 1, attempts: 0, ..item };
        if item.part < parts {
            delivery::save(tx, &Delivery { state: DeliveryState::Pending, next_at: scene.now, ..item })?;
        } else {
            finish(tx, scene, conversation, item, (DeliveryState::Delivered, None), effects)?;
        }
    }
    Ok(())
}

/// The items with the platform's own words.
fn worded(items: Vec<Delivery>, detail: &str) -> Vec<Delivery> {
    items.into_iter().map(|item| Delivery { detail: Some(detail.to_owned()), ..item }).collect()
}

/// A call that certainly reached nobody does not count against what the customer's last action allows.
fn give_back(tx: &mut Tx<'_>, conversation: &Conversation) -> Result<(), Error> {
    if is_counted(conversation.kind) {
        conversation::set_window(tx, conversation.conv, conversation.window.credited())?;
    }
    Ok(())
}

/// A call that certainly did not arrive: again after a pause, a bounded number of times. The window gets it back.
fn retry(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    items: Vec<Delivery>,
    (after, detail): (Duration, String),
    effects: &mut Effects,
) -> Result<(), Error> {
    give_back(tx, conversation)?;
    for item in worded(items, &detail) {
        if item.attempts >= ATTEMPTS {
            let code = Code::DependencyUnavailable.as_str();
            finish(tx, scene, conversation, item, (DeliveryState::Failed, Some(code)), effects)?;
        } else {
            let pause = BACKOFF.draw(item.attempts.unsigned_abs()).max(after);
            let next_at = scene.now.plus(pause);
            delivery::save(tx, &Delivery { state: DeliveryState::Pending, next_at, code: None, ..item })?;
        }
    }
    Ok(())
}

/// What comes behind a held message is held for the same reason, and its author told so.
pub(super) fn wait_behind(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    first: &Delivery,
    effects: &mut Effects,
) -> Result<(), Error> {
    for item in delivery::pending(tx, conversation.conv)? {
        let code = first.code.clone();
        finish(tx, scene, conversation, item, (DeliveryState::Held, code.as_deref()), effects)?;
    }
    Ok(())
}

/// Keeps messages back until the customer does something.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    items: Vec<Delivery>,
    code: Code,
    effects: &mut Effects,
) -> Result<(), Error> {
    for item in items {
        if item.state != DeliveryState::Held {
            finish(tx, scene, conversation, item, (DeliveryState::Held, Some(code.as_str())), effects)?;
        }
    }
    Ok(())
}

/// Tells other modules what became of a message.
fn tell(tx: &mut Tx<'_>, scene: &Scene, item: &Delivery, message: Option<MessageId>) -> Result<(), Error> {
    let (conv, seq, code, detail) = (item.conv, item.seq, item.code.clone(), item.detail.clone());
    match item.state {
        DeliveryState::Delivered => {
            emit(tx, scene, &event::Delivered { conv, receiver: event::Receiver::Channel, seq, message })
        }
        DeliveryState::Held => emit(tx, scene, &event::Held { conv, message, seq, code }),
        DeliveryState::Failed => {
            let state = event::Failure::Failed;
            emit(tx, scene, &event::Failed { conv, message, seq, state, code, detail })
        }
        DeliveryState::Uncertain => {
            let state = event::Failure::Uncertain;
            emit(tx, scene, &event::Failed { conv, message, seq, state, code, detail })
        }
        DeliveryState::Pending | DeliveryState::Sending => Ok(()),
    }
}

/// Writes a state that stays until something else happens, and tells the agents who follow.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    item: Delivery,
    (state, code): (DeliveryState, Option<&str>),
    effects: &mut Effects,
) -> Result<(), Error> {
    // What waits for its turn has a time; what is settled has none.
    let next_at = if state == DeliveryState::Pending { item.next_at } else { Millis(i64::MAX) };
    let item = Delivery { state, code: code.map(ToOwned::to_owned), next_at, ..item };
    delivery::save(tx, &item)?;
    let origin = conversation.origin(tx);
    let id = message::at(tx, &origin, item.conv, item.seq)?.map(|envelope| envelope.id);
    tell(tx, scene, &item, id)?;
    for agent in assignment::holders(tx, item.conv)?.into_iter().filter(|_| !planted(Bug::ReceiptNotTold)) {
        effects.push(Effect::Agent(agent, Push::Receipt(receipt(&item, id))));
    }
    Ok(())
}

fn show_window(tx: &mut Tx<'_>, conversation: &Conversation, effects: &mut Effects) -> Result<(), Error> {
    if !is_counted(conversation.kind) {
        return Ok(());
    }
    let Some(current) = conversation::find(tx, conversation.conv)? else { return Ok(()) };
    for agent in assignment::holders(tx, conversation.conv)? {
        let view = WindowView { conv: conversation.conv, window: current.window };
        effects.push(Effect::Agent(agent, Push::Window(view)));
    }
    Ok(())
}
