//! What channels deliver on its way into the log: once, in one transaction, with the answer that the channel gets.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::directory::Entrance;
use super::effect::{Effect, Effects};
use super::event::emit;
use super::silence::Deadlines;
use super::switchboard::{Draft, append, place};
use super::{Core, Error, Scene, session, slot};
use crate::channel::is_counted;
use crate::config::{Bug, planted};
use crate::flow::trigger::Event;
use crate::model::content::Content;
use crate::model::envelope::{Role, Sender, Visibility};
use crate::model::event::channel::Reported;
use crate::model::event::contact::{Follower, Subscribed, Unsubscribed};
use crate::model::id::{MessageId, RemoteId};
use crate::model::inbound::{Answer, ChannelEvent, Inbound, InboundKind};
use crate::model::secret::Secret;
use crate::model::window::{Trigger, Window};
use crate::runtime::Backoff;
use crate::secret::Place;
use crate::store::conversation::{self, Arrival, Conversation, Identity};
use crate::store::{Course, Tx, delivery, fetch, inbox};

/// The key of a menu button that asks for a person.
const HANDOFF_KEY: &str = "HANDOFF";
/// How often a delivery is tried while the store is away, and the pauses: together longer than WeChat waits.
const TRIES: u32 = 20;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(400));

impl Core {
    /// Takes in one delivery of a channel. Returns after it is committed, with what the channel is to be told.
    ///
    /// A delivery that was taken in before, or is being taken in now, joins that execution: it gets the same answer
    /// and has no other effect. While the store is away it is tried again, for as long as a channel waits. If the
    /// returned future is dropped at a deadline a try that is under way goes on, all who have to know hear of it, and the
    /// channel's next try finds its outcome.
    ///
    /// # Errors
    /// When it could not be committed; the channel must not hear yes then.
    pub async fn take_in(&self, entrance: Entrance, inbound: Inbound) -> Result<Answer, Error> {
        let (tenant, fetches) = (entrance.tenant.clone(), !inbound.fetch.is_empty());
        let delivery = Arc::new((entrance, inbound));
        let mut tries = 0;
        let answer = loop {
            let (scene, scope, delivery) = (self.scene(&tenant)?, self.scope(&tenant), Arc::clone(&delivery));
            let wait = self.inner.parts.passive_wait;
            let job = move |tx: &mut Tx<'_>| take_in(tx, &scene, &delivery.0, &delivery.1, wait);
            match self.hear(&tenant, async move { scope.repeat(Course::Lane, None, job).await }).await {
                Ok(answer) => break answer,
                Err(error) => wait_after(error, &mut tries).await?,
            }
        };
        if fetches {
            self.inner.fetches.notify_one();
        }
        match answer {
            Answer::Open { until, .. } => {
                let (entrance, inbound) = &*delivery;
                self.answer_of(&tenant, (entrance.account.clone(), inbound.dedupe.clone()), until).await
            }
            answer => Ok(answer),
        }
    }

    /// Keeps input that is authentic but unusable, for whoever has to find out why. `body` is sealed at rest.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn quarantine(&self, entrance: &Entrance, reason: &'static str, body: &[u8]) -> Result<(), Error> {
        let now = self.clock().now();
        let id = MessageId::generate(now).to_string();
        let place = Place { table: "quarantine", tenant: entrance.tenant.as_str(), field: "body", id: &id };
        let text = Secret::new(String::from_utf8_lossy(body).into_owned());
        let sealed = self.inner.parts.keys.seal(&place, &text).map_err(Error::internal)?;
        let kept = Arc::new((id, entrance.account.clone(), sealed));
        let mut tries = 0;
        loop {
            let kept = Arc::clone(&kept);
            let keep = move |tx: &mut Tx<'_>| {
                let (id, account, sealed) = &*kept;
                inbox::quarantine(tx, id, account, reason, sealed, now).map_err(Error::from)
            };
            match self.scope(&entrance.tenant).write(keep).await {
                Ok(()) => return Ok(()),
                Err(error) => wait_after(error, &mut tries).await?,
            }
        }
    }
}

/// Waits before another try at what the store could not do now. It has a key that makes a second time harmless.
///
/// # Errors
/// `error` itself, when another try is of no use or there were enough.
async fn wait_after(error: Error, tries: &mut u32) -> Result<(), Error> {
    if !error.may_pass() || *tries >= TRIES {
        return Err(error);
    }
    tracing::debug!(error = ?error, "a delivery waits for the store");
    tokio::time::sleep(BACKOFF.draw(*tries)).await;
    *tries += 1;
    Ok(())
}

fn take_in(
    tx: &mut Tx<'_>,
    scene: &Scene,
    entrance: &Entrance,
    inbound: &Inbound,
    wait: Duration,
) -> Result<(Answer, Effects), Error> {
    let mut effects = Effects::default();
    if !inbox::note(tx, &entrance.account, &inbound.dedupe, scene.now)? {
        let answer = inbox::answer(tx, &entrance.account, &inbound.dedupe)?.unwrap_or(Answer::Accepted);
        return Ok((answer, effects));
    }
    let (conversation, subscribed) = match meet(tx, scene, entrance, inbound, &mut effects)? {
        Some(met) => met,
        None => {
            report(tx, scene, entrance, inbound)?;
            return Ok((Answer::Accepted, effects));
        }
    };
    // Where nothing is counted nothing is gained by an answer that rides for free.
    if is_counted(entrance.kind) {
        effects.open_passive(conversation.conv, slot::ROOM);
        effects.offer_slot((entrance.account.clone(), inbound.dedupe.clone()), scene.now.plus(wait));
    }
    match &inbound.kind {
        InboundKind::Message(content) => {
            if !subscribed {
                conversation::set_subscribed(tx, &entrance.account, &inbound.from, true)?;
            }
            said(tx, scene, &conversation, inbound, content.clone(), &mut effects)?;
        }
        InboundKind::Event(event) => happened(tx, scene, &conversation, inbound, event, &mut effects)?,
    }
    let answer = slot::settle(tx, &entrance.account, &inbound.dedupe, &mut effects)?;
    Ok((answer, effects))
}

/// The customer's conversation with what the delivery changes in its row, and whether the customer follows the account.
/// What was held back may go. `None` for a report about nobody we know.
fn meet(
    tx: &mut Tx<'_>,
    scene: &Scene,
    entrance: &Entrance,
    inbound: &Inbound,
    effects: &mut Effects,
) -> Result<Option<(Conversation, bool)>, Error> {
    let (account, from) = (&entrance.account, &inbound.from);
    let says = matches!(inbound.kind, InboundKind::Message(_));
    let (conversation, subscribed, held) = if says && inbound.opens == Some(Trigger::Message) {
        let Arrival { conversation, subscribed, held } = arrive(tx, scene, entrance, from)?;
        (conversation, subscribed, held)
    } else {
        let known = conversation::identity(tx, account, from)?;
        let reported = matches!(inbound.kind, InboundKind::Event(ChannelEvent::Reported { .. }));
        let identity = match known {
            Some(identity) => identity,
            None if reported => return Ok(None),
            None => conversation::create(tx, entrance.kind, account, from, None, scene.now)?,
        };
        (step_in(tx, scene, &identity, inbound, says)?, identity.subscribed, identity.held && inbound.opens.is_some())
    };
    if held && delivery::release(tx, conversation.conv, scene.now)? > 0 {
        effects.push(Effect::Deliver(conversation.conv));
    }
    Ok(Some((conversation, subscribed)))
}

/// A message opens the whole window, whatever it was before. That makes one statement of four.
fn arrive(tx: &mut Tx<'_>, scene: &Scene, entrance: &Entrance, from: &RemoteId) -> Result<Arrival, Error> {
    let window = Window::default().granted(Trigger::Message, scene.now);
    if let Some(arrival) = conversation::arrive(tx, &entrance.account, from, scene.now, window)? {
        return Ok(arrival);
    }
    conversation::create(tx, entrance.kind, &entrance.account, from, None, scene.now)?;
    conversation::arrive(tx, &entrance.account, from, scene.now, window)?.ok_or_else(Error::not_found)
}

/// The conversation with its window, and for a message the next `seq`.
fn step_in(
    tx: &mut Tx<'_>,
    scene: &Scene,
    identity: &Identity,
    inbound: &Inbound,
    says: bool,
) -> Result<Conversation, Error> {
    if let Some(trigger) = inbound.opens {
        let current = conversation::find(tx, identity.conv)?.ok_or_else(Error::not_found)?;
        conversation::set_window(tx, identity.conv, current.window.granted(trigger, scene.now))?;
    }
    let row = if says {
        conversation::advance(tx, identity.conv, scene.now)?
    } else {
        conversation::find(tx, identity.conv)?
    };
    row.ok_or_else(Error::not_found)
}

fn contact_draft(conversation: &Conversation, inbound: &Inbound, content: Content) -> Draft {
    Draft {
        from: Sender { role: Role::Contact, id: conversation.contact.to_string(), name: None },
        ext_id: inbound.ext_id.clone(),
        raw_type: Some(inbound.raw_type.clone()),
        ..Draft::system(conversation.conv, None, content)
    }
}

/// The customer said something: into the open session, or into a new one.
fn said(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    inbound: &Inbound,
    content: Content,
    effects: &mut Effects,
) -> Result<(), Error> {
    let open = session::current(tx, conversation.conv)?;
    if let Some(rating) = session::rates(tx, scene, conversation.conv, open.as_ref(), &content)? {
        let draft = contact_draft(conversation, inbound, content);
        place(tx, scene, conversation, draft, Vec::new(), effects)?;
        return rating.keep(tx, scene, effects);
    }
    let open = match open {
        Some(open) => open,
        None => session::open(tx, scene, conversation, effects)?,
    };
    let mut draft = contact_draft(conversation, inbound, content);
    draft.session = Some(open.session);
    draft.control_epoch = open.control_epoch;
    let agents = open.holder.agent().cloned().into_iter().collect();
    let envelope = place(tx, scene, conversation, draft, agents, effects)?;
    if planted(Bug::WordsInLog) {
        tracing::info!("{}", envelope.fallback);
    }
    for blob in &inbound.fetch {
        let mime = envelope.content.media().map_or("application/octet-stream", |media| media.mime.as_str());
        let order = fetch::Order {
            media: blob.media,
            mime,
            conv: envelope.conv,
            seq: envelope.seq,
            account: &conversation.account,
            remote: &blob.remote,
        };
        fetch::order(tx, &order, scene.now)?;
    }
    session::show_window(&open, conversation, effects);
    session::contact_said(tx, scene, (open, Deadlines::UNKNOWN), &envelope, effects)
}

/// The customer did something, or the channel reports something: into the log, for agents' eyes.
fn happened(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conversation: &Conversation,
    inbound: &Inbound,
    event: &ChannelEvent,
    effects: &mut Effects,
) -> Result<(), Error> {
    let content =
        Content::Event { name: format!("{}.{}", conversation.kind.as_str(), name(event)), data: json!(event) };
    let mut draft = contact_draft(conversation, inbound, content);
    draft.visibility = Visibility::Agents;
    let open = session::current(tx, conversation.conv)?;
    draft.session = open.as_ref().map(|open| open.session);
    let envelope = append(tx, scene, draft, effects)?;
    let left = matches!(event, ChannelEvent::Unfollowed);
    if let Some(open) = open.filter(|_| left || inbound.opens.is_some()) {
        let window = if left { Window::default() } else { conversation.window };
        session::show_window(&open, &Conversation { window, ..conversation.clone() }, effects);
    }
    match event {
        ChannelEvent::Followed { scene: code } => {
            conversation::set_subscribed(tx, &conversation.account, &inbound.from, true)?;
            emit(tx, scene, &Subscribed(follower(conversation)))?;
            session::followed(tx, scene, conversation, code.as_deref(), effects)?;
        }
        ChannelEvent::Unfollowed => {
            conversation::set_subscribed(tx, &conversation.account, &inbound.from, false)?;
            conversation::set_window(tx, conversation.conv, Window::default())?;
            emit(tx, scene, &Unsubscribed(follower(conversation)))?;
            session::unfollowed(tx, scene, conversation, effects)?;
        }
        ChannelEvent::MenuClicked { key } if key == HANDOFF_KEY => {
            session::person_wanted(tx, scene, conversation, &envelope, effects)?;
        }
        ChannelEvent::MenuClicked { key } => session::triggered(tx, scene, conversation, Event::Menu(key), effects)?,
        ChannelEvent::Scanned { scene: code } => {
            session::triggered(tx, scene, conversation, Event::Scene(code), effects)?;
        }
        ChannelEvent::Position { .. } | ChannelEvent::Reported { .. } => {}
    }
    Ok(())
}

fn follower(conversation: &Conversation) -> Follower {
    Follower {
        contact: conversation.contact,
        conv: conversation.conv,
        channel: conversation.kind,
        account: conversation.account.clone(),
    }
}

fn name(event: &ChannelEvent) -> &'static str {
    match event {
        ChannelEvent::Followed { .. } => "followed",
        ChannelEvent::Unfollowed => "unfollowed",
        ChannelEvent::Scanned { .. } => "scanned",
        ChannelEvent::MenuClicked { .. } => "menu_clicked",
        ChannelEvent::Position { .. } => "position",
        ChannelEvent::Reported { .. } => "reported",
    }
}

/// A report about nobody we know, such as the result of a mass message: for other modules only.
fn report(tx: &mut Tx<'_>, scene: &Scene, entrance: &Entrance, inbound: &Inbound) -> Result<(), Error> {
    let InboundKind::Event(event) = &inbound.kind else { return Ok(()) };
    emit(tx, scene, &Reported { account: entrance.account.clone(), event: event.clone() })
}
