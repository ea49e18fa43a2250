//! Tables and the plot of what was found, and whether the goal is met. Chinese first.

use std::fmt::Write as _;

use super::run::Figures;
use super::{GOAL, Options};
use crate::bench::Report;
use crate::bench::crowd::AGENTS;
use crate::bench::machine::Machine;
use crate::bench::measure::Series;
use crate::bench::plot::{self, Hue, Line, Title};
use crate::bench::relay::Scenario;
use crate::bench::table::Table;

type Found = [(Scenario, Figures)];

/// Makes the report.
pub(super) fn render(options: &Options, machine: &Machine, found: &Found, failures: Vec<String>) -> Report {
    let mut text = options.setting.headline(machine, &[]);
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        text,
        "\n{AGENTS} agents with {} visitors, {} HTTP worker(s) per node, descriptions of 2.5 KB.\n\n### 饱和 Saturation\n\n{}",
        options.visitors,
        options.workers,
        saturation(found),
    );
    for rate in &options.rates {
        let _ =
            write!(text, "\n### 每秒 {rate} 次呼叫（毫秒） At {rate} calls a second, ms\n\n{}", delays(found, *rate));
    }
    if let Some(p99) = started(found, Scenario::Embedded, GOAL.0).and_then(|at| at.get(1).copied()) {
        let met = if p99 <= GOAL.1 { "达到 met" } else { "**未达到 missed**" };
        let _ = write!(
            text,
            "\n### 目标 Goals\n\n* 单节点每秒 {} 次，建立 p99 one node, set up, ms (≤ {:.0}): {p99:.2} — {met}\n",
            GOAL.0, GOAL.1
        );
    }
    if !failures.is_empty() {
        let _ = write!(text, "\n### 失败 Failures\n\n");
        for failure in &failures {
            let _ = writeln!(text, "* {failure}");
        }
    }
    Report { name: "bench call", text, plots: plots(options, found), failures }
}

fn saturation(found: &Found) -> Table {
    let mut table = Table::new(&["", "每秒呼叫 calls per second", "CPU s/1,000"]);
    for (scenario, figures) in found {
        table.row(vec![scenario.label().to_owned(), figures.per_second.show(0), figures.cpu.show(2)]);
    }
    table
}

fn delays(found: &Found, rate: u32) -> Table {
    let mut table = Table::new(&["", "建立 set up p50", "p99", "p99.9", "接通 connected p50", "p99", "p99.9"]);
    for (scenario, figures) in found {
        let Some((_, at)) = figures.rates.iter().find(|(known, _)| *known == rate) else { continue };
        let mut row = vec![scenario.label().to_owned()];
        row.extend(at.started.iter().chain(&at.connected).map(|series| series.show(2)));
        table.row(row);
    }
    table
}

/// The medians of p50, p99 and p99.9 until both were told to begin.
fn started(found: &Found, scenario: Scenario, rate: u32) -> Option<[f64; 3]> {
    let (_, figures) = found.iter().find(|(one, _)| *one == scenario)?;
    let (_, at) = figures.rates.iter().find(|(known, _)| *known == rate)?;
    let measured = at.started.iter().all(|series| !series.is_empty());
    measured.then(|| at.started.clone().map(|series: Series| series.median()))
}

fn plots(options: &Options, found: &Found) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for rate in &options.rates {
        lines.push(Line::Group(format!("{rate}/s")));
        for (scenario, _) in found {
            let at = started(found, *scenario, *rate).unwrap_or([f64::NAN; 3]);
            lines.push(Line::Figure(scenario.word().to_owned(), Hue::First, at));
        }
    }
    let title = Title {
        text: "呼叫建立的延迟（毫秒） Setting a call up, ms",
        axis: "点 = p50，短线 = p99、p99.9 dot = p50, ticks = p99, p99.9",
    };
    vec![("call-latency.svg".to_owned(), plot::spans(title, &lines))]
}
