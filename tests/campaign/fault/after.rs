//! What a fault must hold that shows only in the histories. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Deed, Fault, Requirement};
use crate::check::time::percentile;
use crate::history::{Kind, Line, Records, What};

const SECOND: u64 = 1_000_000_000;
/// After harm, its consequences show for so long.
const AFTER: u64 = 10 * SECOND;

/// What was measured.
pub fn measured(fault: Fault, records: &Records) -> Vec<Requirement> {
    let (from, to) = span(records);
    let harmed: Vec<&Line> = records.lines.iter().filter(|line| from <= line.t && line.t <= to + AFTER).collect();
    match fault.deed {
        Deed::NodesKilled => {
            let took = replies(records, from, to, |_| true);
            let most = took.last().copied().unwrap_or(0);
            let what = format!("replies ({}) reach WeChat, at most after", took.len());
            vec![resumed(&harmed, "lost", 5_000.0), at_most(&what, most, 10_000.0)]
        }
        Deed::RollingRestart => {
            let mut all = vec![resumed(&harmed, "closed", 10_000.0)];
            all.extend(closes(&harmed));
            all.push(server_errors(&harmed));
            all
        }
        Deed::TokensRevoked => vec![refreshes(records)],
        Deed::ApiFails => others_unaffected(records, from, to),
        Deed::RedisFrozen | Deed::RedisEmptied | Deed::RedisRestarted | Deed::HintsLost | Deed::BrokerKilled => {
            vec![answers(&harmed)]
        }
        _ => Vec::new(),
    }
}

/// How late anybody with an open socket may be shown a message while hints are lost: the sweep finds it.
pub fn shown(fault: Fault, most_ms: u64) -> Option<Requirement> {
    let swept = matches!(fault.deed, Deed::RedisFrozen | Deed::RedisEmptied | Deed::RedisRestarted | Deed::HintsLost);
    swept.then(|| at_most("shown although hints are lost, at most after", most_ms, 5_000.0))
}

/// From the first harm to the last healing.
fn span(records: &Records) -> (u64, u64) {
    let faults = |what| records.lines.iter().filter(move |line| line.is(Kind::Fault, what)).map(|line| line.t);
    (faults(What::Start).min().unwrap_or(0), faults(What::Heal).max().unwrap_or(0))
}

/// How long agents were without a socket that ended in this way.
fn resumed(harmed: &[&Line], how: &str, bound_ms: f64) -> Requirement {
    let mut ends: BTreeMap<&str, &str> = BTreeMap::new();
    let mut took = Vec::new();
    for line in harmed.iter().filter(|line| line.f == What::Socket && line.p.starts_with("agent:")) {
        match line.arg.as_str() {
            "close" => drop(ends.insert(&line.p, &line.via)),
            "open" if ends.remove(line.p.as_str()) == Some(how) => {
                took.extend(line.n.and_then(|ms| u64::try_from(ms).ok()));
            }
            _ => {}
        }
    }
    took.sort_unstable();
    at_most(&format!("agents are back ({} of them), p99", took.len()), percentile(&took, 99), bound_ms)
}

/// How sockets ended while nodes were stopped in order.
fn closes(harmed: &[&Line]) -> Vec<Requirement> {
    let closes = |wanted: &str, code: Option<&str>| {
        let of = harmed.iter().filter(|line| line.f == What::Socket && line.arg == "close" && line.via == wanted);
        i64::try_from(of.filter(|line| code.is_none_or(|code| line.code == code)).count()).unwrap_or(i64::MAX)
    };
    vec![
        Requirement::at_least("sockets closed with 4010", closes("closed", Some("4010")), 1),
        Requirement::at_most("sockets cut without a close frame", super::figure(closes("lost", None)), 0.0, ""),
    ]
}

fn server_errors(harmed: &[&Line]) -> Requirement {
    let count = harmed.iter().filter(|line| line.http.is_some_and(|status| status >= 500)).count();
    Requirement::at_most("HTTP 5xx", super::figure(i64::try_from(count).unwrap_or(i64::MAX)), 0.0, "")
}

/// Callbacks are answered as if nothing were wrong.
fn answers(harmed: &[&Line]) -> Requirement {
    let answered = harmed.iter().filter(|line| line.is(Kind::Ok, What::WxIn));
    let mut took: Vec<u64> = answered.filter_map(|line| u64::try_from(line.n?).ok()).collect();
    took.sort_unstable();
    at_most(&format!("callbacks ({}) are answered, p99", took.len()), percentile(&took, 99), 1_000.0)
}

/// The most new tokens that one tenant fetched within 30 s.
fn refreshes(records: &Records) -> Requirement {
    let fresh = |line: &&Line| line.is(Kind::Recv, What::Token) && line.arg.contains("\"fresh\":true");
    let mut by_tenant: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in records.lines.iter().filter(fresh) {
        by_tenant.entry(&line.ten).or_default().push(line.t);
    }
    let within = |times: &[u64], t: u64| times.iter().filter(|other| (t..t + 30 * SECOND).contains(*other)).count();
    let most = by_tenant.values().flat_map(|times| times.iter().map(|t| within(times, *t))).max().unwrap_or(0);
    let told: Vec<_> = by_tenant.iter().map(|(tenant, times)| format!("{tenant} {}", times.len())).collect();
    let what = format!("new tokens of one tenant within 30 s (altogether {})", told.join(", "));
    Requirement::at_most(&what, super::figure(i64::try_from(most).unwrap_or(i64::MAX)), 2.0, "")
}

/// While the answers to one tenant are wrong, the replies of the others leave as ever. The first part of the fault concerns
/// one tenant, the rest the wire that all share.
fn others_unaffected(records: &Records, from: u64, to: u64) -> Vec<Requirement> {
    let took = replies(records, from, from + (to - from) / 2, |tenant| tenant != "acme");
    let what = format!("replies of other tenants ({}) reach WeChat, p99", took.len());
    vec![at_most(&what, percentile(&took, 99), 1_000.0)]
}

/// How long the replies of these tenants that were accepted between `from` and `to` took to WeChat, in ms and in order. One
/// that was held waited for its customer.
fn replies(records: &Records, from: u64, to: u64, of: impl Fn(&str) -> bool) -> Vec<u64> {
    let held = records.lines.iter().filter(|line| line.is(Kind::Recv, What::Receipt) && line.code == "held");
    let held: BTreeSet<&str> = held.filter_map(|line| line.id.as_deref()).collect();
    let mut accepted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut words: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    let mut took = Vec::new();
    for line in &records.lines {
        match (line.k, line.f) {
            (Kind::Invoke, What::Send) => {
                words.extend(line.tok.first().map(|word| ((line.p.as_str(), line.op), word.as_str())));
            }
            (Kind::Ok, What::Send) if from <= line.t && line.t <= to && of(&line.ten) => {
                let word = words.get(&(line.p.as_str(), line.op)).filter(|_| !is_of(&held, line));
                accepted.extend(word.map(|word| (*word, line.t)));
            }
            (Kind::Recv, What::WxOut) => {
                let sent = line.tok.iter().filter_map(|word| accepted.remove(word.as_str()));
                took.extend(sent.map(|t| line.t.saturating_sub(t) / 1_000_000));
            }
            _ => {}
        }
    }
    took.sort_unstable();
    took
}

fn is_of(messages: &BTreeSet<&str>, line: &Line) -> bool {
    line.id.as_deref().is_some_and(|id| messages.contains(id))
}

/// A bound in ms.
fn at_most(what: &str, most: u64, bound: f64) -> Requirement {
    Requirement::at_most(what, super::figure(i64::try_from(most).unwrap_or(i64::MAX)), bound, "ms")
}
