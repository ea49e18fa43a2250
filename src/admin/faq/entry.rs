//! An entry of the question base as administrators write and read it, and what it must look like. Knows no table.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admin::problem::Finding;
use crate::model::id::{FaqId, FlowId, QueueId};
use crate::model::time::Millis;
use crate::robot::faq::normalise;
use crate::store::faq::Entry;

/// The longest wording of a question, in characters.
const QUESTION: usize = 200;
/// Wordings besides the standard one.
const SIMILAR: usize = 50;
/// The longest answer, in characters: what a robot says in one turn.
const ANSWER: usize = 2_000;
/// The longest category, in characters.
const CATEGORY: usize = 64;

/// What an entry is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EntryKind")]
pub enum Kind {
    /// Business: something that a customer wants to know.
    #[default]
    Faq,
    /// Talk: a greeting, thanks, a joke. Never offered to choose from.
    Chitchat,
}

impl Kind {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Faq => "faq",
            Self::Chitchat => "chitchat",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Faq, Self::Chitchat].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An entry to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EntryDraft")]
pub struct Draft {
    /// Its name; made up for a new entry without one, and never changed.
    pub id: Option<FaqId>,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
    /// The standard wording of the question, which customers are shown to choose from. At most 200 characters.
    pub question: String,
    /// Other wordings, at most 50, without `|`.
    #[serde(default)]
    pub similar: Vec<String>,
    /// The answer. At most 2,000 characters; may be left out where the entry leads somewhere.
    #[serde(default)]
    pub answer: String,
    /// What it leads to in place of an answer: `flow:<id>`, `handoff` or `handoff:<queue>`.
    pub leads: Option<String>,
    /// For people who keep the base. At most 64 characters.
    #[serde(default)]
    pub category: String,
    /// Whether it is answered.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Not answered before.
    pub valid_from: Option<Millis>,
    /// Not answered after.
    pub valid_to: Option<Millis>,
    /// Ignored: what was read can be sent back as it is.
    #[serde(default)]
    pub updated_at: Option<Millis>,
}

fn yes() -> bool {
    true
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Entry")]
pub struct View {
    /// Its name.
    pub id: FaqId,
    /// What it is for.
    pub kind: Kind,
    /// The standard wording of the question.
    pub question: String,
    /// Other wordings.
    pub similar: Vec<String>,
    /// The answer.
    pub answer: String,
    /// What it leads to in place of an answer: `flow:<id>`, `handoff` or `handoff:<queue>`.
    pub leads: Option<String>,
    /// For people who keep the base.
    pub category: String,
    /// Whether it is answered.
    pub enabled: bool,
    /// Not answered before.
    pub valid_from: Option<Millis>,
    /// Not answered after.
    pub valid_to: Option<Millis>,
    /// When it was last changed.
    pub updated_at: Millis,
}

impl From<Entry> for View {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.faq,
            kind: Kind::parse(&entry.kind).unwrap_or_default(),
            question: entry.question,
            similar: entry.similar,
            answer: entry.answer,
            leads: entry.leads,
            category: entry.category,
            enabled: entry.enabled,
            valid_from: entry.valid_from,
            valid_to: entry.valid_to,
            updated_at: entry.updated_at,
        }
    }
}

/// What entries may lead to.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) flows: BTreeSet<FlowId>,
    pub(super) queues: BTreeSet<QueueId>,
}

impl Places {
    /// What is wrong with the place, if anything is.
    fn fault(&self, leads: &str) -> Option<&'static str> {
        const FORM: &str =
            "应为 flow:<流程>、handoff 或 handoff:<队列> / must be flow:<id>, handoff or handoff:<queue>";
        match leads.split_once(':') {
            Some(("flow", id)) => match FlowId::parse(id) {
                Ok(id) if self.flows.contains(&id) => None,
                Ok(_) => Some("没有这个流程 / there is no such flow"),
                Err(_) => Some(FORM),
            },
            Some(("handoff", id)) => match QueueId::parse(id) {
                Ok(id) if self.queues.contains(&id) => None,
                Ok(_) => Some("没有这个队列 / there is no such queue"),
                Err(_) => Some(FORM),
            },
            None if leads == "handoff" => None,
            _ => Some(FORM),
        }
    }
}

/// Notes a text that is too long or has what no text has.
fn text(found: &mut Vec<Finding>, field: &str, text: &str, most: usize) {
    if text.chars().count() > most {
        found.push(Finding::field(field, format!("最多 {most} 个字 / at most {most} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        found.push(Finding::field(field, "不能含控制字符 / must not have control characters"));
    }
}

impl Draft {
    /// Takes away what means nothing: space around texts, wordings that stand twice or say nothing.
    pub(super) fn tidied(mut self) -> Self {
        let tidy = |text: &str| text.trim().replace("\r\n", "\n");
        self.question = tidy(&self.question);
        self.answer = tidy(&self.answer);
        self.category = tidy(&self.category);
        self.leads = self.leads.map(|leads| tidy(&leads)).filter(|leads| !leads.is_empty());
        let mut seen = BTreeSet::from([self.question.clone()]);
        let similar = std::mem::take(&mut self.similar).into_iter().map(|text| tidy(&text));
        self.similar = similar.filter(|text| !text.is_empty() && seen.insert(text.clone())).collect();
        self
    }

    /// Everything that is wrong with it.
    pub(super) fn faults(&self, places: &Places) -> Vec<Finding> {
        let mut found = Vec::new();
        text(&mut found, "question", &self.question, QUESTION);
        if normalise(&self.question).is_empty() {
            found.push(Finding::field("question", "不能为空 / must say something"));
        }
        if self.similar.len() > SIMILAR {
            found.push(Finding::field("similar", format!("最多 {SIMILAR} 条 / at most {SIMILAR}")));
        }
        for similar in &self.similar {
            text(&mut found, "similar", similar, QUESTION);
            if similar.contains(['|', '\n']) {
                found.push(Finding::field("similar", "不能含 | 或换行 / must not have | or line ends"));
            }
        }
        text(&mut found, "answer", &self.answer, ANSWER);
        text(&mut found, "category", &self.category, CATEGORY);
        if self.answer.is_empty() && self.leads.is_none() {
            found.push(Finding::field(
                "answer",
                "须有答案（answer）或转向（leads） / an answer, or what it leads to, is required",
            ));
        }
        if let Some(fault) = self.leads.as_deref().and_then(|leads| places.fault(leads)) {
            found.push(Finding::field("leads", fault));
        }
        if self.valid_from.zip(self.valid_to).is_some_and(|(from, to)| from > to) {
            found.push(Finding::field("valid_to", "不能早于生效时间（valid_from） / must not be before valid_from"));
        }
        found.dedup();
        found
    }

    /// The entry under that name.
    pub(super) fn entry(self, id: FaqId, now: Millis) -> Entry {
        Entry {
            faq: id,
            kind: self.kind.as_str().to_owned(),
            question: self.question,
            similar: self.similar,
            answer: self.answer,
            leads: self.leads,
            category: self.category,
            enabled: self.enabled,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            updated_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(value: serde_json::Value) -> Draft {
        serde_json::from_value::<Draft>(value).unwrap().tidied()
    }

    fn fields(draft: &Draft) -> Vec<String> {
        let places = Places {
            flows: BTreeSet::from([FlowId::parse("bind").unwrap()]),
            queues: BTreeSet::from([QueueId::parse("vip").unwrap()]),
        };
        draft.faults(&places).into_iter().filter_map(|finding| finding.field).collect()
    }

    #[test]
    fn a_question_and_an_answer_are_enough() {
        let draft = draft(
            json!({ "question": " 如何挂失？ ", "answer": "请致电。\r\n谢谢", "similar": ["卡丢了", "卡丢了 ", ""] }),
        );
        assert_eq!((draft.question.as_str(), draft.answer.as_str()), ("如何挂失？", "请致电。\n谢谢"));
        assert_eq!((draft.similar.len(), draft.enabled, draft.kind), (1, true, Kind::Faq));
        assert!(fields(&draft).is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let wrong = draft(json!({
            "question": "？！", "answer": "", "similar": ["a|b"], "category": "x".repeat(65),
            "valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z",
        }));
        assert_eq!(fields(&wrong), ["question", "similar", "category", "answer", "valid_to"]);
        assert_eq!(
            fields(&draft(json!({ "question": "a\u{0}b", "answer": "长".repeat(2_001) }))),
            ["question", "answer"]
        );
    }

    #[test]
    fn an_entry_leads_only_to_what_is_there() {
        let leads = |leads: &str| fields(&draft(json!({ "question": "问", "leads": leads })));
        for right in ["flow:bind", "handoff", "handoff:vip"] {
            assert!(leads(right).is_empty(), "{right}");
        }
        for wrong in ["flow:other", "handoff:other", "flow:", "flow:a b", "robot", "handoff:", "FLOW:bind"] {
            assert_eq!(leads(wrong), ["leads"], "{wrong}");
        }
    }
}
