//! Tables in Markdown, and the place in a document that a run writes to.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// A table: the first column is text, the others are figures.
#[derive(Debug, Clone)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a row that names what the following have in common.
    pub fn group(&mut self, name: &str) {
        let mut row = vec![format!("**{name}**")];
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |cells: &[String]| {
            cells.iter().fold("|".to_owned(), |mut line, cell| {
                // Writing to a text cannot fail.
                let _ = write!(line, " {} |", cell.replace('|', "\\|"));
                line
            })
        };
        writeln!(f, "{}", line(&self.head))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.head.len().saturating_sub(1)))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", line(row)))
    }
}

/// A part of a document between two markers that a run replaces.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// The document.
    pub document: &'a Path,
    /// The name in the markers.
    pub name: &'a str,
}

impl Slot<'_> {
    fn markers(&self) -> [String; 2] {
        ["begin", "end"].map(|which| format!("<!-- {} {which} -->", self.name))
    }

    /// Puts a text between the markers.
    ///
    /// # Errors
    /// The document cannot be read or written, or has no such markers.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        let [before, after] = self.around()?;
        let text = format!("{before}\n{}\n{after}", text.trim_end());
        std::fs::write(self.document, text).with_context(|| format!("cannot write {}", self.document.display()))
    }

    /// What stands around, markers included; before a run begins, this tells whether it could be written down.
    ///
    /// # Errors
    /// The document cannot be read, or has no such markers.
    pub fn around(&self) -> anyhow::Result<[String; 2]> {
        let name = self.document.display();
        let text = std::fs::read_to_string(self.document)
            .with_context(|| format!("cannot read {name}: --write works in the project's folder"))?;
        let [begin, end] = self.markers();
        let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
        let (before, after) = parts.with_context(|| format!("{name} has no place between {begin} and {end}"))?;
        Ok([format!("{before}{begin}"), format!("{end}{after}")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::process::Folder;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "n"]);
        table.group("all");
        table.row(vec!["a|b".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "| what | n |\n|---|---:|\n| **all** |  |\n| a\\|b | 1 |\n");
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let folder = Folder::new(&std::env::temp_dir(), "yizhan-bench-slot").unwrap();
        let document = folder.path().join("a.md");
        std::fs::write(&document, "one\n<!-- x begin -->\nold\n<!-- x end -->\ntwo\n").unwrap();
        let slot = Slot { document: &document, name: "x" };
        slot.write("new\n").unwrap();
        slot.write("newer\n").unwrap();
        let text = std::fs::read_to_string(&document).unwrap();
        assert_eq!(text, "one\n<!-- x begin -->\nnewer\n<!-- x end -->\ntwo\n");
        assert!(Slot { name: "y", ..slot }.around().is_err());
    }
}
