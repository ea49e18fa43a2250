//! What Prometheus reads about the bus: counted elsewhere, written here. Labels are words of fixed sets.

use std::fmt::Write;
use std::time::Duration;

use crate::bus::{Figures, Questions};
use crate::core::relay::Backlog;

/// One metric with its values by label.
fn metric(out: &mut String, name: &str, kind: &str, help: &str, values: &[(String, u64)]) {
    // Writing to a string cannot fail.
    let _written = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _written = writeln!(out, "{name}{labels} {value}");
    }
}

/// Questions to other modules: how they ended, and a histogram of how long they took.
fn questions(out: &mut String, questions: &Questions) {
    let ended: Vec<_> = questions.ends().map(|(end, count)| (format!("{{outcome=\"{end}\"}}"), count)).collect();
    let help = "Questions to other modules (yizhan.rpc) by outcome";
    metric(out, "yizhan_questions_total", "counter", help, &ended);
    let within = questions.within().map(|(bound, count)| (bound.as_secs_f64().to_string(), count));
    let within = within.chain([("+Inf".to_owned(), questions.count())]);
    let within: Vec<_> = within.map(|(bound, count)| (format!("_bucket{{le=\"{bound}\"}}"), count)).collect();
    metric(out, "yizhan_question_seconds", "histogram", "Time from a question to its end", &within);
    let (seconds, count) = (Duration::from_micros(questions.micros).as_secs_f64(), questions.count());
    // Writing to a string cannot fail.
    let _written = writeln!(out, "yizhan_question_seconds_sum {seconds}\nyizhan_question_seconds_count {count}");
}

/// The bus, the outbox and the orders as text. `backlog` is absent while the store is away.
pub(super) fn text(bus: Figures, backlog: Option<Backlog>, orders: &[(&str, &str, u64)]) -> String {
    let mut out = String::new();
    let plain = |value| [(String::new(), value)];
    metric(&mut out, "yizhan_bus_up", "gauge", "Whether the bus works, as far as is known", &plain(bus.up.into()));
    let help = "Whether the broker takes nothing because it is short of memory or disk space";
    metric(&mut out, "yizhan_bus_blocked", "gauge", help, &plain(bus.blocked.into()));
    let events = [
        ("{outcome=\"published\"}".to_owned(), bus.published),
        ("{outcome=\"returned\"}".to_owned(), bus.returned),
        ("{outcome=\"nacked\"}".to_owned(), bus.nacked),
    ];
    let help = "Events that this node handed over: taken, come back without a queue, refused by one";
    metric(&mut out, "yizhan_bus_events_total", "counter", help, &events);
    questions(&mut out, &bus.questions);
    if let Some(backlog) = backlog {
        let help = "Events that wait for the bus, at most 100000 counted";
        metric(&mut out, "yizhan_outbox_events", "gauge", help, &plain(backlog.events));
        let help = "Age of the oldest event that waits for the bus";
        metric(&mut out, "yizhan_outbox_oldest_seconds", "gauge", help, &plain(backlog.oldest.as_secs()));
    }
    let label =
        |(name, outcome, count): &(&str, &str, u64)| (format!("{{command=\"{name}\",outcome=\"{outcome}\"}}"), *count);
    let commands: Vec<_> = orders.iter().map(label).collect();
    let help = "Commands of other modules by name and outcome: ok, an error code, parked for a reason, waits, failed";
    metric(&mut out, "yizhan_commands_total", "counter", help, &commands);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_under_their_labels() {
        let bus = Figures { up: true, published: 7, ..Figures::default() };
        let backlog = Backlog { events: 3, oldest: Duration::from_secs(5) };
        let text = text(bus, Some(backlog), &[("session.end", "ok", 2)]);
        for line in [
            "# TYPE yizhan_bus_up gauge",
            "yizhan_bus_up 1",
            "yizhan_bus_events_total{outcome=\"published\"} 7",
            "yizhan_questions_total{outcome=\"timeout\"} 0",
            "yizhan_question_seconds_bucket{le=\"0.005\"} 0",
            "yizhan_question_seconds_bucket{le=\"+Inf\"} 0",
            "yizhan_question_seconds_count 0",
            "yizhan_outbox_oldest_seconds 5",
            "yizhan_commands_total{command=\"session.end\",outcome=\"ok\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
