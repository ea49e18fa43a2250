//! Questions that no answer was found for: what to work into the question base next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::office::{Author, Change, Office, Once};
use crate::admin::page::{Asked, Page};
use crate::admin::problem::{Error, Finding};
use crate::model::id::FaqId;
use crate::model::time::Millis;
use crate::store::unknown::{self, Unknown};
use crate::store::{Tx, faq};

/// Questions that are dealt with at a time.
const AT_ONCE: usize = 200;
/// The most wordings besides the standard one, as in an entry.
const SIMILAR: usize = 50;

/// What became of a question without an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Nothing yet.
    #[default]
    Open,
    /// It is answered now.
    Done,
    /// It is to have no answer.
    Ignored,
}

impl Resolution {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Ignored => "ignored",
        }
    }
}

/// Which questions are asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `open` without.
    #[serde(default)]
    pub state: Resolution,
    /// The `next` of the page before; the first page without.
    pub after: Option<String>,
    /// At most so many lines, 1 to 200; 50 without.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// A question without an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "UnknownQuestion")]
pub struct Question {
    /// Its wording as it is compared, which names it.
    pub query: String,
    /// As it was said last.
    pub sample: String,
    /// How often.
    pub times: i64,
    /// What became of it.
    pub state: Resolution,
    /// When last.
    pub last_at: Millis,
}

/// Questions to be dealt with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// Their wordings, as they were listed; at most 200.
    pub queries: Vec<String>,
    /// What becomes of them.
    pub state: Resolution,
    /// An entry that they become other wordings of.
    pub entry: Option<FaqId>,
}

/// What became of questions.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Resolved {
    /// Questions that are in that state now.
    pub resolved: usize,
    /// Wordings that are in no list, or not any more.
    pub absent: Vec<String>,
    /// Wordings that the entry has gained.
    pub added: usize,
}

/// Where a question stands in the list: the most frequent first, of those the latest.
type Place = (i64, i64, String);

impl Office {
    /// A page of the questions of a state, the most frequent first. A question that is asked meanwhile moves up.
    ///
    /// # Errors
    /// [`Error::Wrong`] for a page that does not exist.
    pub async fn unknown(&self, author: &Author, wanted: Wanted) -> Result<Page<Question>, Error> {
        let Wanted { state, after, limit } = wanted;
        let (limit, place) = Asked { after, limit }.read::<Place>()?;
        let place = place.filter(|(_, _, query)| !query.contains('\0'));
        let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let read = move |tx: &mut Tx<'_>| {
            let after = place.as_ref().map(|(times, last_at, query)| (*times, *last_at, query.as_str()));
            Ok(unknown::page(tx, state.as_str(), after, rows)?)
        };
        let view = |row: Unknown| Question {
            query: row.query,
            sample: row.sample,
            times: row.times,
            state,
            last_at: Millis(row.last_at),
        };
        let items: Vec<Question> = self.read(author, read).await?.into_iter().map(view).collect();
        Page::of(items, limit, |line: &Question| (line.times, line.last_at.0, line.query.clone()))
    }

    /// Deals with questions, all in one transaction. With an entry they become other wordings of it.
    ///
    /// # Errors
    /// [`Error::Wrong`], or [`Error::Absent`] when there is no such entry.
    pub async fn resolve(&self, author: &Author, asked: Resolve, once: Option<Once>) -> Result<Value, Error> {
        if !(1..=AT_ONCE).contains(&asked.queries.len()) {
            let detail = format!("应为 1–{AT_ONCE} 条 / must be 1 to {AT_ONCE}");
            return Err(Error::Wrong(vec![Finding::field("queries", detail)]));
        }
        let resolve = move |tx: &mut Tx<'_>, now| {
            let mut resolved = Resolved { resolved: 0, absent: Vec::new(), added: 0 };
            for query in &asked.queries {
                if !query.contains('\0') && unknown::set_state(tx, query, asked.state.as_str())? {
                    resolved.resolved += 1;
                } else {
                    resolved.absent.push(query.clone());
                }
            }
            if let Some(id) = &asked.entry {
                resolved.added = gain(tx, id, &asked.queries, &resolved.absent, now)?;
            }
            Change::new("unknown.resolve", resolved.resolved.to_string(), &resolved)
        };
        self.change(author, once, resolve).await
    }
}

/// Makes questions other wordings of an entry. Says how many were new to it.
fn gain(tx: &mut Tx<'_>, id: &FaqId, queries: &[String], absent: &[String], now: Millis) -> Result<usize, Error> {
    let mut entry = faq::find(tx, id)?.ok_or(Error::Absent)?;
    let before = entry.similar.len();
    for query in queries.iter().filter(|query| !absent.contains(query)) {
        let fits = query.chars().count() <= 200 && !query.contains('|');
        if fits && *query != entry.question && !entry.similar.contains(query) {
            entry.similar.push(query.clone());
        }
    }
    if entry.similar.len() > SIMILAR {
        let detail = format!("{id} 最多 {SIMILAR} 个相似问 / {id} has room for {SIMILAR} other wordings");
        return Err(Error::Wrong(vec![Finding::field("entry", detail)]));
    }
    let added = entry.similar.len() - before;
    if added > 0 {
        entry.updated_at = now;
        faq::store(tx, &entry)?;
    }
    Ok(added)
}
