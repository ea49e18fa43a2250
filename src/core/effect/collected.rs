//! Collecting what one transaction has to tell, and what rides in the answer to the delivery that it handles.

use super::{Effect, Slot};
use crate::model::id::ConversationId;
use crate::model::inbound::Answer;
use crate::model::time::Millis;

/// What one transaction has to tell, and the passive slot of the delivery that it handles.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    list: Vec<Effect>,
    passive: Option<Passive>,
    /// The delivery, if its answer may wait for a machine, and until when.
    slot: Option<(Slot, Millis)>,
    kept: bool,
}

/// The free answer to a channel's delivery: texts that are ready in time ride in it.
#[derive(Debug, Clone)]
struct Passive {
    conv: ConversationId,
    room: usize,
    text: String,
}

impl Effects {
    /// Adds one.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Opens the passive slot for texts of one conversation, with room for so many bytes.
    pub(crate) fn open_passive(&mut self, conv: ConversationId, room: usize) {
        self.reopen_passive(conv, room, String::new());
    }

    /// Opens it again for more, with what rides in it already.
    pub(crate) fn reopen_passive(&mut self, conv: ConversationId, room: usize, text: String) {
        self.passive = Some(Passive { conv, room, text });
    }

    /// Lets the answer to a delivery wait for a machine until then.
    pub(crate) fn offer_slot(&mut self, slot: Slot, until: Millis) {
        self.slot = Some((slot, until));
    }

    /// Has the answer wait, for whoever will answer; `None` where nothing waits for an answer.
    pub(crate) fn keep_slot(&mut self, now: Millis) -> Option<Slot> {
        let (slot, _) = self.slot.as_ref().filter(|(_, until)| now < *until)?;
        self.kept = true;
        Some(slot.clone())
    }

    /// Until when the answer waits, if somebody wants it to.
    pub(crate) fn kept_until(&self) -> Option<Millis> {
        self.slot.as_ref().filter(|_| self.kept).map(|(_, until)| *until)
    }

    /// Puts a text into the passive slot; `false` when there is none or it does not fit.
    pub(crate) fn ride(&mut self, conv: ConversationId, text: &str) -> bool {
        let Some(slot) = self.passive.as_mut().filter(|slot| slot.conv == conv) else { return false };
        let gap = if slot.text.is_empty() { "" } else { "\n" };
        if slot.text.len() + gap.len() + text.len() > slot.room {
            return false;
        }
        slot.text.push_str(gap);
        slot.text.push_str(text);
        true
    }

    /// A delivery has its answer now.
    pub(crate) fn answered(&mut self, slot: Slot, answer: Answer) {
        self.push(Effect::Answered(slot, answer));
    }

    /// The text that rides in the passive slot, if any does.
    pub(crate) fn take_passive(&mut self) -> Option<String> {
        self.passive.take().map(|slot| slot.text).filter(|text| !text.is_empty())
    }

    /// What to tell, in order.
    #[must_use]
    pub fn into_list(self) -> Vec<Effect> {
        self.list
    }

    /// What to tell so far.
    #[must_use]
    pub fn list(&self) -> &[Effect] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_share_the_passive_slot_until_it_is_full() {
        let (mine, other) = (ConversationId::generate(Millis(1)), ConversationId::generate(Millis(2)));
        let mut effects = Effects::default();
        assert!(!effects.ride(mine, "early"));
        effects.open_passive(mine, 10);
        assert!(effects.ride(mine, "您好"));
        assert!(!effects.ride(other, "x"));
        assert!(effects.ride(mine, "ab"));
        assert!(!effects.ride(mine, "c"));
        assert_eq!(effects.take_passive().as_deref(), Some("您好\nab"));
        assert_eq!(effects.take_passive(), None);
    }
}
