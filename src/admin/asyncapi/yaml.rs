//! Writes a JSON value as YAML that people can read. Every text is quoted, so that nothing is mistaken for something
//! else; the order of keys is the map's own.

use serde_json::Value;

/// The value as YAML, its lines indented by `depth` steps.
pub(super) fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                if index > 0 {
                    indent(out, depth);
                }
                entry(out, key, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    indent(out, depth);
                }
                out.push_str("- ");
                if is_nested(item) {
                    write(out, item, depth + 1);
                } else {
                    scalar(out, item);
                }
            }
        }
        other => scalar(out, other),
    }
}

/// One key with its value, at a place that is indented already; ends the line.
pub(super) fn entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    if is_plain(key) {
        out.push_str(key);
    } else {
        out.push_str(&Value::from(key).to_string());
    }
    out.push(':');
    if is_nested(value) {
        out.push('\n');
        indent(out, depth + 1);
        write(out, value, depth + 1);
    } else {
        out.push(' ');
        scalar(out, value);
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// A value on one line. JSON's own form is YAML, too.
fn scalar(out: &mut String, value: &Value) {
    out.push_str(&value.to_string());
    out.push('\n');
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Whether a key means itself without quotes.
fn is_plain(key: &str) -> bool {
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$'));
    word && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&key.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_values_are_indented_and_texts_quoted() {
        let value = json!({
            "a": [{ "b": 1, "c": ["x: y", true] }, [2, 3]], "d": {}, "on": "no", "e/f": null, "g": { "h": "1\n2" },
        });
        let mut out = String::new();
        write(&mut out, &value, 0);
        let expected = r#"a:
  - b: 1
    c:
      - "x: y"
      - true
  - - 2
    - 3
d: {}
"e/f": null
g:
  h: "1\n2"
"on": "no"
"#;
        assert_eq!(out, expected);
    }
}
