//! When a robot goes on, asks, gives up, or hands over to a person. Pure rules over what a session has seen so far.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::FaqId;
use super::time::Millis;

/// Turns that are remembered to notice two machines talking to each other.
const REMEMBERED: usize = 16;

/// One line of a list that a robot has offered: choosing it is an exact intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the customer types or taps.
    pub key: String,
    /// What the customer reads.
    pub label: String,
    /// What it leads to.
    pub leads: Leads,
}

/// What a line of a list leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leads {
    /// The answer to this question.
    Faq(FaqId),
    /// To the robot, as if the label had been typed.
    Words,
    /// To the robot, which hears these words of its own in place of the label.
    Says(String),
    /// None of them was meant.
    None,
    /// To a person.
    Person,
}

/// A list that waits for a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The lines.
    pub choices: Vec<Choice>,
    /// The list is forgotten then.
    pub until: Millis,
}

impl Open {
    /// The line that is meant by `key` (a digit or a line's own words), at `now`.
    #[must_use]
    pub fn chosen(&self, key: &str, now: Millis) -> Option<&Choice> {
        let hits = |choice: &&Choice| choice.key == key || choice.label == key;
        self.choices.iter().find(hits).filter(|_| now <= self.until)
    }
}

/// What a session's robot remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dialogue {
    /// Questions without an answer, since the last one that had one.
    pub missed_in_row: u32,
    /// Questions without an answer.
    pub missed: u32,
    /// Failures of the adapter in a row.
    pub failed_in_row: u32,
    /// Answers that the customer found of no help.
    pub unhelpful: u32,
    /// The question that was answered last.
    pub answered: Option<FaqId>,
    /// Answers that were given.
    pub answers: u32,
    /// Whether a person was asked for, in vain or not.
    pub handed_over: bool,
    /// A list that waits for a choice.
    pub open: Option<Open>,
    /// A question whether to be connected to a person waits for yes or no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for_person: Option<Millis>,
    /// What the adapter wants to be given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// When it answered lately.
    pub turns: Vec<Millis>,
}

/// From when on a robot hands over, per tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Questions in a row without an answer.
    pub missed_in_row: u32,
    /// Questions without an answer in all.
    pub missed: u32,
    /// Answers of no help.
    pub unhelpful: u32,
    /// Failures of the adapter in a row.
    pub failed_in_row: u32,
    /// Answers within `span_ms`.
    pub turns: u32,
    /// Milliseconds.
    pub span_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { missed_in_row: 2, missed: 4, unhelpful: 2, failed_in_row: 2, turns: 10, span_ms: 300_000 }
    }
}

/// What a turn came to, before the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer; the question that it is to, when it comes from the question base.
    Answer(Option<FaqId>),
    /// A list to choose from.
    Clarify,
    /// Small talk.
    Chitchat,
    /// Nothing fits.
    Miss,
    /// The adapter failed or was silent.
    Failed,
}

/// Why a robot hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer asked for a person.
    Asked,
    /// Too many questions without an answer.
    Missed,
    /// The same answer again.
    Repeated,
    /// The customer found the answers of no help.
    Unhelpful,
    /// The words are of a kind that a person has to deal with.
    Sensitive,
    /// The customer is angry.
    Angry,
    /// The adapter wants it.
    Adapter,
    /// The adapter failed.
    Failed,
    /// Too many answers in a short time: perhaps a machine talks to a machine.
    Loop,
    /// A form led there.
    Flow,
}

impl Reason {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Missed => "missed",
            Self::Repeated => "repeated",
            Self::Unhelpful => "unhelpful",
            Self::Sensitive => "sensitive",
            Self::Angry => "angry",
            Self::Adapter => "adapter",
            Self::Failed => "failed",
            Self::Loop => "loop",
            Self::Flow => "flow",
        }
    }

    /// Whether the customer is asked first, where a tenant wants that: nobody has asked for a person.
    #[must_use]
    pub fn is_guess(self) -> bool {
        matches!(self, Self::Missed | Self::Repeated | Self::Unhelpful)
    }
}

/// What is done after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What the turn came to is said.
    Say,
    /// The customer is told that this was not understood: 1 for the first time in a row.
    Fallback(u32),
    /// A person takes over.
    HandOver(Reason),
}

impl Dialogue {
    /// Notes what a turn came to, and says what is done.
    pub fn judge(&mut self, outcome: &Outcome, limits: &Limits, now: Millis) -> Verdict {
        self.turns.retain(|at| now.0.saturating_sub(at.0) <= limits.span_ms);
        self.turns.push(now);
        let excess = self.turns.len().saturating_sub(REMEMBERED.max(usize::try_from(limits.turns).unwrap_or(0) + 1));
        self.turns.drain(..excess);
        if self.turns.len() > usize::try_from(limits.turns).unwrap_or(usize::MAX) {
            return Verdict::HandOver(Reason::Loop);
        }
        match outcome {
            Outcome::Answer(Some(faq)) if self.answered.as_ref() == Some(faq) => Verdict::HandOver(Reason::Repeated),
            Outcome::Answer(faq) => {
                (self.missed_in_row, self.failed_in_row) = (0, 0);
                self.answers = self.answers.saturating_add(1);
                self.answered.clone_from(faq);
                Verdict::Say
            }
            Outcome::Clarify | Outcome::Chitchat => {
                self.failed_in_row = 0;
                Verdict::Say
            }
            Outcome::Miss => {
                self.failed_in_row = 0;
                self.miss(limits)
            }
            Outcome::Failed => {
                self.failed_in_row = self.failed_in_row.saturating_add(1);
                if self.failed_in_row >= limits.failed_in_row {
                    return Verdict::HandOver(Reason::Failed);
                }
                self.miss(limits)
            }
        }
    }

    fn miss(&mut self, limits: &Limits) -> Verdict {
        self.missed_in_row = self.missed_in_row.saturating_add(1);
        self.missed = self.missed.saturating_add(1);
        self.answered = None;
        if self.missed_in_row >= limits.missed_in_row || self.missed >= limits.missed {
            return Verdict::HandOver(Reason::Missed);
        }
        Verdict::Fallback(self.missed_in_row)
    }

    /// Notes what the customer thinks of an answer, and says whether that was enough.
    pub fn rated(&mut self, helpful: bool, limits: &Limits) -> Option<Reason> {
        if helpful {
            return None;
        }
        self.unhelpful = self.unhelpful.saturating_add(1);
        (self.unhelpful >= limits.unhelpful).then_some(Reason::Unhelpful)
    }

    /// Whether what was asked found its answer without a person.
    #[must_use]
    pub fn contained(&self) -> bool {
        self.answers > 0 && !self.handed_over
    }

    /// Starts anew, as after a person passed the session back.
    pub fn renew(&mut self) {
        *self = Self { memory: self.memory.take(), ..Self::default() };
    }
}

/// What a customer orders in words that need no understanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A person.
    Person,
    /// The end.
    End,
}

const PERSON: &[&str] = &[
    "人工",
    "转人工",
    "转客服",
    "人工客服",
    "人工服务",
    "真人",
    "找人工",
    "我要人工",
    "我要转人工",
    "请转人工",
    "投诉",
    "human",
    "agent",
    "operator",
    "talk to a human",
];
const END: &[&str] = &["结束", "结束会话", "再见", "拜拜", "bye", "goodbye"];

/// Reads normalised words as a command; `more` are a tenant's own words for a person.
#[must_use]
pub fn command(words: &str, more: &[String]) -> Option<Command> {
    let bare =
        words.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || "。！？，、~～".contains(c));
    if PERSON.contains(&bare) || more.iter().any(|word| word == bare) {
        return Some(Command::Person);
    }
    END.contains(&bare).then_some(Command::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn faq(name: &str) -> Option<FaqId> {
        Some(FaqId::parse(name).unwrap())
    }

    #[test]
    fn the_second_miss_in_a_row_goes_to_a_person_and_an_answer_in_between_starts_anew() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits::default());
        assert_eq!(dialogue.judge(&Outcome::Miss, &limits, NOW), Verdict::Fallback(1));
        assert_eq!(dialogue.judge(&Outcome::Answer(faq("a")), &limits, NOW), Verdict::Say);
        assert_eq!(dialogue.judge(&Outcome::Miss, &limits, NOW), Verdict::Fallback(1));
        assert_eq!(dialogue.judge(&Outcome::Miss, &limits, NOW), Verdict::HandOver(Reason::Missed));
    }

    #[test]
    fn four_misses_in_all_are_enough() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits { missed_in_row: 9, ..Limits::default() });
        for level in 1..=3 {
            assert_eq!(dialogue.judge(&Outcome::Miss, &limits, NOW), Verdict::Fallback(level));
        }
        assert_eq!(dialogue.judge(&Outcome::Miss, &limits, NOW), Verdict::HandOver(Reason::Missed));
    }

    #[test]
    fn the_same_answer_twice_in_a_row_is_no_answer() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits::default());
        assert_eq!(dialogue.judge(&Outcome::Answer(faq("a")), &limits, NOW), Verdict::Say);
        assert_eq!(dialogue.judge(&Outcome::Answer(faq("b")), &limits, NOW), Verdict::Say);
        assert_eq!(dialogue.judge(&Outcome::Answer(faq("b")), &limits, NOW), Verdict::HandOver(Reason::Repeated));
        assert_eq!(dialogue.judge(&Outcome::Answer(None), &limits, NOW), Verdict::Say);
        assert_eq!(dialogue.judge(&Outcome::Answer(None), &limits, NOW), Verdict::Say);
    }

    #[test]
    fn what_found_an_answer_and_no_person_was_asked_for_is_contained() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits::default());
        for outcome in [Outcome::Chitchat, Outcome::Clarify, Outcome::Miss] {
            dialogue.judge(&outcome, &limits, NOW);
            assert!(!dialogue.contained(), "{outcome:?} answers nothing");
        }
        dialogue.judge(&Outcome::Answer(None), &limits, NOW);
        assert!(dialogue.contained());
        dialogue.handed_over = true;
        assert!(!dialogue.contained());
    }

    #[test]
    fn an_adapter_that_fails_twice_is_given_up() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits { missed_in_row: 9, ..Limits::default() });
        assert_eq!(dialogue.judge(&Outcome::Failed, &limits, NOW), Verdict::Fallback(1));
        assert_eq!(dialogue.judge(&Outcome::Failed, &limits, NOW), Verdict::HandOver(Reason::Failed));
    }

    #[test]
    fn ten_answers_in_five_minutes_are_the_most() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits::default());
        for n in 0..10 {
            assert_eq!(dialogue.judge(&Outcome::Chitchat, &limits, Millis(n)), Verdict::Say, "{n}");
        }
        let mut later = dialogue.clone();
        assert_eq!(dialogue.judge(&Outcome::Chitchat, &limits, Millis(11)), Verdict::HandOver(Reason::Loop));
        assert_eq!(later.judge(&Outcome::Chitchat, &limits, Millis(300_010)), Verdict::Say);
    }

    #[test]
    fn two_answers_of_no_help_are_enough() {
        let (mut dialogue, limits) = (Dialogue::default(), Limits::default());
        assert_eq!(dialogue.rated(true, &limits), None);
        assert_eq!(dialogue.rated(false, &limits), None);
        assert_eq!(dialogue.rated(false, &limits), Some(Reason::Unhelpful));
    }

    #[test]
    fn words_that_need_no_understanding() {
        for (words, is) in [
            ("转人工", Some(Command::Person)),
            ("人工!", Some(Command::Person)),
            (" 投诉。", Some(Command::Person)),
            ("再见", Some(Command::End)),
            ("经理", Some(Command::Person)),
            ("人工智能是什么", None),
        ] {
            assert_eq!(command(words, &["经理".to_owned()]), is, "{words}");
        }
    }

    #[test]
    fn a_list_is_chosen_from_by_key_or_words_until_it_is_forgotten() {
        let choice = |key: &str, label: &str| Choice { key: key.into(), label: label.into(), leads: Leads::Words };
        let open = Open { choices: vec![choice("1", "挂失"), choice("2", "补卡")], until: NOW };
        assert_eq!(open.chosen("2", NOW).unwrap().label, "补卡");
        assert_eq!(open.chosen("挂失", NOW).unwrap().key, "1");
        assert_eq!(open.chosen("3", NOW), None);
        assert_eq!(open.chosen("1", Millis(NOW.0 + 1)), None);
    }
}
