//! `[[service]]`: other systems that a tenant's forms ask. Data and the scripted ones; who is called how is not known here.

use serde_json::{Map, Value};

use crate::config::reader::Reader;
use crate::model::secret::Secret;

/// The service of a form that is the gateway itself.
const LOCAL: &str = "local";

/// A system that forms ask, by the name that they use.
#[derive(Debug, Clone)]
pub struct Service {
    /// The name.
    pub id: String,
    /// How it is asked.
    pub kind: Kind,
}

/// How a system is asked.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A module on the bus.
    Amqp,
    /// A program of the enterprise.
    Http {
        /// Where operations are posted.
        url: String,
        /// What requests are signed with.
        secret: Option<Secret>,
    },
    /// Fixed answers, for trying forms out.
    Script(Script),
}

/// Fixed answers: the first that fits is given.
#[derive(Debug, Clone, Default)]
pub struct Script(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    op: String,
    /// Arguments that must have these values.
    when: Map<String, Value>,
    reply: Result<Value, String>,
}

impl Script {
    /// The answer to an operation.
    ///
    /// # Errors
    /// The words of a scripted refusal, or that there is no rule.
    pub fn answer(&self, op: &str, args: &Map<String, Value>) -> Result<Value, String> {
        let fits = |rule: &&Rule| rule.op == op && rule.when.iter().all(|(name, value)| args.get(name) == Some(value));
        self.0.iter().find(fits).map_or_else(|| Err(format!("no rule for {op}")), |rule| rule.reply.clone())
    }
}

#[derive(Clone, Copy)]
enum Word {
    Amqp,
    Http,
    Script,
}

impl Service {
    pub(super) fn read(r: &Reader<'_>) -> Option<Self> {
        let id = r.text("id").to_owned();
        if id == LOCAL {
            r.problem("id", "is the gateway itself");
        }
        let word = r.choice("kind", &[("amqp", Word::Amqp), ("http", Word::Http), ("script", Word::Script)]);
        let rules = r.sections("reply");
        let (url, secret) = (r.maybe_text("url"), r.secret("secret"));
        let kind = match word? {
            Word::Amqp => Kind::Amqp,
            Word::Http => {
                if url.is_none() {
                    r.problem("url", "is required by this kind");
                }
                Kind::Http { url: url?.to_owned(), secret }
            }
            Word::Script => Kind::Script(Script(rules.iter().filter_map(rule).collect())),
        };
        r.unknown();
        Some(Self { id, kind })
    }
}

fn rule(r: &Reader<'_>) -> Option<Rule> {
    let op = r.text("op").to_owned();
    let object = |key: &'static str| -> Option<Map<String, Value>> {
        let text = r.maybe_text(key)?;
        let parsed = serde_json::from_str(text).ok();
        if parsed.is_none() {
            r.problem(key, "must be a JSON object");
        }
        parsed
    };
    let (when, result, refusal) = (object("when").unwrap_or_default(), object("result"), r.maybe_text("refusal"));
    r.unknown();
    let reply = match (result, refusal) {
        (_, Some(words)) => Err(words.to_owned()),
        (Some(result), None) => Ok(Value::Object(result)),
        (None, None) => Ok(Value::Object(Map::new())),
    };
    Some(Rule { op, when, reply })
}
