//! Answers to deliveries that wait for a machine: whoever holds the request waits here, whoever answers tells it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::effect::{Effects, Slot};
use super::{Core, Error, Scene};
use crate::model::content::Content;
use crate::model::id::{AccountId, ConversationId, TenantId};
use crate::model::inbound::Answer;
use crate::model::time::Millis;
use crate::store::{Tx, inbox};

/// Room in the passive slot, in bytes of UTF-8: WeChat drops longer texts silently.
pub(super) const ROOM: usize = 2000;
/// An answer that another node gives is looked for this often.
const LOOK: Duration = Duration::from_millis(200);

type Key = (TenantId, AccountId, String);

/// Requests of this node that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Slots {
    waiting: Mutex<HashMap<Key, watch::Sender<Option<Answer>>>>,
}

impl Slots {
    fn listen(&self, key: &Key) -> watch::Receiver<Option<Answer>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(key.clone()).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    fn forget(&self, key: &Key) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Others may wait for the same delivery: the last one closes the door.
        if waiting.get(key).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(key);
        }
    }

    /// Tells whoever waits here.
    pub(super) fn tell(&self, tenant: &TenantId, (account, dedupe): Slot, answer: Answer) {
        let key = (tenant.clone(), account, dedupe);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&key) {
            sender.send_replace(Some(answer));
        }
    }
}

/// Somebody who waits, or stops waiting.
struct Listening<'a> {
    slots: &'a Slots,
    key: Key,
    heard: watch::Receiver<Option<Answer>>,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.slots.forget(&self.key);
    }
}

/// What rides in the answer so far, kept or final.
fn riding(text: String) -> Answer {
    if text.is_empty() { Answer::Accepted } else { Answer::Passive(Box::new(Content::text(text))) }
}

/// The answer to a delivery at the end of its transaction: as it is, or open for a machine.
pub(super) fn settle(tx: &mut Tx<'_>, account: &AccountId, dedupe: &str, fx: &mut Effects) -> Result<Answer, Error> {
    let text = fx.take_passive().unwrap_or_default();
    let answer = match fx.kept_until() {
        Some(until) => Answer::Open { until, text },
        None => riding(text),
    };
    if answer != Answer::Accepted {
        inbox::answered(tx, account, dedupe, &answer)?;
    }
    Ok(answer)
}

/// Opens the passive slot of a delivery for what the transaction says; `false` when it is too late for that.
pub(super) fn reopen(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    slot: Option<&Slot>,
    fx: &mut Effects,
) -> Result<bool, Error> {
    let Some((account, dedupe)) = slot else { return Ok(false) };
    match inbox::answer(tx, account, dedupe)? {
        Some(Answer::Open { until, text }) if scene.now < until => {
            fx.reopen_passive(conv, ROOM, text);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Closes the slot that [`reopen`] has opened: nothing more will ride.
pub(super) fn close(tx: &mut Tx<'_>, slot: Option<&Slot>, fx: &mut Effects) -> Result<(), Error> {
    let Some((account, dedupe)) = slot else { return Ok(()) };
    let answer = riding(fx.take_passive().unwrap_or_default());
    inbox::answered(tx, account, dedupe, &answer)?;
    fx.answered((account.clone(), dedupe.clone()), answer);
    Ok(())
}

/// The answer of a delivery whose time is over.
fn give_up(tx: &mut Tx<'_>, (account, dedupe): &Slot) -> Result<Answer, Error> {
    match inbox::answer(tx, account, dedupe)? {
        Some(Answer::Open { text, .. }) => {
            let answer = riding(text);
            inbox::answered(tx, account, dedupe, &answer)?;
            Ok(answer)
        }
        Some(answer) => Ok(answer),
        None => Ok(Answer::Accepted),
    }
}

impl Core {
    /// Waits for the machine's answer to a delivery, on whatever node it is given. After `until` nothing rides any
    /// more, and what the machine says goes by itself.
    pub(super) async fn answer_of(&self, tenant: &TenantId, slot: Slot, until: Millis) -> Result<Answer, Error> {
        let key = (tenant.clone(), slot.0.clone(), slot.1.clone());
        let mut listening = Listening { slots: &self.inner.slots, heard: self.inner.slots.listen(&key), key };
        self.wait_for(tenant, &slot, until, &mut listening.heard).await
    }

    async fn wait_for(
        &self,
        tenant: &TenantId,
        slot: &Slot,
        until: Millis,
        heard: &mut watch::Receiver<Option<Answer>>,
    ) -> Result<Answer, Error> {
        loop {
            // It may have been answered before anybody listened, or elsewhere.
            let (account, dedupe) = slot.clone();
            let look = move |tx: &mut Tx<'_>| inbox::answer(tx, &account, &dedupe).map_err(Error::from);
            match self.scope(tenant).read(look).await? {
                Some(Answer::Open { .. }) => {}
                Some(answer) => return Ok(answer),
                None => return Ok(Answer::Accepted),
            }
            let left = until.since(self.clock().now());
            if left.is_zero() {
                let slot = slot.clone();
                return self.scope(tenant).write(move |tx| give_up(tx, &slot)).await;
            }
            let told = async {
                let told = heard.wait_for(Option::is_some).await;
                told.ok().and_then(|answer| answer.clone())
            };
            tokio::select! {
                Some(answer) = told => return Ok(answer),
                () = tokio::time::sleep(left.min(LOOK)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stops_waiting_is_forgotten() {
        let slots = Slots::default();
        let key = || (TenantId::parse("bank").unwrap(), AccountId::parse("oa").unwrap(), "1".to_owned());
        let listening = || Listening { slots: &slots, heard: slots.listen(&key()), key: key() };
        let (one, other) = (listening(), listening());
        drop(one);
        slots.tell(&key().0, (key().1, key().2), Answer::Accepted);
        assert_eq!(*other.heard.borrow(), Some(Answer::Accepted));
        drop(other);
        assert!(slots.waiting.lock().unwrap().is_empty());
    }
}
