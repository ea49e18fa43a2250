//! Tables and plots of what was found, Chinese first.

use std::fmt::Write as _;

use super::Options;
use super::churn::contenders;
use super::figures::{Delays, Figures, Throughput};
use super::hub::Way;
use super::structure::{Broker, Class, Contender};
use crate::bench::Report;
use crate::bench::machine::Machine;
use crate::bench::measure::Series;
use crate::bench::plot::{self, Hue, Line, Title};
use crate::bench::table::Table;

/// The name in the document.
pub(super) const NAME: &str = "bench queue";

/// Makes the report.
pub(super) fn render(options: &Options, machine: &Machine, versions: &[String], figures: Figures) -> Report {
    let mut text = options.setting.headline(machine, versions);
    // Writing to a text cannot fail, here and below.
    let _ = writeln!(text, "\n{} B.", options.base_size());
    let mut part = |title: &str, table: Option<String>| {
        if let Some(table) = table {
            let _ = write!(text, "\n### {title}\n\n{table}");
        }
    };
    part("产品自己的节点间提示 The product's own hub between two nodes", hub(&figures));
    let clients = options.base_clients();
    part(&format!("饱和吞吐，{clients} 个客户端 Saturation, {clients} clients"), saturation(options, &figures));
    part("客户端数与往返 Clients and round trips", sweep(options, &figures));
    part("队列深度与消息大小 Depth and size", variations(options, &figures));
    part("同一速率下的延迟（毫秒） Delays at one rate for all, ms", delays(options, &figures.common, false));
    part(
        "各自饱和一半时的延迟（毫秒） Delays at half of each one's saturation, ms",
        delays(options, &figures.half, true),
    );
    part("按会话建、删队列 A queue per session", churn(&figures));
    part("消费者被杀 Consumers that die", crash(options, &figures));
    part("服务被 SIGKILL 后重启 The broker is killed and started again", outage(options, &figures));
    if !figures.failures.is_empty() {
        let _ = write!(text, "\n### 未守承诺或未能测得 Broken promises, and what could not be measured\n\n");
        for failure in &figures.failures {
            let _ = writeln!(text, "* {failure}");
        }
    }
    Report { name: NAME, text, plots: plots(options, &figures), failures: figures.failures }
}

/// Rows grouped by class; `None` if there are none.
fn grouped(
    head: &[&str],
    wanted: impl IntoIterator<Item = Contender>,
    mut cells: impl FnMut(Contender) -> Option<Vec<String>>,
) -> Option<String> {
    let wanted: Vec<Contender> = wanted.into_iter().collect();
    let mut table = Table::new(head);
    let mut any = false;
    for class in Class::ALL {
        let rows: Vec<Vec<String>> = wanted
            .iter()
            .filter(|one| one.class == class)
            .filter_map(|one| Some([vec![one.label().to_owned()], cells(*one)?].concat()))
            .collect();
        if !rows.is_empty() {
            any = true;
            table.group(class.label());
            rows.into_iter().for_each(|row| table.row(row));
        }
    }
    any.then(|| table.to_string())
}

fn base<'a>(options: &Options, figures: &'a Figures, contender: Contender) -> Option<&'a Throughput> {
    let (clients, size) = (options.base_clients(), options.base_size());
    let found = figures.cells.iter().find(|(cell, _)| {
        cell.contender == contender && cell.clients == clients && cell.depth == 0 && cell.size == size
    })?;
    (!found.1.cycle.is_empty()).then_some(&found.1)
}

fn saturation(options: &Options, figures: &Figures) -> Option<String> {
    let head = [
        "",
        "入队 enqueue /s",
        "出队 dequeue /s",
        "往返 round trip /s",
        "服务 CPU s/1,000",
        "客户端 client CPU s/1,000",
    ];
    grouped(&head, options.contenders(), |one| {
        let found = base(options, figures, one)?;
        let rates = [&found.enqueue, &found.dequeue, &found.cycle].map(|series| series.show(0));
        let cpu = [&found.server_cpu, &found.own_cpu].map(|series| format_or_dash(series, 3));
        Some([rates.to_vec(), cpu.to_vec()].concat())
    })
}

fn format_or_dash(series: &Series, digits: usize) -> String {
    if series.is_empty() { "–".to_owned() } else { format!("{:.digits$}", series.median()) }
}

fn sweep(options: &Options, figures: &Figures) -> Option<String> {
    if options.clients.len() < 2 {
        return None;
    }
    let mut head = vec![String::new()];
    head.extend(options.clients.iter().map(|n| format!("{n} × 往返 round trips /s")));
    head.push("1 × p50 ms".to_owned());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    grouped(&head, options.contenders(), |one| {
        let at = |clients: usize| {
            figures.cells.iter().find(|(cell, _)| {
                let same = cell.contender == one && cell.clients == clients;
                same && cell.depth == 0 && cell.size == options.base_size()
            })
        };
        let mut row = Vec::new();
        for clients in &options.clients {
            row.push(at(*clients)?.1.cycle.show(0));
        }
        row.push(at(1).map_or_else(|| "–".to_owned(), |(_, found)| found.cycle_ms.show(2)));
        Some(row)
    })
}

fn variations(options: &Options, figures: &Figures) -> Option<String> {
    let (clients, size) = (options.base_clients(), options.base_size());
    let mut table =
        Table::new(&["", "深度 depth", "字节 B", "入队 enqueue /s", "出队 dequeue /s", "往返 round trip /s"]);
    let mut any = false;
    for class in Class::ALL {
        let rows: Vec<_> = figures
            .cells
            .iter()
            .filter(|(cell, found)| {
                let varied = cell.depth > 0 || cell.size != size;
                cell.contender.class == class && cell.clients == clients && varied && !found.cycle.is_empty()
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        any = true;
        table.group(class.label());
        for (cell, found) in rows {
            let rates = [&found.enqueue, &found.dequeue, &found.cycle].map(|series| series.show(0));
            let what = [cell.contender.label().to_owned(), cell.depth.to_string(), cell.size.to_string()];
            table.row([what, rates].concat());
        }
    }
    any.then(|| table.to_string())
}

fn delays(options: &Options, list: &[(Contender, Delays)], rates: bool) -> Option<String> {
    let mut head =
        vec!["", "受理 accepted p50", "p99", "到达 arrived mean", "p50", "p99", "p99.9", "发生器 generator p99"];
    if rates {
        head.insert(1, "/s");
    }
    let table = grouped(&head, options.contenders(), |one| {
        let (_, found) = list.iter().find(|(known, found)| *known == one && !found.left.is_empty())?;
        let mut row: Vec<String> = found.accepted.iter().chain(&found.arrived).map(|series| series.show(2)).collect();
        row.push(format_or_dash(&found.left, 2));
        if rates {
            row.insert(0, format!("{:.0}", found.rate));
        }
        Some(row)
    })?;
    let rate = list.first().map_or(f64::NAN, |(_, found)| found.rate);
    Some(if rates { table } else { format!("{rate:.0}/s\n\n{table}") })
}

fn hub(figures: &Figures) -> Option<String> {
    let mut table = Table::new(&[
        "",
        "饱和 saturation /s",
        "服务 CPU s/1,000",
        "节点 nodes CPU s/1,000",
        "同速 one rate p50 ms",
        "p99",
        "p99.9",
        "一半 half of own /s",
        "p50 ms",
        "p99",
        "p99.9",
    ]);
    for way in Way::ALL {
        let Some((_, found)) = figures.hub.iter().find(|(known, _)| *known == way) else { continue };
        let [common, half] = &found.delays;
        let mut row = vec![way.label().to_owned(), found.rate.show(0)];
        row.extend([&found.server_cpu, &found.own_cpu].map(|series| format_or_dash(series, 3)));
        row.extend(common.1.iter().map(|series| series.show(2)));
        row.push(format!("{:.0}", half.0));
        row.extend(half.1.iter().map(|series| series.show(2)));
        table.row(row);
    }
    let rate = figures.hub.first().map(|(_, found)| {
        let [(rate, _), _] = &found.delays;
        *rate
    })?;
    Some(format!("同速 one rate: {rate:.0}/s\n\n{table}"))
}

fn churn(figures: &Figures) -> Option<String> {
    let head = ["", "队列 queues", "建 made /s", "删 removed /s", "KB 每队列 per queue"];
    grouped(&head, contenders(), |one| {
        let (_, found) = figures.churn.iter().find(|(known, _)| *known == one)?;
        let rates = [&found.made, &found.removed].map(|series| series.show(0));
        Some([vec![format_or_dash(&found.queues, 0)], rates.to_vec(), vec![format_or_dash(&found.memory, 1)]].concat())
    })
}

fn crash(options: &Options, figures: &Figures) -> Option<String> {
    let head = ["", "发出 sent", "死亡 deaths", "丢失 lost", "重复 doubled", "乱序 late"];
    grouped(&head, options.contenders(), |one| {
        let (_, found) = figures.crash.iter().find(|(known, _)| *known == one)?;
        Some(
            [&found.sent, &found.deaths, &found.lost, &found.doubled, &found.late]
                .map(|series| series.show(0))
                .to_vec(),
        )
    })
}

fn outage(options: &Options, figures: &Figures) -> Option<String> {
    let head =
        ["", "已受理 accepted", "丢失 lost", "最早早于 oldest lost, s before", "重复 doubled", "恢复 flowing again, s"];
    grouped(&head, options.contenders(), |one| {
        let (_, found) = figures.outage.iter().find(|(known, _)| *known == one)?;
        let age = if found.lost.most() > 0.0 { found.lost_age.show(2) } else { "–".to_owned() };
        let counts = [&found.accepted, &found.lost].map(|series| series.show(0));
        Some([counts.to_vec(), vec![age, found.doubled.show(0), found.down.show(2)]].concat())
    })
}

/// Lines of a plot, grouped by class.
fn lines(contenders: &[Contender], figures: impl Fn(Contender) -> Option<[f64; 3]>) -> Vec<Line> {
    let mut lines = Vec::new();
    for class in Class::ALL {
        let own: Vec<Line> = contenders
            .iter()
            .filter(|one| one.class == class)
            .filter_map(|one| {
                let hue = if one.broker() == Broker::Redis { Hue::First } else { Hue::Second };
                Some(Line::Figure(one.label().to_owned(), hue, figures(*one)?))
            })
            .collect();
        if !own.is_empty() {
            lines.push(Line::Group(class.label().to_owned()));
            lines.extend(own);
        }
    }
    lines
}

fn plots(options: &Options, figures: &Figures) -> Vec<(String, String)> {
    let contenders = options.contenders();
    let mut plots = Vec::new();
    let throughput = lines(&contenders, |one| {
        let cycle = &base(options, figures, one)?.cycle;
        Some([cycle.median(), cycle.least(), cycle.most()])
    });
    let title = Title {
        text: "队列往返吞吐 Round trips through a queue, per second",
        axis: "按持久等级分组；条 = 中位数，线 = 最小至最大 grouped by durability; bar = median, line = least to most",
    };
    if !throughput.is_empty() {
        plots.push(("queue-throughput.svg".to_owned(), plot::bars(title, &throughput)));
    }
    let rate = figures.common.first().map_or(f64::NAN, |(_, found)| found.rate);
    let delays = lines(&contenders, |one| {
        let (_, found) = figures.common.iter().find(|(known, found)| *known == one && !found.left.is_empty())?;
        let [_, p50, p99, p999] = &found.arrived;
        Some([p50, p99, p999].map(Series::median))
    });
    let text = format!("到达延迟（毫秒），{rate:.0}/s Delay until arrival at {rate:.0}/s, ms");
    let axis = "按持久等级分组；点 = p50，短线 = p99、p99.9 grouped by durability; dot = p50, ticks = p99, p99.9";
    if !delays.is_empty() {
        plots.push(("queue-latency.svg".to_owned(), plot::spans(Title { text: &text, axis }, &delays)));
    }
    plots
}
