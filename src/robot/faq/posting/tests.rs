use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::robot::faq::Base;

/// The tokens of a text with their weights, as texts.
fn bag(kinds: Kinds, vocabulary: &Vocabulary, hints: f32, text: &str) -> HashMap<String, (f64, f64)> {
    let mut bag: HashMap<String, (f64, f64)> = HashMap::new();
    vocabulary.tokens(text, hints, |token, count| {
        if kinds.of(token) > 0.0 {
            bag.entry(format!("{token:?}")).or_insert((f64::from(kinds.of(token)), 0.0)).1 += f64::from(count);
        }
    });
    bag
}

/// BM25 as it is written in books.
fn naive(kinds: Kinds, vocabulary: &Vocabulary, wordings: &[(u32, String)], asked: &str) -> Vec<f64> {
    let bags: Vec<_> = wordings.iter().map(|(_, text)| bag(kinds, vocabulary, KNOWN, text)).collect();
    let length = |bag: &HashMap<String, (f64, f64)>| bag.values().map(|(_, count)| count).sum::<f64>();
    let size = |length: usize| f64::from(count(length));
    let mean = bags.iter().map(length).sum::<f64>() / size(bags.len());
    let questions = size(wordings.iter().map(|(question, _)| question).collect::<HashSet<_>>().len());
    let asked = bag(kinds, vocabulary, 1.0, asked);
    let score = |own: &HashMap<String, (f64, f64)>| {
        let of = |(token, (weight, said)): (&String, &(f64, f64))| {
            let (_, count) = own.get(token)?;
            let having = wordings.iter().zip(&bags).filter(|(_, bag)| bag.contains_key(token));
            let having = size(having.map(|((question, _), _)| question).collect::<HashSet<_>>().len());
            let idf = (1.0 + (questions - having + 0.5) / (having + 0.5)).ln();
            let hold = f64::from(K1) * (1.0 - f64::from(B) + f64::from(B) * length(own) / mean);
            Some(weight * idf * said.min(f64::from(MOST)) * count * (f64::from(K1) + 1.0) / (count + hold))
        };
        asked.iter().filter_map(of).sum::<f64>()
    };
    bags.iter().map(score).collect()
}

#[test]
fn scores_are_those_of_the_books() {
    let base = Arc::new(Base::load().unwrap());
    let vocabulary = Vocabulary::new(base, ["龙腾贷"], []);
    let part = prop::sample::select(vec![
        "信用卡",
        "贷记卡",
        "怎么",
        "如何",
        "办理",
        "龙腾贷",
        "还款",
        "密码",
        "的",
        "忘记",
        "apple",
        "卡",
        "网点",
        "几点",
        "x",
    ]);
    let text = prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
    let wordings = prop::collection::vec((prop::bool::ANY, text.clone()), 1..12);
    proptest!(ProptestConfig::with_cases(128), |(wordings in wordings, asked in text)| {
        let mut question = 0;
        let wordings: Vec<(u32, String)> = wordings.into_iter().enumerate().map(|(at, (similar, text))| {
            question += u32::from(at > 0 && !similar);
            (question, text)
        }).collect();
        for kinds in [Kinds::PLAIN, Kinds::ALL] {
            let postings = Postings::build(kinds, &vocabulary, &wordings);
            let (mut said, mut sums) = (Vec::new(), Sums::default());
            // What an earlier question left behind does not matter.
            postings.ask(&vocabulary, "网点几点", &mut said);
            postings.add(&said, &mut sums);
            postings.ask(&vocabulary, &asked, &mut said);
            postings.add(&said, &mut sums);
            let mut found = vec![0.0; wordings.len()];
            sums.each().for_each(|(at, sum)| found[place(at)] = f64::from(sum.score));
            for (at, wanted) in naive(kinds, &vocabulary, &wordings, &asked).into_iter().enumerate() {
                prop_assert!((found[at] - wanted).abs() < 1e-3, "{} {} {:?}", found[at], wanted, wordings);
                let alone = f64::from(postings.score(&said, u32::try_from(at).unwrap()));
                prop_assert!((alone - wanted).abs() < 1e-3);
            }
        }
    });
}
