//! Tables and plots of what was found. What waits for acknowledgements has tables of its own. Chinese first.

use std::fmt::Write as _;

use super::idle::PATIENCE;
use super::place::versions;
use super::run::{AtRate, Figures, LEAST};
use super::{GOAL, Options, Promise, Topology};
use crate::bench::Report;
use crate::bench::crowd::{AGENTS, SLOTS};
use crate::bench::machine::Machine;
use crate::bench::measure::Series;
use crate::bench::plot::{self, Hue, Line, Title};
use crate::bench::table::Table;

type Found = [(Topology, Figures)];

/// Makes the report.
pub(super) fn render(options: &Options, machine: &Machine, found: &Found, failures: Vec<String>) -> Report {
    let mut text = options.setting.headline(machine, &versions(options.tls));
    let Options { size, visitors, workers, idle, .. } = options;
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        text,
        "\n{AGENTS} agents, {SLOTS} senders at a time (gateway: {visitors} visitors, {workers} HTTP worker(s) per node), \
         {size} B, {}.\n",
        if options.tls {
            "no TLS but in rows that say so: there haproxy stands in front of each node, XMPP servers speak TLS themselves"
        } else {
            "no TLS"
        }
    );
    for promise in Promise::ALL {
        let some: Vec<&(Topology, Figures)> = found.iter().filter(|(one, _)| one.promise == promise).collect();
        if some.is_empty() {
            continue;
        }
        let _ = write!(text, "\n### {}\n\n{}", promise.label(), summary(&some));
        for rate in &options.rates {
            let table = delays(&some, *rate, promise);
            let _ = write!(text, "\n**{rate}/s 的发送时间（毫秒） Sending time at {rate}/s, ms**\n\n{table}");
        }
    }
    if *idle > 0 {
        let _ = write!(text, "\n### {idle} 个空闲连接 {idle} idle connections\n\n{}", connections(options, found));
    }
    if !failures.is_empty() {
        let _ = write!(text, "\n### 失败 Failures\n\n");
        for failure in &failures {
            let _ = writeln!(text, "* {failure}");
        }
    }
    Report { name: options.name(), text, plots: plots(options, found), failures }
}

fn summary(found: &[&(Topology, Figures)]) -> Table {
    let most = format!("p99 ≤ {GOAL:.0} ms: 每秒 per second");
    let mut table = Table::new(&["", &most, "发出 sent", "丢失 lost", "重复 doubled", "乱序 late"]);
    for (topology, figures) in found {
        let most = match figures.at_goal.median() {
            none if none < LEAST => format!("< {LEAST:.0}"),
            _ if figures.limited => format!("≥ {}", figures.at_goal.show(0)),
            _ => figures.at_goal.show(0),
        };
        let mut row = vec![topology.label(), most];
        row.extend(figures.faults.iter().map(ToString::to_string));
        table.row(row);
    }
    table
}

fn at(figures: &Figures, rate: u32) -> Option<&AtRate> {
    figures.rates.iter().find(|(known, _)| *known == rate).map(|(_, at)| at)
}

fn delays(found: &[&(Topology, Figures)], rate: u32, promise: Promise) -> Table {
    let arrived = ["到达 arrived 平均 mean", "p50", "p99", "p99.9"];
    let accepted = ["确认 acknowledged 平均 mean", "p50", "p99"];
    let acked = promise == Promise::Acknowledged;
    let mut head = vec![""];
    head.extend(arrived);
    head.extend(accepted.iter().filter(|_| acked));
    head.push("CPU s/1,000");
    let mut table = Table::new(&head);
    for (topology, figures) in found {
        let Some(at) = at(figures, rate) else { continue };
        let mut row = vec![topology.label()];
        row.extend(at.arrived.iter().map(|series| series.show(2)));
        row.extend(at.accepted.iter().filter(|_| acked).map(|series| series.show(2)));
        row.push(at.cpu.show(2));
        table.row(row);
    }
    table
}

fn connections(options: &Options, found: &Found) -> Table {
    let head = [
        "",
        "建立 set-up p50 ms",
        "p99 ms",
        "KB/连接 connection",
        "同时断开：99% 恢复 storm: 99 % back, s",
        "全部 all, s",
        "被拒后再试 turned away, tried again",
    ];
    let mut table = Table::new(&head);
    for promise in Promise::ALL {
        let some = || found.iter().filter(|(one, _)| one.promise == promise && options.measures_idle(*one));
        if some().next().is_some() {
            table.group(promise.label());
        }
        for (topology, figures) in some() {
            let mut row = vec![topology.label()];
            row.extend(figures.idle.iter().map(|series| series.show(1)));
            let over = match figures.stayed_away {
                0 => String::new(),
                times => format!(", {times} × > {}", PATIENCE.as_secs()),
            };
            row.extend(figures.back.iter().map(|series| format!("{}{over}", series.show(2))));
            row.push(figures.again.to_string());
            table.row(row);
        }
    }
    table
}

fn hue(topology: Topology) -> Hue {
    let (gateway, way) = (topology.path.has_gateway(), topology.path.word());
    match (gateway, way.starts_with('w')) {
        (true, true) => Hue::First,
        (true, false) => Hue::Third,
        (false, _) => Hue::Second,
    }
}

/// Groups of lines, one for each promise.
fn lines(found: &Found, name: impl Fn(Promise) -> String, figures: impl Fn(&Figures) -> [f64; 3]) -> Vec<Line> {
    let mut lines = Vec::new();
    for promise in Promise::ALL {
        let some: Vec<&(Topology, Figures)> = found.iter().filter(|(one, _)| one.promise == promise).collect();
        if !some.is_empty() {
            lines.push(Line::Group(name(promise)));
        }
        lines.extend(some.iter().map(|(one, found)| Line::Figure(one.label(), hue(*one), figures(found))));
    }
    lines
}

fn plots(options: &Options, found: &Found) -> Vec<(String, String)> {
    let most = lines(
        found,
        |promise| promise.label().to_owned(),
        |found| [found.at_goal.median(), found.at_goal.least(), found.at_goal.most()],
    );
    let text = format!("p99 ≤ {GOAL:.0} ms 时的吞吐 Throughput at p99 ≤ {GOAL:.0} ms");
    let throughput = plot::bars(Title { text: &text, axis: "每秒消息 messages per second" }, &most);
    let mut all = Vec::new();
    for rate in &options.rates {
        all.extend(lines(
            found,
            |promise| format!("{rate}/s {}", promise.label()),
            |found| {
                let of = |which: usize| {
                    at(found, *rate).and_then(|at| at.arrived.get(which)).map_or(f64::NAN, Series::median)
                };
                [1, 2, 3].map(of)
            },
        ));
    }
    let title = Title {
        text: "客户到坐席的发送时间（毫秒） From customer to agent, ms",
        axis: "点 = p50，短线 = p99、p99.9 dot = p50, ticks = p99, p99.9",
    };
    let name = options.name().trim_start_matches("bench ").replace(' ', "-");
    let file = |what: &str| format!("{name}-{what}.svg");
    vec![(file("throughput"), throughput), (file("latency"), plot::spans(title, &all))]
}
