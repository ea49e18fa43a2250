//! YAML as a small tree in which everything knows its place. Knows nothing of flows.
//!
//! Only what a form needs is taken: one document of maps, lists and scalars. Anchors, aliases and tags are refused, so
//! that a short file cannot unfold into a large one; size and depth are bounded before anything is built.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::problem::{Position, Problems};

/// Largest file, bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting; a flow needs six.
const MAX_DEPTH: usize = 12;

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A text; `plain` when it is not quoted, so that `1` may be a number. `inset` is how many characters stand before
    /// the text at its place, `None` when the text is a block and its characters stand on other lines.
    Scalar {
        text: String,
        plain: bool,
        inset: Option<usize>,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for a problem's text.
    pub(super) fn name(&self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Scalar { .. } => ("文本", "a text"),
            Kind::List(_) => ("列表", "a list"),
            Kind::Map(_) => ("映射", "a map"),
        }
    }

    /// The place of the character at `offset` of a scalar: exact on one line without escapes, else near.
    pub(super) fn inside(&self, offset: usize) -> Position {
        match self.kind {
            Kind::Scalar { inset: Some(inset), .. } => self.at.right(inset.saturating_add(offset)),
            _ => self.at,
        }
    }

    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value of a key, when this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(k, _)| k.scalar() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Reads one document. Problems of form go into `problems`; without a tree there is at least one.
pub(super) fn load(text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > MAX_BYTES {
        problems.push(
            Position::START,
            format_args!("文件超过 {} KiB，请拆成多个流程", MAX_BYTES / 1024),
            format_args!("the file is over {} KiB; split it into several flows", MAX_BYTES / 1024),
        );
        return None;
    }
    let mut loader = Loader { open: Vec::new(), root: None, problems };
    for event in Parser::new_from_str(text) {
        let kept = match event {
            Ok((event, span)) => loader.take(event, span),
            Err(error) => {
                let info = error.info();
                loader.problems.push(
                    place(error.marker()),
                    format_args!("不是有效的 YAML（{info}），请检查缩进与引号"),
                    format_args!("not valid YAML ({info}); check the indentation and the quotes"),
                );
                false
            }
        };
        if !kept {
            return None;
        }
    }
    if loader.root.is_none() {
        loader.problems.push(Position::START, "文件是空的", "the file is empty");
    }
    loader.root
}

/// A list or map that has not been closed yet.
enum Open {
    List(Position, Vec<Node>),
    Map(Position, Vec<(Node, Node)>, Option<Node>),
}

struct Loader<'p> {
    open: Vec<Open>,
    root: Option<Node>,
    problems: &'p mut Problems,
}

impl Loader<'_> {
    /// Takes an event; false when nothing sensible can follow.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = place(&span.start);
        match event {
            Event::Alias(_) => self.refuse(at),
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return self.refuse(at);
                }
                let inset = match style {
                    ScalarStyle::Plain => Some(0),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(1),
                    ScalarStyle::Literal | ScalarStyle::Folded => None,
                };
                let inset = inset.filter(|_| span.start.line() == span.end.line());
                let plain = style == ScalarStyle::Plain;
                self.place(Node { at, kind: Kind::Scalar { text: text.into_owned(), plain, inset } })
            }
            Event::SequenceStart(anchor, tag) => {
                let opened = Open::List(at, Vec::new());
                if anchor != 0 || tag.is_some() { self.refuse(at) } else { self.open(at, opened) }
            }
            Event::MappingStart(anchor, tag) => {
                let opened = Open::Map(at, Vec::new(), None);
                if anchor != 0 || tag.is_some() { self.refuse(at) } else { self.open(at, opened) }
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(at, items)) => self.place(Node { at, kind: Kind::List(items) }),
                Some(Open::Map(at, entries, _)) => self.place(Node { at, kind: Kind::Map(entries) }),
                None => false,
            },
            _ => true,
        }
    }

    fn refuse(&mut self, at: Position) -> bool {
        self.problems.push(
            at,
            "流程文件不支持锚点（&）、别名（*）与标签（!），请写出完整内容；以这些符号开头的文本请加引号",
            "anchors (&), aliases (*) and tags (!) are not taken: write the value out, or quote a text that starts so",
        );
        false
    }

    fn open(&mut self, at: Position, opened: Open) -> bool {
        if self.open.len() >= MAX_DEPTH {
            self.problems.push(
                at,
                format_args!("嵌套超过 {MAX_DEPTH} 层"),
                format_args!("nested deeper than {MAX_DEPTH} levels"),
            );
            return false;
        }
        self.open.push(opened);
        true
    }

    fn place(&mut self, node: Node) -> bool {
        match self.open.last_mut() {
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(node),
            },
            None if self.root.is_none() => self.root = Some(node),
            None => {
                self.problems.push(
                    node.at,
                    "一个文件只能写一个流程",
                    "one file holds one flow: remove what follows `---`",
                );
                return false;
            }
        }
        true
    }
}

fn place(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col().saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let mut problems = Problems::default();
        assert_eq!(load(text, &mut problems), None);
        problems.to_string()
    }

    #[test]
    fn everything_knows_its_place() {
        let mut problems = Problems::default();
        let root = load("flow: a\nsteps:\n  - say: \"您好\"\n  - {ask: {var: 名}}\n", &mut problems).unwrap();
        let Kind::List(steps) = &root.get("steps").unwrap().kind else { panic!("{root:?}") };
        let text = steps[0].get("say").unwrap();
        assert_eq!((text.at, text.inside(1)), (Position { line: 3, column: 10 }, Position { line: 3, column: 12 }));
        let name = steps[1].get("ask").and_then(|ask| ask.get("var")).unwrap();
        assert_eq!((name.at, name.scalar()), (Position { line: 4, column: 17 }, Some("名")));
    }

    #[test]
    fn what_could_unfold_is_refused_and_size_is_bounded() {
        assert!(refused("a: &x [1]\nb: [*x, *x]\n").starts_with("1:"), "{}", refused("a: &x [1]\n"));
        assert!(refused("a: !!binary x\n").contains("!"));
        assert!(refused(&"[".repeat(40)).contains("12"));
        // Deeper than the parser itself bears.
        assert!(!refused(&"[".repeat(1000)).is_empty());
        assert!(refused(&"{a: ".repeat(40)).contains("12"));
        assert!(refused(&"x".repeat(MAX_BYTES + 1)).contains("64 KiB"));
        assert!(refused("").contains("empty"));
        assert!(refused("a: 1\n---\nb: 2\n").contains("one file holds one flow"));
        assert!(refused("a: [1\nb: 'x\n").contains("not valid YAML"));
    }
}
