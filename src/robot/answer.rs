//! What limits a robot's answer: its length, its parts, its characters. Pure; knows no robot.
//!
//! Nothing is rendered here: HTML and Markdown are letters, and a picture is its address. Whoever shows an answer shows
//! text, so that nothing is loaded from where a robot points to.

use crate::model::label::label;

/// Longest answer of one turn, characters over all its parts.
pub const MAX_CHARS: usize = 2_000;
/// Most parts of one turn: messages and questions together.
pub const MAX_PARTS: usize = 3;
/// Longest label of a choice, characters.
pub(super) const MAX_LABEL: usize = 200;
/// Longest reason or short message of a robot, characters.
pub(super) const MAX_REASON: usize = 200;

/// What a robot says in one go: one to three texts, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    parts: Vec<String>,
}

impl Answer {
    /// The texts, in order. Each becomes a message.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The texts, to keep.
    #[must_use]
    pub fn into_parts(self) -> Vec<String> {
        self.parts
    }
}

/// What is left of a turn's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Budget {
    chars: usize,
    parts: usize,
    cut: bool,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { chars: MAX_CHARS, parts: MAX_PARTS, cut: false }
    }

    /// Whether anything did not fit.
    pub(super) fn cut(&self) -> bool {
        self.cut
    }

    /// An answer out of as much as fits; `None` when there is nothing to say.
    pub(super) fn answer(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Answer> {
        let parts: Vec<String> = texts.into_iter().filter_map(|text| self.part(text.as_ref())).collect();
        (!parts.is_empty()).then_some(Answer { parts })
    }

    /// One text, as much of it as fits; `None` when nothing is in it or nothing fits.
    pub(super) fn part(&mut self, text: &str) -> Option<String> {
        let mut chars = 0;
        let mut part = String::new();
        for c in readable(text).skip_while(|c| c.is_whitespace()) {
            if self.parts == 0 || chars == self.chars {
                self.cut |= !c.is_whitespace();
                break;
            }
            part.push(c);
            chars += 1;
        }
        part.truncate(part.trim_end().len());
        if part.is_empty() {
            return None;
        }
        self.chars -= chars;
        self.parts -= 1;
        Some(part)
    }
}

/// The characters that somebody can read, with line ends as `\n`. PostgreSQL keeps no U+0000.
fn readable(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}

/// The first `most` readable characters.
pub(super) fn head(text: &str, most: usize) -> String {
    readable(text).take(most).collect()
}

/// A short text on one line.
pub(super) fn short(text: &str) -> String {
    label(text.trim(), MAX_REASON)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(texts: &[&str]) -> (Option<Answer>, bool) {
        let mut budget = Budget::new();
        (budget.answer(texts), budget.cut())
    }

    #[test]
    fn a_hundred_kilobytes_are_cut_at_a_character() {
        let (said, cut) = answer(&["驿".repeat(40_000).as_str()]);
        assert_eq!(said.unwrap().into_parts(), ["驿".repeat(2_000)]);
        assert!(cut);
        let (said, cut) = answer(&["x".repeat(2_000).as_str()]);
        assert_eq!(said.unwrap().parts()[0].len(), 2_000);
        assert!(!cut, "what fits is not cut");
    }

    #[test]
    fn five_hundred_parts_become_three() {
        let parts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        let (said, cut) = answer(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.unwrap().into_parts(), ["0", "1", "2"]);
        assert!(cut);
    }

    #[test]
    fn nothing_is_nothing() {
        for texts in [&[][..], &[""], &["  \n\t", "\u{3000}", "\0\u{7}"]] {
            assert_eq!(answer(texts), (None, false), "{texts:?}");
        }
    }

    #[test]
    fn markup_stays_what_was_written() {
        let text = "![b](http://evil.example/b.png) <img src=x onerror=alert(1)>\r\n**好**\0";
        let (said, _) = answer(&[text]);
        assert_eq!(said.unwrap().parts(), ["![b](http://evil.example/b.png) <img src=x onerror=alert(1)>\n**好**"]);
    }

    proptest! {
        #[test]
        fn no_answer_passes_the_limits(texts in prop::collection::vec(".{0,900}", 0..8)) {
            let mut budget = Budget::new();
            if let Some(said) = budget.answer(&texts) {
                prop_assert!((1..=MAX_PARTS).contains(&said.parts().len()));
                prop_assert!(said.parts().iter().map(|part| part.chars().count()).sum::<usize>() <= MAX_CHARS);
                prop_assert!(said.parts().iter().all(|part| !part.trim().is_empty()));
            }
        }
    }
}
