//! Words that are known beforehand: a tenant's own, and groups of words that mean the same. Knows no questions.

use std::collections::HashMap;

use super::text::normalise;

/// The longest phrase that is looked for, in characters.
const LONGEST: usize = 16;

/// A number that stands for all words of a group.
pub(super) type Concept = u32;

/// What a phrase is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whether the tenant said that this is one word.
    pub(super) word: bool,
    /// The groups it belongs to.
    pub(super) concepts: Vec<Concept>,
}

/// Phrases and what they are.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    entries: HashMap<Box<str>, Entry>,
    /// The lengths of phrases by their first character, one bit each: most positions of a text begin none.
    lengths: HashMap<char, u32>,
    groups: Concept,
}

impl Lexicon {
    /// Adds words that are never taken apart.
    pub(super) fn words(&mut self, words: impl IntoIterator<Item: AsRef<str>>) {
        words.into_iter().for_each(|word| self.entry(word.as_ref(), |entry| entry.word = true));
    }

    /// Adds groups, one a line, words between `|`; `#` begins a remark.
    pub(super) fn groups(&mut self, lines: impl IntoIterator<Item: AsRef<str>>) {
        for line in lines {
            let line = line.as_ref().split('#').next().unwrap_or_default();
            if line.trim().is_empty() {
                continue;
            }
            let concept = self.groups;
            self.groups += 1;
            for word in line.split('|') {
                self.entry(word, |entry| {
                    entry.concepts.push(concept);
                    // A group may name a word twice.
                    entry.concepts.dedup();
                });
            }
        }
    }

    fn entry(&mut self, phrase: &str, change: impl FnOnce(&mut Entry)) {
        let phrase = normalise(phrase);
        let length = phrase.chars().count();
        let Some(first) = phrase.chars().next() else { return };
        if length > LONGEST {
            return;
        }
        *self.lengths.entry(first).or_default() |= 1 << length;
        change(self.entries.entry(phrase.into_boxed_str()).or_default());
    }

    /// What a phrase is.
    pub(super) fn get(&self, phrase: &str) -> Option<&Entry> {
        self.entries.get(phrase)
    }

    /// The phrases of two characters and more at the start of a text, the longest first.
    pub(super) fn at<'s, 'a>(&'s self, text: &'a str) -> impl Iterator<Item = (&'a str, &'s Entry)> {
        let first = text.chars().next();
        let lengths = first.and_then(|first| self.lengths.get(&first)).copied().unwrap_or_default();
        (2..=LONGEST).rev().filter(move |length| lengths & (1 << length) != 0).filter_map(move |length| {
            let end = match text.char_indices().nth(length) {
                Some((end, _)) => end,
                None if text.chars().count() == length => text.len(),
                None => return None,
            };
            let phrase = text.get(..end)?;
            Some((phrase, self.entries.get(phrase)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_the_longest_first() {
        let mut lexicon = Lexicon::default();
        lexicon.words(["金葵花卡"]);
        lexicon.groups(["# 说明", "信用卡|贷记卡", "", "信用|征信|信用记录 # 说明"]);
        let found: Vec<_> = lexicon.at("信用卡额度").map(|(phrase, entry)| (phrase, entry.concepts.clone())).collect();
        assert_eq!(found, [("信用卡", vec![0]), ("信用", vec![1])]);
        assert!(lexicon.at("额度").next().is_none());
        assert!(lexicon.at("").next().is_none());
        assert!(lexicon.get("金葵花卡").is_some_and(|entry| entry.word && entry.concepts.is_empty()));
    }

    #[test]
    fn a_word_may_be_in_several_groups() {
        let mut lexicon = Lexicon::default();
        lexicon.groups(["换|改", "换|兑换|换"]);
        assert_eq!(lexicon.get("换").unwrap().concepts, [0, 1]);
    }
}
