//! Asks contenders what the set asks, and adds up how often they are right. Knows no files and no tables.

use std::sync::Arc;
use std::time::Instant;

use super::curve::Answer;
use super::set::{Case, Set, Sort};
use crate::bench::measure::{Chance, Latency, number};
use crate::robot::faq::{
    Base, Decision, Example, Hit, Index, Question, Scratch, Thresholds, Vocabulary, Weights, decide, fit, normalise,
};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// The product.
    Robot,
    /// BM25 over the words of jieba: no synonyms, no pairs of characters, no probabilities.
    Plain,
    /// The same text, or nothing.
    Exact,
}

impl Contender {
    /// All, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Robot, Self::Plain, Self::Exact];

    /// What readers see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Robot => "驿站 robot",
            Self::Plain => "BM25（jieba 词） words",
            Self::Exact => "完全匹配 exact match",
        }
    }
}

/// A contender that has learnt its questions.
#[derive(Debug)]
pub struct Ready {
    contender: Contender,
    index: Index,
    scratch: Scratch,
}

/// What one text got.
#[derive(Debug, Clone)]
pub struct Got {
    /// The places of questions, the best first, at most five.
    pub found: Vec<usize>,
    /// How sure the contender is of the first, in its own measure.
    pub sure: f64,
    /// What is done about it, with the shipped thresholds.
    pub decision: Decision,
}

impl Ready {
    /// Learns questions.
    #[must_use]
    pub fn new(contender: Contender, questions: &[Question], base: &Arc<Base>) -> Self {
        let index = match contender {
            Contender::Robot => Index::build(questions, Arc::new(Vocabulary::new(base.clone(), [], []))),
            Contender::Plain | Contender::Exact => Index::plain(questions, Arc::new(Vocabulary::plain(base.clone()))),
        };
        Self { contender, index, scratch: Scratch::default() }
    }

    /// Asks.
    pub fn ask(&mut self, text: &str) -> Got {
        if self.contender == Contender::Exact {
            let found = self.index.same(&normalise(text));
            let sure = if found.is_some() { 1.0 } else { 0.0 };
            return Got { found: found.into_iter().collect(), sure, decision: Decision::Miss };
        }
        let plain = self.contender == Contender::Plain;
        // Probabilities have no part in what is compared with.
        let mut hits = self.index.search(text, if plain { usize::MAX } else { 5 }, &mut self.scratch);
        let sure = match self.contender {
            Contender::Robot => hits.first().map_or(0.0, |hit| hit.p),
            _ => {
                by_score(&mut hits);
                hits.first().map_or(0.0, |hit| f64::from(hit.score))
            }
        };
        let decision = decide(&hits, &Thresholds::default());
        Got { found: hits.iter().map(|hit| hit.question).collect(), sure, decision }
    }

    /// How long single questions take, in a random order.
    #[must_use]
    pub fn latency(&mut self, cases: &[Case], repeats: usize, seed: u64) -> Latency {
        let mut latency = Latency::default();
        let mut chance = Chance::new(seed);
        for repeat in 0..=repeats {
            for case in chance.shuffle(cases.iter().collect()) {
                let begin = Instant::now();
                let got = self.ask(&case.text);
                let took = begin.elapsed();
                std::hint::black_box(got);
                // The first time warms up.
                if repeat > 0 {
                    latency.note(took);
                }
            }
        }
        latency
    }
}

/// The five hits with the best scores, whatever their probabilities.
fn by_score(hits: &mut Vec<Hit>) {
    hits.sort_by(|one, other| other.score.total_cmp(&one.score));
    hits.truncate(5);
}

/// How well questions were found.
#[derive(Debug, Clone, Copy)]
pub struct Recall {
    /// The part that came first.
    pub first: f64,
    /// The part that was among the first five.
    pub five: f64,
    /// The mean of one by the place.
    pub mrr: f64,
}

/// Sums up how well the questions of one sort, or all, were found.
#[must_use]
pub fn recall(cases: &[Case], got: &[Got], sort: Option<Sort>) -> Recall {
    let (mut first, mut five, mut mrr, mut all) = (0.0, 0.0, 0.0, 0.0);
    for (case, got) in cases.iter().zip(got) {
        let Some(wanted) = case.wanted.filter(|_| sort.is_none_or(|sort| case.sort == sort)) else { continue };
        all += 1.0;
        if let Some(place) = got.found.iter().position(|found| *found == wanted) {
            first += if place == 0 { 1.0 } else { 0.0 };
            five += 1.0;
            mrr += 1.0 / number(place + 1);
        }
    }
    Recall { first: first / all, five: five / all, mrr: mrr / all }
}

/// The answers that could be given.
#[must_use]
pub fn answers(cases: &[Case], got: &[Got]) -> Vec<Answer> {
    let answer = |(case, got): (&Case, &Got)| Answer {
        sure: got.sure,
        right: case.wanted.is_some() && got.found.first().copied() == case.wanted,
        known: case.wanted.is_some(),
    };
    cases.iter().zip(got).map(answer).collect()
}

/// How often a foreign question counts among the examples: an answer to it is worse than none to another.
const FOREIGN: usize = 3;

/// Weights for the development half: each wording is asked of an index that has the other one.
#[must_use]
pub fn fitted(set: &Set, base: &Arc<Base>) -> Weights {
    let mut examples = Vec::new();
    let vocabulary = Arc::new(Vocabulary::new(base.clone(), [], []));
    let mut scratch = Scratch::default();
    for (asked, similar) in [(0, vec![1]), (1, vec![0]), (0, vec![]), (1, vec![])] {
        let index = Index::build(&set.questions(&similar), vocabulary.clone());
        for case in set.dev(asked) {
            // By score: what is fitted must not depend on the weights of today.
            let mut hits = index.search(&case.text, usize::MAX, &mut scratch);
            by_score(&mut hits);
            let example = |hit: &Hit| Example { features: hit.features, right: case.wanted == Some(hit.question) };
            let times = if case.wanted.is_some() { 1 } else { FOREIGN };
            (0..times).for_each(|_| examples.extend(hits.iter().map(example)));
        }
    }
    fit(&examples)
}

/// Many questions made of the set's: the beginning of one, a product's name, the end of another.
#[must_use]
pub fn many(set: &Set, count: usize, seed: u64) -> Vec<Question> {
    let mut questions = set.questions(&[]);
    let mut chance = Chance::new(seed);
    let names: Vec<char> = "金银安稳天添长利优享尊悦惠民乐盈恒瑞福泰兴旺".chars().collect();
    let texts: Vec<Vec<char>> = questions.iter().map(|question| question.text.chars().collect()).collect();
    while questions.len() < count {
        let mut pick = || texts.get(chance.below(texts.len())).cloned().unwrap_or_default();
        let (one, other) = (pick(), pick());
        let name: String = (0..3).filter_map(|_| names.get(chance.below(names.len()))).collect();
        let text: String = one.iter().take(one.len() / 2).chain(other.iter().skip(other.len() / 2)).collect();
        let text = format!("{name}{text}");
        questions.push(Question { text, similar: Vec::new(), answer: String::new(), kind: Default::default() });
    }
    questions
}
