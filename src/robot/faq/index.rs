//! Finds the questions that are most like a text, and says of each how probable it is that it was meant. Knows no
//! thresholds: what is done about it is decided elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use super::calibrate::{Features, Weights};
use super::posting::{Asked, Kinds, Postings, Sum, Sums, count, place, place_of};
use super::text::normalise;
use super::token::Vocabulary;
use super::{Kind, Question};

/// So many questions with the best scores are looked at more closely.
const CANDIDATES: usize = 32;
/// What all weighs that is known of a question, its wordings and its answer taken together, beside its best wording: what
/// one wording leaves out another has.
const WHOLE: f32 = 2.0;
/// What the standard wording weighs once more, beside the best one: further wordings are chattier, and meet by chance.
const FIRST: f32 = 0.5;

/// A question that a text may mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its place among the questions that the index was built of.
    pub question: usize,
    /// What the question is for.
    pub kind: Kind,
    /// How probable it is that it was meant, 0 to 1.
    pub p: f64,
    /// Whether the text is one of its wordings.
    pub exact: bool,
    /// BM25; to be compared within one search only.
    pub score: f32,
    /// What the probability was made of.
    pub features: Features,
}

/// A question's wording, and what was found out about it beforehand.
#[derive(Debug)]
struct Wording {
    question: u32,
    text: Box<str>,
    chars: f32,
    /// Its own score: no text has a better one without repeating itself.
    own: f32,
    /// Pairs of characters, ascending.
    pairs: Box<[(char, char)]>,
}

/// Questions that can be searched. Never changes; searches may run beside each other, each with a scratch of its own.
#[derive(Debug)]
pub struct Index {
    vocabulary: Arc<Vocabulary>,
    weights: Weights,
    postings: Postings,
    /// What is in all wordings and the answer together, by question.
    wholes: Postings,
    wordings: Vec<Wording>,
    /// The first wording of each question.
    first: Vec<u32>,
    kinds: Vec<Kind>,
    /// Wordings by their text.
    exact: HashMap<Box<str>, u32>,
}

/// Memory of a search that the next one uses again.
#[derive(Debug, Default)]
pub struct Scratch {
    asked: Vec<Asked>,
    sums: Sums,
    asked_wholes: Vec<Asked>,
    wholes: Sums,
    best: Vec<Candidate>,
    /// The place of each question among the best, one more than it is, 0 for none.
    places: Vec<u32>,
    pairs: Vec<(char, char)>,
}

/// A question that has something in common with a text.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    question: u32,
    /// Its wording with the best score.
    wording: u32,
    sum: Sum,
    /// The score of the standard wording.
    first: f32,
    whole: Sum,
}

impl Candidate {
    fn score(&self) -> f32 {
        self.sum.score + FIRST * self.first + WHOLE * self.whole.score
    }
}

impl Index {
    /// Indexes questions with the shipped weights. Takes a moment for many: build it beside the index in use.
    #[must_use]
    pub fn build(questions: &[Question], vocabulary: Arc<Vocabulary>) -> Self {
        Self::with(Kinds::ALL, questions, vocabulary)
    }

    /// The same without synonyms and pairs of characters: what others are compared with.
    #[must_use]
    pub fn plain(questions: &[Question], vocabulary: Arc<Vocabulary>) -> Self {
        Self::with(Kinds::PLAIN, questions, vocabulary)
    }

    /// The index with weights that were fitted to somebody's own questions.
    #[must_use]
    pub fn weighted(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    fn with(kinds: Kinds, questions: &[Question], vocabulary: Arc<Vocabulary>) -> Self {
        let mut wordings: Vec<(u32, Box<str>)> = Vec::new();
        let mut wholes: Vec<(u32, String)> = Vec::with_capacity(questions.len());
        for (place, question) in (0..).zip(questions) {
            let mut whole = normalise(&question.answer);
            for text in std::iter::once(&question.text).chain(&question.similar) {
                let text = normalise(text);
                // A space, so that no word is made of two wordings.
                whole.push(' ');
                whole.push_str(&text);
                wordings.push((place, text.into_boxed_str()));
            }
            wholes.push((place, whole));
        }
        let postings = Postings::build(kinds, &vocabulary, &wordings);
        let of_wholes = Kinds { pair: 0.0, sound: 0.0, ..kinds };
        let wholes = Postings::build(of_wholes, &vocabulary, &wholes);
        let mut first = Vec::with_capacity(questions.len());
        let mut exact = HashMap::new();
        let mut asked = Vec::new();
        let wordings = (0_u32..)
            .zip(wordings)
            .map(|(place, (question, text))| {
                postings.ask(&vocabulary, &text, &mut asked);
                let own = postings.score(&asked, place);
                let mut pairs = Vec::new();
                pairs_of(&text, &mut pairs);
                if place_of(first.len()) == question {
                    first.push(place);
                }
                // The first of two questions with the same wording has it.
                if !text.is_empty() {
                    exact.entry(text.clone()).or_insert(place);
                }
                Wording { question, chars: count(text.chars().count()), text, own, pairs: pairs.into_boxed_slice() }
            })
            .collect();
        let kinds = questions.iter().map(|question| question.kind).collect();
        Self { vocabulary, weights: Weights::default(), postings, wholes, wordings, first, kinds, exact }
    }

    /// How many questions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are no questions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The question that has this normalised text as one of its wordings.
    #[must_use]
    pub fn same(&self, text: &str) -> Option<usize> {
        let wording = self.exact.get(text).and_then(|at| self.wordings.get(place(*at)));
        wording.map(|wording| place(wording.question))
    }

    /// The questions that a text may mean, the most probable first, at most `limit`. The same text has the same hits.
    #[must_use]
    pub fn search(&self, text: &str, limit: usize, scratch: &mut Scratch) -> Vec<Hit> {
        let text = normalise(text);
        self.postings.ask(&self.vocabulary, &text, &mut scratch.asked);
        self.postings.add(&scratch.asked, &mut scratch.sums);
        self.wholes.ask(&self.vocabulary, &text, &mut scratch.asked_wholes);
        self.wholes.add(&scratch.asked_wholes, &mut scratch.wholes);
        self.candidates(scratch);
        pairs_of(&text, &mut scratch.pairs);
        let exact = self.same(&text);
        let about = About::new(&text, scratch);
        let score = |n: usize| scratch.best.get(n).map_or(0.0, Candidate::score);
        let rivals = [score(1), score(0)];
        let hit = |(n, candidate): (usize, &Candidate)| {
            let question = place(candidate.question);
            let wording = self.wordings.get(place(candidate.wording))?;
            let [second, first] = rivals;
            let features = about.features(wording, candidate, if n == 0 { second } else { first });
            let exact = exact == Some(question);
            let p = if exact { 1.0 } else { self.weights.p(&features) };
            Some(Hit { question, kind: *self.kinds.get(question)?, p, exact, score: candidate.score(), features })
        };
        let mut hits: Vec<Hit> = scratch.best.iter().enumerate().filter_map(hit).collect();
        hits.sort_by(|one, other| {
            let by_p = other.p.total_cmp(&one.p).then(other.score.total_cmp(&one.score));
            by_p.then(one.question.cmp(&other.question))
        });
        hits.truncate(limit);
        hits
    }

    /// The questions with the best scores, the best first.
    fn candidates(&self, scratch: &mut Scratch) {
        let Scratch { sums, wholes, best, places, .. } = scratch;
        best.clear();
        places.clear();
        places.resize(self.kinds.len(), 0);
        let mut note = |question: u32, change: &dyn Fn(&mut Candidate), fresh: Candidate| {
            let Some(at) = places.get_mut(place(question)) else { return };
            if let Some(known) = at.checked_sub(1).and_then(|at| best.get_mut(place(at))) {
                change(known);
            } else {
                best.push(fresh);
                *at = place_of(best.len());
            }
        };
        for (wording, sum) in sums.each() {
            let Some(question) = self.wordings.get(place(wording)).map(|wording| wording.question) else { continue };
            let is_first = self.first.get(place(question)) == Some(&wording);
            let first = if is_first { sum.score } else { 0.0 };
            let better = |known: &mut Candidate| {
                known.first += first;
                // Of two with the same score the first.
                let order = sum.score.total_cmp(&known.sum.score).then(known.wording.cmp(&wording));
                if order.is_gt() {
                    (known.wording, known.sum) = (wording, sum);
                }
            };
            note(question, &better, Candidate { question, wording, sum, first, whole: Sum::default() });
        }
        for (question, whole) in wholes.each() {
            let wording = self.first.get(place(question)).copied().unwrap_or_default();
            let fresh = Candidate { question, wording, sum: Sum::default(), first: 0.0, whole };
            note(question, &|known: &mut Candidate| known.whole = whole, fresh);
        }
        let order = |one: &Candidate, other: &Candidate| {
            other.score().total_cmp(&one.score()).then(one.question.cmp(&other.question))
        };
        if best.len() > CANDIDATES {
            best.select_nth_unstable_by(CANDIDATES, order);
            best.truncate(CANDIDATES);
        }
        best.sort_unstable_by(order);
    }
}

/// What is asked, as far as features need it.
struct About<'a> {
    text: &'a str,
    chars: f32,
    mass: f32,
    /// The part of the mass of meanings that no question has, as a square root.
    unknown: f32,
    /// The mass that wholes are measured by.
    whole_mass: f32,
    pairs: &'a [(char, char)],
}

impl<'a> About<'a> {
    fn new(text: &'a str, scratch: &'a Scratch) -> Self {
        let sum = |asked: &[Asked], wanted: fn(&Asked) -> bool| {
            asked.iter().filter(|token| wanted(token)).map(|token| token.mass * token.count).sum::<f32>()
        };
        let asked = &scratch.asked;
        let strange = sum(asked, |token| token.is_concept && token.term.is_none());
        // A single thing of another trade among several of this one says much.
        let unknown = ratio(strange, sum(asked, |token| token.is_concept)).sqrt();
        let (mass, whole_mass) = (sum(asked, |_| true), sum(&scratch.asked_wholes, |_| true));
        Self { text, chars: count(text.chars().count()), mass, unknown, whole_mass, pairs: &scratch.pairs }
    }

    fn features(&self, wording: &Wording, candidate: &Candidate, rival: f32) -> Features {
        let (sum, score) = (candidate.sum, candidate.score());
        let of_wording = ratio(sum.score, wording.own).min(1.0);
        let of_asked = ratio(sum.mass, self.mass).min(1.0);
        let (short, long) = (self.chars.min(wording.chars), self.chars.max(wording.chars));
        let contains = self.text.contains(wording.text.as_ref()) || wording.text.contains(self.text);
        let common = common(self.pairs, &wording.pairs);
        Features(
            [
                of_wording,
                of_asked,
                (of_wording * of_asked).sqrt(),
                ratio(score - rival, score.max(rival)),
                ratio(short, long),
                if contains { 1.0 } else { 0.0 },
                ratio(2.0 * common, count(self.pairs.len() + wording.pairs.len())),
                self.unknown,
                ratio(candidate.whole.mass, self.whole_mass).min(1.0),
            ]
            .map(f64::from),
        )
    }
}

/// A part of a whole, 0 of nothing.
fn ratio(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Pairs of neighbouring characters, ascending, each once.
fn pairs_of(text: &str, pairs: &mut Vec<(char, char)>) {
    pairs.clear();
    pairs.extend(text.chars().zip(text.chars().skip(1)));
    pairs.sort_unstable();
    pairs.dedup();
}

/// How many both have.
fn common(one: &[(char, char)], other: &[(char, char)]) -> f32 {
    count(one.iter().filter(|pair| other.binary_search(pair).is_ok()).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot::faq::{Base, Decision, Thresholds, decide};

    fn question(text: &str, similar: &[&str], kind: Kind) -> Question {
        let similar = similar.iter().map(ToString::to_string).collect();
        Question { text: text.to_owned(), similar, answer: String::new(), kind }
    }

    fn index() -> Index {
        let questions = [
            question("信用卡如何申请分期", &[], Kind::Faq),
            question("银行卡丢失怎么挂失", &["卡掉了怎么办"], Kind::Faq),
            question("信用卡年费怎么收取", &[], Kind::Faq),
            question("网点营业时间", &[], Kind::Faq),
            question("你好", &["您好", "在吗"], Kind::Chitchat),
        ];
        let vocabulary = Vocabulary::new(Arc::new(Base::load().unwrap()), [], []);
        Index::build(&questions, Arc::new(vocabulary))
    }

    #[test]
    fn what_is_meant_comes_first() {
        let (index, mut scratch) = (index(), Scratch::default());
        for (text, wanted) in
            [("贷记卡怎么分期", 0), ("我的银行卡弄丢了", 1), ("信用卡一年要收多少钱年费", 2), ("你们支行几点开门", 3)]
        {
            let hits = index.search(text, 5, &mut scratch);
            assert_eq!(hits.first().map(|hit| hit.question), Some(wanted), "{text} {hits:?}");
            assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.p) && !hit.exact));
        }
    }

    #[test]
    fn what_is_not_named_and_what_is_written_otherwise_is_found() {
        let (index, mut scratch) = (index(), Scratch::default());
        for (text, wanted) in [("钱包被偷，先给我停掉", 1), ("信用卡年費怎麼收", 2), ("周日你们开门吗", 3)]
        {
            let hits = index.search(text, 5, &mut scratch);
            assert_eq!(hits.first().map(|hit| hit.question), Some(wanted), "{text} {hits:?}");
        }
    }

    #[test]
    fn the_same_text_has_the_same_hits() {
        let (index, mut scratch) = (index(), Scratch::default());
        let first = index.search("信用卡怎么办", 5, &mut scratch);
        drop(index.search("网点在哪", 5, &mut scratch));
        assert_eq!(index.search("信用卡怎么办", 5, &mut scratch), first);
        assert_eq!(index.search("信用卡怎么办", 5, &mut Scratch::default()), first);
        assert_eq!(index.search("信用卡怎么办", 1, &mut scratch).len(), 1);
    }

    #[test]
    fn a_wording_is_exact_in_any_dress() {
        let (index, mut scratch) = (index(), Scratch::default());
        for (text, wanted) in [("网点 营业时间？", 3), ("卡掉了，怎么办[大哭]", 1), ("在吗", 4)] {
            let hits = index.search(text, 5, &mut scratch);
            assert!(hits[0].exact && hits[0].question == wanted && hits[0].p == 1.0, "{text} {hits:?}");
        }
        let hits = index.search("您好！", 5, &mut scratch);
        assert!(matches!(decide(&hits, &Thresholds::default()), Decision::Chitchat(hit) if hit.question == 4));
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let mut scratch = Scratch::default();
        assert!(index().search("", 5, &mut scratch).is_empty());
        assert!(index().search("？！/::)", 5, &mut scratch).is_empty());
        let vocabulary = Vocabulary::plain(Arc::new(Base::load().unwrap()));
        let empty = Index::build(&[], Arc::new(vocabulary));
        assert!(empty.is_empty() && empty.search("你好", 5, &mut scratch).is_empty());
    }
}
