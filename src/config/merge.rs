//! Lays one layer of settings over another. Knows shapes, not meanings.

use toml::{Table, Value};

use super::problem::Problems;

/// What starts an environment variable that is a setting.
pub(super) const PREFIX: &str = "YIZHAN__";

/// Lays `over` on `base`, key by key inside sections.
///
/// A section whose `kind` changes starts empty: the keys of one back end mean nothing to another.
pub(super) fn overlay(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(section)) => {
                if section.get("kind").is_some_and(|kind| under.get("kind") != Some(kind)) {
                    under.clear();
                }
                overlay(under, section);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The settings among the environment variables, shaped like a file. A value takes the type that the key has in
/// `base`; where `base` has no such key, what looks like a number or a truth value is one.
pub(super) fn from_environment<'a>(
    base: &Table,
    env: impl Iterator<Item = (&'a String, &'a String)>,
    problems: &mut Problems,
) -> Table {
    let mut layer = Table::new();
    for (name, text) in env {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let Some((section, key)) = rest.split_once("__") else {
            problems.push(name, "must be YIZHAN__SECTION__KEY");
            continue;
        };
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        let like = base.get(&section).and_then(|table| table.get(&key));
        let entry = layer.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = entry {
            table.insert(key, typed(like, text));
        }
    }
    layer
}

/// The text as a value of the type of `like`, or as a text when it is none: the reader then reports the type.
fn typed(like: Option<&Value>, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    let as_int = || text.trim().parse().ok().map(Value::Integer);
    let as_flag = || text.trim().parse().ok().map(Value::Boolean);
    match like {
        Some(Value::String(_)) => as_text(),
        Some(Value::Integer(_)) => as_int().unwrap_or_else(as_text),
        Some(Value::Boolean(_)) => as_flag().unwrap_or_else(as_text),
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => as_int().or_else(as_flag).unwrap_or_else(as_text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn keys_are_replaced_one_by_one() {
        let mut base = table("[a]\nx = 1\ny = 2\n[b]\nz = 3");
        overlay(&mut base, table("[a]\ny = 5"));
        assert_eq!(base, table("[a]\nx = 1\ny = 5\n[b]\nz = 3"));
    }

    #[test]
    fn another_kind_starts_empty() {
        let mut base = table("[store]\nkind = \"sqlite\"\npath = \"x\"");
        overlay(&mut base, table("[store]\nkind = \"postgres\"\nurl = \"u\""));
        assert_eq!(base, table("[store]\nkind = \"postgres\"\nurl = \"u\""));
        overlay(&mut base, table("[store]\nkind = \"postgres\"\nconnections = 3"));
        assert_eq!(base, table("[store]\nkind = \"postgres\"\nurl = \"u\"\nconnections = 3"));
    }

    #[test]
    fn environment_takes_the_type_of_the_key() {
        let base = table("[a]\nn = 1\nflag = false\nlist = []\ntext = \"\"");
        let env = [("N", "7"), ("FLAG", "true"), ("LIST", "x, y"), ("TEXT", "8"), ("NEW", "9")]
            .map(|(key, value)| (format!("YIZHAN__A__{key}"), value.to_owned()));
        let mut problems = Problems::default();
        let layer = from_environment(&base, env.iter().map(|(k, v)| (k, v)), &mut problems);
        assert_eq!(layer, table("[a]\nn = 7\nflag = true\nlist = [\"x\", \"y\"]\ntext = \"8\"\nnew = 9"));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_name_without_a_key_is_refused() {
        let mut problems = Problems::default();
        let env = [("YIZHAN__HTTP".to_owned(), "x".to_owned()), ("HOME".to_owned(), "/".to_owned())];
        assert!(from_environment(&Table::new(), env.iter().map(|(k, v)| (k, v)), &mut problems).is_empty());
        assert_eq!(problems.to_string(), "YIZHAN__HTTP: must be YIZHAN__SECTION__KEY");
    }
}
