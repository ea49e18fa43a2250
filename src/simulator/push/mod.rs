//! Pushes to the gateway: deliveries, their timing, and what becomes of the answer. Knows no type of message.

mod answer;
mod client;
mod rule;
mod verify;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use answer::{Judged, judge};
pub(crate) use client::{Client, Request, Response};
pub(crate) use rule::{Passive, opens, passive};
pub use verify::Verification;
pub(crate) use wire::{Signature, seal};

use super::Platform;
use super::ledger::{AnswerEntry, Attempt, brief};
use super::phone::{From, Kind, PhoneMessage, State, Via};
use super::setting::Spacing;
use super::world::Seal;
use crate::model::account::{WechatFormat, WechatMode};

/// What a person reads when every delivery has failed.
pub const FAILURE_TEXT: &str = "该公众号提供的服务出现故障，请稍后再试";

/// A phone that says several things says them in order: the next push waits for the answer to the one before, but no
/// longer than this.
const TURN: Duration = Duration::from_secs(1);

/// One push, sealed with what was in force when the person acted.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) id: String,
    pub(crate) appid: String,
    pub(crate) gh_id: String,
    pub(crate) openid: String,
    pub(crate) callback_url: String,
    pub(crate) mode: WechatMode,
    pub(crate) format: WechatFormat,
    pub(crate) seal: Arc<Seal>,
    pub(crate) passive: Passive,
    /// The body before encryption. May be anything when it comes from the raw end point.
    pub(crate) body: Vec<u8>,
}

/// Where a push stands in the line of its phone.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) before: Option<oneshot::Receiver<()>>,
    pub(crate) done: oneshot::Sender<()>,
}

impl Platform {
    /// Delivers a push in the background until it is answered, has failed for good or the platform stops.
    pub(crate) fn start(&self, push: Push, turn: Turn) {
        let platform = self.clone();
        let stop = self.stop_token();
        let flight = self.count_flight();
        tokio::spawn(async move {
            let _under_way = flight;
            tokio::select! {
                () = platform.deliver(&push, turn) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn deliver(&self, push: &Push, turn: Turn) {
        if let Some(before) = turn.before {
            // An error means that the one before was dropped: then nothing is in front of us either.
            before.await.unwrap_or_default();
        }
        let started = Instant::now();
        let timing = self.timing();
        let signed = (!timing.resign).then(|| Signature::fresh(self.clock().now()));
        let mut done = Some(turn.done);
        let mut result = Err("never delivered".to_owned());
        for round in 0..timing.deliveries {
            if timing.spacing == Spacing::Slots {
                tokio::time::sleep_until(started + timing.answer_within().saturating_mul(round)).await;
            }
            let signature = signed.clone().unwrap_or_else(|| Signature::fresh(self.clock().now()));
            let attempt = self.attempt(push, &signature);
            tokio::pin!(attempt);
            result = tokio::select! {
                result = &mut attempt => result,
                () = tokio::time::sleep(TURN), if done.is_some() => {
                    drop(done.take());
                    attempt.await
                }
            };
            drop(done.take());
            if result.is_ok() {
                break;
            }
        }
        self.finish(push, result);
    }

    /// One delivery: what the gateway answered, or why it counts as failed.
    async fn attempt(&self, push: &Push, signature: &Signature) -> Result<Judged, String> {
        let at = self.clock().now();
        let began = Instant::now();
        let request = seal(push, signature)?;
        let response = self.client().post(request, self.timing().answer_within()).await;
        let (status, judged) = match response {
            Ok(response) => (Some(response.status), judge(push, &response)),
            Err(failure) => (failure.status, Err(failure.reason)),
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = judged.as_ref().err().cloned();
        if let Some(entry) = self.world().ledger.push_mut(&push.id) {
            entry.attempts.push(Attempt { at, ms, status, failure });
        }
        judged
    }

    /// Shows what came of the push and writes it down.
    fn finish(&self, push: &Push, result: Result<Judged, String>) {
        let now = self.clock().now();
        let mut world = self.world();
        let failed = result.is_err();
        let entry = match result {
            Ok(Judged::Success) => plain("success"),
            Ok(Judged::Empty) => plain("empty"),
            Ok(Judged::Reply(tree)) => {
                let (message, problem) = answer::render(&tree, push, &world, now);
                let kind = if answer::is_transfer(&tree) { "transfer" } else { "reply" };
                let shown = message.is_some();
                if let Some(message) = message {
                    world.show(&push.openid, message, now);
                }
                AnswerEntry { kind, reply: Some(brief(tree.to_json())), problem, shown }
            }
            Err(reason) => AnswerEntry { problem: Some(reason), ..plain("failed") },
        };
        if let Some(kept) = world.ledger.push_mut(&push.id) {
            kept.answer = Some(entry);
        }
        if let Some(phone) = world.phone_mut(&push.openid) {
            phone.settle(&push.id, if failed { State::Failed } else { State::Sent });
        }
        if failed && push.passive != Passive::Ignored {
            let notice = PhoneMessage::draft(From::System, Kind::Notice, Via::Push).text(FAILURE_TEXT);
            world.show(&push.openid, notice, now);
        }
    }
}

fn plain(kind: &'static str) -> AnswerEntry {
    AnswerEntry { kind, reply: None, problem: None, shown: false }
}
