//! Tables and the plot of what was found, and whether the goals are met. Chinese first.

use std::fmt::Write as _;

use super::curve::{self, Answer};
use super::measure::{Contender, Got, answers, recall};
use super::set::{Case, Sort};
use super::{Found, Holding, Options};
use crate::bench::Report;
use crate::bench::machine::Machine;
use crate::bench::measure::number;
use crate::bench::plot::{Hue, Title};
use crate::bench::table::Table;
use crate::robot::faq::{Decision, Thresholds, Weights};

/// What is aimed at: the first is right, one of five is right, foreign questions answered, milliseconds.
const GOALS: (f64, f64, f64, f64) = (0.90, 0.98, 0.03, 5.0);
/// Thresholds that the table shows.
const SHOWN: [f64; 8] = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// Makes the report.
pub(super) fn render(options: &Options, machine: &Machine, found: &Found) -> Report {
    let mut text = machine.headline(&[], options.repeats, options.seed, options.quick);
    let known = found.cases.iter().filter(|case| case.wanted.is_some()).count();
    let foreign = found.cases.len() - known;
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        text,
        "\n{known} 个问法，{foreign} 个域外问题 wordings of bank questions and foreign questions, none of which anything was \
         tuned on.\n\n### 找到 Found\n\n{}\n### 决定 Decisions at the shipped thresholds\n\n{}\n### 阈值 Thresholds\n\n{}",
        recalls(found),
        decisions(found),
        thresholds(found),
    );
    let _ = write!(
        text,
        "\n### 速度 Speed with {} questions\n\n{}\n加载词典 loading the dictionary {:.0} ms，建索引 building the index {:.0} ms.\n\n\
         ### 目标 Goals\n\n{}\n{}",
        options.questions,
        speed(found),
        found.load,
        found.build,
        goals(found),
        weights(&found.fitted),
    );
    Report { name: "bench robot", text, plots: vec![("robot-curve.svg".to_owned(), plot(found))], failures: Vec::new() }
}

fn percent(part: f64) -> String {
    if part.is_finite() { format!("{:.1} %", part * 100.0) } else { "–".to_owned() }
}

fn got(found: &Found, holding: Holding, contender: Contender) -> &[Got] {
    let one = found.got.iter().find(|(with, who, _)| (*with, *who) == (holding, contender));
    one.map(|(_, _, got)| got.as_slice()).unwrap_or_default()
}

fn recalls(found: &Found) -> Table {
    let mut table = Table::new(&["", "Recall@1", "Recall@5", "MRR", "日常 ordinary @1", "@5", "困难 hard @1", "@5"]);
    for holding in Holding::ALL {
        table.group(holding.label());
        for contender in Contender::ALL {
            let got = got(found, holding, contender);
            let of = |sort| recall(&found.cases, got, sort);
            let (all, ordinary, hard) = (of(None), of(Some(Sort::Ordinary)), of(Some(Sort::Hard)));
            table.row(vec![
                contender.label().to_owned(),
                percent(all.first),
                percent(all.five),
                format!("{:.3}", all.mrr),
                percent(ordinary.first),
                percent(ordinary.five),
                percent(hard.first),
                percent(hard.five),
            ]);
        }
    }
    table
}

/// Whether what was done helps: the question that was meant is answered or offered.
fn helps(case: &Case, got: &Got) -> &'static str {
    let meant = |question: usize| case.wanted == Some(question);
    match &got.decision {
        Decision::Answer(hit) if meant(hit.question) => "right",
        Decision::Answer(_) | Decision::Chitchat(_) => "wrong",
        Decision::Clarify(hits) if hits.iter().any(|hit| meant(hit.question)) => "offered",
        Decision::Clarify(_) => "offered others",
        Decision::Miss => "miss",
    }
}

fn decisions(found: &Found) -> Table {
    const OUTCOMES: [&str; 5] = ["right", "wrong", "offered", "offered others", "miss"];
    let mut table =
        Table::new(&["", "答对 right", "答错 wrong", "列出 offered", "列出其他 offered others", "未识别 miss"]);
    let sorts = [("日常 ordinary", Sort::Ordinary), ("困难 hard", Sort::Hard), ("域外 foreign", Sort::Foreign)];
    for holding in Holding::ALL {
        table.group(holding.label());
        for (name, sort) in sorts {
            let pairs = || found.cases.iter().zip(got(found, holding, Contender::Robot));
            let all = pairs().filter(|(case, _)| case.sort == sort);
            let what: Vec<&str> = all.map(|(case, got)| helps(case, got)).collect();
            let part = |wanted: &str| {
                percent(number(what.iter().filter(|what| **what == wanted).count()) / number(what.len()))
            };
            table.row(std::iter::once(name.to_owned()).chain(OUTCOMES.map(part)).collect());
        }
    }
    table
}

fn all_answers(found: &Found, holding: Holding, contender: Contender) -> Vec<Answer> {
    answers(&found.cases, got(found, holding, contender))
}

fn thresholds(found: &Found) -> Table {
    let mut table = Table::new(&["t", "覆盖 coverage", "准确 precision", "域外误答 foreign answered"]);
    let answers = all_answers(found, Holding::Kept, Contender::Robot);
    for threshold in SHOWN {
        let point = curve::at(&answers, threshold);
        let row = [point.coverage, point.precision, point.foreign].map(percent);
        table.row(std::iter::once(format!("{threshold:.2}")).chain(row).collect());
    }
    table
}

fn speed(found: &Found) -> Table {
    let mut table = Table::new(&["毫秒 ms", "p50", "p99", "p99.9"]);
    for (contender, latency) in &found.speed {
        let times = latency.percentiles([50.0, 99.0, 99.9]).map(|ms| format!("{ms:.3}"));
        table.row(std::iter::once(contender.label().to_owned()).chain(times).collect());
    }
    table
}

/// What was aimed at, and what came of it.
fn goals(found: &Found) -> String {
    let mut text = String::new();
    let mut goal = |what: &str, value: f64, limit: f64, at_least: bool| {
        let met = if at_least { value >= limit } else { value <= limit };
        let word = if met { "达到 met" } else { "**未达到 missed**" };
        let sign = if at_least { "≥" } else { "≤" };
        let _ = writeln!(text, "* {what} ({sign} {limit}): {value:.3} — {word}");
    };
    let got = got(found, Holding::Kept, Contender::Robot);
    let recall = recall(&found.cases, got, None);
    goal("Recall@1", recall.first, GOALS.0, true);
    goal("Recall@5", recall.five, GOALS.1, true);
    let foreign = || found.cases.iter().zip(got).filter(|(case, _)| case.sort == Sort::Foreign);
    let answered = foreign().filter(|(_, got)| matches!(got.decision, Decision::Answer(_))).count();
    goal("域外误答 foreign questions answered", number(answered) / number(foreign().count()), GOALS.2, false);
    if let Some((_, latency)) = found.speed.iter().find(|(contender, _)| *contender == Contender::Robot) {
        goal("p99 ms", latency.ms(99.0), GOALS.3, false);
    }
    text
}

/// The shipped weights are those that the development half gives, or it is told which these are.
fn weights(fitted: &Weights) -> String {
    let shipped = Weights::default();
    let near = |one: f64, other: f64| (one - other).abs() < 0.01;
    let same = near(shipped.bias, fitted.bias) && shipped.each.iter().zip(fitted.each).all(|(a, b)| near(*a, b));
    if same {
        return "出厂权重即由开发集拟合所得 The shipped weights are those fitted to the development half.\n".to_owned();
    }
    format!(
        "出厂权重与开发集拟合不同 The shipped weights differ from those fitted to the development half: {fitted:?}\n"
    )
}

fn plot(found: &Found) -> String {
    let hues = [Hue::First, Hue::Second, Hue::Third];
    let of = |(contender, hue): (Contender, Hue)| {
        let answers = all_answers(found, Holding::Kept, contender);
        (contender.label().to_owned(), hue, curve::curve(&answers))
    };
    let axis = format!(
        "横轴：有答案的问题中被回答的；纵轴：回答中正确的 across: known questions answered; up: answers that are right. t = {}",
        Thresholds::default().direct
    );
    let title = Title { text: "准确率与覆盖率 Precision and coverage", axis: &axis };
    curve::draw(title, &Contender::ALL.into_iter().zip(hues).map(of).collect::<Vec<_>>())
}
