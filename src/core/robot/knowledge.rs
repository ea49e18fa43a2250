//! The question bases in memory: one index per tenant, built beside the one in use and swapped. Knows no session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::OnceCell;

use crate::core::{Core, Error};
use crate::flow::Catalogue;
use crate::flow::bundled::bundled;
use crate::flow::catalogue::Source;
use crate::model::id::{FaqId, TenantId};
use crate::model::time::Millis;
use crate::robot::faq::{Base, Hit, Index, Kind, Question, Scratch, Vocabulary, Weights};
use crate::runtime::Stop;
use crate::store::Tx;
use crate::store::faq::{self, Entry};
use crate::store::flow::{self, Version};
use crate::tenant::Tenant;

/// How often the versions are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A tenant's question base, ready to be searched.
#[derive(Debug)]
pub(crate) struct Library {
    version: i64,
    /// Of the declaration that it was built under.
    declared: i64,
    flows: Arc<Catalogue>,
    entries: Vec<Entry>,
    index: Index,
    /// Memory of searches that are over.
    scratches: Mutex<Vec<Scratch>>,
}

impl Library {
    fn build(base: Arc<Base>, tenant: &Tenant, rows: Rows, before: Option<&Catalogue>) -> Self {
        let Rows { vocabulary, mut entries, flows } = rows;
        let flows = Arc::new(catalogue(tenant, &flows, before));
        entries.retain(|entry| entry.enabled);
        let index = index_of(base, &vocabulary, &entries);
        Self {
            version: vocabulary.version,
            declared: tenant.version,
            flows,
            entries,
            index,
            scratches: Mutex::default(),
        }
    }

    /// The questions that the words may mean, the most probable first, each with its entry; those in force at `now`.
    pub(crate) fn search(&self, words: &str, limit: usize, now: Millis) -> Vec<(Hit, &Entry)> {
        let pool = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = pool().pop().unwrap_or_default();
        let hits = self.index.search(words, limit.saturating_mul(2), &mut scratch);
        pool().push(scratch);
        let in_force = |entry: &Entry| {
            entry.valid_from.is_none_or(|from| from <= now) && entry.valid_to.is_none_or(|until| now <= until)
        };
        let with_entry = |hit: Hit| self.entries.get(hit.question).map(|entry| (hit, entry));
        hits.into_iter().filter_map(with_entry).filter(|(_, entry)| in_force(entry)).take(limit).collect()
    }

    /// The entry of that name, if it is answered.
    pub(crate) fn entry(&self, id: &FaqId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.faq == *id)
    }
}

/// The index of these entries in their order, with the tenant's words and, if it has its own, its weights.
pub(crate) fn index_of(base: Arc<Base>, vocabulary: &faq::Vocabulary, entries: &[Entry]) -> Index {
    let groups: Vec<String> = vocabulary.synonyms.iter().map(|group| group.join("|")).collect();
    let words = Vocabulary::new(base, vocabulary.words.iter().map(String::as_str), groups.iter().map(String::as_str));
    let question = |entry: &Entry| Question {
        text: entry.question.clone(),
        similar: entry.similar.clone(),
        answer: entry.answer.clone(),
        kind: if entry.kind == "chitchat" { Kind::Chitchat } else { Kind::Faq },
    };
    let questions: Vec<Question> = entries.iter().map(question).collect();
    Index::build(&questions, Arc::new(words)).weighted(weights_of(vocabulary))
}

/// The weights in force. Some of a form that this version does not know are as good as none.
pub(crate) fn weights_of(vocabulary: &faq::Vocabulary) -> Weights {
    vocabulary.weights.as_deref().and_then(|weights| serde_json::from_str(weights).ok()).unwrap_or_default()
}

/// What a library is built from.
struct Rows {
    vocabulary: faq::Vocabulary,
    entries: Vec<Entry>,
    flows: Vec<Version>,
}

/// The tenant's forms: those that come with the program and are declared, and the tenant's own. Forms that cannot be read
/// any more are left out; those of before go on for the runs that began with them.
fn catalogue(tenant: &Tenant, stored: &[Version], before: Option<&Catalogue>) -> Catalogue {
    let bundled = bundled(tenant.lang.as_str());
    let declared = tenant.flows.iter().filter_map(|id| bundled.iter().find(|flow| flow.name == id.as_str()));
    let mut sources: Vec<(&str, &str)> = declared.map(|flow| (flow.file.as_str(), flow.text.as_str())).collect();
    sources.extend(stored.iter().filter(|flow| flow.enabled).map(|flow| (flow.flow.as_str(), flow.body.as_str())));
    let mut built = Catalogue::default();
    while !sources.is_empty() {
        match Catalogue::build(sources.iter().map(|(file, text)| Source { file, text })) {
            Ok(good) => {
                built = good;
                break;
            }
            Err(faults) => {
                let known = sources.len();
                for fault in &faults {
                    tracing::error!(tenant = %tenant.id, %fault, "a form is left out");
                }
                sources.retain(|(file, _)| faults.iter().all(|fault| fault.file != *file));
                if sources.len() == known {
                    break;
                }
            }
        }
    }
    let Some(before) = before else { return built };
    built.clone().over(before).unwrap_or(built)
}

/// The question bases of all tenants that were asked for.
#[derive(Debug, Default)]
pub struct Knowledge {
    base: OnceCell<Arc<Base>>,
    libraries: ArcSwap<HashMap<TenantId, Arc<Library>>>,
}

impl Knowledge {
    /// The tenant's forms; none before they were read.
    pub(crate) fn flows(&self, tenant: &TenantId) -> Arc<Catalogue> {
        self.libraries.load().get(tenant).map(|library| Arc::clone(&library.flows)).unwrap_or_default()
    }

    /// The tenant's question base, if it is in memory.
    pub(crate) fn ready(&self, tenant: &TenantId) -> Option<Arc<Library>> {
        self.libraries.load().get(tenant).cloned()
    }

    fn put(&self, tenant: &TenantId, library: &Arc<Library>) {
        self.libraries.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(tenant.clone(), Arc::clone(library));
            known
        });
    }
}

impl Core {
    /// The tenant's question base; read and built when it is not in memory yet.
    pub(crate) async fn library(&self, tenant: &TenantId) -> Result<Arc<Library>, Error> {
        match self.inner.knowledge.ready(tenant) {
            Some(library) => Ok(library),
            None => self.load_library(tenant).await,
        }
    }

    /// Reads and builds the tenant's question base, beside the one in use.
    pub(crate) async fn load_library(&self, tenant: &TenantId) -> Result<Arc<Library>, Error> {
        let load = || async {
            let loaded = tokio::task::spawn_blocking(Base::load).await.map_err(Error::internal)?;
            loaded.map(Arc::new).map_err(Error::internal)
        };
        let base = Arc::clone(self.inner.knowledge.base.get_or_try_init(load).await?);
        let declared = self.tenants().tenant(tenant).ok_or_else(Error::not_found)?;
        let read = |tx: &mut Tx<'_>| {
            Ok::<_, Error>(Rows {
                vocabulary: faq::vocabulary(tx)?,
                entries: faq::all(tx)?,
                flows: flow::versions(tx)?,
            })
        };
        let rows = self.scope(tenant).read(read).await?;
        let before = self.inner.knowledge.flows(tenant);
        let build = move || Arc::new(Library::build(base, &declared, rows, Some(&before)));
        let library = tokio::task::spawn_blocking(build).await.map_err(Error::internal)?;
        self.inner.knowledge.put(tenant, &library);
        Ok(library)
    }

    /// Keeps the question bases up to date until `stop`, whichever node changed them. The robots go on meanwhile.
    pub async fn run_knowledge(&self, stop: Stop) {
        while !stop.is_cancelled() {
            if let Err(error) = self.refresh_libraries().await {
                tracing::warn!(error = ?error, "the question bases could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Takes up what has changed in the question bases and forms of all tenants.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn refresh_libraries(&self) -> Result<(), Error> {
        let versions: HashMap<TenantId, i64> =
            self.store().survey(|conn| faq::versions(conn).map_err(Error::from)).await?.into_iter().collect();
        let needs =
            |tenant: &Tenant| tenant.robot.is_some() || !tenant.flows.is_empty() || versions.contains_key(&tenant.id);
        for tenant in self.tenants().all().iter().filter(|tenant| needs(tenant)) {
            let newest = versions.get(&tenant.id).copied().unwrap_or(0);
            let known = self.inner.knowledge.ready(&tenant.id).map(|library| (library.version, library.declared));
            if known != Some((newest, tenant.version)) {
                let loaded = self.load_library(&tenant.id).await.map(|library| {
                    let (version, questions) = (library.version, library.entries.len());
                    tracing::info!(tenant = %tenant.id, version, questions, "question base taken up");
                });
                Error::one_of_many(loaded, &tenant.id, "question base not taken up")?;
            }
        }
        Ok(())
    }
}
