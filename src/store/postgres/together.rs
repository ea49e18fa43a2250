//! One statement that asks for many values what a statement asks for one. Knows statements as text, not what they ask.

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

/// Asks what `text` asks, for the first of `width` lists of values, for the second and so on. Behind the columns of an answer
/// stands which it is, from 1 on.
///
/// The server sets such a statement up once and not once for each: that is most of what a short question costs.
pub(super) fn together(text: &str, width: usize) -> String {
    let names = |name: &str| (1..=width).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT answer.*, asked.place FROM unnest({}) WITH ORDINALITY AS asked({}, place) CROSS JOIN LATERAL ({}) AS answer",
        names("$"),
        names("v"),
        placed(text)
    )
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
    fn only_values_whose_lists_are_known_go_together() {
        assert_eq!(lists(&[Type::TEXT, Type::INT8]), Some(vec![Type::TEXT_ARRAY, Type::INT8_ARRAY]));
        assert_eq!(lists(&[Type::TEXT, Type::POINT]), None);
        assert_eq!(lists(&[]), None);
    }
}
