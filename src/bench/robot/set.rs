//! The evaluation set: bank questions in several wordings, and questions that no bank can answer. Reads files; knows no
//! robot.
//!
//! The set has two halves. Of each question the wordings `p1` and `p2` are for development, as are the foreign questions
//! marked `dev`: weights, thresholds and constants were chosen on them, each time leaving out the wording that is asked.
//! The wordings `p3`, `p4` and the foreign questions marked `held` are only ever reported on. `p1` and `p3` are ordinary
//! wordings, `p2` and `p4` hard ones that share hardly a word with the question.
//!
//! What is reported is measured twice: with the wordings of the development half as similar ones, as a question base that
//! is looked after has them; and with the standard questions alone.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::robot::faq::{Kind, Question};

/// Something that somebody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is asked.
    pub text: String,
    /// The place of the question that is meant; `None` when there is none.
    pub wanted: Option<usize>,
    /// How like the question it is worded.
    pub sort: Sort,
}

/// Sorts of wordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// As most people ask.
    Ordinary,
    /// With hardly a word of the question.
    Hard,
    /// Something else altogether.
    Foreign,
}

/// A question of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The standard wording.
    pub text: String,
    /// What is answered.
    pub answer: String,
    /// The wordings for development: ordinary, hard.
    pub dev: [String; 2],
    /// The wordings that are reported on: ordinary, hard.
    pub held: [String; 2],
}

/// The set.
#[derive(Debug, Clone)]
pub struct Set {
    /// The questions.
    pub entries: Vec<Entry>,
    /// Foreign questions for development.
    foreign_dev: Vec<String>,
    /// Foreign questions that are reported on.
    foreign_held: Vec<String>,
}

impl Set {
    /// Reads `bank.csv` and `foreign.csv` of a folder.
    ///
    /// # Errors
    /// A file cannot be read or has another form.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let bank = rows(&folder.join("bank.csv"), ["id", "question", "answer", "p1", "p2", "p3", "p4"])?;
        let entry =
            |[_id, text, answer, p1, p2, p3, p4]: [String; 7]| Entry { text, answer, dev: [p1, p2], held: [p3, p4] };
        let entries = bank.into_iter().map(entry).collect();
        let mut set = Self { entries, foreign_dev: Vec::new(), foreign_held: Vec::new() };
        for [text, half] in rows(&folder.join("foreign.csv"), ["text", "half"])? {
            match half.as_str() {
                "dev" => set.foreign_dev.push(text),
                "held" => set.foreign_held.push(text),
                other => anyhow::bail!("foreign.csv: a half is dev or held, not '{other}'"),
            }
        }
        Ok(set)
    }

    /// What is indexed: standard wordings, and those of the development half that are chosen.
    #[must_use]
    pub fn questions(&self, similar: &[usize]) -> Vec<Question> {
        let question = |entry: &Entry| Question {
            text: entry.text.clone(),
            similar: similar.iter().filter_map(|which| entry.dev.get(*which)).cloned().collect(),
            answer: entry.answer.clone(),
            kind: Kind::Faq,
        };
        self.entries.iter().map(question).collect()
    }

    /// What is asked to tune: wordings of one sort, and foreign questions.
    #[must_use]
    pub fn dev(&self, which: usize) -> Vec<Case> {
        cases(&self.entries, |entry| &entry.dev, &self.foreign_dev)
            .into_iter()
            .filter(|case| case.sort == Sort::Foreign || case.sort == sort(which))
            .collect()
    }

    /// What is reported.
    #[must_use]
    pub fn held(&self) -> Vec<Case> {
        cases(&self.entries, |entry| &entry.held, &self.foreign_held)
    }
}

fn sort(which: usize) -> Sort {
    if which == 0 { Sort::Ordinary } else { Sort::Hard }
}

fn cases(entries: &[Entry], half: fn(&Entry) -> &[String; 2], foreign: &[String]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, texts) in entries.iter().map(half).enumerate() {
        let case =
            |(which, text): (usize, &String)| Case { text: text.clone(), wanted: Some(place), sort: sort(which) };
        cases.extend(texts.iter().enumerate().map(case));
    }
    cases.extend(foreign.iter().map(|text| Case { text: text.clone(), wanted: None, sort: Sort::Foreign }));
    cases
}

/// The rows of a file below its head.
fn rows<const N: usize>(path: &Path, head: [&str; N]) -> anyhow::Result<Vec<[String; N]>> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {name}: run in the project's folder, or name --set"))?;
    let mut rows = Vec::new();
    for cells in parse(&text) {
        let count = cells.len();
        let row: [String; N] = cells.try_into().map_err(|cells: Vec<String>| {
            anyhow::anyhow!("{name}: {count} cells instead of {N}, at {:?}", cells.first())
        })?;
        ensure!(row.iter().all(|cell| !cell.is_empty()), "{name}: an empty cell beside {:?}", row.first());
        rows.push(row);
    }
    ensure!(!rows.is_empty() && rows.remove(0) == head, "{name} does not begin with {}", head.join(","));
    Ok(rows)
}

/// Comma separated values (RFC 4180).
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::process::Folder;

    #[test]
    fn cells_may_have_commas_quotes_and_lines() {
        assert_eq!(
            parse("a,b\r\n\"1,2\",\"x \"\"y\"\"\nz\"\n\nc,"),
            [vec!["a", "b"], vec!["1,2", "x \"y\"\nz"], vec!["c", ""]]
        );
    }

    #[test]
    fn halves_are_kept_apart() {
        let folder = Folder::new(&std::env::temp_dir(), "yizhan-bench-set").unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("bank.csv"), "id,question,answer,p1,p2,p3,p4\n1,Q,A,a,b,c,d\n").unwrap();
        std::fs::write(path("foreign.csv"), "text,half\nx,dev\ny,held\n").unwrap();
        let set = Set::read(folder.path()).unwrap();
        let texts = |cases: Vec<Case>| cases.into_iter().map(|case| (case.text, case.wanted)).collect::<Vec<_>>();
        let case = |text: &str, wanted| (text.to_owned(), wanted);
        assert_eq!(texts(set.dev(0)), [case("a", Some(0)), case("x", None)]);
        assert_eq!(texts(set.dev(1)), [case("b", Some(0)), case("x", None)]);
        assert_eq!(texts(set.held()), [case("c", Some(0)), case("d", Some(0)), case("y", None)]);
        assert_eq!(set.questions(&[1])[0].similar, ["b"]);
        std::fs::write(path("foreign.csv"), "text,half\nx,test\n").unwrap();
        assert!(Set::read(folder.path()).is_err());
    }
}
