//! A text as tokens: words (jieba and the tenant's own), what they mean (synonyms), pairs of characters and of their
//! sounds. Knows no questions and no scores.

use std::collections::HashSet;
use std::sync::Arc;

use jieba_rs::Jieba;
use pinyin::ToPinyin as _;

use super::lexicon::{Concept, Lexicon, Said, Way};
use super::text::is_han;

/// Words of the language; see the file for where they come from.
const DICTIONARY: &str = include_str!("dictionary.txt");
/// Words that mean the same.
const SYNONYMS: &str = include_str!("synonym.txt");
/// Words by which something is meant that is not named.
const HINTS: &str = include_str!("meaning.txt");
/// Words that say nothing about what is asked. Kept small: what is frequent weighs little anyway.
const STOP: &str = "\
    的 了 吗 呢 啊 吧 呀 嘛 哦 么 我 你 您 他 我们 你们 咱们 请问 想 想问 问 一下 下 那个 这个 这 \
    那 就 都 也 还 又 再 很 着 给 把 在 是 有 麻烦 帮忙 帮我 谢谢 你好 您好 到底 到 一个 个 咨询 请 \
    想要 自己 现在 然后 之后 以后 以前 之前 但是 如果 要是 话 因为 所以 上 里 和 跟 与 或 或者 及 用 \
    让 被 从 对 为 于 以 能 会 会不会 将 才 刚 刚刚 已经 老是 总是 一直 突然 今天 昨天 明天 贵行 \
    你们行 本行 咱们行 行里 告诉 说";
/// What a phrase inside a longer one weighs: 开户 in 开户行 is probably not meant.
const NESTED: f32 = 0.4;
/// What is meant by one phrase weighs, beside what is named.
const HINT: f32 = 1.0;
/// The same of what is meant by several phrases together: they are seldom together by chance.
const TOGETHER: f32 = 1.3;
/// A hint of a single character is vague: so much of its weight counts,
const VAGUE: f32 = 0.2;
/// and all of it with so many characters more.
const CLEAR: f32 = 2.0;
/// The same of what several words name together.
const NAMED: f32 = 1.0;

/// The dictionary could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the dictionary of words cannot be read: {0}")]
pub struct Error(#[from] jieba_rs::Error);

/// The words of the language, and what they mean. Takes a moment and some memory to load: once, and all tenants share it.
#[derive(Debug)]
pub struct Base {
    jieba: Jieba,
    lexicon: Lexicon,
}

impl Base {
    /// Reads the built-in dictionary.
    ///
    /// # Errors
    /// The dictionary is damaged.
    pub fn load() -> Result<Self, Error> {
        let words = DICTIONARY.find("\n一 ").and_then(|at| DICTIONARY.get(at..)).unwrap_or(DICTIONARY);
        let jieba = Jieba::with_dict(&mut words.trim_start().as_bytes())?;
        let mut lexicon = Lexicon::default();
        lexicon.groups(SYNONYMS.lines());
        lexicon.hints(HINTS.lines());
        Ok(Self { jieba, lexicon })
    }
}

/// What somebody's questions are taken apart with.
#[derive(Debug)]
pub struct Vocabulary {
    base: Arc<Base>,
    /// The tenant's own.
    own: Lexicon,
    /// Whether meanings count, or words alone.
    means: bool,
    stop: HashSet<&'static str>,
}

/// A token; texts are parts of the normalised text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Token<'a> {
    /// A word.
    Word(&'a str),
    /// What several words mean.
    Concept(Concept),
    /// Two characters beside each other.
    Pair(char, char),
    /// Two syllables beside each other: what is typed wrongly mostly sounds right.
    Sound(&'static str, &'static str),
}

impl Vocabulary {
    /// The language, the tenant's own words (names of products), and groups of synonyms: the built-in ones and the
    /// tenant's, each like `信用卡|贷记卡`.
    #[must_use]
    pub fn new<'a>(
        base: Arc<Base>,
        words: impl IntoIterator<Item = &'a str>,
        synonyms: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut own = Lexicon::after(&base.lexicon);
        own.words(words);
        own.groups(synonyms);
        Self { own, means: true, ..Self::plain(base) }
    }

    /// The language alone.
    #[must_use]
    pub fn plain(base: Arc<Base>) -> Self {
        Self { base, own: Lexicon::default(), means: false, stop: STOP.split(' ').collect() }
    }

    /// The words of a normalised text without stop words, as search engines index them: long ones and their parts.
    pub(super) fn words<'a>(&self, text: &'a str, mut each: impl FnMut(&'a str)) {
        let mut gap = 0;
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((word, _)) = self.own.at(rest).find(|(_, entry)| entry.word) else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            self.cut(text.get(gap..at).unwrap_or_default(), &mut each);
            each(word);
            at += word.len();
            gap = at;
        }
        self.cut(text.get(gap..).unwrap_or_default(), &mut each);
    }

    fn cut<'a>(&self, text: &'a str, each: &mut impl FnMut(&'a str)) {
        for token in self.base.jieba.cut_for_search(text, false) {
            if !token.word.trim().is_empty() && !self.stop.contains(token.word) {
                each(token.word);
            }
        }
    }

    /// All tokens of a normalised text and what each weighs among those of its kind; `hints` is what that weighs which is
    /// meant and not named.
    pub(super) fn tokens<'a>(&self, text: &'a str, hints: f32, mut each: impl FnMut(Token<'a>, f32)) {
        self.words(text, |word| {
            each(Token::Word(word), 1.0);
            // Longer phrases are found in the text, however jieba cuts it.
            if self.means && is_one(word) {
                let known = [&self.base.lexicon, &self.own].into_iter().filter_map(|lexicon| lexicon.get(word));
                known.for_each(|entry| concepts(&entry.concepts, 1.0, &mut each));
            }
        });
        if self.means {
            self.meanings(text, hints, &mut each);
        }
        pairs(text, &mut each);
    }

    /// What is named, and what is meant by it.
    fn meanings<'a>(&self, text: &'a str, hints: f32, each: &mut impl FnMut(Token<'a>, f32)) {
        let mut said = Vec::new();
        self.phrases(text, &mut said, each);
        for (meant, way, chars) in self.base.lexicon.meant(&mut said) {
            let sure = |least: f32| ((chars - least) / CLEAR).clamp(0.0, 1.0) * (1.0 - VAGUE) + VAGUE;
            let weight = match way {
                Way::Hinted => HINT * hints * sure(1.0),
                Way::Together => TOGETHER * hints * sure(2.0),
                Way::Named => NAMED,
            };
            concepts(meant, weight, each);
        }
    }

    /// Finds phrases that are known: from the left the longest, then those inside.
    fn phrases<'a>(&self, text: &'a str, said: &mut Vec<Said>, each: &mut impl FnMut(Token<'a>, f32)) {
        let mut covered = 0;
        for (at, _) in text.char_indices() {
            let rest = text.get(at..).unwrap_or_default();
            for (phrase, entry) in self.base.lexicon.at(rest).chain(self.own.at(rest)) {
                Lexicon::say(phrase, entry, said);
                // Single characters mean something as words only.
                if is_one(phrase) {
                    continue;
                }
                let end = at + phrase.len();
                let weight = if end > covered && at >= covered { 1.0 } else { NESTED };
                covered = covered.max(end);
                concepts(&entry.concepts, weight, each);
            }
        }
    }
}

fn is_one(phrase: &str) -> bool {
    phrase.chars().nth(1).is_none()
}

/// A word of several meanings has a part of each.
fn concepts<'a>(concepts: &[Concept], weight: f32, each: &mut impl FnMut(Token<'a>, f32)) {
    let share = weight / f32::from(u8::try_from(concepts.len()).unwrap_or(u8::MAX).max(1)).sqrt();
    concepts.iter().for_each(|concept| each(Token::Concept(*concept), share));
}

/// Neighbouring Chinese characters, and how they sound.
fn pairs<'a>(text: &'a str, each: &mut impl FnMut(Token<'a>, f32)) {
    let mut last: Option<(char, Option<&'static str>)> = None;
    for c in text.chars() {
        let this = is_han(c).then(|| (c, c.to_pinyin().map(pinyin::Pinyin::plain)));
        if let (Some((before, sound_before)), Some((c, sound))) = (last, this) {
            each(Token::Pair(before, c), 1.0);
            if let (Some(before), Some(sound)) = (sound_before, sound) {
                each(Token::Sound(before, sound), 1.0);
            }
        }
        last = this;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(vocabulary: &Vocabulary, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        vocabulary.words(text, |word| words.push(word.to_owned()));
        words
    }

    fn concepts(vocabulary: &Vocabulary, text: &str) -> Vec<Concept> {
        let mut found = Vec::new();
        vocabulary.tokens(text, 1.0, |token, _| {
            if let Token::Concept(concept) = token {
                found.push(concept);
            }
        });
        found
    }

    #[test]
    fn long_words_come_with_their_parts_and_stop_words_go() {
        let vocabulary = Vocabulary::plain(Arc::new(Base::load().unwrap()));
        assert_eq!(words(&vocabulary, "请问网上银行的密码"), ["网上", "银行", "网上银行", "密码"]);
        assert_eq!(words(&vocabulary, ""), Vec::<String>::new());
        assert_eq!(words(&vocabulary, "apple pay"), ["apple", "pay"]);
    }

    #[test]
    fn a_tenants_words_stay_whole() {
        let base = Arc::new(Base::load().unwrap());
        let own = Vocabulary::new(base.clone(), ["龙腾贷", "龙腾"], []);
        assert_eq!(words(&own, "申请龙腾贷要什么"), ["申请", "龙腾贷", "要", "什么"]);
        assert!(!words(&Vocabulary::plain(base), "申请龙腾贷").contains(&"龙腾贷".to_owned()));
    }

    #[test]
    fn synonyms_share_a_concept() {
        let vocabulary = Vocabulary::new(Arc::new(Base::load().unwrap()), [], ["龙卡|牡丹卡"]);
        for (one, other) in [("信用卡", "贷记卡"), ("龙卡", "牡丹卡"), ("atm", "取款机")] {
            let (one, other) = (concepts(&vocabulary, one), concepts(&vocabulary, other));
            assert!(one.iter().any(|concept| other.contains(concept)), "{one:?} {other:?}");
        }
        assert!(concepts(&vocabulary, "牡丹").is_empty());
    }

    #[test]
    fn what_sounds_alike_is_alike() {
        let vocabulary = Vocabulary::plain(Arc::new(Base::load().unwrap()));
        let sounds = |text| {
            let mut found = Vec::new();
            vocabulary.tokens(text, 1.0, |token, _| {
                if let Token::Sound(one, other) = token {
                    found.push((one, other));
                }
            });
            found
        };
        assert_eq!(sounds("征信"), sounds("证信"));
        assert_eq!(sounds("征信a报告"), [("zheng", "xin"), ("bao", "gao")]);
    }
}
