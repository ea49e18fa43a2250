//! Makes a turn's events out of what a robot wrote, within the limits of an answer. Pure.

use super::answer::{Budget, MAX_CHARS, MAX_LABEL, head, short};
use super::turn::{Caps, Choice, Handoff, RobotEvent};

/// Longest memory of a robot, bytes.
const MAX_MEMORY: usize = 1_024;
/// Longest key of a choice, characters. Only its robot reads it.
const MAX_KEY: usize = 1_000;
/// Most slots of a hand-over.
const MAX_SLOTS: usize = 32;

/// What is left to say in a turn, and to whom.
#[derive(Debug)]
pub(super) struct Composer {
    caps: Caps,
    budget: Budget,
}

impl Composer {
    pub(super) fn new(caps: Caps) -> Self {
        Self { caps, budget: Budget::new() }
    }

    pub(super) fn caps(&self) -> Caps {
        self.caps
    }

    /// Whether anything was left out.
    pub(super) fn cut(&self) -> bool {
        self.budget.cut()
    }

    /// These texts, as far as they fit; `None` when there is nothing in them.
    pub(super) fn say(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Option<RobotEvent> {
        self.budget.answer(texts).map(RobotEvent::Message)
    }

    /// A question with choices; without usable choices a text.
    pub(super) fn clarify(&mut self, prompt: &str, options: Vec<Choice>) -> Option<RobotEvent> {
        let options: Vec<Choice> = options.into_iter().filter_map(usable).take(self.caps.max_options).collect();
        if options.is_empty() {
            return self.say([prompt]);
        }
        let prompt = if prompt.trim().is_empty() { "请选择：" } else { prompt };
        self.budget.part(prompt).map(|prompt| RobotEvent::Clarify { prompt, options })
    }

    /// The wish for a person.
    pub(super) fn hand_over(wish: Handoff) -> RobotEvent {
        let slots = wish.slots.into_iter().take(MAX_SLOTS);
        let slots = slots.map(|(name, value)| (short(&name), head(&value, MAX_LABEL))).collect();
        let (reason, summary) = (short(&wish.reason), head(wish.summary.trim(), MAX_CHARS));
        RobotEvent::Handoff(Handoff { reason, summary, slots, queue: wish.queue })
    }

    /// The end of the conversation.
    pub(super) fn end(reason: &str) -> RobotEvent {
        RobotEvent::End { reason: short(reason) }
    }

    /// What the robot wants to be reminded of. Half of it would be nothing that it could use, so it is all or nothing.
    pub(super) fn remember(memory: &str) -> Option<RobotEvent> {
        let fits = !memory.is_empty() && memory.len() <= MAX_MEMORY && !memory.contains('\0');
        fits.then(|| RobotEvent::Memory(memory.to_owned()))
    }
}

fn usable(choice: Choice) -> Option<Choice> {
    let label = head(choice.label.trim(), MAX_LABEL);
    let key = if choice.key.trim().is_empty() { label.clone() } else { choice.key };
    let fits = !label.is_empty() && key.chars().count() <= MAX_KEY && !key.chars().any(char::is_control);
    fits.then_some(Choice { key, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { streaming: false, rich: true, max_options: 2 };

    fn choice(key: &str, label: &str) -> Choice {
        Choice { key: key.into(), label: label.into() }
    }

    #[test]
    fn a_question_has_as_many_choices_as_the_channel_shows() {
        let options = vec![choice("/a", " 贷款 "), choice("/x", ""), choice("", "信用卡"), choice("/c", "其他")];
        let asked = Composer::new(CAPS).clarify("", options.clone());
        let expected = vec![choice("/a", "贷款"), choice("信用卡", "信用卡")];
        assert_eq!(asked, Some(RobotEvent::Clarify { prompt: "请选择：".into(), options: expected }));
        let plain = Composer::new(Caps { max_options: 0, ..CAPS }).clarify("哪一个？", options);
        assert!(matches!(plain, Some(RobotEvent::Message(answer)) if answer.parts() == ["哪一个？"]));
    }

    #[test]
    fn questions_and_messages_share_the_limit() {
        let mut composer = Composer::new(CAPS);
        assert!(composer.say(["1", "2", "3"]).is_some());
        assert_eq!(composer.clarify("4", vec![choice("a", "a")]), None);
        assert!(composer.cut());
    }

    #[test]
    fn memories_are_whole_or_not_at_all() {
        assert_eq!(Composer::remember("abc"), Some(RobotEvent::Memory("abc".into())));
        for bad in ["", "a\0", &"x".repeat(1_025)] {
            assert_eq!(Composer::remember(bad), None);
        }
    }
}
