//! The words of a tenant's trade: what is never taken apart, and what means the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::office::{Author, Change, Office, unchanged};
use crate::admin::problem::{Error, Finding, unless_wrong};
use crate::robot::faq::normalise;
use crate::store::{Tx, faq};

/// The most words, and the most groups.
const MOST: usize = 5_000;
/// The most words of a group.
const GROUP: usize = 50;
/// The longest word that the index looks for, in characters.
const LONGEST: usize = 16;

/// The words of the trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Words that are never taken apart: names of products. At most 16 characters each.
    pub words: Vec<String>,
    /// Groups of words that mean the same, at least two in each.
    pub synonyms: Vec<Vec<String>>,
}

impl From<faq::Vocabulary> for Vocabulary {
    fn from(kept: faq::Vocabulary) -> Self {
        Self { words: kept.words, synonyms: kept.synonyms }
    }
}

impl Vocabulary {
    fn tidied(self) -> Self {
        let tidy = |words: Vec<String>| -> Vec<String> {
            let mut kept: Vec<String> = Vec::with_capacity(words.len());
            for word in words.into_iter().map(|word| word.trim().to_owned()) {
                if !kept.contains(&word) {
                    kept.push(word);
                }
            }
            kept
        };
        Self { words: tidy(self.words), synonyms: self.synonyms.into_iter().map(tidy).collect() }
    }

    fn faults(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut word = |field: String, word: &str| {
            let known = normalise(word);
            let plain = !word.contains(['|', '#']) && !word.chars().any(char::is_control);
            if !plain || !(1..=LONGEST).contains(&known.chars().count()) {
                let detail =
                    format!("应为 1–{LONGEST} 个字，不含 | 和 # / must be 1 to {LONGEST} characters without | and #");
                found.push(Finding::field(field, detail));
            }
        };
        for (index, text) in self.words.iter().enumerate() {
            word(format!("words[{index}]"), text);
        }
        for (group, words) in self.synonyms.iter().enumerate() {
            for (index, text) in words.iter().enumerate() {
                word(format!("synonyms[{group}][{index}]"), text);
            }
        }
        for (group, words) in self.synonyms.iter().enumerate() {
            if !(2..=GROUP).contains(&words.len()) {
                let detail = format!("应有 2–{GROUP} 个词 / must have 2 to {GROUP} words");
                found.push(Finding::field(format!("synonyms[{group}]"), detail));
            }
        }
        for (field, count) in [("words", self.words.len()), ("synonyms", self.synonyms.len())] {
            if count > MOST {
                found.push(Finding::field(field, format!("最多 {MOST} 个 / at most {MOST}")));
            }
        }
        found
    }
}

impl Office {
    /// The words of the trade.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn vocabulary(&self, author: &Author) -> Result<Vocabulary, Error> {
        self.read(author, |tx| Ok(faq::vocabulary(tx)?.into())).await
    }

    /// Replaces the words of the trade. `read` are the marks of states that may be replaced; any without.
    ///
    /// # Errors
    /// [`Error::Wrong`], [`Error::Changed`].
    pub async fn put_vocabulary(
        &self,
        author: &Author,
        words: Vocabulary,
        read: Option<Vec<String>>,
    ) -> Result<Value, Error> {
        if words.words.len() <= MOST && words.synonyms.len() <= MOST {
            let words = words.tidied();
            unless_wrong(words.faults())?;
            let put = move |tx: &mut Tx<'_>, _now| {
                unchanged(read.as_deref(), &Vocabulary::from(faq::vocabulary(tx)?))?;
                faq::set_vocabulary(tx, &words.words, &words.synonyms)?;
                Change::new("faq.vocabulary", format!("{} {}", words.words.len(), words.synonyms.len()), &words)
            };
            return self.change(author, None, put).await;
        }
        Err(Error::Wrong(words.faults()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(words: &[&str], synonyms: &[&[&str]]) -> Vec<String> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let vocabulary = Vocabulary { words: own(words), synonyms: synonyms.iter().map(|group| own(group)).collect() };
        vocabulary.tidied().faults().into_iter().filter_map(|finding| finding.field).collect()
    }

    #[test]
    fn words_are_short_and_groups_have_two() {
        assert!(faults(&["金葵花卡", "U盾"], &[&["信用卡", "贷记卡"]]).is_empty());
        assert_eq!(
            faults(&["", "a|b", "一二三四五六七八九十百千万亿兆京垓"], &[]),
            ["words[0]", "words[1]", "words[2]"]
        );
        assert_eq!(faults(&[], &[&["卡", "卡 "], &["信用", "#"]]), ["synonyms[1][1]", "synonyms[0]"]);
    }
}
