//! C1, C6, C7: what was accepted is stored once, nothing is there that nobody said, every attempt has one outcome.

use std::collections::HashMap;

use super::super::history::token::Found;
use super::super::history::{Kind, Line, What};
use super::index::{Index, Op, Outcome};
use super::{Check, Counts, Finding};

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = index.ops.iter().flat_map(|op| operation(index, op)).collect();
    found.extend(doubled(index));
    found.extend(phantoms(index));
    found
}

fn operation(index: &Index<'_>, op: &Op<'_>) -> Vec<Finding> {
    let Some(token) = op.token else { return Vec::new() };
    let mut found = Vec::new();
    let rows: Vec<_> = index.rows(token).collect();
    match op.outcome {
        Outcome::Ok(_) if rows.is_empty() => {
            found.push(Finding::of(Check::Stored, Some(token), format!("{} was told yes, and it is gone", op.line.p)));
        }
        Outcome::Fail if !rows.is_empty() => {
            found.push(Finding::of(
                Check::Account,
                Some(token),
                format!("{} was told no, and it is stored", op.line.p),
            ));
        }
        _ => {}
    }
    for ok in &op.oks {
        let (Some(id), Some(seq)) = (ok.id.as_deref(), ok.seq) else { continue };
        if rows.iter().any(|row| row.id != id || row.seq != seq) {
            let what = format!("{} was told id {id} at {seq}, which is not where it is stored", op.line.p);
            found.push(Finding::of(Check::Account, Some(token), what));
        }
    }
    let answers: Vec<_> = op.oks.iter().filter_map(|ok| Some((ok.id.as_deref()?, ok.seq?))).collect();
    if answers.windows(2).any(|pair| pair.first() != pair.last()) {
        let what = format!("{} got different answers for one message: {answers:?}", op.line.p);
        found.push(Finding::of(Check::Account, Some(token), what));
    }
    found
}

fn doubled(index: &Index<'_>) -> Vec<Finding> {
    let twice = index.stored.iter().filter(|(_, rows)| rows.len() > 1);
    twice
        .map(|(token, rows)| Finding::of(Check::Once, Some(*token), format!("is stored {} times", rows.len())))
        .collect()
}

fn phantoms(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut look = |place: &str, text: &str| {
        for mark in index.mint.find(text) {
            let (token, known) = match mark {
                Found::Ours(token) => (Some(token), index.by_token.contains_key(&token)),
                Found::Forged => (None, false),
            };
            if !known {
                found.push(Finding::of(Check::Phantom, token, format!("{place} holds what nobody said: {text:.120}")));
            }
        }
    };
    for message in &index.records.dump.messages {
        look("the store", &message.content);
    }
    for line in index.records.lines.iter().filter(|line| line.k == Kind::Recv) {
        line.tok.iter().for_each(|text| look(&line.p, text));
    }
    found
}

pub(super) fn counts(index: &Index<'_>) -> Counts {
    let mut counts = Counts::default();
    for op in index.ops.iter().filter(|op| op.token.is_some()) {
        counts.attempted += 1;
        match op.outcome {
            Outcome::Ok(_) => counts.accepted += 1,
            Outcome::Fail => counts.failed += 1,
            Outcome::Info => {
                counts.unknown += 1;
                let stored = op.token.is_some_and(|token| index.stored.contains_key(&token));
                counts.recovered += usize::from(stored);
            }
        }
    }
    let mut by_what: HashMap<What, usize> = HashMap::new();
    for line in index.records.lines.iter().filter(|line| line.k == Kind::Recv) {
        *by_what.entry(line.f).or_default() += usize::from(line.f != What::Msg || line.shown && !line.tok.is_empty());
    }
    let of = |what| by_what.get(&what).copied().unwrap_or(0);
    (counts.shown, counts.events) = (of(What::Msg), of(What::Event));
    let reached = |line: &&Line| line.f == What::WxOut && line.code == "0";
    counts.sent = index.records.lines.iter().filter(reached).count();
    counts.uncertain = index.records.dump.deliveries.iter().filter(|delivery| delivery.state == "uncertain").count();
    counts
}

#[cfg(test)]
mod tests {
    use super::super::super::history::Token;
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<Check> {
        judge(&sample.records()).findings.iter().map(|finding| finding.check).collect()
    }

    #[test]
    fn an_accepted_message_that_is_not_stored_is_lost() {
        let mut sample = Sample::new();
        sample.message("agent says").content = "{}".to_owned();
        assert!(found(&sample).contains(&Check::Stored));
    }

    #[test]
    fn what_was_never_answered_may_or_may_not_be_there() {
        let mut sample = Sample::new();
        sample.lines.retain(|line| !(line.p == "wx:acme:1" && line.k == Kind::Ok));
        let verdict = judge(&sample.records());
        assert_eq!(verdict.findings, []);
        assert_eq!((verdict.counts.unknown, verdict.counts.recovered), (1, 1));
    }

    #[test]
    fn a_refused_message_that_is_stored_is_a_contradiction() {
        let mut sample = Sample::new();
        let ok = |line: &&mut Line| line.p == "visitor:acme:2" && line.k == Kind::Ok && line.f == What::Send;
        sample.lines.iter_mut().find(ok).unwrap().k = Kind::Fail;
        assert_eq!(found(&sample), [Check::Account]);
    }

    #[test]
    fn one_message_has_one_id_and_one_place() {
        let mut sample = Sample::new();
        let ok = |line: &&Line| line.p == "visitor:acme:2" && line.k == Kind::Ok && line.f == What::Send;
        let mut again = sample.lines.iter().find(ok).unwrap().clone();
        again.seq = Some(99);
        sample.lines.push(again);
        assert!(found(&sample).iter().all(|check| *check == Check::Account));
        assert_eq!(found(&sample).len(), 2);
    }

    #[test]
    fn the_same_words_in_two_rows_are_doubled() {
        let mut sample = Sample::new();
        let (first, last) = (sample.message("contact writes").content.clone(), sample.dump.messages.len() - 1);
        sample.dump.messages[last].content = first;
        assert!(found(&sample).contains(&Check::Once));
    }

    #[test]
    fn words_that_nobody_said_are_a_phantom() {
        let mut sample = Sample::new();
        let stranger = sample.mint().write(Token { tenant: 'a', thread: 9, n: 9 });
        sample.message("greeting").content = format!("{{\"text\":\"{stranger}\"}}");
        assert!(found(&sample).contains(&Check::Phantom));
    }
}
