//! The conditions of a branch: comparisons of variables with `&&`, `||` and `!`. Knows no steps; cannot call anything.
//!
//! ```text
//! or      = and { "||" and }
//! and     = not { "&&" not }
//! not     = "!" not | "(" or ")" | test
//! test    = operand [ ("==" | "!=" | "<" | "<=" | ">" | ">=") operand | "in" "[" literal { "," literal } "]" ]
//! operand = path | literal          literal = 'text' | "text" | number | true | false
//! ```
//! A text that reads as a number equals that number, because what customers type is text. A missing variable is
//! empty: it equals `''`, is not true, and is neither less nor greater than anything.

use serde_json::Value;

use super::token::{Compare, Fault, Kind, Token, tokens};
use super::value::{Path, Vars, is_true, reading};

/// Deepest nesting of `!` and parentheses.
const MAX_DEPTH: usize = 16;

/// A condition that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    root: Test,
    variables: Vec<(String, usize)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Compare(Operand, Compare, Operand),
    In(Operand, Vec<Value>),
    True(Operand),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Path(Path),
    Literal(Value),
}

impl Expression {
    /// Reads a condition.
    pub(super) fn parse(source: &str) -> Result<Self, Fault> {
        let mut parser = Parser { tokens: tokens(source)?, next: 0, variables: Vec::new() };
        let root = parser.any(0)?;
        match parser.peek() {
            Kind::End => Ok(Self { root, variables: parser.variables }),
            _ => Err(parser.fault("运算符或结尾", "an operator or the end")),
        }
    }

    /// The variables that it uses, each with its place in characters.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, usize)> {
        self.variables.iter().map(|(name, at)| (name.as_str(), *at))
    }

    /// Whether it holds.
    pub(super) fn holds(&self, vars: &Vars) -> bool {
        self.root.holds(vars)
    }
}

impl Test {
    fn holds(&self, vars: &Vars) -> bool {
        match self {
            Self::Any(tests) => tests.iter().any(|test| test.holds(vars)),
            Self::All(tests) => tests.iter().all(|test| test.holds(vars)),
            Self::Not(test) => !test.holds(vars),
            Self::True(operand) => is_true(operand.value(vars)),
            Self::In(operand, list) => list.iter().any(|item| equal(operand.value(vars), Some(item))),
            Self::Compare(left, how, right) => compare(left.value(vars), *how, right.value(vars)),
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, vars: &'v Vars) -> Option<&'v Value> {
        match self {
            Self::Path(path) => path.find(vars),
            Self::Literal(value) => Some(value),
        }
    }
}

fn compare(left: Option<&Value>, how: Compare, right: Option<&Value>) -> bool {
    match how {
        Compare::Equal => equal(left, right),
        Compare::Unequal => !equal(left, right),
        Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual => {
            let Some((left, right)) = number(left).zip(number(right)) else { return false };
            match how {
                Compare::Less => left < right,
                Compare::LessOrEqual => left <= right,
                Compare::Greater => left > right,
                _ => left >= right,
            }
        }
    }
}

fn equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    let is_number = |value: Option<&Value>| matches!(value, Some(Value::Number(_)));
    if (is_number(left) || is_number(right))
        && let Some((left, right)) = number(left).zip(number(right))
    {
        return left.total_cmp(&right).is_eq();
    }
    let text = |value: Option<&Value>| value.map_or_else(String::new, reading);
    text(left) == text(right)
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        // "inf" and "nan" are words here.
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b)) => text.parse().ok(),
        _ => None,
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    variables: Vec<(String, usize)>,
}

impl Parser {
    fn peek(&self) -> &Kind {
        self.tokens.get(self.next).map_or(&Kind::End, |token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    fn fault(&self, zh: &'static str, en: &'static str) -> Fault {
        Fault { at: self.at(), zh, en }
    }

    fn eat(&mut self, kind: &Kind) -> bool {
        let eaten = self.peek() == kind;
        self.next += usize::from(eaten);
        eaten
    }

    fn any(&mut self, depth: usize) -> Result<Test, Fault> {
        let mut tests = vec![self.all(depth)?];
        while self.eat(&Kind::Or) {
            tests.push(self.all(depth)?);
        }
        Ok(one(tests, Test::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Test, Fault> {
        let mut tests = vec![self.not(depth)?];
        while self.eat(&Kind::And) {
            tests.push(self.not(depth)?);
        }
        Ok(one(tests, Test::All))
    }

    fn not(&mut self, depth: usize) -> Result<Test, Fault> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("更浅的嵌套（最多 16 层）", "less nesting (at most 16 levels)"));
        }
        if self.eat(&Kind::Not) {
            return Ok(Test::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.eat(&Kind::Open) {
            let inner = self.any(depth + 1)?;
            return if self.eat(&Kind::Close) { Ok(inner) } else { Err(self.fault("`)`", "`)`")) };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Test, Fault> {
        let left = self.operand()?;
        if self.eat(&Kind::In) {
            return Ok(Test::In(left, self.list()?));
        }
        let Kind::Compare(how) = *self.peek() else { return Ok(Test::True(left)) };
        self.next += 1;
        Ok(Test::Compare(left, how, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let at = self.at();
        let operand = match self.peek() {
            Kind::Path(path) => Operand::Path(path.clone()),
            Kind::Literal(value) => Operand::Literal(value.clone()),
            _ => return Err(self.fault("变量、'文本' 或数字", "a variable, a 'text' or a number")),
        };
        if let Operand::Path(path) = &operand {
            self.variables.push((path.variable().to_owned(), at));
        }
        self.next += 1;
        Ok(operand)
    }

    fn list(&mut self) -> Result<Vec<Value>, Fault> {
        if !self.eat(&Kind::OpenList) {
            return Err(self.fault("`[`", "`[`"));
        }
        let mut items = Vec::new();
        loop {
            let Kind::Literal(value) = self.peek() else {
                return Err(self.fault("'文本' 或数字", "a 'text' or a number"));
            };
            items.push(value.clone());
            self.next += 1;
            if self.eat(&Kind::CloseList) {
                return Ok(items);
            }
            if !self.eat(&Kind::Comma) {
                return Err(self.fault("`,` 或 `]`", "`,` or `]`"));
            }
        }
    }
}

fn one(mut tests: Vec<Test>, many: fn(Vec<Test>) -> Test) -> Test {
    match tests.pop() {
        Some(only) if tests.is_empty() => only,
        last => {
            tests.extend(last);
            many(tests)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn vars() -> Vars {
        let Value::Object(vars) = json!({
            "topic": "信用卡", "age": 18, "typed": "18", "code": "007", "yes": true, "no": false, "empty": "",
            "ticket": {"no": "T1", "count": 0}, "word": "nan",
        }) else {
            panic!()
        };
        vars
    }

    #[test]
    fn conditions_hold_or_not() {
        let cases = [
            ("topic == '信用卡'", true),
            ("topic != \"信用卡\"", false),
            ("age >= 18 && age < 19", true),
            ("typed <= 18 && typed > 17.5 && typed == 18", true),
            ("code == '7'", false),
            ("code == 7", true),
            ("yes || missing", true),
            ("no || missing || empty || ticket.count", false),
            ("!no && !(yes && no)", true),
            ("!!yes", true),
            ("topic in ['贷款', '信用卡']", true),
            ("typed in [1, 2, 18]", true),
            ("ticket.no == 'T1' && ticket", true),
            ("missing == ''", true),
            ("missing < 1 || missing > 0 || topic > 1 || word < 1", false),
            ("yes == true && no == false", true),
            ("yes&&no||yes", true),
            ("yes && (no || yes)", true),
            ("age > -1", true),
        ];
        for (source, expected) in cases {
            assert_eq!(Expression::parse(source).unwrap().holds(&vars()), expected, "{source}");
        }
    }

    #[test]
    fn faults_know_their_character() {
        let cases = [
            ("", 0),
            ("topic =", 6),
            ("topic = 'x'", 6),
            ("topic == ", 9),
            ("topic == '信", 9),
            ("(a || b", 7),
            ("a b", 2),
            ("a in 'x'", 5),
            ("a in [b]", 6),
            ("a in ['x' 'y']", 10),
            ("a in []", 6),
            ("a & b", 2),
            ("a + 1", 2),
            ("1.2.3 == a", 0),
            ("a..b", 0),
        ];
        for (source, at) in cases {
            assert_eq!(Expression::parse(source).map_err(|fault| fault.at), Err(at), "{source}");
        }
        assert!(Expression::parse(&"!".repeat(5000)).is_err());
        assert!(Expression::parse(&format!("{}a", "(".repeat(5000))).is_err());
        assert!(Expression::parse(&format!("{}a{}", "(".repeat(20), ")".repeat(20))).is_err());
        assert!(Expression::parse(&format!("{}a", "!".repeat(900))).is_err());
    }

    #[test]
    fn the_variables_are_known_with_their_places() {
        let expression = Expression::parse("a == 'b' && !c.d").unwrap();
        assert_eq!(expression.variables().collect::<Vec<_>>(), [("a", 0), ("c", 13)]);
    }

    proptest! {
        #[test]
        fn nothing_written_makes_it_panic(source in "[a-c!&|=<>()\\[\\], .'\"0-9信in-]{0,40}") {
            if let Ok(expression) = Expression::parse(&source) {
                expression.holds(&vars());
            }
        }
    }
}
