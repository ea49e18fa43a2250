//! Fitting the probabilities of a question base to an enterprise's own labelled questions. Knows tables of questions, no
//! screen; what is fitted how is the engine's business.

use std::sync::Arc;

use crate::admin::office::{Author, Change, Office};
use crate::admin::problem::{Error, Finding, unless_wrong};
use crate::core;
use crate::core::robot::{index_of, weights_of};
use crate::model::id::FaqId;
use crate::robot::faq::{Base, Example, Features, Scratch, Weights, fit};
use crate::store::faq::{self, Entry};

/// Hits of each question that are learned from.
const HITS: usize = 5;
/// Fewer labelled questions say too little.
const FEWEST: usize = 20;
/// Thresholds that are shown.
const SHOWN: [f64; 5] = [0.35, 0.5, 0.65, 0.8, 0.9];

/// A question that somebody has labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Labelled {
    query: String,
    /// What was meant; `None` for what the base must not answer.
    wanted: Option<FaqId>,
}

/// How probabilities fare at a threshold, on the labelled questions themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fare {
    /// From here on it would be answered.
    pub threshold: f64,
    /// The part of the answers that would be right; 1 without any.
    pub precision: f64,
    /// The part of the questions that would be answered.
    pub coverage: f64,
}

/// What a fit comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Labelled questions.
    pub questions: usize,
    /// With the weights in force.
    pub before: Vec<Fare>,
    /// With the fitted ones.
    pub after: Vec<Fare>,
    /// The fitted ones.
    pub weights: Weights,
}

impl Office {
    /// Fits weights to a table of labelled questions (`query,faq`; an empty `faq` must not be answered), and puts them in
    /// force if `keep`.
    ///
    /// # Errors
    /// [`Error::Wrong`] for rows that name no entry, and for fewer than 20 rows.
    pub async fn calibrate(&self, author: &Author, table: &[u8], keep: bool) -> Result<Calibration, Error> {
        let labelled = read(table)?;
        let (entries, vocabulary) = self.read(author, |tx| Ok((faq::all(tx)?, faq::vocabulary(tx)?))).await?;
        let entries: Vec<Entry> = entries.into_iter().filter(|entry| entry.enabled).collect();
        unless_wrong(strangers(&labelled, &entries))?;
        let work = move || calibrate(&labelled, &entries, &vocabulary);
        let done = tokio::task::spawn_blocking(work).await.map_err(core::Error::internal)?;
        let done = done.map_err(core::Error::internal)?;
        if keep {
            let weights = serde_json::to_string(&done.weights)?;
            self.change(author, None, move |tx, _now| {
                faq::changed(tx)?;
                faq::set_weights(tx, &weights)?;
                Change::new("faq.calibrate", "weights".into(), &())
            })
            .await?;
        }
        Ok(done)
    }
}

fn read(table: &[u8]) -> Result<Vec<Labelled>, Error> {
    let wrong = |detail: &str| Error::Wrong(vec![Finding::field("csv", detail)]);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table);
    let header = reader.headers().map_err(|error| wrong(&error.to_string()))?.clone();
    let place = |name: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
    let (Some(query), Some(wanted)) = (place("query"), place("faq")) else {
        return Err(wrong("第一行须为 query,faq / the first line has to be query,faq"));
    };
    let (mut labelled, mut findings) = (Vec::new(), Vec::new());
    for (line, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|error| wrong(&error.to_string()))?;
        let text = record.get(query).unwrap_or_default().to_owned();
        match record.get(wanted).unwrap_or_default() {
            _ if text.is_empty() => findings.push(Finding::field("query", "不能为空 / is empty").at(line)),
            "" => labelled.push(Labelled { query: text, wanted: None }),
            id => match FaqId::parse(id) {
                Ok(id) => labelled.push(Labelled { query: text, wanted: Some(id) }),
                Err(form) => findings.push(Finding::field("faq", form.to_string()).at(line)),
            },
        }
    }
    if labelled.len() < FEWEST && findings.is_empty() {
        findings.push(Finding::field("csv", format!("至少 {FEWEST} 行 / at least {FEWEST} rows are needed")));
    }
    unless_wrong(findings)?;
    Ok(labelled)
}

/// Labels that name no entry.
fn strangers(labelled: &[Labelled], entries: &[Entry]) -> Vec<Finding> {
    let known = |id: &FaqId| entries.iter().any(|entry| entry.faq == *id);
    let stranger = |(line, row): (usize, &Labelled)| {
        let id = row.wanted.as_ref().filter(|id| !known(id))?;
        Some(Finding::field("faq", format!("没有条目 {id} / there is no entry {id}")).at(line))
    };
    (2..).zip(labelled).filter_map(stranger).collect()
}

fn calibrate(
    labelled: &[Labelled],
    entries: &[Entry],
    vocabulary: &faq::Vocabulary,
) -> Result<Calibration, crate::robot::faq::token::Error> {
    let index = index_of(Arc::new(Base::load()?), vocabulary, entries);
    let (mut scratch, mut examples, mut firsts) = (Scratch::default(), Vec::new(), Vec::new());
    for row in labelled {
        let meant = |place: usize| entries.get(place).map(|entry| &entry.faq) == row.wanted.as_ref();
        let hits = index.search(&row.query, HITS, &mut scratch);
        examples.extend(hits.iter().map(|hit| Example { features: hit.features, right: meant(hit.question) }));
        let all: Vec<_> = hits.iter().map(|hit| (hit.features, hit.exact, meant(hit.question))).collect();
        firsts.push(all);
    }
    let weights = fit(&examples);
    let fare = |weights: Weights| SHOWN.map(|threshold| fare(&firsts, &weights, threshold)).to_vec();
    let before = fare(weights_of(vocabulary));
    Ok(Calibration { questions: labelled.len(), before, after: fare(weights), weights })
}

type Hits = Vec<(Features, bool, bool)>;

fn fare(asked: &[Hits], weights: &Weights, threshold: f64) -> Fare {
    let probable = |features: &Features, exact: bool| if exact { 1.0 } else { weights.p(features) };
    let best = |hits: &Hits| {
        let all = hits.iter().map(|(features, exact, right)| (probable(features, *exact), *right));
        all.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(p, _)| *p >= threshold)
    };
    let answered: Vec<bool> = asked.iter().filter_map(|hits| best(hits).map(|(_, right)| right)).collect();
    let count = |number: usize| u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    let right = count(answered.iter().filter(|right| **right).count());
    let (all, total) = (count(answered.len()), count(asked.len()));
    let precision = if answered.is_empty() { 1.0 } else { right / all };
    Fare { threshold, precision, coverage: if asked.is_empty() { 0.0 } else { all / total } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_labelled_questions_is_read_with_its_problems() {
        let mut rows = String::from("query,faq\n");
        (0..20).for_each(|n| rows.push_str(&format!("问 {n},card-lost\n")));
        assert_eq!(read(rows.as_bytes()).unwrap().len(), 20);
        rows.push_str("天气,\n");
        assert_eq!(read(rows.as_bytes()).unwrap().last().unwrap().wanted, None);
        rows.push_str(",card-lost\n问,no good\n");
        let Err(Error::Wrong(findings)) = read(rows.as_bytes()) else { panic!("must be refused") };
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [Some(23), Some(24)]);
        assert!(read(b"a,b\n1,2\n").is_err());
        assert!(read(b"query,faq\nx,y\n").is_err(), "too few");
    }

    #[test]
    fn precision_and_coverage_are_counted() {
        let weights = Weights { bias: 0.0, each: [0.0; crate::robot::faq::calibrate::FEATURES] };
        let features = Features::default();
        let asked: Vec<Hits> = vec![vec![(features, true, true)], vec![(features, false, false)], vec![]];
        let at = |threshold| fare(&asked, &weights, threshold);
        assert_eq!((at(0.4).precision, at(0.4).coverage), (0.5, 2.0 / 3.0));
        assert_eq!((at(0.8).precision, at(0.8).coverage), (1.0, 1.0 / 3.0));
    }
}
