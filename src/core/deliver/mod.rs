//! Messages on their way out through channels that are called: one sender per conversation, in order.
//!
//! The window decides before a call, the attempt is on disk before it, its outcome after it. WeChat has no
//! idempotency key: when the outcome of a call is unknown the message becomes `uncertain` and is not repeated by a
//! machine; the agent sees it and decides.

mod call;
mod settle;
mod step;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use self::settle::came_back;
use super::backlog::{Backlog, Worked, failed};
use super::effect::Effects;
use super::{Core, Error, Scene};
use crate::channel::wechat::error::SendError;
use crate::channel::wechat::outgoing::Part;
use crate::model::envelope::Envelope;
use crate::model::id::{ConversationId, TenantId};
use crate::model::time::Millis;
use crate::runtime::{Backoff, Stop};
use crate::store::conversation::Conversation;
use crate::store::delivery::{self, Delivery};
use crate::store::{Conn, Tx};

/// Conversations that are worked at the same time, half of them of one tenant.
const CONCURRENCY: usize = 128;

/// How long the outcome of a call is kept in hand while it cannot be noted: after the lease of the attempt somebody else has
/// said that it is unknown.
const IN_HAND: Duration = Duration::from_secs(60);
/// The pauses between tries to note something.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// One call that is noted and has to be made.
#[derive(Clone)]
struct Attempt {
    /// When it was noted.
    noted: Millis,
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
    pub async fn run_deliveries(&self, stop: Stop) {
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

    /// Works off one conversation, call by call, until `stop`: what is left then waits in its row.
    async fn work(self, key: Key, stop: Stop) -> Worked<Key> {
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
                    if let Err(error) = self.carry_out(tenant, *attempt, &stop).await {
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

    /// Notes what became of a call, however long that takes: nobody else knows it.
    async fn settle(
        &self,
        tenant: &TenantId,
        attempt: Attempt,
        outcome: Result<(), SendError>,
        stop: &Stop,
    ) -> Result<(), Error> {
        if let Err(SendError::Stop { errcode, .. }) = &outcome {
            tracing::error!(tenant = %tenant, account = %attempt.conversation.account, errcode, "WeChat stopped the account");
        }
        let known = Arc::new((attempt, outcome));
        let note = move |tx: &mut Tx<'_>, scene: &Scene| {
            let (mut effects, (attempt, outcome)) = (Effects::default(), &*known);
            settle::settle(tx, scene, attempt.clone(), outcome.clone(), &mut effects)?;
            Ok(effects)
        };
        let effects = self.insist(tenant, stop, note).await?;
        self.announce(tenant, effects);
        Ok(())
    }

    /// An attempt may have been noted although nobody heard of it, and its call was not made: it never was.
    async fn take_back(&self, tenant: &TenantId, conv: ConversationId, noted: Millis, stop: &Stop) {
        let back = move |tx: &mut Tx<'_>, scene: &Scene| settle::take_back(tx, conv, step::lease_of(noted), scene.now);
        if let Err(error) = self.insist(tenant, stop, back).await {
            tracing::error!(tenant = %tenant, error = ?error, "an attempt that was not made could not be taken back");
        }
    }

    /// Writes something that has to be noted, until it is or [`Patience`] is at its end. `note` may run after it was stored.
    async fn insist<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        stop: &Stop,
        note: impl Fn(&mut Tx<'_>, &Scene) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut patience = Patience::default();
        loop {
            let (scene, note) = (self.scene(tenant)?, note.clone());
            match self.scope(tenant).write(move |tx| note(tx, &scene)).await {
                Ok(noted) => return Ok(noted),
                Err(error) => patience.after(error, stop).await?,
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
    async fn after(&mut self, error: Error, stop: &Stop) -> Result<(), Error> {
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
