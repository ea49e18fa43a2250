//! Results as tables of `docs/RELIABILITY.md`, each between its own pair of marks. A run replaces the rows that it has
//! measured and leaves the others. Knows how to write, not to judge.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use crate::check::Check;
use crate::check::time::percentile;
use crate::fault::{self, Fault};
use crate::run::Outcome;

/// Where the tables are.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/RELIABILITY.md");

/// Columns of the faults' table; the sum below it is of some of them.
const FAULTS: [&str; 20] = [
    "fault",
    "on",
    "what",
    "accepted",
    "shown",
    "at WeChat",
    "of them uncertain",
    "events",
    "lost",
    "twice",
    "out of order",
    "leaked",
    "double owners",
    "other",
    "to the screen, ms: p99 calm / most in the fault",
    "callbacks answered, ms: p99 / most",
    "recovered after, s",
    "required of this fault: measured",
    "build",
    "verdict",
];
/// Figures stand in these.
const FIGURES: std::ops::Range<usize> = 3..14;

/// An exit code in a word.
pub fn word(code: u8) -> &'static str {
    match code {
        0 => "valid",
        1 => "INVALID",
        _ => "UNKNOWN",
    }
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// The cells of a campaign, in the order of [`FAULTS`].
fn cells(fault: Fault, outcome: &anyhow::Result<Outcome>) -> Vec<String> {
    let mut cells = [fault.name, fault.topology.name(), fault.about].map(str::to_owned).to_vec();
    match outcome {
        Ok(outcome) => cells.extend(measured(outcome)),
        Err(error) => {
            cells.extend((3..FAULTS.len() - 3).map(|_| "–".to_owned()));
            cells.extend([format!("could not be run: {error:#}"), build().to_owned(), word(2).to_owned()]);
        }
    }
    cells
}

fn measured(outcome: &Outcome) -> Vec<String> {
    let verdict = &outcome.verdict;
    let (counts, answers) = (&verdict.counts, &verdict.delays.answers);
    let found = |checks: &[Check]| verdict.count(checks);
    let (_, p99, harmed) = verdict.delays.told();
    let needs = outcome.requirements.iter().map(|requirement| {
        let mark = if requirement.holds { "" } else { "**broken** " };
        format!("{mark}{}: {}", requirement.what, requirement.measured)
    });
    let figures = [
        counts.accepted,
        counts.shown,
        counts.sent,
        counts.uncertain,
        counts.events,
        found(&[Check::Stored, Check::Shown, Check::Event]),
        found(&[Check::Once]),
        found(&[Check::Order, Check::Agreement]),
        found(&[Check::Isolation, Check::Phantom]),
        found(&[Check::Owner]),
        found(&[Check::Account, Check::Wechat, Check::Time, Check::Resource, Check::Hygiene]),
    ];
    let mut cells: Vec<_> = figures.iter().map(ToString::to_string).collect();
    cells.extend([
        format!("{p99} / {harmed}"),
        format!("{} / {}", percentile(answers, 99), percentile(answers, 100)),
        format!("{:.1}", f64::from(u32::try_from(verdict.recovery_ms).unwrap_or(u32::MAX)) / 1_000.0),
        needs.collect::<Vec<_>>().join("; "),
        build().to_owned(),
        word(outcome.exit_code()).to_owned(),
    ]);
    cells
}

/// Puts the row of a fault into the table, and sums up what stands there now.
pub fn fault(fault: Fault, outcome: &anyhow::Result<Outcome>, command: &str) -> anyhow::Result<()> {
    let mut rows = rows_of("campaign", FAULTS.len())?;
    rows.insert(fault.name.to_owned(), cells(fault, outcome));
    let order = fault::ALL.iter().filter_map(|fault| rows.get(fault.name));
    let order: Vec<_> = order.collect();
    let rule: Vec<_> = (0..FAULTS.len()).map(|n| if FIGURES.contains(&n) { "---:" } else { "---" }).collect();
    let mut text = vec![environment(command)?, String::new(), line(&FAULTS), format!("|{}|", rule.join("|"))];
    text.extend(order.iter().map(|row| line(row)));
    text.extend([String::new(), sum(&order)]);
    replace("campaign", &text.join("\n"))
}

/// What all rows come to.
fn sum(rows: &[&Vec<String>]) -> String {
    let figure = |row: &Vec<String>, n: usize| row.get(n).and_then(|cell| cell.parse::<u64>().ok()).unwrap_or(0);
    let all = |n: usize| rows.iter().map(|row| figure(row, n)).sum::<u64>();
    let valid = rows.iter().filter(|row| row.last().is_some_and(|cell| cell == word(0))).count();
    let slowest = rows.iter().filter_map(|row| row.get(15)?.rsplit(' ').next()?.parse::<u64>().ok()).max().unwrap_or(0);
    format!(
        "Altogether {valid} of {} valid: {} accepted messages, {} shown, {} at WeChat ({} uncertain), {} events; \
         {} lost, {} twice, {} out of order, {} leaked, {} double owners, {} other findings; every callback that was \
         answered was answered within {slowest} ms.",
        rows.len(),
        all(3),
        all(4),
        all(5),
        all(6),
        all(7),
        all(8),
        all(9),
        all(10),
        all(11),
        all(12),
        all(13),
    )
}

/// Puts the row of a planted bug into its table; `keys` are the first cells of all that there are, in their order.
pub fn planted(new: Vec<String>, keys: &[String]) -> anyhow::Result<()> {
    const HEAD: [&str; 4] = ["bug", "what", "fault", "caught by"];
    let mut rows = rows_of("planted", HEAD.len())?;
    rows.extend(new.first().cloned().map(|key| (key, new)));
    let order: Vec<_> = keys.iter().filter_map(|key| rows.get(key)).collect();
    let missed = order.iter().filter(|row| row.last().is_some_and(|cell| cell.contains("not caught"))).count();
    let head = format!("`scripts/campaign --planted`: {} of {} caught.\n", order.len() - missed, keys.len());
    let mut text = vec![head, line(&HEAD), "|---|---|---|---|".to_owned()];
    text.extend(order.iter().map(|row| line(row)));
    replace("planted", &text.join("\n"))
}

/// The rows of a table as it stands, by their first cell. Rows of another shape are of an older program, and go.
fn rows_of(name: &str, width: usize) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(FILE)?;
    let (_, rest) = text.split_once(&format!("<!-- {name} -->")).context("no such table")?;
    let (table, _) = rest.split_once(&format!("<!-- /{name} -->")).context("no end of the table")?;
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>()).skip(1);
    Ok(rows.filter(|row| row.len() == width).filter_map(|row| Some((row.first()?.clone(), row))).collect())
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.as_ref().replace(['|', '\n'], "/")).collect();
    // A row is read again: an empty cell keeps its place.
    let cells: Vec<_> = cells.iter().map(|cell| if cell.is_empty() { "–" } else { cell.as_str() }).collect();
    format!("| {} |", cells.join(" | "))
}

/// Where it ran, as far as a reader needs it to compare.
fn environment(command: &str) -> anyhow::Result<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)).unwrap_or("0");
    let gib = memory.parse::<f64>().context("no memory")? / 1024.0 / 1024.0;
    Ok(format!(
        "`{command}`, {cores} × {}, {gib:.0} GiB, Linux {}.",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim()
    ))
}

/// Puts a text between the marks of its name. A run that is cut off leaves the old file or the new one.
fn replace(name: &str, text: &str) -> anyhow::Result<()> {
    let path = Path::new(FILE);
    let old = std::fs::read_to_string(path)?;
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = old.split_once(&begin).with_context(|| format!("{FILE} has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{FILE} has no {end}"))?;
    let new = path.with_extension("md.new");
    std::fs::write(&new, format!("{before}{begin}\n\n{text}\n\n{end}{after}"))?;
    Ok(std::fs::rename(new, path)?)
}
