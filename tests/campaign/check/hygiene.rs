//! C14, C15: memory within its bound, no panic, no 5xx that no fault explains, nothing in a log that must not be there.

use super::super::history::{Line, What};
use super::index::Index;
use super::{Check, Finding};

/// After a fault, 5xx may go on for so long, nanoseconds.
const RECOVERY: u64 = 5_000_000_000;

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = logs(index);
    let records = index.records;
    for line in records.lines.iter().filter(|line| line.http.is_some_and(|status| status >= 500)) {
        if !index.harmed(line.t, RECOVERY) {
            let what = format!("{} got HTTP {:?} although nothing was wrong", line.p, line.http);
            found.push(Finding::of(Check::Hygiene, index.tokens(line).first().copied(), what));
        }
    }
    let bound = records.plan.memory_kb;
    let too_much = |line: &&Line| line.f == What::Sample && bound > 0 && line.n.is_some_and(|kb| kb > bound);
    if let Some(line) = records.lines.iter().filter(too_much).max_by_key(|line| line.n) {
        let what = format!("{} holds {} KB, over {bound}", line.p, line.n.unwrap_or(0));
        found.push(Finding::of(Check::Resource, None, what));
    }
    found
}

fn logs(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for text in &index.records.logs {
        let secrets = &index.records.plan.secrets;
        let token = index.mint.ours(text).first().copied();
        let what = if text.contains("panicked") || text.contains("\"message\":\"panic\"") {
            "a panic"
        } else if secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret.as_str())) {
            "a secret"
        } else if text.contains("access_token=") || text.contains("\"access_token\"") {
            "an access token"
        } else if token.is_some() {
            "what a customer or agent said"
        } else {
            continue;
        };
        found.push(Finding::of(Check::Hygiene, token, format!("a log holds {what}: {text:.300}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<Check> {
        judge(&sample.records()).findings.iter().map(|finding| finding.check).collect()
    }

    #[test]
    fn a_log_holds_no_panic_no_secret_and_no_words() {
        let mut sample = Sample::new();
        sample.plan.secrets.push("0123456789abcdef".to_owned());
        let words = sample.lines.iter().find_map(|line| line.tok.first().cloned()).unwrap();
        sample.logs.push("{\"level\":\"INFO\",\"message\":\"serving\"}".to_owned());
        assert_eq!(found(&sample), []);
        for bad in [
            "thread panicked at src/x.rs",
            "{\"message\":\"panic\"}",
            "secret 0123456789abcdef",
            "GET /x?access_token=1_x",
            &words,
        ] {
            let mut sample = sample.clone();
            sample.logs.push(bad.to_owned());
            assert_eq!(found(&sample), [Check::Hygiene], "{bad}");
        }
    }

    #[test]
    fn a_server_error_needs_a_fault() {
        let mut sample = Sample::new();
        let ok = sample.lines.iter().position(|line| line.http == Some(200)).unwrap();
        let mut bad = sample.lines[ok].clone();
        (bad.http, bad.k) = (Some(503), super::super::super::history::Kind::Info);
        sample.lines.push(bad.clone());
        assert_eq!(found(&sample), [Check::Hygiene]);
        sample.harm(bad.t - 1, bad.t + 1);
        assert_eq!(found(&sample), []);
    }

    #[test]
    fn memory_over_its_bound_is_found_once() {
        let mut sample = Sample::new();
        sample.plan.memory_kb = 100;
        sample.sample("node-1", 99);
        assert_eq!(found(&sample), []);
        sample.sample("node-1", 101);
        sample.sample("node-1", 102);
        assert_eq!(found(&sample), [Check::Resource]);
    }
}
