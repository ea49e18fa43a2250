//! Messages on their way out through channels that are called: one sender per conversation, in order.
//!
//! The window decides before a call, the attempt is on disk before it, its outcome after it. WeChat has no
//! idempotency key: when the outcome of a call is unknown the message becomes `uncertain` and is not repeated by a
//! machine; the agent sees it and decides.

mod settle;
mod step;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

pub(super) use self::settle::came_back;
use super::backlog::{Backlog, Worked, failed, long_after};
use super::effect::Effects;
use super::{Core, Error, Scene};
use crate::channel::wechat::error::SendError;
use crate::channel::wechat::outgoing::Part;
use crate::config::{Bug, planted};
use crate::model::code::Code;
use crate::model::envelope::Envelope;
use crate::model::id::{ConversationId, TenantId};
use crate::model::time::Millis;
use crate::runtime::Backoff;
use crate::store::conversation::Conversation;
use crate::store::delivery::{self, Delivery};
use crate::store::{Conn, Tx};

/// Conversations that are worked at the same time, half of them of one tenant.
const CONCURRENCY: usize = 128;

/// How long the outcome of a call is kept in hand while it cannot be noted: after the lease of the attempt nobody would
/// believe it any more.
const IN_HAND: Duration = Duration::from_secs(60);
/// The pauses between tries to note something.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// One call that is noted and has to be made.
#[derive(Clone)]
struct Attempt {
    conversation: Conversation,
    /// The messages that the call carries: one, or several that were joined.
    items: Vec<Delivery>,
    load: Load,
    /// Parts that the first message has.
    parts: i32,
}

/// What a call carries, as the channel takes it.
#[derive(Clone)]
enum Load {
    /// A message of WeChat, or a part of one.
    Wechat(Part),
    /// A whole message.
    Xmpp(Arc<Envelope>),
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
    pub async fn run_deliveries(&self, stop: CancellationToken) {
        self.take_up_orphans().await;
        let deliveries = Backlog {
            what: "deliveries",
            bell: &self.inner.deliveries,
            at_once: CONCURRENCY,
            due: |core: &Core| {
                let elsewhere = core.xmpp_elsewhere();
                move |conn: &mut Conn, now, limit, without: &[TenantId]| {
                    delivery::due(conn, now, limit, (without, &elsewhere))
                }
            },
        };
        deliveries.work_off(self, &stop, |key| self.clone().work(key, stop.clone())).await;
    }

    /// A process that has its tables to itself and begins knows that nobody makes the calls that were under way: what became
    /// of them can be said at once. Another node may be making them, until its lease is over.
    async fn take_up_orphans(&self) {
        if self.store().is_shared() {
            return;
        }
        let now = self.clock().now();
        match self.store().sweep(move |conn| delivery::orphan(conn, now)).await {
            Ok(0) => {}
            Ok(calls) => tracing::warn!(calls, "calls were cut off when the process ended; their outcome is unknown"),
            Err(error) => tracing::warn!(error = ?error, "calls that were cut off wait for the end of their lease"),
        }
    }

    /// Works off one conversation, call by call, until `stop`: what is left then waits in its row.
    async fn work(self, key: Key, stop: CancellationToken) -> Worked<Key> {
        let (tenant, conv) = &key;
        while !stop.is_cancelled() {
            let scene = match self.scene(tenant) {
                Ok(scene) => scene,
                Err(error) => {
                    tracing::error!(tenant = %tenant, error = ?error, "a delivery's tenant is gone");
                    return Err(key);
                }
            };
            let now = scene.now;
            match self.step(tenant, scene, *conv).await {
                Ok(Step::Call(attempt)) => {
                    let outcome = self.call(tenant, &attempt, &stop).await;
                    if let Err(error) = self.settle(tenant, *attempt, outcome, &stop).await {
                        tracing::error!(tenant = %tenant, error = ?error, "the outcome of a call could not be noted");
                        return Ok(key);
                    }
                }
                Ok(Step::Again) => {}
                Ok(Step::Rest) => return Ok(key),
                Err(error) => {
                    tracing::error!(tenant = %tenant, error = ?error, "a delivery could not be prepared");
                    if error.is_unknown() {
                        self.take_back(tenant, *conv, now, &stop).await;
                    }
                    return failed(key, &error);
                }
            }
        }
        Ok(key)
    }

    async fn step(&self, tenant: &TenantId, scene: Scene, conv: ConversationId) -> Result<Step, Error> {
        let (signer, tenant_id) = (self.signer().clone(), tenant.clone());
        let public = self.inner.parts.public_url.clone();
        let link = move |media| format!("{public}{}", signer.read_url(&tenant_id, media).url);
        let (step, effects) = self
            .scope(tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                step::next(tx, &scene, conv, &link, &mut effects).map(|step| (step, effects))
            })
            .await?;
        self.announce(tenant, effects);
        Ok(step)
    }

    async fn call(&self, tenant: &TenantId, attempt: &Attempt, stop: &CancellationToken) -> Result<(), SendError> {
        if planted(Bug::SentWithoutCall) && attempt.items.iter().any(|item| item.seq % 7 == 0) {
            return Ok(());
        }
        let part = match &attempt.load {
            Load::Wechat(part) => part.clone(),
            Load::Xmpp(envelope) => {
                let Conversation { account, external_id, .. } = &attempt.conversation;
                return self.xmpp_send(tenant, account, external_id, Arc::clone(envelope)).await;
            }
        };
        let gone = || SendError::Refused {
            code: Code::ChannelAccountDisabled,
            errcode: None,
            detail: "the account is no longer declared".into(),
        };
        let door = self.directory().wechat_of(tenant, &attempt.conversation.account).ok_or_else(gone)?;
        let api = &self.inner.parts.wechat;
        let outgoing = match part {
            Part::Ready(outgoing) => outgoing,
            Part::Upload(upload) => {
                let refused = |detail: String| SendError::Refused { code: Code::MediaRejected, errcode: None, detail };
                let read = self.inner.parts.media.read(tenant, upload.media.id).await;
                let bytes = read.map_err(|error| refused(error.to_string()))?;
                let bytes = bytes.ok_or_else(|| refused("the blob is gone".into()))?;
                // An upload that got lost did no harm: only sends are uncertain.
                let again = |detail| SendError::Retry { after: Duration::from_secs(1), detail };
                let uploaded = tokio::select! {
                    uploaded = api.upload(&door.credentials, upload.kind, &upload.media.mime, &bytes) => uploaded,
                    () = long_after(stop) => return Err(again("the process ends".into())),
                };
                let id = uploaded.map_err(|error| match SendError::from(error) {
                    SendError::Uncertain { detail } => again(detail),
                    other => other,
                })?;
                upload.with(id)
            }
        };
        api.send(&door.credentials, attempt.conversation.external_id.as_str(), &outgoing).await
    }

    /// Notes what became of a call, however long that takes: nobody else knows it.
    async fn settle(
        &self,
        tenant: &TenantId,
        attempt: Attempt,
        outcome: Result<(), SendError>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        if let Err(SendError::Stop { errcode, .. }) = &outcome {
            tracing::error!(tenant = %tenant, account = %attempt.conversation.account, errcode, "WeChat stopped the account");
        }
        let (known, mut patience) = (Arc::new((attempt, outcome)), Patience::default());
        let effects = loop {
            let (scene, known, again) = (self.scene(tenant)?, Arc::clone(&known), patience.tries > 0);
            let note = move |tx: &mut Tx<'_>| {
                let (mut effects, (attempt, outcome)) = (Effects::default(), &*known);
                // An earlier try may have been stored, although nobody heard of it; what comes back may be faster.
                let said = again || matches!(attempt.load, Load::Xmpp(_));
                if !said || settle::stands(tx, attempt)? {
                    settle::settle(tx, &scene, attempt.clone(), outcome.clone(), &mut effects)?;
                }
                Ok::<_, Error>(effects)
            };
            match self.scope(tenant).write(note).await {
                Ok(effects) => break effects,
                Err(error) => patience.after(error, stop).await?,
            }
        };
        self.announce(tenant, effects);
        Ok(())
    }

    /// An attempt may have been noted although nobody heard of it, and its call was not made: it never was.
    async fn take_back(&self, tenant: &TenantId, conv: ConversationId, noted: Millis, stop: &CancellationToken) {
        let mut patience = Patience::default();
        loop {
            let now = self.clock().now();
            let back = move |tx: &mut Tx<'_>| settle::take_back(tx, conv, step::lease_of(noted), now);
            let Err(error) = self.scope(tenant).write(back).await else { return };
            if let Err(error) = patience.after(error, stop).await {
                tracing::error!(tenant = %tenant, error = ?error, "an attempt that was not made could not be taken back");
                return;
            }
        }
    }
}

/// How long something that has to be noted is kept in hand while the store is away.
struct Patience {
    began: Instant,
    tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { began: Instant::now(), tries: 0 }
    }
}

impl Patience {
    /// Waits before the next try after `error`.
    ///
    /// # Errors
    /// `error` itself, when another try is of no use, too late, or `stop` has come.
    async fn after(&mut self, error: Error, stop: &CancellationToken) -> Result<(), Error> {
        if !error.may_pass() || self.began.elapsed() > IN_HAND {
            return Err(error);
        }
        tracing::warn!(error = ?error, "a delivery waits for the store");
        tokio::select! {
            () = stop.cancelled() => return Err(error),
            () = tokio::time::sleep(BACKOFF.draw(self.tries)) => {}
        }
        self.tries += 1;
        Ok(())
    }
}
