//! Keeping the question base: entries, the words of the trade, tables in and out, trying it, and what it had no answer to.
//! Knows neither HTTP nor screens.

mod attempt;
mod calibrate;
mod entry;
mod import;
mod search;
mod table;
mod unknown;
mod vocabulary;

pub use attempt::{Asking, Features, Hit, Limits, Tried, Verdict, attempt};
pub use calibrate::{Calibration, Fare};
pub use entry::{Draft, Kind, View};
pub use import::{DEMO, How, Report};
pub use search::{Category, Choices, Found, Line, Order, Sought, Standing};
pub use table::{COLUMNS, MOST_ROWS};
pub use unknown::{Question, Resolution, Resolve, Resolved, Wanted};
pub use vocabulary::Vocabulary;

use std::collections::BTreeSet;

use serde_json::Value;
use ulid::Ulid;

use self::entry::Places;
use super::office::{Author, Change, Office, Once, unchanged};
use super::problem::{Error, unless_wrong};
use crate::model::id::{FaqId, FlowId};
use crate::model::time::Millis;
use crate::store::{Tx, faq, flow};
use crate::tenant::Tenant;

/// The most entries of a tenant.
pub const MOST_ENTRIES: usize = 20_000;

impl Office {
    /// One entry.
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub async fn entry(&self, author: &Author, id: FaqId) -> Result<View, Error> {
        let read = move |tx: &mut Tx<'_>| Ok(faq::find(tx, &id)?);
        self.read(author, read).await?.map(View::from).ok_or(Error::Absent)
    }

    /// Adds an entry; tells it as it is kept.
    ///
    /// # Errors
    /// [`Error::Wrong`], or [`Error::Conflict`] for a name that is taken.
    pub async fn add_entry(&self, author: &Author, draft: Draft, once: Option<Once>) -> Result<Value, Error> {
        let (tenant, draft) = (self.tenant(author)?, draft.tidied());
        let add = move |tx: &mut Tx<'_>, now| {
            unless_wrong(draft.faults(&places(tx, &tenant)?))?;
            let id = match &draft.id {
                Some(id) => id.clone(),
                None => made_up(now)?,
            };
            if faq::find(tx, &id)?.is_some() {
                return Err(Error::Conflict(format!("标识 {id} 已被使用 / the id {id} is taken")));
            }
            room(tx, 1)?;
            let entry = draft.entry(id, now);
            faq::store(tx, &entry)?;
            Change::new("faq.add", entry.faq.to_string(), &View::from(entry))
        };
        self.change(author, once, add).await
    }

    /// Replaces an entry; tells it as it is kept. `read` are the marks of states that may be replaced; any without.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Changed`], [`Error::Wrong`].
    pub async fn put_entry(
        &self,
        author: &Author,
        id: FaqId,
        draft: Draft,
        read: Option<Vec<String>>,
    ) -> Result<Value, Error> {
        let (tenant, draft) = (self.tenant(author)?, draft.tidied());
        let put = move |tx: &mut Tx<'_>, now| {
            let kept = faq::find(tx, &id)?.map(View::from).ok_or(Error::Absent)?;
            unchanged(read.as_deref(), &kept)?;
            if draft.id.as_ref().is_some_and(|named| *named != id) {
                return Err(Error::Conflict("标识不能更改 / an entry keeps its id".into()));
            }
            unless_wrong(draft.faults(&places(tx, &tenant)?))?;
            let entry = draft.entry(id, now);
            faq::store(tx, &entry)?;
            Change::new("faq.put", entry.faq.to_string(), &View::from(entry))
        };
        self.change(author, None, put).await
    }

    /// Removes an entry. `read` as in [`Office::put_entry`].
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Changed`].
    pub async fn remove_entry(&self, author: &Author, id: FaqId, read: Option<Vec<String>>) -> Result<(), Error> {
        let remove = move |tx: &mut Tx<'_>, _now| {
            let kept = faq::find(tx, &id)?.map(View::from).ok_or(Error::Absent)?;
            unchanged(read.as_deref(), &kept)?;
            faq::remove(tx, &id)?;
            Change::new("faq.remove", id.to_string(), &Value::Null)
        };
        self.change(author, None, remove).await.map(drop)
    }
}

/// What entries of the tenant may lead to.
fn places(tx: &mut Tx<'_>, tenant: &Tenant) -> Result<Places, Error> {
    let mut flows: BTreeSet<FlowId> = flow::names(tx)?.into_iter().collect();
    flows.extend(tenant.flows.iter().cloned());
    Ok(Places { flows, queues: tenant.queues.iter().map(|queue| queue.id.clone()).collect() })
}

/// A name for an entry without one.
fn made_up(now: Millis) -> Result<FaqId, Error> {
    let id = Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), rand::random());
    FaqId::parse(&format!("q-{}", id.to_string().to_lowercase())).map_err(|error| Error::Core(error.into()))
}

/// Refuses more entries than a tenant may have.
fn room(tx: &mut Tx<'_>, more: usize) -> Result<(), Error> {
    let there = usize::try_from(faq::count(tx)?).unwrap_or(usize::MAX);
    if there.saturating_add(more) <= MOST_ENTRIES {
        return Ok(());
    }
    Err(Error::Conflict(format!("最多 {MOST_ENTRIES} 条问答 / at most {MOST_ENTRIES} entries")))
}
