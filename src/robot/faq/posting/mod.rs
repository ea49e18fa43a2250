//! Which wordings have a token, and what the token adds to the score of each: BM25 over weighted tokens. Knows no
//! questions' answers and no probabilities.

use std::collections::HashMap;

use super::lexicon::Concept;
use super::token::{Token, Vocabulary};

/// How fast repeating a token stops helping.
const K1: f32 = 2.0;
/// How much long wordings are held back: questions are short, and all alike.
const B: f32 = 0.3;

/// Saying a thing in several ways makes it this much clearer, and no more.
const MOST: f32 = 4.0;
/// What is meant weighs in a wording, beside what it weighs in a question.
const KNOWN: f32 = 0.4;

/// What each kind of token weighs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    pub(super) word: f32,
    pub(super) concept: f32,
    pub(super) pair: f32,
    pub(super) sound: f32,
}

impl Kinds {
    /// Words alone.
    pub(super) const PLAIN: Self = Self { word: 1.0, concept: 0.0, pair: 0.0, sound: 0.0 };
    /// Chosen on the development half of the evaluation data, and on wordings that others made up.
    pub(super) const ALL: Self = Self { word: 0.6, concept: 1.6, pair: 0.1, sound: 0.1 };

    fn of(&self, token: Token<'_>) -> f32 {
        match token {
            Token::Word(_) => self.word,
            Token::Concept(_) => self.concept,
            Token::Pair(..) => self.pair,
            Token::Sound(..) => self.sound,
        }
    }
}

/// The number of a token in an index.
pub(super) type Term = u32;

/// Numbers of tokens.
#[derive(Debug, Default)]
struct Terms {
    words: HashMap<Box<str>, Term>,
    concepts: HashMap<Concept, Term>,
    pairs: HashMap<(char, char), Term>,
    sounds: HashMap<(&'static str, &'static str), Term>,
    count: Term,
}

impl Terms {
    fn get(&self, token: Token<'_>) -> Option<Term> {
        match token {
            Token::Word(word) => self.words.get(word),
            Token::Concept(concept) => self.concepts.get(&concept),
            Token::Pair(one, other) => self.pairs.get(&(one, other)),
            Token::Sound(one, other) => self.sounds.get(&(one, other)),
        }
        .copied()
    }

    fn number(&mut self, token: Token<'_>) -> Term {
        if let Some(term) = self.get(token) {
            return term;
        }
        let term = self.count;
        self.count += 1;
        match token {
            Token::Word(word) => self.words.insert(word.into(), term),
            Token::Concept(concept) => self.concepts.insert(concept, term),
            Token::Pair(one, other) => self.pairs.insert((one, other), term),
            Token::Sound(one, other) => self.sounds.insert((one, other), term),
        };
        term
    }
}

/// A token in a wording.
#[derive(Debug, Clone, Copy)]
struct Posting {
    wording: u32,
    /// What it adds to the score when asked for once.
    impact: f32,
}

/// A token of what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Asked {
    /// `None` when no wording has it.
    pub(super) term: Option<Term>,
    /// How often and how clearly it was said.
    pub(super) count: f32,
    /// What it would add if the wording had it: what it weighs times how rare it is.
    pub(super) mass: f32,
    /// Whether it is a meaning.
    pub(super) is_concept: bool,
}

/// What a text adds up to in a wording.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    /// BM25.
    pub(super) score: f32,
    /// The part of the question's mass that the wording has.
    pub(super) mass: f32,
}

/// Sums by wording; used again and again.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sums: Vec<Sum>,
    touched: Vec<u32>,
}

impl Sums {
    /// Forgets the last question, and makes room.
    fn reset(&mut self, wordings: usize) {
        for wording in self.touched.drain(..) {
            if let Some(sum) = self.sums.get_mut(place(wording)) {
                *sum = Sum::default();
            }
        }
        self.sums.resize(wordings, Sum::default());
    }

    /// Wordings that have anything in common with the question.
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, Sum)> {
        self.touched.iter().filter_map(|wording| Some((*wording, *self.sums.get(place(*wording))?)))
    }
}

/// The inverted index.
#[derive(Debug)]
pub(super) struct Postings {
    kinds: Kinds,
    terms: Terms,
    /// How rare each term is.
    idf: Vec<f32>,
    /// Where the postings of each term begin; one more than there are terms.
    starts: Vec<u32>,
    postings: Vec<Posting>,
    wordings: usize,
    /// How rare a term is that nobody has.
    unknown: f32,
}

/// How often each term is in a wording, and the question that the wording belongs to.
struct Bag {
    question: u32,
    counts: Vec<(Term, f32)>,
    length: f32,
}

impl Postings {
    /// Indexes wordings, each with the number of its question, ascending.
    pub(super) fn build(kinds: Kinds, vocabulary: &Vocabulary, wordings: &[(u32, impl AsRef<str>)]) -> Self {
        let (mut terms, mut weights) = (Terms::default(), Vec::new());
        let bags: Vec<Bag> = wordings
            .iter()
            .map(|(question, text)| {
                let mut counts: Vec<(Term, f32)> = Vec::new();
                vocabulary.tokens(text.as_ref(), KNOWN, |token, count| {
                    let weight = kinds.of(token);
                    if weight > 0.0 {
                        let term = terms.number(token);
                        weights.resize(place(terms.count), 0.0);
                        weights.get_mut(place(term)).into_iter().for_each(|known| *known = weight);
                        counts.push((term, count));
                    }
                });
                let length = counts.iter().map(|(_, count)| count).sum();
                Bag { question: *question, counts: merge(counts), length }
            })
            .collect();
        let idf = rarity(&bags, weights.len());
        let (starts, postings) = invert(&bags, &weights, &idf);
        let questions = bags.last().map_or(0.0, |bag| number(bag.question) + 1.0);
        let unknown = inverse(questions, 0.0);
        Self { kinds, terms, idf, starts, postings, wordings: bags.len(), unknown }
    }

    /// What is asked, each token once.
    pub(super) fn ask(&self, vocabulary: &Vocabulary, text: &str, asked: &mut Vec<Asked>) {
        asked.clear();
        vocabulary.tokens(text, 1.0, |token, count| {
            let weight = self.kinds.of(token);
            if weight <= 0.0 {
                return;
            }
            let term = self.terms.get(token);
            let idf = term.and_then(|term| self.idf.get(place(term))).copied().unwrap_or(self.unknown);
            let is_concept = matches!(token, Token::Concept(_));
            asked.push(Asked { term, count, mass: weight * idf, is_concept });
        });
        // Unknown ones differ from each other, although they have no numbers.
        asked.sort_by_key(|token| token.term);
        asked.dedup_by(|next, kept| {
            let same = next.term.is_some() && next.term == kept.term;
            if same {
                kept.count += next.count;
            }
            same
        });
        asked.iter_mut().for_each(|token| token.count = token.count.min(MOST));
    }

    /// Adds up what is asked in each wording.
    pub(super) fn add(&self, asked: &[Asked], sums: &mut Sums) {
        sums.reset(self.wordings);
        for token in asked {
            let mass = token.mass * token.count;
            for posting in token.term.map(|term| self.of(term)).unwrap_or_default() {
                let Some(sum) = sums.sums.get_mut(place(posting.wording)) else { continue };
                if *sum == Sum::default() {
                    sums.touched.push(posting.wording);
                }
                sum.score += posting.impact * token.count;
                sum.mass += mass;
            }
        }
    }

    /// The score of one wording.
    pub(super) fn score(&self, asked: &[Asked], wording: u32) -> f32 {
        let impact = |token: &Asked| {
            let postings = self.of(token.term?);
            let at = postings.binary_search_by_key(&wording, |posting| posting.wording).ok()?;
            postings.get(at).map(|posting| posting.impact * token.count)
        };
        asked.iter().filter_map(impact).sum()
    }

    fn of(&self, term: Term) -> &[Posting] {
        let bound = |term: Term| self.starts.get(place(term)).map(|start| place(*start));
        let range = bound(term).zip(bound(term + 1));
        range.and_then(|(start, end)| self.postings.get(start..end)).unwrap_or_default()
    }
}

/// Counts of equal terms together, ascending by term.
fn merge(mut counts: Vec<(Term, f32)>) -> Vec<(Term, f32)> {
    counts.sort_by_key(|(term, _)| *term);
    counts.dedup_by(|(next, more), (kept, count)| {
        let same = next == kept;
        if same {
            *count += *more;
        }
        same
    });
    counts
}

/// How rare each term is among questions: several wordings of one count once.
fn rarity(bags: &[Bag], terms: usize) -> Vec<f32> {
    let mut last: Vec<Option<u32>> = vec![None; terms];
    let mut counts = vec![0.0_f32; terms];
    for bag in bags {
        for (term, _) in &bag.counts {
            let term = place(*term);
            let Some(last) = last.get_mut(term).filter(|last| **last != Some(bag.question)) else { continue };
            *last = Some(bag.question);
            counts.get_mut(term).into_iter().for_each(|count| *count += 1.0);
        }
    }
    let questions = bags.last().map_or(0.0, |bag| number(bag.question) + 1.0);
    counts.into_iter().map(|count| inverse(questions, count)).collect()
}

/// The inverse document frequency, never negative.
fn inverse(questions: f32, having: f32) -> f32 {
    (1.0 + (questions - having + 0.5) / (having + 0.5)).ln()
}

/// Postings by term, and where those of each term begin.
fn invert(bags: &[Bag], weights: &[f32], idf: &[f32]) -> (Vec<u32>, Vec<Posting>) {
    let mut starts = vec![0_u32; weights.len() + 1];
    for (term, _) in bags.iter().flat_map(|bag| &bag.counts) {
        starts.get_mut(place(*term) + 1).into_iter().for_each(|count| *count += 1);
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut next = starts.clone();
    let mut postings = vec![Posting { wording: 0, impact: 0.0 }; place(sum)];
    let length = bags.iter().map(|bag| bag.length).sum::<f32>() / count(bags.len()).max(1.0);
    for (wording, bag) in (0_u32..).zip(bags) {
        let hold = K1 * (1.0 - B + B * bag.length / length.max(f32::MIN_POSITIVE));
        for (term, count) in &bag.counts {
            let term = place(*term);
            let worth = weights.get(term).zip(idf.get(term)).map_or(0.0, |(weight, idf)| weight * idf);
            let Some(next) = next.get_mut(term) else { continue };
            if let Some(posting) = postings.get_mut(place(*next)) {
                *posting = Posting { wording, impact: worth * count * (K1 + 1.0) / (count + hold) };
            }
            *next += 1;
        }
    }
    (starts, postings)
}

/// A number of something in memory as a place in a list.
#[expect(clippy::as_conversions, reason = "a machine's addresses have 32 bits or more")]
pub(super) fn place(number: u32) -> usize {
    number as usize
}

/// A place in a list as a number.
pub(super) fn place_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounding does not matter to a score")]
pub(super) fn number(count: u32) -> f32 {
    count as f32
}

/// A length as a number to calculate with.
pub(super) fn count(length: usize) -> f32 {
    u32::try_from(length).map_or(f32::INFINITY, number)
}

#[cfg(test)]
mod tests;
