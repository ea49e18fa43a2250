//! `tenant apply | list | show | audit | reseal`.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use crate::admin::tenant::{Applied, Summary, Tenants};
use crate::clock::Clock;
use crate::config::Problems;
use crate::model::id::TenantId;
use crate::tenant::Declaration;

use super::args::Tenant;
use super::{Failure, Given, Outcome, open_keyring, open_store, say, wait};

pub(super) fn run(given: &Given, asked: Tenant) -> Outcome {
    match asked {
        Tenant::Apply { files, check: true, .. } => check(&declarations(given, &files)?),
        Tenant::Apply { files, lost_key, .. } => apply(given, declarations(given, &files)?, lost_key),
        Tenant::List => list(given),
        Tenant::Show { id } => show(given, &id),
        Tenant::Audit { id, limit } => audit(given, &id, limit),
        Tenant::Reseal => reseal(given),
    }
}

fn open(given: &Given) -> Result<Tenants, Failure> {
    let config = given.config(None)?;
    let keyring = open_keyring(&config, &given.env)?;
    Ok(Tenants::new(open_store(&config)?, keyring, Clock::system()))
}

/// Reads all files, and says what is wrong with any of them.
fn declarations(given: &Given, files: &[PathBuf]) -> Result<Vec<Declaration>, Failure> {
    let mut problems = Problems::default();
    let mut declarations = Vec::new();
    for file in files {
        match Declaration::read_file(file, &given.env) {
            Ok(declaration) => declarations.push(declaration),
            Err(found) => {
                found.iter().for_each(|found| problems.push(format!("{}: {}", file.display(), found.key), &found.what));
            }
        }
    }
    for declaration in &declarations {
        for warning in declaration.warnings.iter() {
            say(&format!("警告 warning  {}: {warning}", declaration.tenant.id));
        }
    }
    problems.or(())?;
    Ok(declarations)
}

fn check(declarations: &[Declaration]) -> Outcome {
    say(&format!("声明正确 {} declarations are valid", declarations.len()));
    Ok(())
}

fn apply(given: &Given, declarations: Vec<Declaration>, lost_key: bool) -> Outcome {
    let tenants = open(given)?;
    for declaration in declarations {
        let id = declaration.tenant.id.clone();
        let applied = match lost_key {
            true => wait(tenants.replace(declaration))?,
            false => wait(tenants.apply(declaration))?,
        };
        say(&match applied.with_context(|| format!("tenant {id} was not applied"))? {
            Applied::Changed(version) => format!("{id}: 已应用 applied, version {version}"),
            Applied::Unchanged(version) => format!("{id}: 未变化 unchanged, version {version}"),
        });
    }
    Ok(())
}

fn list(given: &Given) -> Outcome {
    let tenants = open(given)?;
    let list = wait(tenants.list())?.context("cannot list the tenants")?;
    if list.is_empty() {
        say("没有租户 no tenants; see: yizhan tenant apply --help");
    }
    for Summary { id, name, version, applied_at, counts: (accounts, queues, agents) } in list {
        let when = applied_at.rfc3339();
        say(&format!("{id}\t{name}\tversion {version}\t{when}\t{accounts} accounts, {queues} queues, {agents} agents"));
    }
    Ok(())
}

fn nobody(id: &str) -> anyhow::Error {
    anyhow!("没有这个租户 there is no tenant {id:?}")
}

fn audit(given: &Given, id: &str, limit: u16) -> Outcome {
    let tenant = TenantId::parse(id).map_err(|_form| nobody(id))?;
    let trail = wait(open(given)?.trail(&tenant, i64::from(limit)))?.context("cannot read the audit trail")?;
    for entry in trail.ok_or_else(|| nobody(id))? {
        let (when, subject) = (entry.at.rfc3339(), entry.subject.unwrap_or_default());
        say(&format!("{when}\t{}\t{}\t{subject}\t{}", entry.actor, entry.action, entry.outcome));
    }
    Ok(())
}

fn show(given: &Given, id: &str) -> Outcome {
    let tenant = TenantId::parse(id).map_err(|_form| nobody(id))?;
    let tenants = open(given)?;
    let shown = wait(tenants.show(&tenant))?.context("cannot read the tenant")?;
    say(shown.ok_or_else(|| nobody(id))?.trim_end());
    Ok(())
}

fn reseal(given: &Given) -> Outcome {
    let tenants = open(given)?;
    let changed = wait(tenants.reseal())?.context("not every secret could be sealed again")?;
    say(&format!("已重新封存 {changed} 个租户的密文 tenants sealed again under the current master key"));
    Ok(())
}
