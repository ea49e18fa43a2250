//! What a customer's words choose: an option by its number or its text, an escape by its word. Knows no steps.

use unicode_normalization::UnicodeNormalization;

/// What may stand around a number: `1.`, `1、`, `(1)`.
const AROUND: [char; 10] = ['.', ',', '、', '。', ':', ')', '(', '!', '[', ']'];

/// One line of a list to choose from, as seen by whoever compares words with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a> {
    /// What is typed to choose it.
    pub key: &'a str,
    /// What is read.
    pub text: &'a str,
}

/// Words in the form in which they are compared: compatibility forms unified (`１` and `①` are `1`), lower case,
/// without white space around them.
#[must_use]
pub fn plain(words: &str) -> String {
    words.nfkc().collect::<String>().to_lowercase().trim().to_owned()
}

/// The same without the signs that people put around a number.
fn bare(words: &str) -> String {
    let words = plain(words);
    words.trim_matches(|c: char| AROUND.contains(&c) || c.is_whitespace()).to_owned()
}

/// Whether the words are `word`, apart from their form and the signs around them.
#[must_use]
pub fn same(words: &str, word: &str) -> bool {
    let word = bare(word);
    !word.is_empty() && bare(words) == word
}

/// The place of the option that the words choose: by its key, by its text, or by both as in `1. 存款`.
#[must_use]
#[expect(single_use_lifetimes, reason = "an argument of an `impl Trait` needs a name for it")]
pub fn chosen<'a>(mut options: impl Iterator<Item = Choice<'a>>, words: &str) -> Option<usize> {
    let words = bare(words);
    if words.is_empty() {
        return None;
    }
    options.position(|option| {
        let (key, text) = (bare(option.key), bare(option.text));
        let both = || words.strip_prefix(&key).is_some_and(|rest| bare(rest) == text);
        words == key || words == text || both()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_number_however_it_is_typed() {
        let options = [("1", "存款"), ("2", "Loans"), ("12", "其他(全部)")].map(|(key, text)| Choice { key, text });
        let chosen = |words| chosen(options.into_iter(), words);
        for words in
            ["1", "１", "1.", " 1 ", "①", "(1)", "（1）", "1、", "⑴", "⒈", "存款", "1. 存款", "1存款", "1、存款。"]
        {
            assert_eq!(chosen(words), Some(0), "{words}");
        }
        for words in ["2", "loans", "LOANS", "ｌｏａｎｓ", "2 loans", "②"] {
            assert_eq!(chosen(words), Some(1), "{words}");
        }
        for words in ["12", "⑫", "其他（全部）"] {
            assert_eq!(chosen(words), Some(2), "{words}");
        }
        for words in ["", " ", ".", "3", "11", "存", "我要存款", "1 Loans", "12 存款"] {
            assert_eq!(chosen(words), None, "{words}");
        }
    }

    #[test]
    fn escape_words_are_compared_in_the_same_form() {
        assert!(same("０", "0") && same("人工。", "人工") && same("Cancel!", "cancel"));
        assert!(!same("00", "0") && !same("转人工", "人工") && !same("", ""));
    }
}
