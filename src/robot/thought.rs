//! What a model thinks aloud before it answers, and where that ends. Pure.
//!
//! Several open models write `<think>…</think>` in front of the answer when their server does not take it out. Nobody
//! but the model needs it, and customers must not read it.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Nothing has come that says whether there is a thought.
    #[default]
    Start,
    Thought,
    Answer,
}

/// Lets the answer pass and keeps the thought.
#[derive(Debug, Default)]
pub(super) struct Thought {
    at: At,
    held: String,
}

impl Thought {
    /// The part of the answer in `more`.
    pub(super) fn pass(&mut self, more: String) -> String {
        if self.at == At::Answer {
            return more;
        }
        self.held.push_str(&more);
        if self.at == At::Start {
            let begun = self.held.trim_start();
            if OPEN.starts_with(begun) && begun != OPEN {
                return String::new();
            }
            let Some(thought) = begun.strip_prefix(OPEN) else {
                self.at = At::Answer;
                return std::mem::take(&mut self.held);
            };
            self.held = thought.to_owned();
            self.at = At::Thought;
        }
        if let Some((_thought, answer)) = self.held.split_once(CLOSE) {
            let answer = answer.to_owned();
            *self = Self { at: At::Answer, held: String::new() };
            return answer;
        }
        // Only the end of what was thought can be the beginning of the mark.
        let end = self.held.floor_char_boundary(self.held.len().saturating_sub(CLOSE.len() - 1));
        self.held.drain(..end);
        String::new()
    }

    /// What was held back although no thought came of it.
    pub(super) fn rest(&mut self) -> String {
        if self.at == At::Start { std::mem::take(&mut self.held) } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: impl Iterator<Item = impl AsRef<str>>) -> String {
        let mut thought = Thought::default();
        let mut answer: String = pieces.map(|piece| thought.pass(piece.as_ref().to_owned())).collect();
        answer.push_str(&thought.rest());
        answer
    }

    #[test]
    fn only_a_thought_in_front_is_taken_out() {
        for (text, answer) in [
            ("<think>他想还款。</think>\n\n您好", "\n\n您好"),
            ("\n<think>\n</think>您好", "您好"),
            ("<think>没有结尾", ""),
            ("<think>", ""),
            ("您好<think>x</think>", "您好<think>x</think>"),
            ("<thin", "<thin"),
            ("<b>您好</b>", "<b>您好</b>"),
            ("", ""),
        ] {
            assert_eq!(read(std::iter::once(text)), answer, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_answer(
            text in "(|\n)(<think>|<thin|)[<a好/]{0,8}(</think>|</think|)[a好\n]{0,4}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| text.get(pair[0]..pair[1]).unwrap());
            prop_assert_eq!(read(pieces), read(std::iter::once(text.as_str())));
        }
    }
}
