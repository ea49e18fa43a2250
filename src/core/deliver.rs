//! Messages on their way out through channels that are called: one sender per conversation, in order.
//!
//! The window decides before a call, the attempt is on disk before it, its outcome after it. WeChat has no
//! idempotency key: when the outcome of a call is unknown the message becomes `uncertain` and is not repeated by a
//! machine; the agent sees it and decides.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::effect::Effects;
use super::outcome::{finish, hold, settle, wait_behind};
use super::{Core, Error, Scene};
use crate::channel::wechat::error::SendError;
use crate::channel::wechat::outgoing::{MAX_TEXT, Outgoing, Part, prepare};
use crate::model::code::Code;
use crate::model::delivery::DeliveryState;
use crate::model::envelope::Envelope;
use crate::model::id::{ConversationId, TenantId};
use crate::store::conversation::{self, Conversation};
use crate::store::delivery::{self, Delivery};
use crate::store::{Tx, message};

/// Conversations that are worked at the same time.
const CONCURRENCY: usize = 64;
/// Without a wake-up the rows are looked at this often.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a noted attempt belongs to the node that noted it: longer than any call may take.
const LEASE: Duration = Duration::from_secs(90);
/// With so few messages left, waiting texts are joined into one.
const SCARCE: u32 = 2;

/// One call that is noted and has to be made.
pub(super) struct Attempt {
    pub(super) conversation: Conversation,
    /// The messages that the call carries: one, or several that were joined.
    pub(super) items: Vec<Delivery>,
    part: Part,
    /// Parts that the first message has.
    pub(super) parts: i32,
}

/// What to do next in a conversation.
enum Step {
    Call(Box<Attempt>),
    /// Something was settled without a call; look again.
    Again,
    /// Nothing to do now.
    Rest,
}

type Key = (TenantId, ConversationId);

impl Core {
    /// Sends what waits until `stop`; then finishes the calls that are under way.
    ///
    /// # Errors
    /// Never by itself: a conversation whose work fails is logged and tried again.
    pub async fn run_deliveries(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut busy: HashSet<Key> = HashSet::new();
        let mut work: JoinSet<Key> = JoinSet::new();
        loop {
            for key in self.due(CONCURRENCY.saturating_sub(busy.len())).await {
                if busy.insert(key.clone()) {
                    work.spawn(self.clone().work(key));
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.inner.deliveries.notified(), if busy.len() < CONCURRENCY => {}
                Some(done) = work.join_next() => settle_task(done, &mut busy),
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
        while let Some(done) = work.join_next().await {
            settle_task(done, &mut busy);
        }
        Ok(())
    }

    async fn due(&self, room: usize) -> Vec<Key> {
        let Ok(limit) = i64::try_from(room + CONCURRENCY) else { return Vec::new() };
        if room == 0 {
            return Vec::new();
        }
        let now = self.clock().now();
        let found = self.store().survey(move |conn| delivery::due(conn, now, limit).map_err(Error::from)).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(error = ?error, "deliveries could not be read");
            Vec::new()
        })
    }

    /// Works off one conversation.
    async fn work(self, key: Key) -> Key {
        let (tenant, conv) = &key;
        loop {
            match self.step(tenant, *conv).await {
                Ok(Step::Call(attempt)) => {
                    let outcome = self.call(tenant, &attempt).await;
                    if let Err(error) = self.settle(tenant, *attempt, outcome).await {
                        tracing::error!(tenant = %tenant, error = ?error, "the outcome of a call could not be noted");
                        return key;
                    }
                }
                Ok(Step::Again) => {}
                Ok(Step::Rest) => return key,
                Err(error) => {
                    tracing::error!(tenant = %tenant, error = ?error, "a delivery could not be prepared");
                    return key;
                }
            }
        }
    }

    async fn step(&self, tenant: &TenantId, conv: ConversationId) -> Result<Step, Error> {
        let scene = self.scene(tenant)?;
        let (step, effects) = self
            .scope(tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                step(tx, &scene, conv, &mut effects).map(|step| (step, effects))
            })
            .await?;
        self.announce(tenant, effects);
        Ok(step)
    }

    async fn call(&self, tenant: &TenantId, attempt: &Attempt) -> Result<(), SendError> {
        let gone = || SendError::Refused {
            code: Code::ChannelAccountDisabled,
            errcode: None,
            detail: "the account is no longer declared".into(),
        };
        let door = self.directory().wechat_of(tenant, &attempt.conversation.account).ok_or_else(gone)?;
        let api = &self.inner.parts.wechat;
        let outgoing = match attempt.part.clone() {
            Part::Ready(outgoing) => outgoing,
            Part::Upload(upload) => {
                let refused = |detail: String| SendError::Refused { code: Code::MediaRejected, errcode: None, detail };
                let read = self.inner.parts.media.read(tenant, upload.media.id).await;
                let bytes = read.map_err(|error| refused(error.to_string()))?;
                let bytes = bytes.ok_or_else(|| refused("the blob is gone".into()))?;
                let uploaded = api.upload(&door.credentials, upload.kind, &upload.media.mime, &bytes).await;
                // An upload that got lost did no harm: only sends are uncertain.
                let id = uploaded.map_err(|error| match SendError::from(error) {
                    SendError::Uncertain { detail } => SendError::Retry { after: Duration::from_secs(1), detail },
                    other => other,
                })?;
                upload.with(id)
            }
        };
        api.send(&door.credentials, attempt.conversation.external_id.as_str(), &outgoing).await
    }

    async fn settle(&self, tenant: &TenantId, attempt: Attempt, outcome: Result<(), SendError>) -> Result<(), Error> {
        let scene = self.scene(tenant)?;
        if let Err(SendError::Stop { errcode, .. }) = &outcome {
            tracing::error!(tenant = %tenant, account = %attempt.conversation.account, errcode, "WeChat stopped the account");
        }
        let effects = self
            .scope(tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                settle(tx, &scene, attempt, outcome, &mut effects).map(|()| effects)
            })
            .await?;
        self.announce(tenant, effects);
        Ok(())
    }
}

fn settle_task(done: Result<Key, tokio::task::JoinError>, busy: &mut HashSet<Key>) {
    match done {
        Ok(key) => drop(busy.remove(&key)),
        Err(error) => {
            tracing::error!(error = %error, "a delivery task panicked");
            // Which one is unknown: the leases in the rows keep the others apart.
            busy.clear();
        }
    }
}

/// Decides and notes what comes next in a conversation.
fn step(tx: &mut Tx<'_>, scene: &Scene, conv: ConversationId, effects: &mut Effects) -> Result<Step, Error> {
    let items = delivery::unfinished(tx, conv, 8)?;
    let Some(first) = items.first().cloned() else { return Ok(Step::Rest) };
    let conversation = conversation::find(tx, conv)?.ok_or_else(Error::not_found)?;
    if first.state == DeliveryState::Held {
        wait_behind(tx, &conversation, &first, effects)?;
        return Ok(Step::Rest);
    }
    if first.next_at > scene.now {
        return Ok(Step::Rest);
    }
    if first.state == DeliveryState::Sending {
        let orphan = Delivery { detail: Some("the node that sent it went away".into()), ..first };
        finish(tx, &conversation, orphan, DeliveryState::Uncertain, Some("uncertain"), effects)?;
        return Ok(Step::Again);
    }
    if !conversation.window.open(scene.now) {
        let code = if conversation.window.until > scene.now { Code::ChannelQuota } else { Code::ChannelWindowClosed };
        hold(tx, &conversation, items, code, effects)?;
        return Ok(Step::Again);
    }
    let origin = conversation.origin(tx);
    let envelope = message::at(tx, &origin, conv, first.seq)?.ok_or_else(Error::not_found)?;
    let parts = prepare(&envelope.content);
    let place = usize::try_from(first.part).unwrap_or(0);
    let Some(part) = parts.get(place).cloned() else {
        finish(tx, &conversation, first, DeliveryState::Delivered, None, effects)?;
        return Ok(Step::Again);
    };
    let parts = i32::try_from(parts.len()).unwrap_or(i32::MAX);
    let mut attempt = Attempt { conversation, items: vec![first], part, parts };
    if attempt.conversation.window.left <= SCARCE && parts == 1 {
        join(tx, scene, &mut attempt, items)?;
    }
    note(tx, scene, &mut attempt)?;
    Ok(Step::Call(Box::new(attempt)))
}

/// Joins texts that wait behind the first into one message, as far as they fit.
fn join(tx: &mut Tx<'_>, scene: &Scene, attempt: &mut Attempt, waiting: Vec<Delivery>) -> Result<(), Error> {
    let Part::Ready(Outgoing::Text(mut text)) = attempt.part.clone() else { return Ok(()) };
    let origin = attempt.conversation.origin(tx);
    for item in waiting.into_iter().skip(1) {
        if item.state != DeliveryState::Pending || item.next_at > scene.now || item.part > 0 {
            break;
        }
        let Some(envelope) = message::at(tx, &origin, item.conv, item.seq)? else { break };
        match single_text(&envelope) {
            Some(more) if text.len() + 1 + more.len() <= MAX_TEXT => {
                text.push('\n');
                text.push_str(&more);
                attempt.items.push(item);
            }
            _ => break,
        }
    }
    attempt.part = Part::Ready(Outgoing::Text(text));
    Ok(())
}

fn single_text(envelope: &Envelope) -> Option<String> {
    match prepare(&envelope.content).as_slice() {
        [Part::Ready(Outgoing::Text(text))] => Some(text.clone()),
        _ => None,
    }
}

/// Puts the attempt on disk and takes it off the window, before the call.
fn note(tx: &mut Tx<'_>, scene: &Scene, attempt: &mut Attempt) -> Result<(), Error> {
    for item in &mut attempt.items {
        item.state = DeliveryState::Sending;
        item.attempts += 1;
        item.next_at = scene.now.plus(LEASE);
        delivery::save(tx, item)?;
    }
    attempt.conversation.window = attempt.conversation.window.debited();
    conversation::set_window(tx, attempt.conversation.conv, attempt.conversation.window)?;
    Ok(())
}
