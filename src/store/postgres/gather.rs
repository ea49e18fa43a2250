//! Rows to be inserted or changed that are kept back, so that one statement takes many of them. Knows statements as text
//! and bytes, not what a row means.
//!
//! Invariants: a statement whose text names the table of a row that is kept back is sent only after that row; so are the
//! next mark and the commit. Rows of one table keep their order, and of several changes of one row the last is kept. An
//! undone job's rows are forgotten with it: a mark keeps none back.

use std::iter::repeat_n;

use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};

use super::Postgres;
use super::fault::Fault;
use super::query::{Bind, Given, Key, given, text};
use super::together::{Change, change, columns, lists};

/// The most rows of one statement; when there are so many the server shall begin with them. A power of two, as are the
/// rows of every statement that inserts: so few are ever prepared.
const MOST: usize = 32;

/// What a statement does with its row.
enum Verb {
    /// Inserts it: the statement before its values.
    Insert(Box<str>),
    /// Changes it.
    Change(Change),
}

/// The rows of one table that wait, under one statement.
struct Heap {
    key: Key,
    table: Box<str>,
    verb: Verb,
    /// Of the values of an inserted row; of the lists of values of changed ones.
    types: Vec<Type>,
    rows: Vec<Vec<Bind>>,
}

/// The rows that nobody has sent yet.
#[derive(Default)]
pub(super) struct Gathered(Vec<Heap>);

impl Heap {
    /// For a statement that inserts just one row of values, or gives values to one that is found by values; `None` for
    /// any other.
    fn of(key: Key, text: &str, types: Vec<Type>) -> Option<Self> {
        if let Some(known) = change(text, types.len()) {
            let (table, types) = (known.table.clone(), lists(&types)?);
            return Some(Self { key, table, verb: Verb::Change(known), types, rows: Vec::new() });
        }
        let (head, values) = text.split_once(" VALUES ")?;
        let table = head.strip_prefix("INSERT INTO ")?.split_whitespace().next()?.trim_matches('"').into();
        let one = values.trim_end() == tuples(1, types.len());
        one.then(|| Self { key, table, verb: Verb::Insert(head.into()), types, rows: Vec::new() })
    }

    /// Adds a row, in place of what was to become of the same one.
    fn add(&mut self, row: Vec<Bind>) {
        let same = match &self.verb {
            Verb::Insert(_) => None,
            Verb::Change(Change { found_by, .. }) => {
                let same = |other: &Vec<Bind>| found_by.iter().all(|place| other.get(*place) == row.get(*place));
                self.rows.iter_mut().find(|other| same(other))
            }
        };
        match same {
            Some(known) => *known = row,
            None => self.rows.push(row),
        }
    }
}

impl Gathered {
    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// `rows` tuples of `width` values.
fn tuples(rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let values: Vec<String> = (1..=width).map(|value| format!("${}", row * width + value)).collect();
        format!("({})", values.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// The most rows that the next statement takes of so many.
fn part(rows: usize) -> usize {
    if rows >= MOST { MOST } else { 1 << rows.checked_ilog2().unwrap_or(0) }
}

impl Postgres {
    /// Keeps a row back that is to be inserted or changed, for what cannot fail but by a fault of ours or of the server.
    pub(in crate::store) fn gather<T>(&mut self, query: &T) -> Result<(), diesel::result::Error>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let (Given { types, binds }, key) = (given(query)?, Key::of(query)?);
        // Whoever gathers is told at once that there is no connection.
        self.client()?;
        let known = self.gathered.0.iter().position(|heap| heap.key == key);
        let mut heap = match known {
            Some(place) => self.gathered.0.swap_remove(place),
            None => {
                let Some(heap) = Heap::of(key, &text(query)?, types) else { return self.tell(query) };
                // Rows of the same table under another statement come first.
                self.make_way(&heap.table)?;
                heap
            }
        };
        heap.add(binds);
        self.changing();
        if heap.rows.len() == MOST {
            return Ok(self.send_heap(heap)?);
        }
        self.gathered.0.push(heap);
        Ok(())
    }

    /// Sends the rows that this statement might look for.
    pub(super) fn make_way(&mut self, text: &str) -> Result<(), Fault> {
        self.send_gathered(|heap| text.contains(&*heap.table))
    }

    /// Sends all rows that were kept back.
    pub(super) fn send_all_gathered(&mut self) -> Result<(), Fault> {
        self.send_gathered(|_| true)
    }

    fn send_gathered(&mut self, which: impl Fn(&Heap) -> bool) -> Result<(), Fault> {
        while let Some(place) = self.gathered.0.iter().position(&which) {
            let heap = self.gathered.0.swap_remove(place);
            self.send_heap(heap)?;
        }
        Ok(())
    }

    fn send_heap(&mut self, heap: Heap) -> Result<(), Fault> {
        let Heap { key, verb, types, rows, .. } = heap;
        let head = match verb {
            Verb::Insert(head) => head,
            Verb::Change(change) => {
                let prepared = self.prepared_as(Key::All(Box::new(key)), || Ok((change.many(types.len()), types)))?;
                return self.send_rows(prepared.statement, columns(rows));
            }
        };
        let mut rows = rows.as_slice();
        while let Some((some, rest)) = rows.split_at_checked(part(rows.len())) {
            rows = rest;
            let prepared = self.prepared_as(Key::Rows(Box::new(key.clone()), some.len()), || {
                let sql = format!("{head} VALUES {}", tuples(some.len(), types.len()));
                Ok((sql, repeat_n(&types, some.len()).flatten().cloned().collect()))
            })?;
            self.send_rows(prepared.statement, some.concat())?;
        }
        Ok(())
    }

    /// Sends them; nobody waits for an answer.
    fn send_rows<T>(&mut self, statement: Statement, binds: Vec<T>) -> Result<(), Fault>
    where
        T: ToSql + Send + Sync + 'static,
    {
        let (client, sender) = (self.client()?, self.transaction.touched());
        let answer = async move { client.execute_raw(&statement, &binds).await.map(|_rows| Vec::new()) };
        self.send(sender, Box::pin(answer));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_takes_as_many_rows_as_there_are_tuples() {
        assert_eq!(tuples(1, 2), "($1, $2)");
        assert_eq!(tuples(3, 2), "($1, $2), ($3, $4), ($5, $6)");
    }

    #[test]
    fn few_statements_take_any_number_of_rows() {
        let parts = |mut rows: usize| {
            std::iter::from_fn(move || {
                let part = (rows > 0).then(|| part(rows))?;
                rows -= part;
                Some(part)
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(parts(1), [1]);
        assert_eq!(parts(13), [8, 4, 1]);
        assert_eq!(parts(75), [32, 32, 8, 2, 1]);
    }

    #[test]
    fn only_one_plain_row_is_kept_back() {
        let heap = |text: &str| Heap::of(Key::Text(text.into()), text, vec![Type::TEXT; 2]).map(|heap| heap.table);
        assert_eq!(heap(r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2)"#).as_deref(), Some("t"));
        assert_eq!(heap(r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2) ON CONFLICT DO NOTHING"#), None);
        assert_eq!(heap(r#"INSERT INTO "t" ("a", "b") VALUES ($1, DEFAULT)"#), None);
        assert_eq!(heap(r#"UPDATE "t" SET "a" = "a" + $1 WHERE "b" = $2"#), None);
    }

    #[test]
    fn of_several_changes_of_a_row_the_last_is_kept() {
        let text = "UPDATE t SET a = $1 WHERE k = $2";
        let mut heap = Heap::of(Key::Text(text.into()), text, vec![Type::TEXT; 2]).unwrap();
        let row = |a: &str, k: &str| vec![Bind::text(a), Bind::text(k)];
        for (a, k) in [("1", "x"), ("2", "y"), ("3", "x")] {
            heap.add(row(a, k));
        }
        assert_eq!(heap.rows, [row("3", "x"), row("2", "y")]);
    }
}
