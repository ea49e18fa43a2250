//! Words that are known beforehand: a tenant's own, groups of words that mean the same, and words by which something is
//! meant that is not named. Knows no questions.

use std::collections::HashMap;

use super::text::normalise;

/// The longest phrase that is looked for, in characters.
const LONGEST: usize = 16;

/// The most sides of a hint.
const SIDES: usize = 4;

/// A number that stands for all words of a group.
pub(super) type Concept = u32;

/// What a phrase is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whether the tenant said that this is one word.
    pub(super) word: bool,
    /// The groups it belongs to.
    pub(super) concepts: Vec<Concept>,
    /// The hints it is on a side of.
    pub(super) sides: Vec<Side>,
}

/// A side of a hint: whoever says a phrase of each side means what the hint stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    hint: u32,
    /// One bit.
    bit: u8,
}

/// A side that was said, by so many characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    side: Side,
    chars: u8,
}

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By one phrase that may be said of other things, too.
    Hinted,
    /// By several phrases: they are seldom together by chance.
    Together,
    /// By all its names.
    Named,
}

/// What is meant by somebody who says a phrase of each side.
#[derive(Debug)]
struct Hint {
    /// The bits of all sides.
    sides: u8,
    meant: Box<[Concept]>,
    way: Way,
}

/// Phrases and what they are.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    entries: HashMap<Box<str>, Entry>,
    /// The lengths of phrases by their first character, one bit each: most positions of a text begin none.
    lengths: HashMap<char, u32>,
    groups: Concept,
    /// The words of each group.
    members: HashMap<Concept, Vec<Box<str>>>,
    hints: Vec<Hint>,
    /// What several groups mean together.
    wholes: HashMap<Vec<Concept>, Concept>,
}

impl Lexicon {
    /// An empty one whose groups are none of the other's.
    pub(super) fn after(other: &Self) -> Self {
        Self { groups: other.groups, ..Self::default() }
    }

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
                self.members.entry(concept).or_default().push(normalise(word).into_boxed_str());
                self.entry(word, |entry| {
                    entry.concepts.push(concept);
                    // A group may name a word twice.
                    entry.concepts.dedup();
                });
            }
        }
    }

    /// Adds hints, after the groups that they speak of: `what is meant <= hint|this/that+other`. `@name = this/that`
    /// names phrases that lines below it call `@name`; `#` begins a remark.
    pub(super) fn hints(&mut self, lines: impl IntoIterator<Item = &'static str>) {
        let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
        for line in lines {
            let line = line.split('#').next().unwrap_or_default();
            if let Some((meant, hints)) = line.split_once("<=") {
                let concepts = self.whole(meant);
                hints.split('|').for_each(|hint| self.hint(&concepts, hint, &named));
            } else if let Some((name, phrases)) = line.split_once('=') {
                let phrases = phrases.split('/').flat_map(|phrase| expand(phrase, &named)).collect();
                named.insert(name.trim(), phrases);
            }
        }
    }

    fn hint<'a>(&mut self, meant: &[Concept], hint: &'a str, named: &HashMap<&'a str, Vec<&'a str>>) {
        let sides = hint.split('+').map(|side| side.split('/').flat_map(|phrase| expand(phrase, named)).collect());
        let sides: Vec<Vec<&str>> = sides.collect();
        self.add(&sides, meant, if sides.len() > 1 { Way::Together } else { Way::Hinted });
    }

    /// What several words mean together, after what each of them means: it is named by naming all.
    fn whole(&mut self, meant: &str) -> Vec<Concept> {
        let each: Vec<Vec<Concept>> = meant.split_whitespace().map(|word| self.concepts(word)).collect();
        let mut concepts = each.concat();
        concepts.sort_unstable();
        concepts.dedup();
        if each.len() > 1 {
            let whole = *self.wholes.entry(concepts.clone()).or_insert(self.groups);
            if whole == self.groups {
                self.groups += 1;
                let sides: Vec<Vec<Box<str>>> = each.iter().map(|concepts| self.phrases(concepts)).collect();
                self.add(&sides, &[whole], Way::Named);
            }
            concepts.push(whole);
        }
        concepts
    }

    /// The phrases of groups, but for single characters.
    fn phrases(&self, concepts: &[Concept]) -> Vec<Box<str>> {
        let members = concepts.iter().filter_map(|concept| self.members.get(concept)).flatten();
        members.filter(|phrase| phrase.chars().nth(1).is_some()).cloned().collect()
    }

    fn add(&mut self, sides: &[Vec<impl AsRef<str>>], meant: &[Concept], way: Way) {
        let Ok(hint) = u32::try_from(self.hints.len()) else { return };
        let mut all = 0;
        for (at, side) in sides.iter().take(SIDES).enumerate() {
            let bit = 1 << at;
            all |= bit;
            side.iter().for_each(|phrase| self.entry(phrase.as_ref(), |entry| entry.sides.push(Side { hint, bit })));
        }
        self.hints.push(Hint { sides: all, meant: meant.into(), way });
    }

    /// The groups of a word; a word of none begins one.
    fn concepts(&mut self, word: &str) -> Vec<Concept> {
        let known = self.get(&normalise(word)).map(|entry| entry.concepts.clone()).unwrap_or_default();
        if known.is_empty() {
            self.groups([word]);
            return vec![self.groups - 1];
        }
        known
    }

    /// What is meant by the sides that were said, and how much it weighs. Sorts them.
    pub(super) fn meant<'a>(&'a self, said: &'a mut [Said]) -> impl Iterator<Item = (&'a [Concept], Way, f32)> {
        said.sort_unstable();
        said.chunk_by(|one, other| one.side.hint == other.side.hint).filter_map(|sides| {
            let hint = self.hints.get(usize::try_from(sides.first()?.side.hint).ok()?)?;
            let bits = sides.iter().fold(0, |bits, said| bits | said.side.bit);
            if bits != hint.sides {
                return None;
            }
            let longest = sides.chunk_by(|one, other| one.side.bit == other.side.bit).filter_map(|side| side.last());
            let chars: u8 = longest.map(|said| said.chars).sum();
            Some((hint.meant.as_ref(), hint.way, f32::from(chars)))
        })
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

    /// Notes the sides that a phrase is on.
    pub(super) fn say(phrase: &str, entry: &Entry, said: &mut Vec<Said>) {
        let chars = u8::try_from(phrase.chars().count()).unwrap_or(u8::MAX);
        said.extend(entry.sides.iter().map(|side| Said { side: *side, chars }));
    }

    /// The phrases at the start of a text, the longest first.
    pub(super) fn at<'s, 'a>(&'s self, text: &'a str) -> impl Iterator<Item = (&'a str, &'s Entry)> {
        let first = text.chars().next();
        let lengths = first.and_then(|first| self.lengths.get(&first)).copied().unwrap_or_default();
        (1..=LONGEST).rev().filter(move |length| lengths & (1 << length) != 0).filter_map(move |length| {
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

/// What a phrase stands for: itself, or the phrases that were given its name.
fn expand<'a>(phrase: &'a str, named: &HashMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    named.get(phrase.trim()).cloned().unwrap_or_else(|| vec![phrase])
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "positions come from the same text")]
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

    fn meant(lexicon: &Lexicon, text: &str) -> Vec<(Vec<Concept>, Way)> {
        let mut said = Vec::new();
        for (at, _) in text.char_indices() {
            lexicon.at(&text[at..]).for_each(|(phrase, entry)| Lexicon::say(phrase, entry, &mut said));
        }
        lexicon.meant(&mut said).map(|(concepts, way, _)| (concepts.to_vec(), way)).collect()
    }

    #[test]
    fn a_hint_means_what_it_does_not_name() {
        let mut lexicon = Lexicon::default();
        lexicon.groups(["挂失|报失", "银行卡|储蓄卡"]);
        lexicon.hints(["@丢 = 弄丢/掉了", "挂失 <= 被偷|包+@丢", "吞卡 <= 缩进去"]);
        assert_eq!(meant(&lexicon, "卡被偷"), [(vec![0], Way::Hinted)]);
        assert_eq!(meant(&lexicon, "掉了一个包"), [(vec![0], Way::Together)]);
        assert!(meant(&lexicon, "包在家").is_empty());
        // What is in no group begins one.
        assert_eq!(meant(&lexicon, "缩进去"), [(vec![2], Way::Hinted)]);
        assert_eq!(lexicon.get("吞卡").unwrap().concepts, [2]);
    }

    #[test]
    fn several_things_named_together_are_one_more() {
        let mut lexicon = Lexicon::default();
        lexicon.groups(["挂失|报失", "银行卡|储蓄卡"]);
        lexicon.hints(["挂失 银行卡 <= 钱包丢"]);
        assert_eq!(meant(&lexicon, "储蓄卡报失"), [(vec![2], Way::Named)]);
        assert_eq!(meant(&lexicon, "钱包丢"), [(vec![0, 1, 2], Way::Hinted)]);
        assert!(meant(&lexicon, "报失").is_empty());
    }
}
