//! The words of a condition with their places. Knows no grammar.

use serde_json::Value;

use super::value::{Path, is_name_char};

/// Longest condition, characters.
const MAX_CHARS: usize = 1000;

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Path(Path),
    Literal(Value),
    Compare(Compare),
    In,
    And,
    Or,
    Not,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    End,
}

/// A word and the character at which it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// What was expected, and at which character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [(&str, Kind); 15] = [
    ("==", Kind::Compare(Compare::Equal)),
    ("!=", Kind::Compare(Compare::Unequal)),
    ("<=", Kind::Compare(Compare::LessOrEqual)),
    (">=", Kind::Compare(Compare::GreaterOrEqual)),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("<", Kind::Compare(Compare::Less)),
    (">", Kind::Compare(Compare::Greater)),
    ("!", Kind::Not),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("[", Kind::OpenList),
    ("]", Kind::CloseList),
    (",", Kind::Comma),
    // A full-width comma is a frequent slip that means nothing else.
    ("，", Kind::Comma),
];

/// The words of a condition, [`Kind::End`] last.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    if source.chars().nth(MAX_CHARS).is_some() {
        return Err(Fault { at: MAX_CHARS, zh: "不超过 1000 字的条件", en: "at most 1,000 characters" });
    }
    let (mut rest, mut at, mut tokens) = (source, 0, Vec::new());
    while let Some(c) = rest.chars().next() {
        let (kind, length) = if c.is_whitespace() {
            (None, c.len_utf8())
        } else {
            let (kind, length) = token(rest, c, at)?;
            (Some(kind), length)
        };
        tokens.extend(kind.map(|kind| Token { kind, at }));
        let (taken, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        at += taken.chars().count();
        rest = tail;
    }
    tokens.push(Token { kind: Kind::End, at });
    Ok(tokens)
}

/// The word at the start of the text and its length in bytes.
fn token(rest: &str, first: char, at: usize) -> Result<(Kind, usize), Fault> {
    if let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((kind.clone(), sign.len()));
    }
    if first == '\'' || first == '"' {
        let inner = rest.strip_prefix(first).and_then(|rest| rest.split_once(first)).map(|(inner, _)| inner);
        let inner = inner.ok_or(Fault { at, zh: "结束的引号", en: "a closing quote" })?;
        return Ok((Kind::Literal(Value::from(inner)), inner.len() + 2));
    }
    let negative = usize::from(first == '-');
    let end = rest.char_indices().skip(negative).find(|(_, c)| !is_name_char(*c) && *c != '.').map(|(end, _)| end);
    let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let kind = match word {
        "in" => Some(Kind::In),
        "true" => Some(Kind::Literal(Value::Bool(true))),
        "false" => Some(Kind::Literal(Value::Bool(false))),
        _ if first.is_ascii_digit() || first == '-' => number(word).map(Kind::Literal),
        _ => Path::parse(word).map(Kind::Path),
    };
    let wanted = Fault {
        at,
        zh: "变量、'文本'、数字或 == != < <= > >= && || ! in",
        en: "a variable, a 'text', a number or one of == != < <= > >= && || ! in",
    };
    kind.map(|kind| (kind, word.len())).ok_or(wanted)
}

fn number(word: &str) -> Option<Value> {
    let whole = word.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| word.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from))
}
