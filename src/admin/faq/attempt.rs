//! Trying the question base: what is found for a question, how sure that is, and what the robot would do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry::Kind;
use crate::admin::office::Author;
use crate::admin::problem::{Error, Finding};
use crate::core::Core;
use crate::model::id::FaqId;
use crate::robot::faq::{self, Decision, Thresholds, decide, normalise};
use crate::tenant::Tenant;

/// Hits that are shown.
const SHOWN: usize = 10;
/// The longest question, in characters: what the index looks at.
const LONGEST: usize = 500;

/// A question to try.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// As a customer would say it. At most 500 characters.
    pub query: String,
}

/// What describes a hit, each about 0 to 1. A logistic regression makes its probability of them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Features {
    /// The part of the wording that was asked for.
    pub wording: f64,
    /// The part of what was asked that the wording has.
    pub query: f64,
    /// The geometric mean of the two.
    pub mean: f64,
    /// The lead over the best other hit.
    pub lead: f64,
    /// The shorter length by the longer one.
    pub length: f64,
    /// Whether one contains the other.
    pub contains: f64,
    /// Pairs of characters that both have.
    pub pairs: f64,
    /// The part of what was meant that no question of the base is about, as a square root: what other trades talk about.
    pub strange: f64,
    /// The part of what was asked that all wordings and the answer together have.
    pub whole: f64,
}

impl From<faq::Features> for Features {
    fn from(faq::Features(figures): faq::Features) -> Self {
        let [wording, query, mean, lead, length, contains, pairs, strange, whole] = figures;
        Self { wording, query, mean, lead, length, contains, pairs, strange, whole }
    }
}

/// An entry that may have been meant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Hit {
    /// The entry.
    pub id: FaqId,
    /// What it is for.
    pub kind: Kind,
    /// Its standard wording.
    pub question: String,
    /// How probable it is that it was meant.
    pub p: f64,
    /// Whether it was asked in one of its wordings.
    pub exact: bool,
    /// The raw score; comparable within one answer only.
    pub score: f32,
    /// What the probability was made of.
    pub features: Features,
}

/// What the robot would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Answer the entry in `chosen`.
    Answer,
    /// Ask which of the entries in `chosen` was meant.
    Clarify,
    /// Chat with the entry in `chosen`.
    Chitchat,
    /// Admit that nothing was understood.
    Miss,
}

/// What trying a question came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tried {
    /// The question as it is compared.
    pub query: String,
    /// What the robot would do.
    pub decision: Verdict,
    /// The entries that it would do it with.
    pub chosen: Vec<FaqId>,
    /// Up to ten entries, the most probable first.
    pub hits: Vec<Hit>,
    /// From when on what is done.
    pub thresholds: Limits,
}

/// From when on what is done: the tenant's `[robot]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Thresholds")]
pub struct Limits {
    /// An entry this probable is answered,
    pub direct: f64,
    /// if so much lies between it and the next.
    pub margin: f64,
    /// With one this probable, somebody is asked which was meant.
    pub clarify: f64,
    /// Talk this probable is answered.
    pub chitchat: f64,
    /// At most so many are offered to choose from, on the web.
    pub list: usize,
}

/// Tries a question on the tenant's question base as all nodes use it: a change counts after a second.
///
/// # Errors
/// [`Error::Wrong`] for a question that is too long.
pub async fn attempt(core: &Core, author: &Author, asking: &Asking) -> Result<Tried, Error> {
    if asking.query.chars().count() > LONGEST {
        let detail = format!("最多 {LONGEST} 个字 / at most {LONGEST} characters");
        return Err(Error::Wrong(vec![Finding::field("query", detail)]));
    }
    let tenant = core.tenants().tenant(&author.tenant).ok_or(Error::Absent)?;
    let library = core.library(&author.tenant).await?;
    let thresholds = thresholds(&tenant);
    let found = library.search(&asking.query, SHOWN.max(thresholds.list), core.clock().now());
    let bare: Vec<faq::Hit> = found.iter().map(|(hit, _)| hit.clone()).collect();
    let (decision, chosen) = match decide(&bare, &thresholds) {
        Decision::Answer(hit) => (Verdict::Answer, vec![hit]),
        Decision::Clarify(hits) => (Verdict::Clarify, hits),
        Decision::Chitchat(hit) => (Verdict::Chitchat, vec![hit]),
        Decision::Miss => (Verdict::Miss, Vec::new()),
    };
    let id = |place: usize| found.iter().find(|(hit, _)| hit.question == place).map(|(_, entry)| entry.faq.clone());
    let shown = found.iter().take(SHOWN).map(|(hit, entry)| Hit {
        id: entry.faq.clone(),
        kind: Kind::parse(&entry.kind).unwrap_or_default(),
        question: entry.question.clone(),
        p: hit.p,
        exact: hit.exact,
        score: hit.score,
        features: hit.features.into(),
    });
    Ok(Tried {
        query: normalise(&asking.query),
        decision,
        chosen: chosen.iter().filter_map(|hit| id(hit.question)).collect(),
        hits: shown.collect(),
        thresholds: Limits {
            direct: thresholds.direct,
            margin: thresholds.margin,
            clarify: thresholds.clarify,
            chitchat: thresholds.chitchat,
            list: thresholds.list,
        },
    })
}

/// The tenant's thresholds; the usual ones without a robot.
fn thresholds(tenant: &Tenant) -> Thresholds {
    let Some(robot) = &tenant.robot else { return Thresholds::default() };
    let sure = robot.sureness;
    Thresholds {
        direct: sure.direct,
        margin: sure.margin,
        clarify: sure.clarify,
        chitchat: sure.chitchat,
        list: robot.list_web,
    }
}
