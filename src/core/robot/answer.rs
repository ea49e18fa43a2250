//! What a turn comes to: from the question base, or from an adapter outside. Says nothing and changes nothing.

use std::str::FromStr;

use super::knowledge::Library;
use super::over::Wish;
use super::reply::Near;
use crate::model::dialogue::{Choice, Leads, Outcome};
use crate::model::id::{FaqId, FlowId, QueueId};
use crate::model::time::Millis;
use crate::robot::faq::{Decision, Thresholds, decide};
use crate::store::faq::Entry;
use crate::store::turn::Turn;
use crate::tenant::Robot;

/// Hits that a trace keeps.
const KEPT: usize = 5;

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// Nothing of its own: what the rules say.
    Nothing,
    /// Texts, one after another.
    Texts(Vec<String>),
    /// A list to choose from, with the adapter's own words above it.
    List(Option<String>, Vec<Choice>),
    /// A form begins.
    Flow(FlowId),
    /// A person takes over.
    Person(Wish),
    /// The session ends.
    End(String),
    /// The answer comes by itself later.
    Later,
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) outcome: Outcome,
    /// What is said before the reply.
    pub(super) first: Vec<String>,
    pub(super) reply: Reply,
    pub(super) near: Vec<Near>,
    /// What the adapter wants to be given back.
    pub(super) memory: Option<String>,
    pub(super) error: Option<String>,
}

impl Found {
    pub(super) fn new(outcome: Outcome, reply: Reply) -> Self {
        Self { outcome, first: Vec::new(), reply, near: Vec::new(), memory: None, error: None }
    }

    /// The adapter failed.
    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self { error: Some(error.to_string()), ..Self::new(Outcome::Failed, Reply::Nothing) }
    }
}

/// What an entry leads to in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lead {
    /// A form.
    Flow(FlowId),
    /// A person, of this queue.
    Person(Option<QueueId>),
}

impl FromStr for Lead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be flow:<id>, handoff or handoff:<queue>";
        match text.split_once(':') {
            Some(("flow", id)) => FlowId::parse(id).map(Self::Flow).map_err(|_form| FORM),
            Some(("handoff", id)) => QueueId::parse(id).map(Some).map(Self::Person).map_err(|_form| FORM),
            None if text == "handoff" => Ok(Self::Person(None)),
            _ => Err(FORM),
        }
    }
}

/// The answer of the question base to a turn. `rows` lines at most are offered to choose from.
pub(super) fn from_base(library: &Library, robot: &Robot, turn: &Turn, rows: usize, now: Millis) -> Found {
    if let Some(choice) = &turn.chosen {
        return match &choice.leads {
            Leads::Faq(id) => match library.entry(id) {
                Some(entry) => answer(entry, vec![Near::exact(entry)]),
                None => Found::new(Outcome::Miss, Reply::Nothing),
            },
            Leads::Words | Leads::Says(_) => search(library, robot, &choice.label, rows, now),
            Leads::None | Leads::Person => Found::new(Outcome::Miss, Reply::Nothing),
        };
    }
    search(library, robot, &turn.query, rows, now)
}

fn search(library: &Library, robot: &Robot, words: &str, rows: usize, now: Millis) -> Found {
    let hits = library.search(words, rows.max(KEPT), now);
    let near = hits.iter().take(KEPT).map(|(hit, entry)| Near::of(entry, hit.p)).collect();
    let entry_of = |place: usize| hits.iter().find(|(hit, _)| hit.question == place).map(|(_, entry)| *entry);
    let bare: Vec<_> = hits.iter().map(|(hit, _)| hit.clone()).collect();
    let sure = robot.sureness;
    let thresholds = Thresholds {
        direct: sure.direct,
        clarify: sure.clarify,
        margin: sure.margin,
        chitchat: sure.chitchat,
        list: rows,
    };
    let miss = Found { near, ..Found::new(Outcome::Miss, Reply::Nothing) };
    match decide(&bare, &thresholds) {
        Decision::Answer(hit) => match entry_of(hit.question) {
            Some(entry) => answer(entry, miss.near),
            None => miss,
        },
        Decision::Chitchat(hit) => match entry_of(hit.question) {
            Some(entry) => Found { outcome: Outcome::Chitchat, ..answer(entry, miss.near) },
            None => miss,
        },
        Decision::Clarify(list) => {
            let entries = list.iter().filter_map(|hit| entry_of(hit.question));
            let choices: Vec<Choice> = (1..)
                .zip(entries)
                .map(|(n, entry): (u32, _)| Choice {
                    key: n.to_string(),
                    label: entry.question.clone(),
                    leads: Leads::Faq(entry.faq.clone()),
                })
                .collect();
            Found { outcome: Outcome::Clarify, reply: Reply::List(None, choices), ..miss }
        }
        Decision::Miss => miss,
    }
}

fn answer(entry: &Entry, near: Vec<Near>) -> Found {
    let faq: FaqId = entry.faq.clone();
    let reply = match entry.leads.as_deref().and_then(|leads| leads.parse().ok()) {
        Some(Lead::Flow(flow)) => Reply::Flow(flow),
        Some(Lead::Person(queue)) => Reply::Person(Wish {
            queue,
            summary: Some(entry.question.clone()),
            ..Wish::of(crate::model::dialogue::Reason::Sensitive)
        }),
        None => Reply::Texts(vec![entry.answer.clone()]),
    };
    Found { near, ..Found::new(Outcome::Answer(Some(faq)), reply) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_lead_to_a_form_or_a_person() {
        let queue = QueueId::parse("vip").unwrap();
        assert_eq!("flow:bind".parse(), Ok(Lead::Flow(FlowId::parse("bind").unwrap())));
        assert_eq!("handoff".parse(), Ok(Lead::Person(None)));
        assert_eq!("handoff:vip".parse(), Ok(Lead::Person(Some(queue))));
        for wrong in ["", "flow", "flow:", "flow:a b", "page:x", "handoff:"] {
            assert!(wrong.parse::<Lead>().is_err(), "{wrong}");
        }
    }
}
