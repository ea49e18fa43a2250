//! Reads typed values out of the tree; whatever does not fit becomes a problem, and a harmless value stands in for it,
//! so that the rest is still looked at. Knows types, not kinds of steps.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::flow::definition::{Escape, Resort, Setting};
use crate::flow::expression::Expression;
use crate::flow::graph::{NOWHERE, Use};
use crate::flow::problem::{Position, Problems};
use crate::flow::text::{Fault, Text};
use crate::flow::value::is_name;
use crate::flow::yaml::{Kind, Node};

/// Longest text that a customer reads, characters.
const TEXT_MAX: usize = 2000;
/// Longest name, key, word or value, characters.
const WORD_MAX: usize = 200;
/// Largest compiled pattern, bytes.
const REGEX_MAX: usize = 256 * 1024;

/// What reading needs to know and what it finds.
pub(super) struct Reader<'r> {
    pub(super) problems: &'r mut Problems,
    pub(super) labels: &'r HashMap<String, usize>,
    /// Words that leave the flow.
    pub(super) escapes: &'r [(String, Escape)],
    /// The step that is being read.
    pub(super) step: usize,
    pub(super) uses: Vec<Use>,
}

/// The keys of a map that may be there, and their values.
pub(super) struct Fields<'n> {
    pub(super) at: Position,
    entries: Vec<(&'n str, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, at: Position, zh: impl Display, en: impl Display) {
        self.problems.push(at, zh, en);
    }

    fn expected(&mut self, node: &Node, zh: &str, en: &str) {
        let (is_zh, is_en) = node.name();
        self.wrong(node.at, format_args!("此处应为{zh}，而不是{is_zh}"), format_args!("must be {en}, not {is_en}"));
    }

    /// The entries of a map with their keys; keys twice are reported.
    pub(super) fn entries<'n>(&mut self, node: &'n Node) -> Vec<(&'n Node, &'n str, &'n Node)> {
        let Kind::Map(pairs) = &node.kind else {
            self.expected(node, "映射（键: 值）", "a map (key: value)");
            return Vec::new();
        };
        let mut entries: Vec<(&Node, &str, &Node)> = Vec::new();
        for (key, value) in pairs {
            let Some(name) = key.scalar() else {
                self.expected(key, "文本的键", "a text as the key");
                continue;
            };
            if entries.iter().any(|(_, other, _)| *other == name) {
                self.wrong(
                    key.at,
                    format_args!("键 {name} 写了两次，请删去一个"),
                    format_args!("the key {name} is there twice; remove one"),
                );
                continue;
            }
            entries.push((key, name, value));
        }
        entries
    }

    /// The fields of a map of which the keys are known. `{}` and nothing are a map without fields.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, known: &[&str]) -> Fields<'n> {
        let mut fields = Fields { at: node.at, entries: Vec::new() };
        if node.scalar().is_some_and(|text| text.is_empty() || text == "~" || text == "null") {
            return fields;
        }
        for (key, name, value) in self.entries(node) {
            if known.contains(&name) {
                fields.entries.push((name, value));
            } else {
                let known = known.join(", ");
                self.wrong(
                    key.at,
                    format_args!("未知的键 {name}，可用：{known}"),
                    format_args!("unknown key {name}; known are {known}"),
                );
            }
        }
        fields
    }

    pub(super) fn need<'n>(&mut self, fields: &Fields<'n>, key: &str) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() {
            self.wrong(fields.at, format_args!("缺少 {key}，请补上"), format_args!("{key} is missing; add it"));
        }
        found
    }

    /// A text of any length up to `most` characters, not empty.
    fn scalar<'n>(&mut self, node: &'n Node, most: usize) -> Option<&'n str> {
        let Some(text) = node.scalar() else {
            self.expected(node, "文本", "a text");
            return None;
        };
        if text.trim().is_empty() {
            self.wrong(node.at, "不能为空", "must not be empty");
            return None;
        }
        if text.chars().nth(most).is_some() {
            self.wrong(
                node.at,
                format_args!("超过 {most} 字，请缩短"),
                format_args!("is over {most} characters; shorten it"),
            );
            return None;
        }
        Some(text)
    }

    /// A short text.
    pub(super) fn word(&mut self, node: Option<&Node>) -> Option<String> {
        self.scalar(node?, WORD_MAX).map(|text| text.trim().to_owned())
    }

    /// Several short texts, or one.
    pub(super) fn words(&mut self, node: Option<&Node>) -> Vec<String> {
        let Some(node) = node else { return Vec::new() };
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.word(Some(item))).collect(),
            _ => self.word(Some(node)).into_iter().collect(),
        }
    }

    /// A variable's name; `None` when it is not there.
    pub(super) fn name(&mut self, node: Option<&Node>) -> Option<String> {
        let node = node?;
        let word = self.word(Some(node))?;
        if is_name(&word) {
            return Some(word);
        }
        self.wrong(
            node.at,
            format_args!("{word} 不是变量名：只能用字母、数字与 _，不以数字开头"),
            format_args!("{word} is no variable's name: letters, digits and _, no digit first"),
        );
        None
    }

    /// A text that customers read, with variables.
    pub(super) fn text(&mut self, node: Option<&Node>) -> Option<Text> {
        let node = node?;
        let source = self.scalar(node, TEXT_MAX)?;
        match Text::parse(source.trim_end()) {
            Ok(text) => {
                for (name, offset) in text.variables() {
                    self.uses.push((self.step, name.to_owned(), node.inside(offset)));
                }
                Some(text)
            }
            Err(Fault::Open(offset)) => {
                self.wrong(node.inside(offset), "`{{` 之后没有 `}}`", "`{{` without `}}`");
                None
            }
            Err(Fault::Path(offset)) => {
                let (zh, en) =
                    ("`{{ }}` 中只能写变量，如 {{ticket.no}}", "`{{ }}` takes a variable, like {{ticket.no}}");
                self.wrong(node.inside(offset), zh, en);
                None
            }
        }
    }

    /// A text without variables.
    pub(super) fn notice(&mut self, node: Option<&Node>) -> Option<String> {
        self.scalar(node?, TEXT_MAX).map(|text| text.trim().to_owned())
    }

    pub(super) fn condition(&mut self, node: Option<&Node>) -> Option<Expression> {
        let node = node?;
        let source = self.scalar(node, TEXT_MAX)?;
        match Expression::parse(source) {
            Ok(condition) => {
                for (name, offset) in condition.variables() {
                    self.uses.push((self.step, name.to_owned(), node.inside(offset)));
                }
                Some(condition)
            }
            Err(fault) => {
                self.wrong(
                    node.inside(fault.at),
                    format_args!("条件有误，此处应为{}", fault.zh),
                    format_args!("the condition is not understood; expected {}", fault.en),
                );
                None
            }
        }
    }

    pub(super) fn regex(&mut self, node: Option<&Node>) -> Option<Regex> {
        let node = node?;
        let source = self.scalar(node, TEXT_MAX)?;
        match RegexBuilder::new(source).size_limit(REGEX_MAX).dfa_size_limit(REGEX_MAX).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.wrong(
                    node.at,
                    format_args!("正则表达式有误（{why}）"),
                    format_args!("not a valid regular expression ({why})"),
                );
                None
            }
        }
    }

    /// `500ms`, `3s`, `30m`, `24h` or `7d`, within bounds.
    pub(super) fn duration(&mut self, node: Option<&Node>, most: Duration) -> Option<Duration> {
        let node = node?;
        let text = self.word(Some(node))?;
        match duration(&text).filter(|d| *d <= most && !d.is_zero()) {
            Some(duration) => Some(duration),
            None => {
                let most = most.as_secs();
                self.wrong(
                    node.at,
                    format_args!("时长应写作 500ms、3s、30m、24h 或 7d，大于零且不超过 {most} 秒"),
                    format_args!("must be a time like 500ms, 3s, 30m, 24h or 7d, over zero and at most {most} seconds"),
                );
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, node: Option<&Node>, least: u32, most: u32) -> Option<u32> {
        let node = node?;
        let number = node.scalar().and_then(|text| text.parse::<u32>().ok()).filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.wrong(
                node.at,
                format_args!("应为 {least} 到 {most} 的整数"),
                format_args!("must be a whole number from {least} to {most}"),
            );
        }
        number
    }

    pub(super) fn flag(&mut self, node: Option<&Node>) -> Option<bool> {
        let node = node?;
        let flag = match node.scalar() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        if flag.is_none() {
            self.wrong(node.at, "应为 true 或 false", "must be true or false");
        }
        flag
    }

    /// Two numbers, the first not over the second.
    pub(super) fn pair(&mut self, node: Option<&Node>) -> Option<(f64, f64)> {
        let node = node?;
        let numbers: Vec<f64> = match &node.kind {
            Kind::List(items) => items
                .iter()
                .filter_map(|item| item.scalar()?.parse::<f64>().ok())
                .filter(|number| number.is_finite())
                .collect(),
            _ => Vec::new(),
        };
        match numbers[..] {
            [least, most] if least <= most => Some((least, most)),
            _ => {
                self.wrong(node.at, "应为 [最小, 最大] 两个数", "must be two numbers: [least, most]");
                None
            }
        }
    }

    /// A number, a truth value or a text with variables.
    pub(super) fn setting(&mut self, node: &Node) -> Option<Setting> {
        let Kind::Scalar { text, plain, .. } = &node.kind else {
            self.expected(node, "文本、数字或 true/false", "a text, a number or true/false");
            return None;
        };
        if *plain && let Some(value) = literal(text) {
            return Some(Setting::Value(value));
        }
        if text.is_empty() {
            return Some(Setting::Text(Text::plain("")));
        }
        self.text(Some(node)).map(Setting::Text)
    }

    /// The step that a label names.
    pub(super) fn goto(&mut self, node: Option<&Node>) -> Option<usize> {
        let node = node?;
        let label = self.word(Some(node))?;
        let found = self.labels.get(&label).copied();
        if found.is_none() {
            let mut known: Vec<&str> = self.labels.keys().map(String::as_str).collect();
            known.sort_unstable();
            let known = known.join(", ");
            self.wrong(
                node.at,
                format_args!("没有标签为 {label} 的步骤，现有标签：{known}"),
                format_args!("no step has the label {label}; labels are: {known}"),
            );
        }
        Some(found.unwrap_or(NOWHERE))
    }

    /// What to do when a step cannot do its part: a word, or a label.
    pub(super) fn resort(&mut self, node: Option<&Node>, default: Resort) -> Resort {
        let Some(node) = node else { return default };
        match node.scalar().and_then(resort) {
            Some(resort) => resort,
            None => self.goto(Some(node)).map_or(default, Resort::Goto),
        }
    }
}

/// The words that no label may be.
pub(super) fn resort(word: &str) -> Option<Resort> {
    match word {
        "cancel" => Some(Resort::Cancel),
        "handoff" => Some(Resort::Handoff),
        "say_later" => Some(Resort::Later),
        "continue" => Some(Resort::Continue),
        _ => None,
    }
}

/// What an unquoted text is, when it is no text.
pub(in crate::flow) fn literal(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        // A number that would not be written back the same, like 007, is a text.
        _ => {
            text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::from).or_else(|| {
                text.parse::<f64>().ok().filter(|n| n.to_string() == text && n.is_finite()).map(Value::from)
            })
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}
