//! C13: callbacks are answered in time, and what was accepted is shown soon to whoever has a socket open.

use std::collections::{BTreeMap, HashMap};

use super::super::history::{Kind, Line, What};
use super::index::{Index, Outcome};
use super::{Check, Finding};

/// WeChat waits 5 s; an answer after this is too late for a network between.
const ANSWER_MS: i64 = 4_500;
/// An open socket gets what was accepted within this time, nanoseconds. A lost hint costs 5 s.
const SHOWN: u64 = 10_000_000_000;

/// What takes longer than this is not as it should be, nanoseconds.
const SLOW: u64 = 1_000_000_000;

/// Delays from the acceptance to the screen, milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays {
    /// While nothing was wrong, sorted.
    pub calm: Vec<u64>,
    /// While the system was harmed and in the 10 s after, sorted.
    pub harmed: Vec<u64>,
    /// Answers to callbacks, sorted.
    pub answers: Vec<u64>,
}

/// The value that so many percent do not exceed.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).or(sorted.last()).copied().unwrap_or(0)
}

impl Delays {
    /// The median and the 99th percentile of a calm time, and the longest of a harmed one.
    pub fn told(&self) -> (u64, u64, u64) {
        (percentile(&self.calm, 50), percentile(&self.calm, 99), self.harmed.last().copied().unwrap_or(0))
    }
}

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = answers(index);
    found.extend(late(index));
    found
}

/// A callback gets an answer in time, or its connection breaks; silence is for faults that make silent.
fn answers(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for line in index.records.lines.iter().filter(|line| line.f == What::WxIn && line.k != Kind::Invoke) {
        let ms = line.n.unwrap_or(0);
        let silent = line.code == "timeout" || line.http.is_some() && ms > ANSWER_MS;
        if silent && !(index.records.plan.silence && index.harmed(line.t, SHOWN)) {
            let what = format!("{} waited {ms} ms for the answer to a callback ({})", line.p, line.code);
            let token = index.ops.iter().find(|op| op.line.p == line.p && op.line.op == line.op);
            found.push(Finding::of(Check::Time, token.and_then(|op| op.token), what));
        }
    }
    found
}

/// One receiver's wait for one message.
struct Wait<'a> {
    line: &'a Line,
    accepted: u64,
    shown: u64,
}

/// For every message that a client showed: when it was accepted, when shown, if the client could have got it at once.
fn waits<'a>(index: &Index<'a>) -> Vec<Wait<'a>> {
    let sockets = sockets(index);
    let listed = listed(index);
    let mut waits = Vec::new();
    for ((client, life, conv), lines) in &index.shown {
        let Some(open) = sockets.get(&(*client, *life)) else { continue };
        let Some(spans) = listed.get(&(*client, *conv)) else { continue };
        for line in lines {
            let ops = index.tokens(line);
            let Some(op) = ops.first().and_then(|token| index.op(*token)) else { continue };
            let Outcome::Ok(accepted) = op.outcome else { continue };
            let there = |spans: &[(u64, u64)]| {
                spans.iter().any(|(from, to)| *from <= accepted && accepted.saturating_add(SHOWN) <= *to)
            };
            if there(open) && there(spans) && op.line.p != *client {
                waits.push(Wait { line, accepted, shown: line.t });
            }
        }
    }
    waits
}

/// When each life of each client had a socket open.
fn sockets<'a>(index: &Index<'a>) -> HashMap<(&'a str, u64), Vec<(u64, u64)>> {
    let mut spans: HashMap<(&str, u64), Vec<(u64, u64)>> = HashMap::new();
    let mut open: BTreeMap<(&str, u64), (u64, u64)> = BTreeMap::new();
    for line in index.records.lines.iter().filter(|line| line.f == What::Socket) {
        let key = (line.p.as_str(), line.sock);
        if line.arg == "open" {
            open.insert(key, (line.life, line.t));
        } else if let Some((life, from)) = open.remove(&key) {
            spans.entry((key.0, life)).or_default().push((from, line.t));
        }
    }
    for ((client, _), (life, from)) in open {
        spans.entry((client, life)).or_default().push((from, u64::MAX));
    }
    spans
}

/// When each client had each conversation in its list.
fn listed<'a>(index: &Index<'a>) -> HashMap<(&'a str, &'a str), Vec<(u64, u64)>> {
    let mut spans: HashMap<_, Vec<(u64, u64)>> = HashMap::new();
    for line in index.records.lines.iter().filter(|line| line.f == What::Listed) {
        let Some(conv) = line.conv.as_deref() else { continue };
        let list = spans.entry((line.p.as_str(), conv)).or_default();
        let last = list.last_mut().filter(|span| span.1 == u64::MAX);
        match (line.arg.as_str(), last) {
            ("out", Some(span)) => span.1 = line.t,
            ("in", None) => list.push((line.t, u64::MAX)),
            _ => {}
        }
    }
    spans
}

fn late(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for wait in waits(index) {
        let took = wait.shown.saturating_sub(wait.accepted);
        if took > SHOWN && !index.harmed(wait.accepted, SHOWN) && !index.harmed(wait.accepted + SHOWN, SHOWN) {
            let token = index.tokens(wait.line).first().copied();
            let what = format!("{} had a socket open and was shown it after {} ms", wait.line.p, took / 1_000_000);
            found.push(Finding::of(Check::Time, token, what));
        }
    }
    found
}

pub(super) fn delays(index: &Index<'_>) -> Delays {
    let mut delays = Delays::default();
    for wait in waits(index) {
        let ms = wait.shown.saturating_sub(wait.accepted) / 1_000_000;
        if index.harmed(wait.accepted, SHOWN) {
            delays.harmed.push(ms);
        } else {
            delays.calm.push(ms);
        }
    }
    let answered = index.records.lines.iter().filter(|line| line.f == What::WxIn && line.k == Kind::Ok);
    delays.answers = answered.filter_map(|line| u64::try_from(line.n?).ok()).collect();
    for list in [&mut delays.calm, &mut delays.harmed, &mut delays.answers] {
        list.sort_unstable();
    }
    delays
}

/// From the last healing until nothing is shown later than a second after its acceptance any more, milliseconds.
pub(super) fn recovery(index: &Index<'_>) -> u64 {
    let Some(healed) = index.harm.iter().map(|(_, to)| *to).filter(|to| *to < u64::MAX).max() else { return 0 };
    let late =
        waits(index).into_iter().filter(|wait| wait.shown > healed && wait.shown.saturating_sub(wait.accepted) > SLOW);
    late.map(|wait| (wait.shown - healed) / 1_000_000).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    const S: u64 = 1_000_000_000;

    fn found(sample: &Sample) -> Vec<Check> {
        judge(&sample.records()).findings.iter().map(|finding| finding.check).collect()
    }

    #[test]
    fn percentiles_of_few_and_none() {
        assert_eq!((percentile(&[], 99), percentile(&[5], 50), percentile(&[1, 2, 3, 4], 50)), (0, 5, 2));
    }

    #[test]
    fn a_late_answer_and_silence_are_found_unless_the_fault_is_silence() {
        let mut sample = Sample::new();
        let answer = sample.lines.iter().position(|line| line.f == What::WxIn && line.k == Kind::Ok).unwrap();
        sample.lines[answer].n = Some(4_600);
        assert_eq!(found(&sample), [Check::Time]);
        (sample.lines[answer].http, sample.lines[answer].code) = (None, "timeout".to_owned());
        assert_eq!(found(&sample), [Check::Time]);
        sample.harm(1, 200 * S);
        assert_eq!(found(&sample), [Check::Time]);
        sample.plan.silence = true;
        assert_eq!(found(&sample), []);
    }

    #[test]
    fn an_open_socket_is_served_within_ten_seconds() {
        let mut sample = Sample::new();
        let last = |line: &Line| line.p == "visitor:acme:2" && line.is(Kind::Recv, What::Msg) && line.via == "push";
        let at = sample.lines.iter().rposition(last).unwrap();
        sample.lines[at].t += 11 * S;
        assert_eq!(found(&sample), [Check::Time]);
        let t = sample.lines[at].t;
        sample.harm(t - 11 * S, t);
        assert_eq!(found(&sample), [], "what a fault delays is counted elsewhere");
        sample.harm(t - 9 * S, t - 3 * S);
        assert_eq!(judge(&sample.records()).recovery_ms, 0, "it was harmed up to the end");
        sample.lines.retain(|line| line.p != "nemesis");
        sample.harm(t - 10 * S, t - 3 * S);
        assert_eq!(judge(&sample.records()).recovery_ms, 3_000);
    }
}
