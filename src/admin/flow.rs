//! Keeping multi-step forms: checked, stored by version, switched on and off. Knows neither HTTP nor files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::office::{Author, Change, Office, Once};
use super::page::{Asked, Page};
use super::problem::{Error, Finding};
use crate::flow::Definition;
use crate::flow::bundled::bundled;
use crate::flow::problem::Problems;
use crate::model::id::FlowId;
use crate::model::time::Millis;
use crate::store::Tx;
use crate::store::flow::{self, Version};
use crate::tenant::Tenant;

/// The longest text of a form, bytes.
const LONGEST: usize = 64 * 1_024;
/// The most versions that a tenant keeps of all its forms.
const MOST: usize = 300;

/// A form to be checked or kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FlowText")]
pub struct Text {
    /// The form in YAML, at most 64 KiB. Its `flow` is its id, its `version` its version.
    pub text: String,
}

/// Whether a form is started.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FlowSwitch")]
pub struct Switch {
    /// Whether it is started from now on. Runs that have begun go on.
    pub enabled: bool,
}

/// What checking a form came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FlowChecked")]
pub struct Checked {
    /// Whether it can be kept.
    pub valid: bool,
    /// Its id, when it is valid.
    pub id: Option<String>,
    /// Its version, when it is valid.
    pub version: Option<u32>,
    /// How many steps it has, when it is valid.
    pub steps: Option<usize>,
    /// Everything that is wrong with it, with line and column.
    pub problems: Vec<Finding>,
}

/// A form in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "FlowSummary")]
pub struct Summary {
    /// Its id.
    pub id: FlowId,
    /// Its newest version, which is started.
    pub version: i64,
    /// All its versions.
    pub versions: Vec<i64>,
    /// Whether it is started.
    pub enabled: bool,
    /// When the newest version was kept.
    pub created_at: Millis,
}

/// A form with all its versions.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Flow")]
pub struct Form {
    /// Its id.
    pub id: FlowId,
    /// Whether it is started.
    pub enabled: bool,
    /// The versions, the newest first; that one is started.
    pub versions: Vec<Kept>,
}

/// A version of a form.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FlowVersion")]
pub struct Kept {
    /// The version.
    pub version: i64,
    /// When it was kept.
    pub created_at: Millis,
    /// Its YAML.
    pub text: String,
}

/// What became of a form that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FlowApplied")]
pub struct Applied {
    /// The form.
    pub id: FlowId,
    /// The version.
    pub version: i64,
    /// Whether this version was not there before.
    pub added: bool,
    /// Whether it is started.
    pub enabled: bool,
}

/// A form that was read and found sound.
struct Sound {
    id: FlowId,
    version: i64,
    steps: usize,
    text: String,
}

/// Reads a form.
fn parse(text: String) -> Result<Sound, Vec<Finding>> {
    if text.len() > LONGEST {
        return Err(vec![Finding::field("text", format!("最多 {LONGEST} 字节 / at most {LONGEST} bytes"))]);
    }
    let definition = Definition::parse(&text).map_err(|problems| findings(&problems))?;
    let id = FlowId::parse(&definition.name).map_err(|error| vec![Finding::field("flow", error.to_string())])?;
    Ok(Sound { id, version: i64::from(definition.version), steps: definition.len(), text })
}

fn findings(problems: &Problems) -> Vec<Finding> {
    let finding = |problem: &crate::flow::problem::Problem| Finding {
        line: Some(problem.at.line),
        column: Some(problem.at.column),
        field: None,
        detail: problem.what.clone(),
    };
    problems.iter().map(finding).collect()
}

/// Checks a form; nothing is kept.
#[must_use]
pub fn validate(asked: Text) -> Checked {
    match parse(asked.text) {
        Ok(sound) => Checked {
            valid: true,
            id: Some(sound.id.to_string()),
            version: u32::try_from(sound.version).ok(),
            steps: Some(sound.steps),
            problems: Vec::new(),
        },
        Err(problems) => Checked { valid: false, id: None, version: None, steps: None, problems },
    }
}

impl Office {
    /// A page of the tenant's own forms, by id. Those that come with the program are declared, not kept here.
    ///
    /// # Errors
    /// [`Error::Wrong`] for a page that does not exist.
    pub async fn flows(&self, author: &Author, asked: &Asked) -> Result<Page<Summary>, Error> {
        let (limit, after) = asked.read::<FlowId>()?;
        let versions = self.read(author, |tx| Ok(flow::versions(tx)?)).await?;
        let forms = by_form(versions).into_iter().filter(|(id, _)| after.as_ref().is_none_or(|after| id > after));
        let summary = |(id, versions): (FlowId, Vec<Version>)| {
            let newest = versions.last()?;
            let (version, enabled, created_at) = (newest.version, newest.enabled, newest.created_at);
            Some(Summary { id, version, versions: versions.iter().map(|v| v.version).collect(), enabled, created_at })
        };
        let items = forms.filter_map(summary).take(limit.saturating_add(1)).collect();
        Page::of(items, limit, |summary: &Summary| summary.id.clone())
    }

    /// A form with all its versions.
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub async fn flow(&self, author: &Author, id: FlowId) -> Result<Form, Error> {
        let versions = self.read(author, |tx| Ok(flow::versions(tx)?)).await?;
        let versions: Vec<Version> = versions.into_iter().filter(|version| version.flow == id).rev().collect();
        let enabled = versions.first().ok_or(Error::Absent)?.enabled;
        let kept = |Version { version, body, created_at, .. }| Kept { version, created_at, text: body };
        Ok(Form { id, enabled, versions: versions.into_iter().map(kept).collect() })
    }

    /// Keeps a version of a form; tells an [`Applied`]. Runs that have begun stay with theirs.
    ///
    /// # Errors
    /// [`Error::Wrong`] with everything that is wrong with it, [`Error::Conflict`] for a version that is there with
    /// another text or that is not the newest.
    pub async fn add_flow(&self, author: &Author, asked: Text, once: Option<Once>) -> Result<Value, Error> {
        let applied = self.add_flows(author, vec![asked.text], once).await?;
        Ok(applied.get(0).cloned().unwrap_or_default())
    }

    /// Keeps several forms, all or none; tells a list of [`Applied`].
    ///
    /// # Errors
    /// As [`Office::add_flow`], for the first text that is wrong.
    pub async fn add_flows(&self, author: &Author, texts: Vec<String>, once: Option<Once>) -> Result<Value, Error> {
        let tenant = self.tenant(author)?;
        let parse = move || texts.into_iter().map(parse).collect::<Result<Vec<Sound>, _>>();
        let parsed = tokio::task::spawn_blocking(parse).await;
        let sound = parsed.map_err(|cut| Error::Core(crate::core::Error::internal(cut)))?.map_err(Error::Wrong)?;
        let add = move |tx: &mut Tx<'_>, now| {
            let mut forms = by_form(flow::versions(tx)?);
            let there: usize = forms.values().map(Vec::len).sum();
            if there.saturating_add(sound.len()) > MOST {
                return Err(Error::Conflict(format!("最多 {MOST} 个版本 / at most {MOST} versions of all forms")));
            }
            let mut applied = Vec::with_capacity(sound.len());
            for sound in sound {
                applied.push(add(tx, &tenant, forms.entry(sound.id.clone()).or_default(), sound, now)?);
            }
            let names: Vec<String> = applied.iter().map(|one| format!("{}@{}", one.id, one.version)).collect();
            Change::new("flow.add", names.join(" "), &applied)
        };
        self.change(author, once, add).await
    }

    /// Whether a form is started from now on; tells its [`Summary`].
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub async fn switch_flow(&self, author: &Author, id: FlowId, to: Switch) -> Result<Value, Error> {
        let switch = move |tx: &mut Tx<'_>, _now| {
            if !flow::enable(tx, &id, to.enabled)? {
                return Err(Error::Absent);
            }
            let versions = by_form(flow::versions(tx)?).remove(&id).unwrap_or_default();
            let newest = versions.last().ok_or(Error::Absent)?;
            let summary = Summary {
                id: id.clone(),
                version: newest.version,
                versions: versions.iter().map(|version| version.version).collect(),
                enabled: to.enabled,
                created_at: newest.created_at,
            };
            let action = if to.enabled { "flow.enable" } else { "flow.disable" };
            Change::new(action, id.to_string(), &summary)
        };
        self.change(author, None, switch).await
    }
}

/// The versions of each form, lowest first.
fn by_form(versions: Vec<Version>) -> BTreeMap<FlowId, Vec<Version>> {
    let mut forms: BTreeMap<FlowId, Vec<Version>> = BTreeMap::new();
    for version in versions {
        forms.entry(version.flow.clone()).or_default().push(version);
    }
    forms
}

/// Adds a version, unless it is there. A form that is switched off stays so.
fn add(tx: &mut Tx<'_>, tenant: &Tenant, kept: &mut Vec<Version>, new: Sound, now: Millis) -> Result<Applied, Error> {
    let Sound { id, version, text, .. } = new;
    if let Some(same) = kept.iter().find(|kept| kept.version == version && kept.body == text) {
        return Ok(Applied { id, version, added: false, enabled: same.enabled });
    }
    let newest = kept.iter().map(|kept| kept.version).chain(declared(tenant, &id)).max();
    if let Some(newest) = newest.filter(|newest| *newest >= version) {
        let next = newest.saturating_add(1);
        return Err(Error::Conflict(format!(
            "流程 {id} 已有版本 {newest}，请改为 version: {next} / version {newest} of {id} is there: write version: {next}"
        )));
    }
    let enabled = kept.last().is_none_or(|kept| kept.enabled);
    if !flow::add(tx, &id, version, &text, now)? {
        return Err(Error::Conflict("请稍后再试 / try again".into()));
    }
    if !enabled {
        flow::enable(tx, &id, false)?;
    }
    kept.push(Version { flow: id.clone(), version, body: text, enabled, created_at: now });
    Ok(Applied { id, version, added: true, enabled })
}

/// The version of the form that comes with the program, if the tenant has declared it.
fn declared(tenant: &Tenant, id: &FlowId) -> Option<i64> {
    tenant.flows.iter().find(|declared| *declared == id)?;
    let found = bundled(tenant.lang.as_str()).into_iter().find(|flow| flow.name == id.as_str())?;
    Definition::parse(&found.text).ok().map(|definition| i64::from(definition.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_wrong_has_places() {
        let checked = validate(Text { text: "flow: a\nsteps:\n  - say: 好\n  - nonsense: 1\n".into() });
        assert!(!checked.valid);
        assert!(checked.problems.iter().any(|problem| problem.line == Some(4)), "{:?}", checked.problems);
        let long = validate(Text { text: "#".repeat(LONGEST + 1) });
        assert_eq!(long.problems[0].field.as_deref(), Some("text"));
    }

    #[test]
    fn a_form_that_is_right_says_what_it_is() {
        let text = "flow: leave\nversion: 3\nsteps:\n  - say: 好\n  - end: {}\n";
        let checked = validate(Text { text: text.into() });
        assert_eq!((checked.valid, checked.version, checked.steps), (true, Some(3), Some(2)), "{:?}", checked.problems);
    }
}
