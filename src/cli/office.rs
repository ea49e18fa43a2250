//! `faq import | export | calibrate` and `flow apply`: what administrators keep, from files. What can be typed stands here, too.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;

use crate::admin::faq::{Fare, How};
use crate::admin::flow::{Applied, Text, validate};
use crate::admin::office::{Author, Office};
use crate::admin::problem::Error;
use crate::admin::tenant::Tenants;
use crate::clock::Clock;
use crate::core::order::kind::Actor;
use crate::model::id::TenantId;
use crate::tenant::Registry;

use super::{Failure, Given, Outcome, complain, open_keyring, open_store, say, wait};

/// The longest table that is read, bytes.
const TABLE: u64 = 5 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Faq {
    /// 导入 CSV。 Take in a table of questions and answers; a running gateway takes them up within a second.
    ///
    /// UTF-8, the first line names the columns, in any order: id, kind (faq or chitchat), question, similar (other
    /// wordings between |), answer, leads (flow:ID, handoff or handoff:QUEUE, in place of an answer), category, enabled.
    /// Only question is required. An entry with that id, or without one with that question, is replaced; entries that the
    /// file does not name stay. All rows are taken in or none: every wrong row is printed with its line.
    #[command(after_help = FAQ_EXAMPLES)]
    Import {
        /// 租户标识。 The tenant's id.
        tenant: String,
        /// CSV 文件，至多 5 MiB、5,000 行。 The table, at most 5 MiB and 5,000 rows.
        file: PathBuf,
        /// 跳过有误的行。 Take in the rows that are right although others are wrong; exit code 1 if there are any.
        #[arg(long)]
        partial: bool,
        /// 试运行。 Only say what would happen.
        #[arg(long)]
        dry_run: bool,
    },
    /// 校准概率。 Fit the probabilities to labelled questions of your own customers, and show what that changes.
    ///
    /// The table's first line is query,faq: what a customer wrote, and the id of the entry that was meant, or nothing for what
    /// must not be answered. At least 20 rows, better some hundreds, about as many foreign ones as customers write. The figures
    /// are for these rows themselves: keep some others aside to see whether they hold.
    Calibrate {
        /// 租户标识。 The tenant's id.
        tenant: String,
        /// CSV 文件。 The labelled questions.
        file: PathBuf,
        /// 启用。 Put the fitted weights in force; a running gateway takes them up within a second.
        #[arg(long)]
        write: bool,
    },
    /// 导出 CSV。 Print all entries as a table that `import` reads back.
    ///
    /// Cells that a spreadsheet would take for formulas begin with ', which `import` takes away again.
    Export {
        /// 租户标识。 The tenant's id.
        tenant: String,
        /// 写入文件。 Write it to this file.
        #[arg(long, short, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

const FAQ_EXAMPLES: &str = "\
Examples 例:
  yizhan faq import demo tenants/demo.faq.csv --dry-run
  yizhan faq export demo --file faq.csv";

#[derive(Debug, Subcommand)]
pub(super) enum Flow {
    /// 应用流程。 Check forms and keep them, all or none; a running gateway takes them up within a second.
    ///
    /// Every problem is printed with file, line and column. A form's `flow` is its id; its `version` has to grow with every
    /// change, so that customers in the middle of it go on with theirs. A form that was switched off stays so.
    Apply {
        /// 租户标识。 The tenant's id.
        tenant: String,
        /// 流程文件（YAML）。 Forms, in YAML.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// 只检查。 Only check the files; the store is not opened.
        #[arg(long)]
        check: bool,
    },
}

pub(super) fn faq(given: &Given, asked: Faq) -> Outcome {
    match asked {
        Faq::Import { tenant, file, partial, dry_run } => import(given, &tenant, &file, How { partial, dry_run }),
        Faq::Calibrate { tenant, file, write } => calibrate(given, &tenant, &file, write),
        Faq::Export { tenant, file } => export(given, &tenant, file.as_deref()),
    }
}

pub(super) fn flow(given: &Given, asked: Flow) -> Outcome {
    match asked {
        Flow::Apply { tenant, files, check } => apply(given, &tenant, &files, check),
    }
}

/// The office of one tenant, in the name of whoever types.
fn open(given: &Given, id: &str) -> Result<(Office, Author), Failure> {
    let nobody = || anyhow!("没有这个租户 there is no tenant {id:?}");
    let tenant = TenantId::parse(id).map_err(|_form| nobody())?;
    let config = given.config(None)?;
    let keyring = open_keyring(&config, &given.env)?;
    let (store, clock) = (open_store(&config)?, Clock::system());
    let tenants = Tenants::new(store.clone(), keyring, clock.clone());
    let declared = wait(tenants.load_one(&tenant))?.context("cannot read the tenant")?.ok_or_else(nobody)?;
    Ok((Office::new(store, Registry::new([declared]), clock), Author { tenant, actor: Actor::Program("cli".into()) }))
}

fn import(given: &Given, tenant: &str, file: &Path, how: How) -> Outcome {
    let name = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("cannot read {name}"))?.len();
    if size > TABLE {
        return Err(anyhow!("{name} 超过 {TABLE} 字节 is larger than {TABLE} bytes: split it").into());
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let (office, author) = open(given, tenant)?;
    let report = match wait(office.import(&author, bytes, how, None))? {
        Ok(report) => report,
        Err(Error::Wrong(findings)) => {
            findings.iter().for_each(|finding| complain(&format!("{name}:{finding}")));
            complain("未导入任何内容 nothing was imported (--partial takes in the rows that are right)");
            return Err(Failure::Told);
        }
        Err(error) => return Err(anyhow::Error::from(error).context(format!("cannot import {name}")).into()),
    };
    let errors = report.get("errors").and_then(serde_json::Value::as_array);
    for error in errors.into_iter().flatten() {
        complain(&format!("{name}: {error}"));
    }
    let count = |key: &str| report.get(key).and_then(serde_json::Value::as_u64).unwrap_or_default();
    let word = if how.dry_run { "试运行 would be " } else { "" };
    say(&format!(
        "{tenant}: {word}新增 added {}, 修改 changed {}, 未变 unchanged {}, 有误 wrong {}",
        count("added"),
        count("changed"),
        count("unchanged"),
        count("wrong")
    ));
    if count("wrong") > 0 { Err(Failure::Told) } else { Ok(()) }
}

fn calibrate(given: &Given, tenant: &str, file: &Path, keep: bool) -> Outcome {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let (office, author) = open(given, tenant)?;
    let done = match wait(office.calibrate(&author, &bytes, keep))? {
        Ok(done) => done,
        Err(Error::Wrong(findings)) => {
            findings.iter().for_each(|finding| complain(&format!("{name}:{finding}")));
            return Err(Failure::Told);
        }
        Err(error) => return Err(anyhow::Error::from(error).context("cannot calibrate").into()),
    };
    say(&format!(
        "{} 个问题 questions\n\n阈值 threshold   现行 in force (准确 right, 回答 answered)   校准后 fitted",
        done.questions
    ));
    for (before, after) in done.before.iter().zip(&done.after) {
        let figures = |fare: &Fare| format!("{:5.1} % {:5.1} %", fare.precision * 100.0, fare.coverage * 100.0);
        say(&format!("{:>14.2}   {}   {}", before.threshold, figures(before), figures(after)));
    }
    say(if keep { "\n已启用 in force" } else { "\n未保存 not kept (--write keeps it)" });
    Ok(())
}

fn export(given: &Given, tenant: &str, file: Option<&Path>) -> Outcome {
    let (office, author) = open(given, tenant)?;
    let table = wait(office.export(&author))?.context("cannot export")?;
    match file {
        Some(file) => std::fs::write(file, table).with_context(|| format!("cannot write {}", file.display()))?,
        None => std::io::stdout().lock().write_all(&table).context("cannot write")?,
    }
    Ok(())
}

/// Checks all files before the first is kept.
fn apply(given: &Given, tenant: &str, files: &[PathBuf], check: bool) -> Outcome {
    let mut texts = Vec::with_capacity(files.len());
    let mut sound = true;
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let checked = validate(Text { text: text.clone() });
        for problem in &checked.problems {
            complain(&format!("{}:{problem}", file.display()));
        }
        sound &= checked.valid;
        texts.push(text);
    }
    if !sound {
        return Err(Failure::Told);
    }
    if check {
        say(&format!("流程正确 {} forms are valid", texts.len()));
        return Ok(());
    }
    let (office, author) = open(given, tenant)?;
    let applied = wait(office.add_flows(&author, texts, None))?;
    let applied = applied.context("nothing was applied")?;
    let applied: Vec<Applied> = serde_json::from_value(applied).context("cannot read the outcome")?;
    for Applied { id, version, added, enabled } in applied {
        let what = if added { "已应用 applied" } else { "未变化 unchanged" };
        let off = if enabled { "" } else { "，已停用 switched off" };
        say(&format!("{id}: {what}, version {version}{off}"));
    }
    Ok(())
}
