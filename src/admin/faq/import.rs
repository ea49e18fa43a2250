//! The question base as a whole, in and out of a table: all rows or none, unless the right ones are asked for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::entry::Draft;
use super::table::{self, Row};
use super::{MOST_ENTRIES, places};
use crate::admin::office::{Author, Change, Office, Once};
use crate::admin::problem::{Error, Finding};
use crate::core;
use crate::model::id::FaqId;
use crate::model::time::Millis;
use crate::store::Tx;
use crate::store::faq::{self, Entry};
use crate::tenant::Tenant;

/// The demo's question base, `tenants/demo.faq.csv`.
pub const DEMO: &str = include_str!("../../../tenants/demo.faq.csv");

/// Faults of one file that are told.
const TOLD: usize = 1_000;

/// How a table is taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Take in the rows that are right although others are wrong.
    #[serde(default)]
    pub partial: bool,
    /// Only look what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ImportReport")]
pub struct Report {
    /// Rows in the file.
    pub rows: usize,
    /// Entries that are new.
    pub added: usize,
    /// Entries that are different now.
    pub changed: usize,
    /// Entries that were as the file says.
    pub unchanged: usize,
    /// Rows that were left out because they are wrong.
    pub wrong: usize,
    /// What is wrong with them, with line and column; the first thousand.
    pub errors: Vec<Finding>,
    /// Whether nothing was kept because it was only asked what would happen.
    pub dry_run: bool,
}

/// What a table comes to.
struct Plan {
    report: Report,
    entries: Vec<Entry>,
}

impl Office {
    /// Takes in a table. An entry that is there already is replaced; entries that the table does not name stay. A row
    /// without a name belongs to the entry with its question, or makes a new one.
    ///
    /// # Errors
    /// [`Error::Wrong`] with every fault, unless `partial` or `dry_run` is asked for.
    pub async fn import(&self, author: &Author, bytes: Vec<u8>, how: How, once: Option<Once>) -> Result<Value, Error> {
        let tenant = self.tenant(author)?;
        let rows = tokio::task::spawn_blocking(move || table::read(&bytes)).await;
        let rows = rows.map_err(|cut| Error::Core(core::Error::internal(cut)))??;
        if how.dry_run {
            let now = self.now();
            let read = move |tx: &mut Tx<'_>| plan(tx, &tenant, rows, now);
            let report = self.read(author, read).await?.report;
            return Ok(serde_json::to_value(Report { dry_run: true, ..report })?);
        }
        let import = move |tx: &mut Tx<'_>, now| {
            let Plan { report, entries } = plan(tx, &tenant, rows, now)?;
            if !report.errors.is_empty() && !how.partial {
                return Err(Error::Wrong(report.errors));
            }
            for entry in &entries {
                faq::store(tx, entry)?;
            }
            let subject = format!("+{} ~{}", report.added, report.changed);
            Change::new("faq.import", subject, &report)
        };
        self.change(author, once, import).await
    }

    /// Takes in the right rows of a table where there is no entry yet; `None` where there is one. For a question base to
    /// begin with: entries that lead to what the tenant has not declared are left out.
    ///
    /// # Errors
    /// As [`Office::import`].
    pub async fn import_if_empty(&self, author: &Author, text: &str) -> Result<Option<Value>, Error> {
        let empty = self.read(author, |tx| Ok(faq::count(tx)? == 0)).await?;
        if !empty {
            return Ok(None);
        }
        self.import(author, text.as_bytes().to_vec(), How { partial: true, dry_run: false }, None).await.map(Some)
    }

    /// All entries as a table that [`Office::import`] reads back. No spreadsheet runs anything in it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, author: &Author) -> Result<Vec<u8>, Error> {
        let entries = self.read(author, |tx| Ok(faq::all(tx)?)).await?;
        table::write(&entries).map_err(|error| Error::Core(core::Error::internal(error)))
    }
}

/// Finds out what a table changes, and what is wrong with it.
fn plan(tx: &mut Tx<'_>, tenant: &Tenant, rows: Vec<Row>, now: Millis) -> Result<Plan, Error> {
    let (places, kept) = (places(tx, tenant)?, faq::all(tx)?);
    let by_question: BTreeMap<String, FaqId> =
        kept.iter().map(|entry| (entry.question.clone(), entry.faq.clone())).collect();
    let kept: BTreeMap<FaqId, Entry> = kept.into_iter().map(|entry| (entry.faq.clone(), entry)).collect();
    let (mut seen, mut entries) = (BTreeMap::new(), Vec::new());
    let mut report = Report { rows: rows.len(), ..Report::default() };
    for row in rows {
        let draft = row.draft.and_then(|draft| {
            let faults = draft.faults(&places);
            if faults.is_empty() { Ok(draft) } else { Err(faults) }
        });
        let named = draft.and_then(|draft| {
            let id = name(&draft, &by_question)?;
            match seen.insert(id.clone(), row.line) {
                None => Ok((id, draft)),
                Some(first) => Err(vec![twice(&id, first)]),
            }
        });
        match named {
            Ok((id, draft)) => sort(&mut report, &mut entries, kept.get(&id), draft.entry(id, now)),
            Err(faults) => {
                report.wrong += 1;
                let told = faults.into_iter().map(|fault| fault.at(row.line));
                report.errors.extend(told.take(TOLD.saturating_sub(report.errors.len())));
            }
        }
    }
    if kept.len().saturating_add(report.added) > MOST_ENTRIES {
        return Err(Error::Conflict(format!("最多 {MOST_ENTRIES} 条问答 / at most {MOST_ENTRIES} entries")));
    }
    Ok(Plan { report, entries })
}

/// The entry that a row is about. The same question gets the same name in every file.
fn name(draft: &Draft, by_question: &BTreeMap<String, FaqId>) -> Result<FaqId, Vec<Finding>> {
    if let Some(id) = draft.id.as_ref().or_else(|| by_question.get(&draft.question)) {
        return Ok(id.clone());
    }
    let digest = Sha256::digest(draft.question.as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    FaqId::parse(&format!("q-{name}")).map_err(|error| vec![Finding::field("id", error.to_string())])
}

fn twice(id: &FaqId, first: usize) -> Finding {
    Finding::field("id", format!("{id} 已在第 {first} 行 / {id} is already in line {first}"))
}

/// Counts an entry, and takes it up if it changes anything. What a table cannot say stays.
fn sort(report: &mut Report, entries: &mut Vec<Entry>, kept: Option<&Entry>, entry: Entry) {
    let Some(kept) = kept else {
        report.added += 1;
        entries.push(entry);
        return;
    };
    let entry = Entry { valid_from: kept.valid_from, valid_to: kept.valid_to, ..entry };
    if (Entry { updated_at: kept.updated_at, ..entry.clone() }) == *kept {
        report.unchanged += 1;
    } else {
        report.changed += 1;
        entries.push(entry);
    }
}

#[cfg(test)]
fn drafts(bytes: &[u8]) -> Vec<Draft> {
    table::read(bytes).unwrap().into_iter().map(|row| row.draft.unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::robot::faq::normalise;

    #[test]
    fn the_demo_is_a_table_of_different_questions() {
        let drafts = drafts(DEMO.as_bytes());
        assert!(drafts.len() > 110, "{}", drafts.len());
        let ids: BTreeSet<_> = drafts.iter().map(|draft| draft.id.clone().unwrap()).collect();
        assert_eq!(ids.len(), drafts.len());
        let wordings = drafts.iter().flat_map(|draft| draft.similar.iter().chain([&draft.question]));
        let wordings: Vec<String> = wordings.map(|text| normalise(text)).collect();
        let distinct: BTreeSet<_> = wordings.iter().collect();
        assert_eq!(distinct.len(), wordings.len(), "a wording belongs to one entry");
        assert!(drafts.iter().any(|draft| draft.leads.as_deref() == Some("handoff")));
    }

    #[test]
    fn a_row_without_a_name_finds_its_entry_by_its_question() {
        let known = FaqId::parse("card-lost").unwrap();
        let by_question = BTreeMap::from([("如何挂失？".to_owned(), known.clone())]);
        let drafts = drafts("question,answer\n如何挂失？,一\n如何解挂？,二\n".as_bytes());
        assert_eq!(name(&drafts[0], &by_question).unwrap(), known);
        let made = name(&drafts[1], &by_question).unwrap();
        assert_eq!(name(&drafts[1], &BTreeMap::new()).unwrap(), made);
        assert_ne!(made, name(&drafts[0], &BTreeMap::new()).unwrap());
    }
}
