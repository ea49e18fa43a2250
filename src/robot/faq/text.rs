//! The text of a question as it is compared: one width, one case, no decoration. Knows no words.

use unicode_normalization::UnicodeNormalization as _;

use super::traditional::simplify;

/// No question is looked at beyond so many characters.
pub const MOST_CHARS: usize = 500;
/// The longest name in a code like `[微笑]`; anything longer in brackets is text.
const EMOJI_NAME: usize = 6;
/// So many equal characters in a row mean as much as any more of them.
const REPEATS: usize = 2;

/// A question in the form in which questions are compared.
///
/// Full width becomes half width (NFKC), capitals small letters, punctuation and white space one space between words,
/// none at the ends and none beside Chinese characters; WeChat's emoji codes are gone, and of a character that is
/// repeated two stay (of digits all, since they are amounts and numbers). Traditional characters become simplified ones.
#[must_use]
pub fn normalise(text: &str) -> String {
    let text: String = text.chars().take(MOST_CHARS).collect();
    let text = without_emoji(&text);
    let mut out = String::with_capacity(text.len());
    let (mut last, mut run, mut gap) = (None, 0, false);
    for c in text.nfkc().flat_map(char::to_lowercase).map(simplify).take(MOST_CHARS) {
        if !is_word(c) {
            gap = true;
            continue;
        }
        let apart = gap && last.is_some_and(|last| !is_han(last) && !is_han(c));
        if apart {
            out.push(' ');
        }
        run = if last == Some(c) && !apart { run + 1 } else { 1 };
        (gap, last) = (false, Some(c));
        if run <= REPEATS || c.is_numeric() {
            out.push(c);
        }
    }
    out
}

/// Whether a character belongs to words.
fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

/// Whether a character is Chinese.
#[must_use]
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇')
}

/// Takes out `[微笑]` and `/::)`, the two forms in which WeChat writes its own faces.
fn without_emoji(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '/']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        match after_emoji(tail) {
            Some(after) => {
                out.push(' ');
                rest = after;
            }
            None => {
                let mut chars = tail.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    out.push_str(rest);
    out
}

/// What follows the code at the start of the text.
fn after_emoji(tail: &str) -> Option<&str> {
    if let Some(inner) = tail.strip_prefix('[') {
        let (name, after) = inner.split_once(']')?;
        let letters = name.chars().all(|c| is_han(c) || c.is_ascii_alphabetic());
        return (letters && (1..=EMOJI_NAME).contains(&name.chars().count())).then_some(after);
    }
    // `/::)`, `/::-O`, `/:heart`: a slash, one or two colons, then a mark or a name.
    let inner = tail.strip_prefix("/:")?;
    let inner = inner.strip_prefix(':').unwrap_or(inner);
    let mut chars = inner.chars();
    match chars.next()? {
        c if c.is_ascii_alphabetic() => {
            let end = inner.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(inner.len());
            inner.get(end..)
        }
        '-' => {
            chars.next().filter(char::is_ascii)?;
            Some(chars.as_str())
        }
        c if c.is_ascii_punctuation() => Some(chars.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_one_question_become_one() {
        for (given, wanted) in [
            ("  信用卡，怎么办理？？ ", "信用卡怎么办理"),
            ("ＡＴＭ取款 限额", "atm取款限额"),
            ("Apple  Pay 怎么用", "apple pay怎么用"),
            ("好好好好好的", "好好的"),
            ("转账100000元", "转账100000元"),
            ("怎么挂失/::)/::-O", "怎么挂失"),
            ("谢谢[微笑][OK]", "谢谢"),
            ("[这是一段很长的文字不是表情]", "这是一段很长的文字不是表情"),
            ("信用咭遺失，點樣報失", "信用咭遗失点样报失"),
            ("收入/支出", "收入支出"),
            ("/:heart谢谢", "谢谢"),
            ("ⅱ类户①", "ii类户1"),
            ("😀😀", ""),
            ("", ""),
        ] {
            assert_eq!(normalise(given), wanted, "{given}");
        }
    }

    #[test]
    fn no_text_is_too_long() {
        assert!(normalise(&"长文".repeat(10_000)).chars().count() <= MOST_CHARS);
        // One character that stands for eighteen.
        assert!(normalise(&"\u{fdfa}".repeat(10_000)).chars().count() <= MOST_CHARS * 2);
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(text in "[ -~一-龥\\[\\]/:，。！]{0,80}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
