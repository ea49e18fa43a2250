//! Tables and the plot of what was found, and whether the goals are met. Chinese first.

use std::fmt::Write as _;

use super::peer::Peer;
use super::run::Figures;
use super::{Options, SIZE, Scenario};
use crate::bench::Report;
use crate::bench::crowd::{AGENTS, SLOTS};
use crate::bench::machine::Machine;
use crate::bench::measure::Series;
use crate::bench::plot::{self, Hue, Line, Title};
use crate::bench::table::Table;

type Found = [(Scenario, Figures)];

/// Makes the report.
pub(super) fn render(options: &Options, machine: &Machine, found: &Found, failures: Vec<String>) -> Report {
    let mut text = options.setting.headline(machine, &[Peer::version().to_owned()]);
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        text,
        "\n{AGENTS} agents, {SLOTS} senders at a time ({} visitors), {} tenant(s), {SIZE} B, {} HTTP worker(s) per node.\n\n\
         ### 饱和 Saturation\n\n{}",
        options.visitors,
        options.tenants,
        options.workers,
        saturation(found),
    );
    for rate in &options.rates {
        let _ = write!(text, "\n### {rate}/s 的延迟（毫秒） Delays at {rate}/s, ms\n\n{}", delays(found, *rate));
    }
    let goals = goals(found);
    if !goals.is_empty() {
        let _ = write!(text, "\n### 目标 Goals\n\n{goals}");
    }
    if !failures.is_empty() {
        let _ = write!(text, "\n### 失败 Failures\n\n");
        for failure in &failures {
            let _ = writeln!(text, "* {failure}");
        }
    }
    Report { name: "bench relay", text, plots: plots(options, found), failures }
}

fn saturation(found: &Found) -> Table {
    let mut table =
        Table::new(&["", "每秒 per second", "CPU s/1,000", "发出 sent", "丢失 lost", "重复 doubled", "乱序 late"]);
    for (scenario, figures) in found {
        let mut row = vec![scenario.label().to_owned(), figures.per_second.show(0), figures.cpu.show(2)];
        row.extend(figures.faults.iter().map(ToString::to_string));
        table.row(row);
    }
    table
}

fn delays(found: &Found, rate: u32) -> Table {
    let mut table = Table::new(&["", "受理 accepted p50", "p99", "到达 arrived p50", "p99", "p99.9"]);
    for (scenario, figures) in found {
        let Some((_, at)) = figures.rates.iter().find(|(known, _)| *known == rate) else { continue };
        let mut row = vec![scenario.label().to_owned()];
        row.extend(at.accepted.iter().chain(&at.arrived).map(|series| series.show(2)));
        table.row(row);
    }
    table
}

/// The median of a series of a scenario.
fn median(found: &Found, scenario: Scenario, series: impl Fn(&Figures) -> Option<&Series>) -> Option<f64> {
    let (_, figures) = found.iter().find(|(one, _)| *one == scenario)?;
    series(figures).filter(|series| !series.is_empty()).map(Series::median)
}

fn arrived(found: &Found, scenario: Scenario, rate: u32, which: usize) -> Option<f64> {
    median(found, scenario, |figures| {
        figures.rates.iter().find(|(known, _)| *known == rate).and_then(|(_, at)| at.arrived.get(which))
    })
}

/// What was aimed at, and what came of it.
fn goals(found: &Found) -> String {
    let mut text = String::new();
    let mut goal = |what: &str, value: Option<f64>, limit: f64, at_least: bool| {
        let Some(value) = value else { return };
        let met = if at_least { value >= limit } else { value <= limit };
        let word = if met { "达到 met" } else { "**未达到 missed**" };
        let _ = writeln!(text, "* {what}: {value:.2} — {word}");
    };
    let rate = |scenario| median(found, scenario, |figures| Some(&figures.per_second));
    let ratio = rate(Scenario::TwoNodes).zip(rate(Scenario::SocketIo)).map(|(own, peer)| own / peer);
    goal("双节点饱和吞吐 / socket.io two nodes ÷ socket.io at saturation (≥ 0.5, 1.0 wished)", ratio, 0.5, true);
    let p99 = |scenario| arrived(found, scenario, 1_000, 1);
    let worse = p99(Scenario::TwoNodes).zip(p99(Scenario::SocketIo)).map(|(own, peer)| own / peer);
    goal("1,000/s p99：双节点 / socket.io (≤ 1)", worse, 1.0, false);
    for (name, which, limit) in [("p50", 0, 2.0), ("p99", 1, 10.0)] {
        let at = |scenario| arrived(found, scenario, 500, which);
        let added = at(Scenario::TwoNodes).zip(at(Scenario::OneNode)).map(|(two, one)| two - one);
        let what = format!("500/s {name}：跨节点增加的毫秒 added by the second node, ms (≤ {limit:.0})");
        goal(&what, added, limit, false);
    }
    text
}

fn plots(options: &Options, found: &Found) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for rate in &options.rates {
        lines.push(Line::Group(format!("{rate}/s")));
        for (scenario, _) in found {
            let hue = if *scenario == Scenario::SocketIo { Hue::Second } else { Hue::First };
            let at = [0, 1, 2].map(|which| arrived(found, *scenario, *rate, which).unwrap_or(f64::NAN));
            lines.push(Line::Figure(scenario.word().to_owned(), hue, at));
        }
    }
    let title = Title {
        text: "访客到坐席的延迟（毫秒） From visitor to agent, ms",
        axis: "点 = p50，短线 = p99、p99.9 dot = p50, ticks = p99, p99.9",
    };
    vec![("relay-latency.svg".to_owned(), plot::spans(title, &lines))]
}
