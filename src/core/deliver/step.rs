//! What comes next in a conversation: send, join, hold or rest. Decides inside a transaction, calls nobody.

use std::sync::Arc;
use std::time::Duration;

use super::settle::{finish, hold, wait_behind};
use super::{Attempt, Load, Step};
use crate::channel::is_counted;
use crate::channel::wechat::outgoing::{MAX_TEXT, Outgoing, Part, prepare};
use crate::config::{Bug, planted};
use crate::core::effect::Effects;
use crate::core::{Error, Scene};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::delivery::DeliveryState;
use crate::model::envelope::{Envelope, Role};
use crate::model::id::{ConversationId, MediaId};
use crate::model::time::Millis;
use crate::model::window::Window;
use crate::store::delivery::{self, Delivery};
use crate::store::{Tx, conversation, message};

/// How long a noted attempt belongs to the node that noted it, if that lives: longer than any call may take.
const LEASE: Duration = Duration::from_secs(90);
/// With so few messages left, waiting texts are joined into one.
const SCARCE: u32 = 2;

/// Decides and notes what comes next in a conversation.
pub(super) fn next(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    link: &impl Fn(MediaId) -> String,
    effects: &mut Effects,
) -> Result<Step, Error> {
    let mut items = delivery::unfinished(tx, conv, 8)?;
    if planted(Bug::NewestFirst) {
        items.reverse();
    }
    let Some(first) = items.first().cloned() else { return Ok(Step::Rest) };
    let conversation = conversation::find(tx, conv)?.ok_or_else(Error::not_found)?;
    if first.state == DeliveryState::Held {
        wait_behind(tx, scene, &conversation, &first, effects)?;
        return Ok(Step::Rest);
    }
    if first.next_at > scene.now {
        return Ok(Step::Rest);
    }
    if first.state == DeliveryState::Sending {
        let orphan = Delivery { detail: Some("the node that sent it went away".into()), ..first };
        finish(tx, scene, &conversation, orphan, (DeliveryState::Uncertain, Some("uncertain")), effects)?;
        return Ok(Step::Again);
    }
    let origin = conversation.origin(tx);
    let envelope = message::at(tx, &origin, conv, first.seq)?.ok_or_else(Error::not_found)?;
    if !is_counted(conversation.kind) {
        let load = Load::Xmpp(Arc::new(envelope));
        let mut attempt = Attempt { noted: scene.now, conversation, items: vec![first], load, parts: 1 };
        note(tx, scene, &mut attempt)?;
        return Ok(Step::Call(Box::new(attempt)));
    }
    let window = usable(scene, conversation.window, envelope.from.role);
    if !window.open(scene.now) {
        let code = if window.until > scene.now { Code::ChannelQuota } else { Code::ChannelWindowClosed };
        hold(tx, scene, &conversation, items, code, effects)?;
        return Ok(Step::Again);
    }
    let parts = prepare(&linked(envelope, link));
    let place = usize::try_from(first.part).unwrap_or(0);
    let Some(part) = parts.get(place).cloned() else {
        finish(tx, scene, &conversation, first, (DeliveryState::Delivered, None), effects)?;
        return Ok(Step::Again);
    };
    let parts = i32::try_from(parts.len()).unwrap_or(i32::MAX);
    let (noted, load) = (scene.now, Load::Wechat(part));
    let mut attempt = Attempt { noted, conversation, items: vec![first], load, parts };
    if window.left <= SCARCE && parts == 1 {
        join(tx, scene, &mut attempt, items, link)?;
    }
    note(tx, scene, &mut attempt)?;
    Ok(Step::Call(Box::new(attempt)))
}

/// What of the window a message of this author may use: people leave the last one to the question how the service was.
fn usable(scene: &Scene, window: Window, author: Role) -> Window {
    let person = matches!(author, Role::Agent | Role::Supervisor);
    if person && scene.tenant.survey.is_some() { window.debited() } else { window }
}

/// Joins texts that wait behind the first into one message, as far as they fit.
fn join(
    tx: &mut Tx<'_>,
    scene: &Scene,
    attempt: &mut Attempt,
    waiting: Vec<Delivery>,
    link: &impl Fn(MediaId) -> String,
) -> Result<(), Error> {
    let Load::Wechat(Part::Ready(Outgoing::Text(mut text))) = attempt.load.clone() else { return Ok(()) };
    let origin = attempt.conversation.origin(tx);
    for item in waiting.into_iter().skip(1) {
        if item.state != DeliveryState::Pending || item.next_at > scene.now || item.part > 0 {
            break;
        }
        let Some(envelope) = message::at(tx, &origin, item.conv, item.seq)? else { break };
        match single_text(&linked(envelope, link)) {
            Some(more) if text.len() + 1 + more.len() <= MAX_TEXT => {
                text.push('\n');
                text.push_str(&more);
                attempt.items.push(item);
            }
            _ => break,
        }
    }
    attempt.load = Load::Wechat(Part::Ready(Outgoing::Text(text)));
    Ok(())
}

/// The content, with a link in place of a file: the channel has no files.
fn linked(envelope: Envelope, link: &impl Fn(MediaId) -> String) -> Content {
    let mut content = envelope.content;
    if let Content::File { media: Some(media), .. } = &mut content {
        media.url = Some(link(media.id));
    }
    content
}

fn single_text(content: &Content) -> Option<String> {
    match prepare(content).as_slice() {
        [Part::Ready(Outgoing::Text(text))] => Some(text.clone()),
        _ => None,
    }
}

/// Until when an attempt that is noted now belongs to whoever noted it.
pub(super) fn lease_of(now: Millis) -> Millis {
    now.plus(LEASE)
}

/// Puts the attempt on disk and takes it off the window, before the call.
fn note(tx: &mut Tx<'_>, scene: &Scene, attempt: &mut Attempt) -> Result<(), Error> {
    if planted(Bug::AttemptNotNoted) {
        return Ok(());
    }
    for item in &mut attempt.items {
        item.state = DeliveryState::Sending;
        item.attempts += 1;
        item.next_at = lease_of(scene.now);
        delivery::send(tx, item, scene.node)?;
    }
    if is_counted(attempt.conversation.kind) {
        attempt.conversation.window = attempt.conversation.window.debited();
        conversation::set_window(tx, attempt.conversation.conv, attempt.conversation.window)?;
    }
    Ok(())
}
