//! A verdict in words: what is wrong, check by check, each with the life of the first message that it shows on.

use super::super::history::Records;
use super::index::Index;
use super::life::life;
use super::{Check, Verdict};

/// Findings of a check that are told in full.
const TOLD: usize = 5;

/// The verdict for a person to read.
pub fn report(records: &Records, verdict: &Verdict) -> String {
    let index = Index::of(records);
    let mut told = Vec::new();
    for why in verdict.unknown.iter().take(TOLD) {
        told.push(format!("未知 unknown: {why}"));
    }
    if verdict.unknown.len() > TOLD {
        told.push(format!("… {} reasons more", verdict.unknown.len() - TOLD));
    }
    for check in Check::ALL {
        let found: Vec<_> = verdict.findings.iter().filter(|finding| finding.check == check).collect();
        if found.is_empty() {
            continue;
        }
        told.push(format!("\n{}: {} findings", check.name(), found.len()));
        for finding in found.iter().take(TOLD) {
            let token = finding.token.map(|token| format!("{token} ")).unwrap_or_default();
            told.push(format!("  {token}{}", finding.what));
        }
        if let Some(token) = found.iter().find_map(|finding| finding.token) {
            told.push(format!("  the life of {token}:"));
            told.extend(life(&index, token).into_iter().map(|line| format!("  {line}")));
        }
    }
    told.join("\n")
}
