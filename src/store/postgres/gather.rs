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
    /// Inserts it.
    Insert(Insertion),
    /// Changes it.
    Change(Change),
}

/// How one row is inserted.
struct Insertion {
    /// The statement before its values.
    head: Box<str>,
    /// Behind them: what becomes of a row that is there already.
    tail: Box<str>,
    /// The places of the values by which such a row is found, from 0 on; none when it is a fault that there is one.
    found_by: Box<[usize]>,
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
        let insertion = Insertion::of(text, types.len())?;
        let table = insertion.head.strip_prefix("INSERT INTO ")?.split_whitespace().next()?.trim_matches('"').into();
        Some(Self { key, table, verb: Verb::Insert(insertion), types, rows: Vec::new() })
    }

    /// Whether a row that waits and this one are the same one of the table, and both have to be heard of: no statement takes
    /// one row twice.
    fn meets(&self, row: &[Bind]) -> bool {
        match &self.verb {
            Verb::Insert(Insertion { found_by, .. }) if !found_by.is_empty() => {
                self.rows.iter().any(|other| is_same(found_by, other, row))
            }
            Verb::Insert(_) | Verb::Change(_) => false,
        }
    }

    /// Adds a row, in place of what was to become of the same one.
    fn add(&mut self, row: Vec<Bind>) {
        let same = match &self.verb {
            Verb::Insert(_) => None,
            Verb::Change(Change { found_by, .. }) => self.rows.iter_mut().find(|other| is_same(found_by, other, &row)),
        };
        match same {
            Some(known) => *known = row,
            None => self.rows.push(row),
        }
    }
}

impl Insertion {
    /// Understands `INSERT INTO t (…) VALUES ($1, …)` of just one row of values, with what is to be set when there is such a row
    /// already or without.
    fn of(text: &str, width: usize) -> Option<Self> {
        let (head, values) = text.split_once(" VALUES ")?;
        let tail = values.strip_prefix(&*tuples(1, width))?.trim_end();
        let found_by = match tail.strip_prefix(" ON CONFLICT (") {
            None if tail.is_empty() => Box::default(),
            None => return None,
            Some(conflict) => {
                let (keys, set) = conflict.split_once(") DO UPDATE SET ")?;
                let names: Vec<&str> = head.split_once('(')?.1.strip_suffix(')')?.split(", ").collect();
                let place = |key| names.iter().position(|name| *name == key);
                if set.contains('$') {
                    return None;
                }
                keys.split(", ").map(place).collect::<Option<_>>()?
            }
        };
        Some(Self { head: head.into(), tail: tail.into(), found_by })
    }
}

/// Whether two rows have the same values in these places.
fn is_same(places: &[usize], one: &[Bind], other: &[Bind]) -> bool {
    places.iter().all(|place| one.get(*place) == other.get(*place))
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
        if heap.meets(&binds) {
            self.send_heap(&mut heap)?;
        }
        heap.add(binds);
        self.changing();
        if heap.rows.len() == MOST {
            return Ok(self.send_heap(&mut heap)?);
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
            let mut heap = self.gathered.0.swap_remove(place);
            self.send_heap(&mut heap)?;
        }
        Ok(())
    }

    /// Sends the rows of a heap, which has none then.
    fn send_heap(&mut self, heap: &mut Heap) -> Result<(), Fault> {
        let rows = std::mem::take(&mut heap.rows);
        let Heap { key, verb, types, .. } = heap;
        let Insertion { head, tail, .. } = match verb {
            Verb::Insert(insertion) => insertion,
            Verb::Change(change) => {
                let key = Key::All(Box::new(key.clone()));
                let prepared = self.prepared_as(key, || Ok((change.many(types.len()), types.clone())))?;
                return self.send_rows(prepared.statement, columns(rows));
            }
        };
        let mut rows = rows.as_slice();
        while let Some((some, rest)) = rows.split_at_checked(part(rows.len())) {
            rows = rest;
            let prepared = self.prepared_as(Key::Rows(Box::new(key.clone()), some.len()), || {
                let sql = format!("{head} VALUES {}{tail}", tuples(some.len(), types.len()));
                Ok((sql, repeat_n(&*types, some.len()).flatten().cloned().collect()))
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
    fn a_row_that_may_be_there_already_is_found_by_what_it_may_not_share() {
        let text = r#"INSERT INTO "t" ("a", "b", "c") VALUES ($1, $2, $3) ON CONFLICT ("c", "a") DO UPDATE SET "b" = "excluded"."b""#;
        let insertion = Insertion::of(text, 3).unwrap();
        assert_eq!(*insertion.found_by, [2, 0]);
        assert_eq!(&*insertion.tail, r#" ON CONFLICT ("c", "a") DO UPDATE SET "b" = "excluded"."b""#);
        for other in [
            r#"INSERT INTO "t" ("a") VALUES ($1) ON CONFLICT ("a") DO UPDATE SET "a" = $2"#,
            r#"INSERT INTO "t" ("a") VALUES ($1) ON CONFLICT ("z") DO UPDATE SET "a" = 1"#,
            r#"INSERT INTO "t" ("a") VALUES ($1) RETURNING "a""#,
        ] {
            assert!(Insertion::of(other, 1).is_none(), "{other}");
        }
    }

    #[test]
    fn one_statement_does_not_take_the_same_row_twice() {
        let text = r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2) ON CONFLICT ("a") DO UPDATE SET "b" = "excluded"."b""#;
        let mut heap = Heap::of(Key::Text(text.into()), text, vec![Type::TEXT; 2]).unwrap();
        let row = |a: &str, b: &str| vec![Bind::text(a), Bind::text(b)];
        heap.add(row("x", "1"));
        assert!(heap.meets(&row("x", "2")) && !heap.meets(&row("y", "1")));
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
