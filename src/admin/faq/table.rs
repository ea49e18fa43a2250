//! The question base as a table (CSV): reads rows with their line numbers, and writes what no spreadsheet runs. Knows no
//! store.

use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Terminator, Trim, WriterBuilder};

use super::entry::{Draft, Kind};
use crate::admin::problem::{Error, Finding};
use crate::model::id::FaqId;
use crate::store::faq::Entry;

/// The columns, in the order in which they are written. They are read in any order; `question` is required.
pub const COLUMNS: [&str; 8] = ["id", "kind", "question", "similar", "answer", "leads", "category", "enabled"];

/// The most rows of one file: they are kept in one transaction, which others wait for.
pub const MOST_ROWS: usize = 5_000;

/// Tells spreadsheets that the text is UTF-8.
const MARK: &str = "\u{feff}";

/// What parts wordings in their cell.
const BAR: char = '|';

/// A row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Where it begins in the file, from 1.
    pub(super) line: usize,
    /// What it says, or what is wrong with it.
    pub(super) draft: Result<Draft, Vec<Finding>>,
}

/// Reads a table.
///
/// # Errors
/// When it is no table of entries at all: not UTF-8, without the header, too many rows.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let detail = "不是 UTF-8，请另存为“CSV UTF-8” / not UTF-8: save it as \"CSV UTF-8\"";
        Error::Wrong(vec![Finding { line: Some(line), detail: detail.into(), ..Finding::default() }])
    })?;
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = records.next().transpose().map_err(|error| unreadable(&error))?.unwrap_or_default();
    let columns = columns(&header)?;
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| unreadable(&error))?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = line_of(&record, text);
        if rows.len() == MOST_ROWS {
            let detail = format!("超过 {MOST_ROWS} 行，请拆分 / more than {MOST_ROWS} rows: split the file");
            return Err(Error::Wrong(vec![Finding { line: Some(line), detail, ..Finding::default() }]));
        }
        rows.push(row(line, &record, &columns));
    }
    Ok(rows)
}

fn unreadable(error: &csv::Error) -> Error {
    let line = error.position().and_then(|position| usize::try_from(position.line()).ok());
    Error::Wrong(vec![Finding { line, detail: format!("不是 CSV / not CSV: {error}"), ..Finding::default() }])
}

/// Where a record begins: the reader counts from the empty lines before it.
fn line_of(record: &StringRecord, text: &str) -> usize {
    let Some(position) = record.position() else { return 1 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    usize::try_from(position.line()).unwrap_or(1) + empty
}

/// The column of each cell.
fn columns(header: &StringRecord) -> Result<Vec<&'static str>, Error> {
    let (mut columns, mut found) = (Vec::new(), Vec::new());
    for name in header {
        match COLUMNS.into_iter().find(|column| column.eq_ignore_ascii_case(name)) {
            Some(column) if columns.contains(&column) => {
                found.push(Finding::field(column, "列重复 / stands twice").at(1));
            }
            Some(column) => columns.push(column),
            None => {
                let detail = format!("没有这一列，应为 / no such column; there are: {}", COLUMNS.join(","));
                let name: String = name.chars().take(40).collect();
                found.push(Finding::field(name, detail).at(1));
            }
        }
    }
    if !columns.contains(&"question") {
        let detail = format!("首行须为列名，至少有 question / the first line names the columns: {}", COLUMNS.join(","));
        found.push(Finding::field("question", detail).at(1));
    }
    if found.is_empty() { Ok(columns) } else { Err(Error::Wrong(found)) }
}

fn row(line: usize, record: &StringRecord, columns: &[&'static str]) -> Row {
    let mut found = Vec::new();
    if record.len() > columns.len() {
        let detail = format!("有 {} 格，应为 {} 格 / cells in this row and columns", record.len(), columns.len());
        found.push(Finding { line: Some(line), detail, ..Finding::default() });
    }
    let cell = |column: &str| {
        let place = columns.iter().position(|name| *name == column);
        bare(place.and_then(|place| record.get(place)).unwrap_or_default())
    };
    let mut wrong = |column: &str, detail: &str| found.push(Finding::field(column, detail).at(line));
    let id = match cell("id") {
        "" => None,
        id => FaqId::from_str(id)
            .map_err(|_form| {
                wrong("id", "应为 1–64 个字母、数字、_ 或 - / must be 1 to 64 letters, digits, '_' or '-'");
            })
            .ok(),
    };
    let kind = match cell("kind") {
        "" => Kind::default(),
        kind => Kind::parse(kind).unwrap_or_else(|| {
            wrong("kind", "应为 faq 或 chitchat / must be faq or chitchat");
            Kind::default()
        }),
    };
    let enabled = flag(cell("enabled")).unwrap_or_else(|| {
        wrong("enabled", "应为 true 或 false / must be true or false");
        false
    });
    let draft = Draft {
        id,
        kind,
        question: cell("question").to_owned(),
        similar: cell("similar").split(BAR).map(str::to_owned).collect(),
        answer: cell("answer").to_owned(),
        leads: Some(cell("leads").to_owned()),
        category: cell("category").to_owned(),
        enabled,
        valid_from: None,
        valid_to: None,
        updated_at: None,
    };
    Row { line, draft: if found.is_empty() { Ok(draft.tidied()) } else { Err(found) } }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "" | "true" | "1" | "yes" | "是" => Some(true),
        "false" | "0" | "no" | "否" => Some(false),
        _ => None,
    }
}

/// Whether a spreadsheet takes the text for a formula, or the text could be taken for one that was guarded.
fn needs_guard(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// The text as it is written: a spreadsheet shows it and runs nothing.
fn guarded(text: &str) -> String {
    if needs_guard(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text without its guard.
fn bare(text: &str) -> &str {
    text.strip_prefix('\'').filter(|_| needs_guard(text)).unwrap_or(text)
}

/// Writes a table that [`read`] reads back.
///
/// # Errors
/// Never for texts; the writer says that it may fail.
pub(super) fn write(entries: &[Entry]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(MARK.as_bytes().to_vec());
    writer.write_record(COLUMNS)?;
    for entry in entries {
        let similar = entry.similar.join("|");
        let enabled = if entry.enabled { "true" } else { "false" };
        let leads = entry.leads.as_deref().unwrap_or_default();
        let cells = [
            entry.faq.as_str(),
            &entry.kind,
            &entry.question,
            &similar,
            &entry.answer,
            leads,
            &entry.category,
            enabled,
        ];
        writer.write_record(cells.map(guarded))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::time::Millis;

    fn drafts(text: &str) -> Vec<Draft> {
        read(text.as_bytes()).unwrap().into_iter().map(|row| row.draft.unwrap()).collect()
    }

    #[test]
    fn columns_are_found_by_name_and_may_be_left_out() {
        let rows = drafts("Question,answer,similar\n如何挂失？,请致电,卡丢了|卡没了\n\n\"多\n行\",\"说\"\"好\"\"\",\n");
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].similar.len(), rows[0].enabled, rows[0].id.is_none()), (2, true, true));
        let text = "question,answer\n\n\r\n一,1\n\n二,2\n";
        let lines: Vec<usize> = read(text.as_bytes()).unwrap().iter().map(|row| row.line).collect();
        assert_eq!(lines, [4, 6], "empty lines count and are no rows");
        assert_eq!((rows[1].question.as_str(), rows[1].answer.as_str()), ("多\n行", "说\"好\""));
    }

    #[test]
    fn every_wrong_row_has_its_line_and_its_column() {
        let text = "id,kind,question,enabled\na b,faq,问一,true\nq2,talk,问二,perhaps\n\"q3\",faq,\"问\n三\",1,more\nq4,,问四,否\n";
        let rows = read(text.as_bytes()).unwrap();
        let found: Vec<_> = rows.iter().flat_map(|row| row.draft.clone().err().unwrap_or_default()).collect();
        let places: Vec<_> = found.iter().map(|found| (found.line.unwrap(), found.field.as_deref())).collect();
        assert_eq!(places, [(2, Some("id")), (3, Some("kind")), (3, Some("enabled")), (4, None)]);
        assert!(!rows[3].draft.as_ref().unwrap().enabled);
        assert_eq!(rows[3].line, 6);
    }

    #[test]
    fn what_is_no_table_of_entries_is_refused_as_a_whole() {
        for (text, line, field) in [
            (&b""[..], Some(1), Some("question")),
            (&b"id,answer\n"[..], Some(1), Some("question")),
            (&b"question,colour\nx,y\n"[..], Some(1), Some("colour")),
            (&b"question,question\n"[..], Some(1), Some("question")),
            (&b"question\n\xb9\xd2\xca\xa7\n"[..], Some(2), None),
        ] {
            let Err(Error::Wrong(found)) = read(text) else { panic!("{text:?}") };
            assert_eq!((found[0].line, found[0].field.as_deref()), (line, field));
        }
        let many = format!("question\n{}", "x\n".repeat(MOST_ROWS + 1));
        assert!(matches!(read(many.as_bytes()), Err(Error::Wrong(found)) if found[0].line == Some(MOST_ROWS + 2)));
    }

    #[test]
    fn no_cell_begins_a_formula() {
        for text in ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''=1"] {
            let written = guarded(text);
            assert!(written.starts_with('\''), "{written}");
            assert_eq!(bare(&written), text);
        }
        for text in ["", "卡", "'quoted'", "a=b", "'"] {
            assert_eq!((guarded(text).as_str(), bare(text)), (text, text));
        }
    }

    fn word() -> impl Strategy<Value = String> {
        "[=+@'a-z一-龥\"，,;-]{1,8}"
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            question in word(),
            similar in prop::collection::vec(word(), 0..4),
            answer in "[=+@'a-z一-龥\"\n,-]{1,20}",
            enabled: bool,
        ) {
            let draft = Draft {
                id: Some(FaqId::parse("q1").unwrap()), kind: Kind::Chitchat, question, similar, answer,
                leads: Some("handoff".into()), category: "-卡".into(), enabled, valid_from: None, valid_to: None,
                updated_at: None,
            }.tidied();
            let entry = draft.clone().entry(FaqId::parse("q1").unwrap(), Millis(0));
            let written = write(&[entry]).unwrap();
            let rows = read(&written).unwrap();
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].draft.as_ref().unwrap(), &draft);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes));
        }
    }
}
