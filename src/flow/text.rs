//! Texts with variables in them, `{{ticket.no}}`: paths only, no logic. Knows no language and no channel.

use super::value::{Path, Vars, reading};

/// Longest text after its variables are filled in, characters; more is cut off.
const RENDERED_MAX: usize = 4000;

/// A text in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    /// A path and where it starts, in characters of the text.
    Variable(Path, usize),
}

/// Why a text is not understood, and at which character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `{{` without `}}`.
    Open(usize),
    /// What stands between them is no path.
    Path(usize),
}

impl Text {
    /// Reads a text.
    pub(super) fn parse(source: &str) -> Result<Self, Fault> {
        let mut pieces = Vec::new();
        let (mut rest, mut offset) = (source, 0);
        while let Some((before, after)) = rest.split_once("{{") {
            let at = offset + before.chars().count();
            let (inner, tail) = after.split_once("}}").ok_or(Fault::Open(at))?;
            let path = Path::parse(inner.trim()).ok_or(Fault::Path(at))?;
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.to_owned()));
            }
            pieces.push(Piece::Variable(path, at));
            offset = at + inner.chars().count() + 4;
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// A text without variables.
    pub(super) fn plain(text: &str) -> Self {
        Self(vec![Piece::Plain(text.to_owned())])
    }

    /// The variables that it uses, each with its place in characters.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Plain(_) => None,
            Piece::Variable(path, at) => Some((path.variable(), *at)),
        })
    }

    /// The path, when the text is one variable and nothing else.
    pub(super) fn only(&self) -> Option<&Path> {
        match self.0.as_slice() {
            [Piece::Variable(path, _)] => Some(path),
            _ => None,
        }
    }

    /// The text with what the variables hold; what is missing is empty.
    pub(super) fn render(&self, vars: &Vars) -> String {
        self.fill(vars, |text| text)
    }

    /// The same for an address: what variables hold is percent-encoded, so that it stays one part of it.
    pub(super) fn render_address(&self, vars: &Vars) -> String {
        self.fill(vars, |text| encoded(&text))
    }

    fn fill(&self, vars: &Vars, guard: impl Fn(String) -> String) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => filled.push_str(text),
                Piece::Variable(path, _) => {
                    filled.push_str(&path.find(vars).map_or_else(String::new, |value| guard(reading(value))));
                }
            }
        }
        match filled.char_indices().nth(RENDERED_MAX) {
            Some((end, _)) => filled.get(..end).unwrap_or_default().to_owned(),
            None => filled,
        }
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn variables_are_filled_in_once_and_missing_ones_are_empty() {
        let Value::Object(vars) = json!({"ticket": {"no": "T1", "of": [7, true]}, "name": "{{ticket.no}}"}) else {
            panic!()
        };
        let text =
            Text::parse("编号 {{ ticket.no }}，{{name}}{{nobody.here}}{{ticket.of.0}} {{ticket.of}} {x}}").unwrap();
        assert_eq!(text.render(&vars), "编号 T1，{{ticket.no}}7 7、true {x}}");
        let used: Vec<_> = text.variables().collect();
        assert_eq!(used[..2], [("ticket", 3), ("name", 19)]);
        assert_eq!(
            Text::parse("https://h5/?a={{name}}").unwrap().render_address(&vars),
            "https://h5/?a=%7B%7Bticket.no%7D%7D"
        );
    }

    #[test]
    fn faults_know_their_character() {
        assert_eq!(Text::parse("您{{x"), Err(Fault::Open(1)));
        assert_eq!(Text::parse("您{{x}}{{1 + 1}}"), Err(Fault::Path(6)));
        assert_eq!(Text::parse("{{}}"), Err(Fault::Path(0)));
    }

    #[test]
    fn a_filled_text_is_bounded() {
        let vars = Vars::from_iter([("x".to_owned(), json!("长".repeat(5000)))]);
        assert_eq!(Text::parse("{{x}}{{x}}").unwrap().render(&vars).chars().count(), RENDERED_MAX);
    }
}
