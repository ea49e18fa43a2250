//! What machines know when the process starts: forms that lie beside the declarations, `<tenants.dir>/<tenant>/flows/*.yaml`, and
//! the demo's questions. Knows files; what a form is and which version counts is the office's business.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::admin::flow::{Text, validate};
use crate::admin::office::{Author, Office};
use crate::admin::problem::Error;
use crate::core::Core;
use crate::core::order::kind::Actor;
use crate::model::id::TenantId;
use crate::tenant::Registry;

/// Takes up the forms of the folder, and `taught`, the questions of a tenant that has none.
///
/// # Errors
/// What cannot be read, or is wrong.
pub(super) async fn take_up(
    core: &Core,
    folder: Option<&Path>,
    taught: Option<(TenantId, &str)>,
) -> anyhow::Result<()> {
    let office = Office::new(core.store().clone(), core.tenants().clone(), core.clock().clone());
    if let Some(folder) = folder {
        keep(&office, core.tenants(), folder).await?;
    }
    if let Some((tenant, table)) = taught {
        let author = Author { tenant, actor: Actor::Program("demo".into()) };
        office.import_if_empty(&author, table).await.context("cannot take in the demo's questions")?;
    }
    core.refresh_libraries().await.context("cannot read the question bases")
}

/// Keeps the forms of every tenant that has some in the folder. One that is older than what is kept changes nothing: the
/// files of this node may be behind those of another.
///
/// # Errors
/// With every problem of every file, when one cannot be read or is wrong; then nothing of its tenant is kept.
async fn keep(office: &Office, registry: &Registry, folder: &Path) -> anyhow::Result<()> {
    for tenant in registry.all() {
        let texts = read(&folder.join(tenant.id.as_str()).join("flows"))?;
        for (path, text) in texts {
            keep_one(office, &tenant.id, text).await.with_context(|| format!("cannot keep {}", path.display()))?;
        }
    }
    Ok(())
}

async fn keep_one(office: &Office, tenant: &TenantId, text: String) -> anyhow::Result<()> {
    let author = Author { tenant: tenant.clone(), actor: Actor::Program("file".into()) };
    match office.add_flow(&author, Text { text }, None).await {
        Ok(_) => Ok(()),
        Err(Error::Conflict(why)) => {
            tracing::warn!(tenant = %tenant, why, "a form in the folder of tenants is not taken up");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The forms in a folder, by name, all of them sound. A folder that is not there has none.
fn read(folder: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let is_form = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut paths: Vec<PathBuf> = paths.filter(is_form).collect();
    paths.sort();
    let (mut texts, mut problems) = (Vec::with_capacity(paths.len()), Vec::new());
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let checked = validate(Text { text: text.clone() });
        problems.extend(checked.problems.iter().map(|problem| format!("{}:{problem}", path.display())));
        texts.push((path, text));
    }
    if problems.is_empty() { Ok(texts) } else { Err(anyhow!(problems.join("\n"))) }
}
