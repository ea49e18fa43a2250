//! A tenant's flows, all versions of them. Knows no folder and no store: sources come with a name for their problems.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::Definition;
use super::problem::Problem;
use super::run::Run;

/// A flow's file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it is from, for problems.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What is wrong, and in which file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{problem}")]
pub struct Fault {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The flows of one tenant.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    flows: BTreeMap<String, BTreeMap<u32, Arc<Definition>>>,
    /// Names in the order in which they were declared.
    order: Vec<String>,
}

impl Catalogue {
    /// Reads all files. Several versions of one flow may be among them; the highest one starts, the others only go on.
    ///
    /// # Errors
    /// Everything that is wrong with any of them; also two different texts for one version of a flow.
    #[expect(single_use_lifetimes, reason = "an argument of an `impl Trait` needs a name for it")]
    pub fn build<'a>(sources: impl IntoIterator<Item = Source<'a>>) -> Result<Self, Vec<Fault>> {
        let (mut this, mut faults) = (Self::default(), Vec::new());
        for source in sources {
            let fault = |problem| Fault { file: source.file.to_owned(), problem };
            match Definition::parse(source.text) {
                Ok(definition) => faults.extend(this.add(Arc::new(definition)).map(fault)),
                Err(problems) => faults.extend(problems.iter().cloned().map(fault)),
            }
        }
        if faults.is_empty() { Ok(this) } else { Err(faults) }
    }

    /// This catalogue with those of the other's versions that it lacks, so that their runs go on. What only the other
    /// has starts nothing: it is no longer declared.
    ///
    /// # Errors
    /// When a version is in both with different texts: its author has to raise the version.
    pub fn over(mut self, older: &Self) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        for definition in older.flows.values().flat_map(BTreeMap::values) {
            let versions = self.flows.entry(definition.name.clone()).or_default();
            match versions.get(&definition.version) {
                Some(own) if own.digest != definition.digest => {
                    faults.push(Fault { file: own.name.clone(), problem: taken(own) });
                }
                Some(_) => {}
                None => {
                    versions.insert(definition.version, Arc::clone(definition));
                }
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    fn add(&mut self, definition: Arc<Definition>) -> Option<Problem> {
        let name = definition.name.clone();
        let versions = self.flows.entry(name.clone()).or_default();
        if let Some(other) = versions.get(&definition.version) {
            return (other.digest != definition.digest).then(|| taken(&definition));
        }
        versions.insert(definition.version, definition);
        if !self.order.contains(&name) {
            self.order.push(name);
        }
        None
    }

    /// The flow that a run started with; `None` when it is gone, and with it the run.
    #[must_use]
    pub fn of(&self, run: &Run) -> Option<&Arc<Definition>> {
        self.flows.get(&run.flow)?.get(&run.version)
    }

    /// The newest version of a declared flow.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&Arc<Definition>> {
        let declared = self.order.iter().any(|other| other == name);
        self.flows.get(name).filter(|_versions| declared)?.values().next_back()
    }

    /// The newest version of each declared flow, in the order of declaration.
    pub fn declared(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.order.iter().filter_map(|name| self.flows.get(name)?.values().next_back())
    }

    /// The versions of a flow, lowest first.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<u32> {
        self.flows.get(name).map(|versions| versions.keys().copied().collect()).unwrap_or_default()
    }
}

fn taken(definition: &Definition) -> Problem {
    let (name, version) = (&definition.name, definition.version);
    let next = version.saturating_add(1);
    Problem {
        at: super::problem::Position::START,
        what: format!(
            "流程 {name} 的版本 {version} 已有不同内容，请改为 version: {next}。\
             Version {version} of {name} is already there with another text; write version: {next}."
        ),
    }
}
