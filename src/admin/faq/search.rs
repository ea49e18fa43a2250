//! Looking through the question base: by words, by category, by whether an entry is answered now. And what a form for an
//! entry offers to choose from. Knows nothing of how robots find entries.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry::View;
use super::places;
use crate::admin::office::{Author, Office};
use crate::admin::page::{Asked, Page};
use crate::admin::problem::Error;
use crate::core;
use crate::model::id::{FaqId, FlowId, QueueId};
use crate::model::time::Millis;
use crate::robot::faq::normalise;
use crate::store::Tx;
use crate::store::faq::{self, Entry};

/// The longest search, in characters: no wording is longer.
const LONGEST: usize = 200;

/// Whether an entry is answered, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is answered now.
    Answered,
    /// It is switched off.
    Disabled,
    /// It is answered from a later time on.
    Early,
    /// Its time is over.
    Late,
}

impl Standing {
    fn of(entry: &Entry, now: Millis) -> Self {
        if !entry.enabled {
            Self::Disabled
        } else if entry.valid_from.is_some_and(|from| now < from) {
            Self::Early
        } else if entry.valid_to.is_some_and(|to| to < now) {
            Self::Late
        } else {
            Self::Answered
        }
    }
}

/// In which order entries are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By name.
    #[default]
    Id,
    /// The latest change first.
    Changed,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EntriesAsked")]
pub struct Sought {
    /// Words that all have to stand in the wordings, the answer or the id; capitals, full width and traditional characters
    /// make no difference in wordings.
    pub q: Option<String>,
    /// The category, exactly; empty for entries without one.
    pub category: Option<String>,
    /// Whether they are answered.
    pub state: Option<Standing>,
    /// In which order; by name without.
    #[serde(default)]
    pub order: Order,
    /// The `next` of the page before; the first page without.
    pub after: Option<String>,
    /// At most so many lines, 1 to 200; 50 without.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// A page of the entries that were asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PageOfEntries")]
pub struct Found {
    /// The entries.
    pub items: Vec<View>,
    /// What to give as `after` for the next page; none on the last page.
    pub next: Option<String>,
    /// How many there are on all pages.
    pub total: usize,
}

/// What a form for an entry offers to choose from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EntryChoices")]
pub struct Choices {
    /// The categories of the entries.
    pub categories: Vec<Category>,
    /// The forms that an entry may lead to.
    pub flows: Vec<FlowId>,
    /// The queues that an entry may lead to.
    pub queues: Vec<Line>,
}

/// A category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Category {
    /// Its name; empty for entries without one.
    pub name: String,
    /// How many entries it has.
    pub entries: i64,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "QueueChoice")]
pub struct Line {
    /// Its name inside the tenant.
    pub id: QueueId,
    /// What people call it.
    pub name: String,
}

/// Where an entry stands in the order of changes.
type Place = (i64, FaqId);

fn place(entry: &Entry) -> (Reverse<i64>, FaqId) {
    (Reverse(entry.updated_at.0), entry.faq.clone())
}

/// A search, ready to be compared.
struct Filter {
    words: Vec<(String, String)>,
    category: Option<String>,
    state: Option<Standing>,
}

impl Filter {
    fn of(sought: &Sought) -> Self {
        let q: String = sought.q.as_deref().unwrap_or_default().chars().take(LONGEST).collect();
        let words = q.split_whitespace().map(|word| (word.to_owned(), normalise(word))).collect();
        Self { words, category: sought.category.clone(), state: sought.state }
    }

    fn takes_all(&self) -> bool {
        self.words.is_empty() && self.category.is_none() && self.state.is_none()
    }

    fn takes(&self, entry: &Entry, now: Millis) -> bool {
        self.category.as_ref().is_none_or(|category| *category == entry.category)
            && self.state.is_none_or(|state| state == Standing::of(entry, now))
            && self.has_words(entry)
    }

    fn has_words(&self, entry: &Entry) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let wordings = || entry.similar.iter().chain([&entry.question]);
        let compared: Vec<String> = wordings().map(|wording| normalise(wording)).collect();
        self.words.iter().all(|(word, bare)| {
            (!bare.is_empty() && compared.iter().any(|wording| wording.contains(bare)))
                || wordings().chain([&entry.answer]).any(|text| text.contains(word))
                || entry.faq.as_str().contains(word)
        })
    }
}

impl Office {
    /// A page of the entries that are asked for.
    ///
    /// # Errors
    /// [`Error::Wrong`] for a page that does not exist.
    pub async fn entries(&self, author: &Author, sought: Sought) -> Result<Found, Error> {
        let filter = Filter::of(&sought);
        let asked = Asked { after: sought.after, limit: sought.limit };
        if sought.order == Order::Id && filter.takes_all() {
            return self.by_name(author, &asked).await;
        }
        let (by, now) = (sought.order, self.now());
        let (limit, after_name, after_change) = match by {
            Order::Id => asked.read::<FaqId>().map(|(limit, after)| (limit, after, None))?,
            Order::Changed => asked.read::<Place>().map(|(limit, after)| (limit, None, after))?,
        };
        let entries = self.read(author, |tx| Ok(faq::all(tx)?)).await?;
        let look = move || {
            let mut found: Vec<Entry> = entries.into_iter().filter(|entry| filter.takes(entry, now)).collect();
            let total = found.len();
            if by == Order::Changed {
                found.sort_by_cached_key(place);
            }
            let after_change = after_change.map(|(at, id)| (Reverse(at), id));
            let further = |entry: &Entry| {
                after_name.as_ref().is_none_or(|after| entry.faq > *after)
                    && after_change.as_ref().is_none_or(|after| place(entry) > *after)
            };
            let rest = found.into_iter().filter(further).take(limit.saturating_add(1));
            (rest.map(View::from).collect::<Vec<_>>(), total)
        };
        let (rest, total) =
            tokio::task::spawn_blocking(look).await.map_err(|cut| Error::Core(core::Error::internal(cut)))?;
        let Page { items, next } = match by {
            Order::Id => Page::of(rest, limit, |view: &View| view.id.clone())?,
            Order::Changed => Page::of(rest, limit, |view: &View| (view.updated_at.0, view.id.clone()))?,
        };
        Ok(Found { items, next, total })
    }

    async fn by_name(&self, author: &Author, asked: &Asked) -> Result<Found, Error> {
        let (limit, after) = asked.read::<FaqId>()?;
        let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let read =
            move |tx: &mut Tx<'_>| Ok((faq::page(tx, after.as_ref().map(FaqId::as_str), rows)?, faq::count(tx)?));
        let (entries, total) = self.read(author, read).await?;
        let views = entries.into_iter().map(View::from).collect();
        let Page { items, next } = Page::of(views, limit, |view: &View| view.id.clone())?;
        Ok(Found { items, next, total: usize::try_from(total).unwrap_or(usize::MAX) })
    }

    /// What a form for an entry offers to choose from.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn choices(&self, author: &Author) -> Result<Choices, Error> {
        let tenant = self.tenant(author)?;
        let read = move |tx: &mut Tx<'_>| {
            let categories = faq::categories(tx)?;
            let queues = tenant.queues.iter().map(|queue| Line { id: queue.id.clone(), name: queue.name.clone() });
            Ok(Choices {
                categories: categories.into_iter().map(|(name, entries)| Category { name, entries }).collect(),
                flows: places(tx, &tenant)?.flows.into_iter().collect(),
                queues: queues.collect(),
            })
        };
        self.read(author, read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(question: &str, similar: &[&str], answer: &str) -> Entry {
        Entry {
            faq: FaqId::parse("fee-1").unwrap(),
            kind: "faq".into(),
            question: question.into(),
            similar: similar.iter().map(|text| (*text).to_owned()).collect(),
            answer: answer.into(),
            leads: None,
            category: "卡".into(),
            enabled: true,
            valid_from: Some(Millis(10)),
            valid_to: Some(Millis(20)),
            updated_at: Millis(0),
        }
    }

    fn finds(q: &str, entry: &Entry) -> bool {
        Filter::of(&Sought { q: Some(q.into()), ..Sought::default() }).takes(entry, Millis(15))
    }

    #[test]
    fn all_words_have_to_stand_somewhere() {
        let entry = entry("信用卡年费，如何减免？", &["ATM 取现"], "刷满 6 次即可 (见 https://example.com)");
        for q in ["年费", "年费如何", "減免", "ａｔｍ", "信用卡 取现", "example.com", "fee-1", "？", " "]
        {
            assert!(finds(q, &entry), "{q}");
        }
        for q in ["挂失", "年费 挂失", "！"] {
            assert!(!finds(q, &entry), "{q}");
        }
    }

    #[test]
    fn an_entry_is_answered_at_both_ends_of_its_time() {
        let mut entry = entry("问", &[], "答");
        for (now, standing) in
            [(9, Standing::Early), (10, Standing::Answered), (20, Standing::Answered), (21, Standing::Late)]
        {
            assert_eq!(Standing::of(&entry, Millis(now)), standing, "{now}");
        }
        entry.enabled = false;
        assert_eq!(Standing::of(&entry, Millis(15)), Standing::Disabled);
    }
}
