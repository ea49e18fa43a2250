//! One statement that asks or does for many values what a statement does for one. Knows statements as text, not what they
//! mean.

use tokio_postgres::types::Type;

/// The types of lists of these; `None` when there is no value, or one whose list is not known here.
pub(super) fn lists(types: &[Type]) -> Option<Vec<Type>> {
    let list = |of: &Type| {
        Some(match *of {
            Type::TEXT => Type::TEXT_ARRAY,
            Type::INT8 => Type::INT8_ARRAY,
            Type::INT4 => Type::INT4_ARRAY,
            Type::BOOL => Type::BOOL_ARRAY,
            _ => return None,
        })
    };
    if types.is_empty() { None } else { types.iter().map(list).collect() }
}

/// Rows of values as lists, one for each column.
pub(super) fn columns<T>(rows: impl IntoIterator<Item = Vec<T>>) -> Vec<Vec<T>> {
    let mut columns: Vec<Vec<T>> = Vec::new();
    for row in rows {
        columns.resize_with(columns.len().max(row.len()), Vec::new);
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    columns
}

/// Asks what `text` asks, for the first of `width` lists of values, for the second and so on. Behind the columns of an answer
/// stands which it is, from 1 on.
///
/// The server sets such a statement up once and not once for each: that is most of what a short question costs.
pub(super) fn together(text: &str, width: usize) -> String {
    format!(
        "SELECT answer.*, asked.place FROM unnest({}) WITH ORDINALITY AS asked({}, place) CROSS JOIN LATERAL ({}) AS answer",
        names("$", width),
        names("v", width),
        placed(text)
    )
}

/// The name with each number up to `width`.
fn names(name: &str, width: usize) -> String {
    (1..=width).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(", ")
}

/// How one row is changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) table: Box<str>,
    /// The places of the values by which the row is found, from 0 on.
    pub(super) found_by: Box<[usize]>,
    set: Box<str>,
    found: Box<str>,
}

impl Change {
    /// Changes as many rows as its `width` lists of values are long. A row that is meant twice gets either's values.
    pub(super) fn many(&self, width: usize) -> String {
        let Self { table, set, found, .. } = self;
        let (set, found) = (placed(set), placed(found));
        format!(
            "UPDATE {table} SET {set} FROM unnest({}) AS asked({}) WHERE {found}",
            names("$", width),
            names("v", width)
        )
    }
}

/// Understands `UPDATE t SET a = $1, … WHERE k = $2 AND …` for `width` values; `None` for any other statement.
pub(super) fn change(text: &str, width: usize) -> Option<Change> {
    let (table, rest) = text.strip_prefix("UPDATE ")?.split_once(" SET ")?;
    let (set, found) = rest.split_once(" WHERE ")?;
    let places = |terms: &str, between: &str| terms.split(between).map(place).collect::<Option<Box<[usize]>>>();
    let (changed, found_by) = (places(set, ", ")?, places(found, " AND ")?);
    let whole = changed.len() + found_by.len() == width;
    whole.then(|| Change { table: table.into(), found_by, set: set.into(), found: found.into() })
}

/// Of `column = $n` the place of its value.
fn place(term: &str) -> Option<usize> {
    let (column, number) = term.split_once(" = $")?;
    let number: usize = number.parse().ok()?;
    if column.contains(' ') { None } else { number.checked_sub(1) }
}

/// With the columns of a row of values in place of `$1` and so on.
fn placed(text: &str) -> String {
    let mut parts = text.split('$');
    let mut placed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_value = part.starts_with(|first: char| first.is_ascii_digit());
        placed.push_str(if is_value { "asked.v" } else { "$" });
        placed.push_str(part);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_columns() {
        assert_eq!(
            together("SELECT a FROM t WHERE b = $1 AND c = $12 LIMIT $2", 2),
            "SELECT answer.*, asked.place FROM unnest($1, $2) WITH ORDINALITY AS asked(v1, v2, place) CROSS JOIN LATERAL \
             (SELECT a FROM t WHERE b = asked.v1 AND c = asked.v12 LIMIT asked.v2) AS answer"
        );
        assert_eq!(placed("SELECT '$' || $3"), "SELECT '$' || asked.v3");
    }

    #[test]
    fn a_change_of_a_row_becomes_one_of_many() {
        let known = change("UPDATE t SET a = $1, b = $2 WHERE k = $3 AND l = $4", 4).unwrap();
        assert_eq!((&*known.table, &*known.found_by), ("t", &[2, 3][..]));
        assert_eq!(
            known.many(4),
            "UPDATE t SET a = asked.v1, b = asked.v2 FROM unnest($1, $2, $3, $4) AS asked(v1, v2, v3, v4) \
             WHERE k = asked.v3 AND l = asked.v4"
        );
        for other in [
            "UPDATE t SET a = a + $1 WHERE k = $2",
            "UPDATE t SET a = $1 WHERE k > $2",
            "UPDATE t SET a = $1 WHERE k = $2 RETURNING a",
            "UPDATE t SET a = $1",
            "DELETE FROM t WHERE k = $1 AND l = $2",
        ] {
            assert_eq!(change(other, 2), None, "{other}");
        }
    }

    #[test]
    fn only_values_whose_lists_are_known_go_together() {
        assert_eq!(lists(&[Type::TEXT, Type::INT8]), Some(vec![Type::TEXT_ARRAY, Type::INT8_ARRAY]));
        assert_eq!(lists(&[Type::TEXT, Type::POINT]), None);
        assert_eq!(lists(&[]), None);
    }
}
