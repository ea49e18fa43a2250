//! The values of a run's variables: paths to them, how they read as text, what counts as true. Knows no steps.

use serde_json::{Map, Value};

/// A run's variables by name.
pub type Vars = Map<String, Value>;

/// A dotted path, `ticket.no`: a variable and fields inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

/// Longest name of a variable, characters.
const NAME_MAX: usize = 64;

/// Whether a text can be a variable's name: letters, digits and `_`, no digit first.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_MAX
        && text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && text.chars().all(is_name_char)
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Path {
    /// Reads `name` or `name.field.field`; a field may be a number, the place in a list from 0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let fields_fit = parts.iter().all(|part| !part.is_empty() && part.chars().all(is_name_char));
        (parts.first().is_some_and(|name| is_name(name)) && fields_fit && parts.len() <= 8).then_some(Self(parts))
    }

    /// The variable that it starts from.
    pub(super) fn variable(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// What it leads to; `None` when any part of it is not there.
    pub(super) fn find<'v>(&self, vars: &'v Vars) -> Option<&'v Value> {
        let (first, fields) = self.0.split_first()?;
        fields.iter().try_fold(vars.get(first)?, |value, field| match value {
            Value::Object(map) => map.get(field),
            Value::Array(items) => items.get(field.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// How a value reads inside a text. An object has no reading.
pub(super) fn reading(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Array(items) => items.iter().map(reading).collect::<Vec<_>>().join("、"),
        Value::Null | Value::Object(_) => String::new(),
    }
}

/// Whether a value counts as true: everything but what is absent, false, zero or empty.
pub(super) fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(yes)) => *yes,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
    }
}
